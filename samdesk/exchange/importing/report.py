"""What an import has done, or would do: counts, and every record that was not imported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

from samdesk.base.text import counted
from samdesk.domain.annotation import RunId

MOST_PROBLEMS = 10_000
"""Problems that are kept; more are counted only."""

ProblemKind: TypeAlias = Literal["unreadable", "no image", "ambiguous", "size", "outside", "failed", "split"]
"""Why something was not imported."""

_CONVERTED = {
    "box": ("box", "boxes", "became a rectangle", "became rectangles"),
    "rotated box": ("rotated box", "rotated boxes", "became a rectangle", "became rectangles"),
    "ellipse": ("ellipse", "ellipses", "became a polygon", "became polygons"),
    "line": ("line", "lines", "became a thin polygon", "became thin polygons"),
    "point": ("point", "points", "became a small disc", "became small discs"),
    "keypoints": ("set of keypoints", "sets of keypoints", "became the box of its points",
                  "became the boxes of their points"),
}  # fmt: skip


@dataclass(frozen=True)
class ImportProblem:
    """Something that was not imported.

    Attributes:
        kind: Why.
        file: The file, relative to the chosen folder.
        record: The record of it; "": the whole file, or image.
        message: What is wrong, for the user.
    """

    kind: ProblemKind
    file: str
    record: str
    message: str

    @property
    def text(self) -> str:
        """File, record and message, for the user."""
        where = ", ".join(part for part in (self.file, self.record) if part)
        return f"{where}: {self.message}" if where else self.message


@dataclass
class ProblemList:
    """Problems as they are found; the first are kept."""

    items: list[ImportProblem] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, kind: ProblemKind, file: str, record: str, message: str) -> None:
        """Adds a problem."""
        self.counts[kind] += 1
        if len(self.items) < MOST_PROBLEMS:
            self.items.append(ImportProblem(kind, file, record, message))

    @property
    def total(self) -> int:
        """The number of all."""
        return self.counts.total()


@dataclass(frozen=True)
class ImportReport:
    """What an import has done.

    Attributes:
        format: Title of the format.
        run_id: The run; None: nothing was imported, or it was only counted.
        state: "done", "stopped", or "counted" (nothing was changed).
        files: Number of files read.
        images: Images that annotations were added to.
        added: Annotations added.
        duplicates: Annotations that were there already.
        left_out: Instances of classes that were left out.
        outside: Instances that lie outside their image.
        scaled: Images whose coordinates were those of another size.
        rotated: Images whose coordinates were those of the image before rotation by EXIF.
        converted: Instances by the shape that they had in the file, those that were no polygons.
        splits: Images whose split was taken over.
        copied: Images copied into the dataset.
        labels: Annotations added by label.
        problems: What was not imported; the first of them.
        problem_count: Number of all.
    """

    format: str
    run_id: RunId | None = None
    state: str = "counted"
    files: int = 0
    images: int = 0
    added: int = 0
    duplicates: int = 0
    left_out: int = 0
    outside: int = 0
    scaled: int = 0
    rotated: int = 0
    converted: Mapping[str, int] = field(default_factory=dict)
    splits: int = 0
    copied: int = 0
    labels: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[ImportProblem, ...] = ()
    problem_count: int = 0

    @property
    def summary(self) -> str:
        """One sentence for the user."""
        verb = "would be imported" if self.state == "counted" else "imported"
        on = f"{counted(self.added, 'annotation')} on {counted(self.images, 'image')}"
        parts = [f"{on} {verb}"]
        if self.duplicates:
            parts.append(f"{self.duplicates:,} {'was' if self.duplicates == 1 else 'were'} there already")
        if self.problem_count:
            parts.append(f"{counted(self.problem_count, 'problem')}")
        return ", ".join(parts)

    @property
    def notes(self) -> list[str]:
        """What is changed of what is imported."""
        facts = [
            (self.scaled, f"{counted(self.scaled, 'image')} with coordinates of another size: scaled"),
            (self.rotated, f"{counted(self.rotated, 'image')} with coordinates before EXIF rotation: turned"),
        ]  # fmt: skip
        converted = [_converted(shape, number) for shape, number in sorted(self.converted.items())]
        return [*(text for number, text in facts if number), *converted]

    def lines(self, most_problems: int = MOST_PROBLEMS) -> list[str]:
        """Returns the report as text, a line for each fact and for each of the first problems."""
        facts = [
            (self.duplicates, f"{counted(self.duplicates, 'duplicate')} left out: there already"),
            (self.left_out, f"{counted(self.left_out, 'instance')} of classes that are left out"),
            (self.outside, f"{counted(self.outside, 'instance')} outside the image left out"),
            (self.splits, f"{counted(self.splits, 'image')} put into the split that the files state"),
            (self.copied, f"{counted(self.copied, 'image')} copied into the dataset; they stay after undo"),
        ]  # fmt: skip
        lines = [f"{self.summary} ({self.format}, {counted(self.files, 'file')})."]
        lines += [*(text for number, text in facts if number), *self.notes]
        ranked = sorted(self.labels.items(), key=lambda item: -item[1])
        lines += [f"{name}: {number:,}" for name, number in ranked]
        if self.problems:
            lines.append(f"{counted(self.problem_count, 'problem')}:")
            shown = self.problems[:most_problems]
            lines += [problem.text for problem in shown]
            if self.problem_count > len(shown):
                lines.append(f"and {self.problem_count - len(shown):,} more")
        return lines

    def to_json(self) -> dict[str, Any]:
        """Returns the report as JSON."""
        return asdict(self)


def _converted(shape: str, number: int) -> str:
    one, many, became_one, became_many = _CONVERTED.get(
        shape, (shape, f"{shape}s", "was converted", "were converted")
    )
    return f"{counted(number, one, many)} {became_one if number == 1 else became_many}"
