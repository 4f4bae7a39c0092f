"""ExportReport: what became of every annotation of an export, with bounded memory for any number of them."""

from __future__ import annotations

import csv
import heapq
import io
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO

import numpy as np

from samdesk.base.text import counted
from samdesk.domain.document import ImageKey
from samdesk.formats.base import WrittenInstance

JSON_NAME, TEXT_NAME, LIST_NAME = "export-report.json", "export-report.txt", "export-instances.csv"
"""The report for programs, for people, and what became of every annotation."""

MOST_WORST = 200
MOST_LISTED = 1000
_BINS = 20_000
"""Of the histogram that medians are read from: they are right to 0.00005."""
_GOOD = 0.98

LOSSES: Mapping[str, str] = {
    "bridged": "holes or parts joined to one outline by a bridge",
    "parts": "objects that became several",
    "holes": "holes filled",
    "simplified": "outlines simplified",
    "clipped": "clipped at the border of the image",
    "small": "left out: smaller than the minimum area",
    "crowd": "left out: crowds",
    "box": "only the box is written",
    "empty": "left out: nothing was left of the mask",
    "cut": "cut by the border of a tile",
    "label": "left out: their label is not exported",
    "overlap": "partly hidden by another annotation",
    "attributes": "attributes that the format cannot hold",
    "track": "tracks that the format cannot hold",
    "state": "left out: not accepted",
}
"""What the codes of losses mean, for the user."""


@dataclass(frozen=True)
class ReportedInstance:
    """One annotation in the report.

    Attributes:
        image: The image of the dataset.
        file: The image of the export; "": it is in none.
        annotation_id: The annotation.
        label: Its class name in the export.
        written: Whether it is in the export.
        iou: Of its region and what the format makes of it; None: not measured.
        losses: Codes of what was lost.
        texts: What else is to say about them.
    """

    image: ImageKey
    file: str
    annotation_id: str
    label: str
    written: bool
    iou: float | None
    losses: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    @property
    def explained(self) -> str:
        """What was lost, in words."""
        return "; ".join((*(LOSSES.get(code, code) for code in self.losses), *self.texts))


@dataclass(frozen=True)
class ExportReport:
    """What an export has made of a dataset.

    Attributes:
        format_id: The format.
        folder: The exported folder.
        train_size: Longer side of the images as the trainer sees them, pixels.
        images_in: Images of the dataset that were to be exported.
        images_out: Images of the export.
        images_empty: Of those, without annotations.
        images_open: Of those without annotations, not accepted: perhaps not annotated yet.
        images_dropped: Images that are not exported as they have no annotations.
        instances_in: Annotations of the images, rejected ones not counted.
        instances_out: Annotations in the export; of a tiled one, one may be in several images.
        instances_left_out: Annotations that are not in it.
        losses: How many annotations each step has lost something of, by its code.
        measured: Number of annotations whose IoU was measured.
        median: Of the IoU; None: none was measured.
        percentile5: 5 % of the annotations have a lower IoU.
        lowest: The lowest IoU.
        below: Number of annotations with an IoU under 0.98.
        worst: Those with the lowest IoU, the lowest first; those that are not written follow.
        failed: Images that could not be exported, with the reason.
        failed_count: Number of them; ``failed`` may list fewer.
        renamed: Images that have another name in the export, as pairs.
        renamed_count: Number of them.
        notes: What else the user should know.
        plan: The plan, as JSON.
    """

    format_id: str
    folder: str
    train_size: int
    images_in: int = 0
    images_out: int = 0
    images_empty: int = 0
    images_open: int = 0
    images_dropped: int = 0
    instances_in: int = 0
    instances_out: int = 0
    instances_left_out: int = 0
    losses: Mapping[str, int] = field(default_factory=dict)
    measured: int = 0
    median: float | None = None
    percentile5: float | None = None
    lowest: float | None = None
    below: int = 0
    worst: tuple[ReportedInstance, ...] = ()
    failed: tuple[tuple[ImageKey, str], ...] = ()
    failed_count: int = 0
    renamed: tuple[tuple[str, str], ...] = ()
    renamed_count: int = 0
    notes: tuple[str, ...] = ()
    plan: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Returns it for programs."""
        return asdict(self)

    @property
    def summary(self) -> str:
        """What was exported, in one line."""
        text = (
            f"{counted(self.images_out, 'image')} with {counted(self.instances_out, 'annotation')} exported"
        )
        if self.failed_count:
            text += f"; {counted(self.failed_count, 'image')} could not be"
        return f"{text}."

    @property
    def text(self) -> str:
        """The report in words."""
        return "\n".join(_lines(self)) + "\n"


class ReportBuilder:
    """Collects a report while an export goes on.

    Args:
        listing: The file that every annotation is written to.
    """

    def __init__(self, listing: BinaryIO) -> None:
        self._listing = io.TextIOWrapper(listing, "utf-8", errors="backslashreplace", newline="")
        self._csv = csv.writer(self._listing, lineterminator="\n")
        self._csv.writerow(("image", "file", "annotation", "label", "written", "iou", "losses", "area"))
        self._bins = np.zeros(_BINS + 1, np.int64)
        self._lowest: list[tuple[float, int, ReportedInstance]] = []
        self._left_out: list[ReportedInstance] = []
        self._numbers = itertools.count()
        self._losses: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._failed: list[tuple[ImageKey, str]] = []
        self._renamed: list[tuple[str, str]] = []

    def count(self, name: str, number: int = 1) -> None:
        """Counts images or annotations (a field of ``ExportReport``)."""
        self._counts[name] += number

    def fail(self, key: ImageKey, message: str) -> None:
        """Notes that an image is not exported."""
        self._counts["failed_count"] += 1
        if len(self._failed) < MOST_LISTED:
            self._failed.append((key, message))

    def rename(self, plain: str, name: str) -> None:
        """Notes that an image has another name in the export."""
        self._counts["renamed_count"] += 1
        if len(self._renamed) < MOST_LISTED:
            self._renamed.append((plain, name))

    def add(self, key: ImageKey, file: str, instances: Iterable[WrittenInstance]) -> None:
        """Notes what became of annotations of an image.

        Args:
            key: The image of the dataset.
            file: The image of the export; "": they are in none.
            instances: The annotations.
        """
        rows = []
        for found in instances:
            codes = tuple(dict.fromkeys(loss.code for loss in found.losses))
            iou = "" if found.iou is None else f"{found.iou:.4f}"
            rows.append(
                (key, file, found.annotation_id, found.label, int(found.written), iou, " ".join(codes),
                 f"{found.area:.0f}")
            )  # fmt: skip
            self._losses.update(codes)
            self._counts["instances_out" if found.written else "instances_left_out"] += 1
            self._rank(key, file, found, codes)
        self._csv.writerows(rows)

    def _rank(self, key: ImageKey, file: str, found: WrittenInstance, codes: tuple[str, ...]) -> None:
        iou = found.iou
        if not found.written or iou is None:
            if not found.written and len(self._left_out) < MOST_WORST:
                self._left_out.append(_reported(key, file, found, codes))
            return
        self._bins[min(int(iou * _BINS), _BINS)] += 1
        if iou < _GOOD:
            self._counts["below"] += 1
        full = len(self._lowest) >= MOST_WORST
        if full and -iou <= self._lowest[0][0]:
            return
        entry = (-iou, -next(self._numbers), _reported(key, file, found, codes))
        (heapq.heapreplace if full else heapq.heappush)(self._lowest, entry)

    def finish(self, empty: ExportReport, notes: Iterable[str] = ()) -> ExportReport:
        """Returns the report; the list of annotations is complete then, and its file is to be closed.

        Args:
            empty: With what is known without counting.
            notes: What else the user should know.
        """
        self._listing.flush()
        self._listing.detach()
        worst = [entry[2] for entry in sorted(self._lowest, key=lambda e: (-e[0], -e[1]))]
        values = {
            **{name: value for name, value in self._counts.items() if name != "measured"},
            "losses": dict(self._losses.most_common()),
            "measured": int(self._bins.sum()),
            "median": self._quantile(0.5),
            "percentile5": self._quantile(0.05),
            "lowest": worst[0].iou if worst else None,
            "worst": (*worst, *self._left_out[: max(MOST_WORST - len(worst), MOST_WORST // 4)]),
            "failed": tuple(self._failed),
            "renamed": tuple(self._renamed),
            "notes": tuple(notes),
        }
        known = {f: getattr(empty, f) for f in ("format_id", "folder", "train_size", "images_in", "plan")}
        return ExportReport(**{**known, **values})

    def _quantile(self, share: float) -> float | None:
        total = int(self._bins.sum())
        if not total:
            return None
        at = int(np.searchsorted(np.cumsum(self._bins), share * total, side="left"))
        return min((at + 0.5) / _BINS, 1.0)


def _reported(key: ImageKey, file: str, found: WrittenInstance, codes: tuple[str, ...]) -> ReportedInstance:
    texts = tuple(dict.fromkeys(loss.text for loss in found.losses if loss.text))
    return ReportedInstance(
        key, file, found.annotation_id, found.label, found.written, found.iou, codes, texts
    )


def _lines(report: ExportReport) -> Iterable[str]:
    yield report.summary
    yield ""
    yield f"Format: {report.format_id}"
    yield f"Training size: {report.train_size} pixels"
    yield f"Images: {report.images_in:,} in the dataset's scope, {report.images_out:,} in the export"
    if report.images_dropped:
        yield f"  {report.images_dropped:,} left out: without annotations"
    if report.images_empty:
        yield f"  {report.images_empty:,} without annotations: examples of the background"
    yield f"Annotations: {report.instances_in:,} in, {report.instances_out:,} out"
    if report.instances_left_out:
        yield f"  {report.instances_left_out:,} left out"
    if report.losses:
        yield ""
        yield "What was lost:"
        for code, count in report.losses.items():
            yield f"  {count:,}: {LOSSES.get(code, code)}"
    yield ""
    yield from _measures(report)
    if report.notes:
        yield ""
        yield from report.notes
    if report.worst:
        yield ""
        yield "The worst first:"
        for found in report.worst[:50]:
            yield f"  {_line(found)}"
        yield f"  All are in {LIST_NAME}."
    yield from _names(report)


def _names(report: ExportReport) -> Iterable[str]:
    if report.renamed_count:
        yield ""
        yield f"{counted(report.renamed_count, 'image')} renamed, so that no two share a label file:"
        yield from (f"  {old} -> {new}" for old, new in report.renamed[:50])
    if report.failed_count:
        yield ""
        yield f"{counted(report.failed_count, 'image')} not exported:"
        yield from (f"  {key}: {message}" for key, message in report.failed[:50])


def _measures(report: ExportReport) -> Iterable[str]:
    if report.median is None or report.percentile5 is None or report.lowest is None:
        yield "No annotation was measured: the format has no masks, or nothing was written."
        return
    yield f"IoU of what a trainer sees and what you annotated, of {counted(report.measured, 'annotation')}:"
    yield f"  median {report.median:.3f}, 5th percentile {report.percentile5:.3f}, lowest {report.lowest:.3f}"
    yield f"  {report.below:,} under {_GOOD}"


def _line(found: ReportedInstance) -> str:
    measure = "not written" if not found.written else "" if found.iou is None else f"{found.iou:.3f}"
    why = f" ({found.explained})" if found.losses else ""
    return f"{measure}  {found.image}: {found.label or 'annotation'}{why}"
