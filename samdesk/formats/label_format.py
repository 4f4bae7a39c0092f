"""The formats of label files that a dataset keeps beside its images: one row each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageDocument
from samdesk.domain.labels import LabelSet
from samdesk.formats.label_lines import ParsedLabels, WriteReport
from samdesk.formats.yolo import segmentation

DEFAULT = "yolo-seg"
"""The format of the label files beside the images, which Ultralytics trains on."""


class Parse(Protocol):
    """Parses the text of a label file."""

    def __call__(self, text: str, width: int, height: int, keypoint_values: int = 0) -> ParsedLabels:
        """See ``segmentation.parse``."""


class Write(Protocol):
    """Writes the text of a label file."""

    def __call__(
        self,
        document: ImageDocument,
        labels: LabelSet,
        kept: Mapping[AnnotationId, Sequence[str]] = ...,
        keypoint_values: int = 0,
        train_size: int = ...,
    ) -> tuple[str, WriteReport]:
        """See ``segmentation.write``."""


@dataclass(frozen=True)
class LabelFormat:
    """A format with one label file per image and one line per instance.

    Attributes:
        id: Stable identifier, as on the command line.
        title: Name in the user interface.
        suffix: File name extension, with the dot.
        label_path: Path of an image to the path of its label file, both with the system's separators.
        parse: (text, image width, image height, keypoint values) to the instances; bad lines become problems,
            nothing raises.
        write: (document, labels, lines to keep by annotation, keypoint values, training size) to the text and
            how faithful it is. Raises ``LabelError``.
        train_sizes: (text, image width, image height) to the training sizes that its lines may have been
            written for.
        count_classes: Content of a file to its number of lines per class id, without parsing geometry.
    """

    id: str
    title: str
    suffix: str
    label_path: Callable[[str], str]
    parse: Parse
    write: Write
    train_sizes: Callable[[str, int, int], frozenset[int]]
    count_classes: Callable[[bytes], Counter[int]]


LABEL_FORMATS: tuple[LabelFormat, ...] = (
    LabelFormat(
        "yolo-seg",
        "YOLO segmentation",
        ".txt",
        segmentation.label_path,
        segmentation.parse,
        segmentation.write,
        segmentation.train_sizes,
        segmentation.count_classes,
    ),
)


def label_format(format_id: str = DEFAULT) -> LabelFormat:
    """The format with this id; ``KeyError`` if there is none."""
    for row in LABEL_FORMATS:
        if row.id == format_id:
            return row
    raise KeyError(format_id)
