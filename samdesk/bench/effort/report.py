"""The effort as text, as JSON and as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from samdesk.base.text import counted
from samdesk.bench.effort.review_queue import QueueFigures
from samdesk.bench.effort.run import STARTS, ImageEffort

_NAME = 34


@dataclass(frozen=True)
class EffortReport:
    """The result of the effort bench.

    Attributes:
        detector: Title of the model that found the objects.
        predictor: Title of the mask model.
        total: Number of images there are.
        efforts: One for each image, start and toolbox; fewer images than ``total`` if it was stopped.
        queue: The review queue; None if nothing proposed is wrong.
    """

    detector: str
    predictor: str
    total: int
    efforts: tuple[ImageEffort, ...]
    queue: QueueFigures | None

    def __str__(self) -> str:
        lines = [self._head()]
        for start, tools, rows in self._groups():
            lines += ["", f"{start}, {tools}", *_lines(rows)]
        return "\n".join([*lines, *self._savings(), *self._queue_lines()])

    def as_json(self) -> dict[str, Any]:
        """All values as JSON types."""
        return {
            "detector": self.detector,
            "predictor": self.predictor,
            "images": [{**vars(effort), "spent": dict(effort.spent)} for effort in self.efforts],
            "queue": None if self.queue is None else asdict(self.queue),
        }

    def markdown(self) -> str:
        """A table of the gestures, and the figures of the review queue."""
        kinds = sorted({kind for effort in self.efforts for kind in effort.spent})
        groups = [(f"{start}, {tools}", rows) for start, tools, rows in self._groups()]
        cells = [["gestures", *(name for name, _ in groups)], ["---"] * (len(groups) + 1)]
        cells += [
            ["**an image**", *(f"**{_per_image(rows):.2f}**" for _, rows in groups)],
            ["an object", *(f"{_per_object(rows):.2f}" for _, rows in groups)],
            ["objects that did not become right", *(str(_unfinished(rows)) for _, rows in groups)],
            *([kind, *(f"{_spent(rows)[kind]}" for _, rows in groups)] for kind in kinds),
        ]
        table = "\n".join(f"| {' | '.join(row)} |" for row in cells)
        return "\n".join([self._head(), "", table, *self._savings(), *self._queue_lines(), ""])

    def _head(self) -> str:
        played = len({effort.key for effort in self.efforts})
        objects = sum({effort.key: effort.objects for effort in self.efforts}.values())
        stopped = f" of {self.total:,}, stopped" if played < self.total else ""
        return (
            f"{counted(played, 'image')}{stopped} with {counted(objects, 'object')} to get right; "
            f"{self.detector} finds, {self.predictor} draws"
        )

    def _groups(self) -> list[tuple[str, str, list[ImageEffort]]]:
        names = list(dict.fromkeys((effort.start, effort.tools) for effort in self.efforts))
        names.sort(key=lambda name: STARTS.index(name[0]))
        return [
            (start, tools, [e for e in self.efforts if (e.start, e.tools) == (start, tools)])
            for start, tools in names
        ]

    def _savings(self) -> list[str]:
        lines = []
        for start in STARTS:
            groups = [(tools, _per_image(rows)) for s, tools, rows in self._groups() if s == start]
            if len(groups) > 1 and groups[1][1]:
                saved = 1 - groups[0][1] / groups[1][1]
                lines.append(
                    f"{start}: {saved:.0%} fewer gestures with {groups[0][0]} than with {groups[1][0]}"
                )
        return ["", *lines] if lines else []

    def _queue_lines(self) -> list[str]:
        q = self.queue
        if q is None:
            return []
        return [
            "",
            f"Doubtful first: {counted(q.proposals, 'proposal')}, {q.wrong:,} of them wrong. "
            f"The first 30% of the queue hold {q.found:.0%} of the wrong ones "
            f"({q.found_calibrated:.0%} with recalibration on the way; {q.possible:.0%} is possible).",
            f"AUC: doubt {q.auc_doubt:.3f}, detector score alone {q.auc_detector:.3f}, "
            f"mask score alone {q.auc_mask:.3f}",
        ]


def _lines(rows: Sequence[ImageEffort]) -> list[str]:
    lines = [
        f"  {'gestures an image':<{_NAME}} {_per_image(rows):8.2f}",
        f"  {'gestures an object':<{_NAME}} {_per_object(rows):8.2f}",
    ]
    if _unfinished(rows):
        lines.append(f"  {'objects that did not become right':<{_NAME}} {_unfinished(rows):8}")
    return [*lines, *(f"    {kind:<{_NAME - 2}} {n:8}" for kind, n in _spent(rows).most_common())]


def _spent(rows: Sequence[ImageEffort]) -> Counter[str]:
    return sum((row.spent for row in rows), Counter())


def _per_image(rows: Sequence[ImageEffort]) -> float:
    return _spent(rows).total() / max(1, len(rows))


def _per_object(rows: Sequence[ImageEffort]) -> float:
    return _spent(rows).total() / max(1, sum(row.objects for row in rows))


def _unfinished(rows: Sequence[ImageEffort]) -> int:
    return sum(row.unfinished for row in rows)
