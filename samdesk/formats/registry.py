"""The label formats there are: one row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from samdesk.domain.document import ImageDocument
from samdesk.domain.labels import LabelSet
from samdesk.formats.base import ParsedLabels, WriteReport
from samdesk.formats.yolo import segmentation


@dataclass(frozen=True)
class LabelFormat:
    """A format with one label file an image.

    Attributes:
        id: As named on the command line.
        title: As users see it.
        suffix: Of its files, with the dot.
        parse: Text, width, height to what it says; never raises.
        write: Document and labels to text, and what was lost.
    """

    id: str
    title: str
    suffix: str
    parse: Callable[[str, int, int], ParsedLabels]
    write: Callable[[ImageDocument, LabelSet], tuple[str, WriteReport]]


FORMATS: tuple[LabelFormat, ...] = (
    LabelFormat("yolo-seg", "YOLO segmentation", ".txt", segmentation.parse, segmentation.write),
)


def label_format(format_id: str) -> LabelFormat:
    """The format with this id; ``KeyError`` if there is none."""
    for row in FORMATS:
        if row.id == format_id:
            return row
    raise KeyError(format_id)
