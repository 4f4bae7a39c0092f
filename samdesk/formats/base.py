"""What every label format speaks: parsed lines, problems in words, and what was lost in writing."""

from __future__ import annotations

from dataclasses import dataclass

from samdesk.domain.geometry.types import Region


@dataclass(frozen=True)
class ParsedLine:
    """One instance read from a label file.

    Attributes:
        class_id: Index into the class names, 0 or more.
        region: Image pixels; never empty, within the image.
        line: Which line of the file, from 1.
    """

    class_id: int
    region: Region
    line: int


@dataclass(frozen=True)
class LineProblem:
    """A line that could not be read.

    Attributes:
        line: Which line of the file, from 1.
        text: The line, cut to 80 characters.
        message: What is wrong with it, in words for the user.
    """

    line: int
    text: str
    message: str


@dataclass(frozen=True)
class ParsedLabels:
    """What a label file says.

    Attributes:
        lines: The good lines, in file order.
        problems: The bad ones, in file order.
        detection: Whether a good line was a box without an outline.
    """

    lines: tuple[ParsedLine, ...] = ()
    problems: tuple[LineProblem, ...] = ()
    detection: bool = False


@dataclass(frozen=True)
class WriteReport:
    """How faithful a written label file is.

    Attributes:
        count: Lines written.
        lossy: Messages about the lines whose trained mask clearly differs from the annotation.
    """

    count: int = 0
    lossy: tuple[str, ...] = ()
