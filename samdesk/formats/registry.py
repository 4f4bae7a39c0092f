"""The registry of formats that datasets are imported from and exported to: one row each."""

from __future__ import annotations

from samdesk.formats import coco, cvat, tables
from samdesk.formats.base import Format
from samdesk.formats.json_formats import isat, label_studio, labelme, sa1b, xanylabeling
from samdesk.formats.plugins import added_formats
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
"""Those that come with samdesk. Others: ``formats``."""

_OWN = frozenset(row.id for row in FORMATS)


def formats() -> tuple[Format, ...]:
    """Returns the formats that come with samdesk, and those of other packages that can be used."""
    return (*FORMATS, *(row for row, _ in added_formats(_OWN).rows))


def find_format(format_id: str) -> Format:
    """Returns the format with an id, of samdesk or of another package. Raises ``KeyError``."""
    for row in FORMATS:
        if row.id == format_id:
            return row
    for row, _ in added_formats(_OWN).rows:
        if row.id == format_id:
            return row
    raise KeyError(format_id)
