"""Values of label files: parsed instances, problems, and reports about written files."""

from __future__ import annotations

from dataclasses import dataclass

from samdesk.domain.annotation import Annotation
from samdesk.domain.geometry.types import Region


@dataclass(frozen=True)
class ParsedLine:
    """One instance read from a label file.

    Attributes:
        class_id: Index into the class names, 0 or more.
        region: Image pixels; never empty, within the image.
        line: Line number in the file, from 1.
    """

    class_id: int
    region: Region
    line: int


@dataclass(frozen=True)
class LineProblem:
    """A line that could not be read.

    Attributes:
        line: Line number in the file, from 1.
        text: The line, truncated to 80 characters.
        message: What is wrong with it, for the user.
    """

    line: int
    text: str
    message: str


@dataclass(frozen=True)
class ParsedLabels:
    """The content of a label file.

    Attributes:
        lines: The valid lines, in file order.
        problems: The invalid lines, in file order.
        detection: Whether a valid line is a box without an outline.
        outlines: Whether a valid line is an outline.
        keypoints: Whether a valid line is a box with keypoints.
    """

    lines: tuple[ParsedLine, ...] = ()
    problems: tuple[LineProblem, ...] = ()
    detection: bool = False
    outlines: bool = False
    keypoints: bool = False


@dataclass(frozen=True)
class WriteReport:
    """How faithful a written label file is.

    Attributes:
        count: Lines written.
        lossy: Messages about the new lines whose trained mask clearly differs from the annotation.
        annotations: The annotation of each line, in file order.
        mixed: Lines with keypoints stand beside outlines, so that the trainer leaves the image out.
    """

    count: int = 0
    lossy: tuple[str, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    mixed: bool = False
