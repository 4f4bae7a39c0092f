"""Measures the real window with a large dataset, without a display; meant for a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter

from PySide6.QtWidgets import QApplication

from samdesk.bench.bulk_work import BenchWindow, open_window
from samdesk.bench.machine import resident_bytes
from samdesk.bench.scale_store import ScaleSize, make_scale_dataset
from samdesk.dataset import search
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.search import FoundAnnotation
from samdesk.domain.edits import Transaction, accept
from samdesk.domain.search import Search, parse

SEARCHES = (
    "",
    "sort:doubt",
    "class:group0/* sort:score",
    "class:*79",
    "score:<0.5",
    "score:<0.5 mask:<0.8 state:pending source:auto area:<400 count:>5 run:last sort:mask",
    "state:pending -class:group1/* sort:size",
    "state:flagged",
    "is:touching-border sort:-size",
    "name:IMG_2 sort:doubt",
    "name:IMG_77777",
    "image:done",
    "without:*00",
    "model:flint doubt:0.2..0.3 sort:age",
    "sort:random(1)",
    "state:pending score:<0.4 sort:random(2)",
)
"""Of each kind, and combined."""
SHEET_WINDOW = (1920, 1080)


@dataclass(frozen=True)
class ScaleWork:
    """What is done with the dataset.

    Attributes:
        searches: Each is made ``repeats`` times.
        repeats: Of each search.
        reviewed: Number of annotations that are accepted.
        scrolled: Steps of the wheel on the contact sheet, a third of a cell each.
    """

    searches: Sequence[str] = SEARCHES
    repeats: int = 3
    reviewed: int = 30
    scrolled: int = 200


@dataclass
class ScaleTimes:
    """What was measured; milliseconds.

    Attributes:
        opened: From opening the folder until the first image is shown.
        searches: Each search with its times: the first page with its total.
        counts: Each search with its times: images and annotations counted.
        review_start: The first annotation of a review.
        review_next: The next one, each after a decision that is saved.
        sheet_open: Until the contact sheet shows its first crops.
        sheet_frames: A frame of the contact sheet while it scrolls.
        sheet_rows: Annotations on the sheet.
        resident_mb: Resident memory of the process afterwards.
    """

    opened: float = 0.0
    searches: dict[str, list[float]] = field(default_factory=dict)
    counts: dict[str, list[float]] = field(default_factory=dict)
    review_start: float = 0.0
    review_next: list[float] = field(default_factory=list)
    sheet_open: float = 0.0
    sheet_frames: list[float] = field(default_factory=list)
    sheet_rows: int = 0
    resident_mb: float = 0.0


def measure_scale(scratch: Path, size: ScaleSize, work: ScaleWork) -> ScaleTimes:
    """Opens a dataset of this size, searches it and reviews some of it."""
    with open_window(scratch, partial(make_scale_dataset, size=size)) as window:
        times = ScaleTimes(window.opened_ms)
        resident = resident_bytes()
        times.resident_mb = (resident or 0) / 1e6
        window.settle()
        for _ in range(work.repeats):
            for text in work.searches:
                wanted = parse(text)
                page = window.ask(partial(_timed, partial(search.find_annotations, search=wanted)))
                count = window.ask(partial(_timed, partial(search.count, search=wanted)))
                times.searches.setdefault(text, []).append(page)
                times.counts.setdefault(text, []).append(count)
        times.review_start, times.review_next = window.ask(partial(_review, count=work.reviewed))
        _scroll_sheet(window, times, work.scrolled)
        times.resident_mb = max(times.resident_mb, (resident_bytes() or 0) / 1e6)
        return times


def _scroll_sheet(window: BenchWindow, times: ScaleTimes, steps: int) -> None:
    """Opens the contact sheet, waits until it has all its rows, and scrolls it by wheel."""
    view = window.desk.view
    view.window.resize(*SHEET_WINDOW)
    view.window.show()
    grid, model = view.sheet.grid, view.sheet.model
    begun = perf_counter()
    view.actions.trigger("sheet.show")
    window.wait(lambda: model.rowCount() > 0 and not any(map(model.is_blank, grid.visible_rows())))
    times.sheet_open = (perf_counter() - begun) * 1e3
    window.wait(lambda: window.desk.flows.sheet.complete)
    times.sheet_rows = model.rowCount()
    bar = grid.verticalScrollBar()
    for _ in range(steps):
        begun = perf_counter()
        bar.setValue(bar.value() + bar.singleStep())
        QApplication.processEvents()
        times.sheet_frames.append((perf_counter() - begun) * 1e3)
    view.actions.trigger("sheet.show")


def _timed(query: Callable[[Dataset], object], dataset: Dataset) -> float:
    begun = perf_counter()
    query(dataset)
    return (perf_counter() - begun) * 1e3


def _review(dataset: Dataset, count: int) -> tuple[float, list[float]]:
    """Accepts some annotations in the order of a review, and returns the times to the first and the next."""
    at: FoundAnnotation | None = None
    times = []
    for _ in range(count + 1):
        begun = perf_counter()
        at = search.next_in_review(dataset, Search(), at)
        times.append((perf_counter() - begun) * 1e3)
        if at is None:
            break
        edit = accept(dataset.load(at.image), [at.id])
        dataset.commit(Transaction("Accept", ((at.image, edit),)))
    return times[0], times[1:]
