"""The registry of formats that datasets are imported from and exported to: one row each."""

from __future__ import annotations

from samdesk.formats import coco, cvat, tables
from samdesk.formats.base import Format
from samdesk.formats.json_formats import isat, label_studio, labelme, sa1b, xanylabeling
from samdesk.formats.rasters import masks, voc
from samdesk.formats.yolo import formats as yolo

FORMATS: tuple[Format, ...] = (
    yolo.SEGMENTATION,
    yolo.DETECTION,
    yolo.ORIENTED,
    coco.FORMAT,
    cvat.FORMAT,
    sa1b.FORMAT,
    labelme.FORMAT,
    xanylabeling.FORMAT,
    isat.FORMAT,
    label_studio.FORMAT,
    voc.FORMAT,
    masks.INDEXED,
    masks.INSTANCES,
    tables.CSV,
    tables.PARQUET,
)
"""Those that come with samdesk. Others: ``samdesk.formats.plugins``."""


def find_format(format_id: str) -> Format:
    """Returns the format with an id. Raises ``KeyError``."""
    for row in FORMATS:
        if row.id == format_id:
            return row
    raise KeyError(format_id)
