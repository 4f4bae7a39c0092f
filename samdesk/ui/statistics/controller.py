"""StatisticsController: asks for the figures one after another while the window is shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget

from samdesk.base.bulk import BulkProgress
from samdesk.dataset import search as queries
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.queries import Query
from samdesk.domain.labels import LabelSet
from samdesk.domain.search import Search, parse
from samdesk.ui.statistics import figures
from samdesk.ui.statistics.window import StatisticsWindow
from samdesk.workers.failure import Failure
from samdesk.workers.storage.client import StorageClient

if TYPE_CHECKING:
    from samdesk.dataset.search import AgreementRow, Counts, Histogram

AGAIN_AFTER_MS = 700
"""After a change of the dataset."""
BINS = 20
CELLS = (16, 12)
"""Columns and rows of the heat map."""


class StatisticsController(QObject):
    """Fills the statistics window; each question is answered in turn, so that saves come in between."""

    def __init__(
        self,
        storage: StorageClient,
        labels: Callable[[], LabelSet],
        search: Callable[[], Search],
        find: Callable[[str], object],
        parent: QWidget,
    ) -> None:
        """``search`` returns the search in use, ``find`` searches for what a bar stands for."""
        super().__init__(parent)
        self._storage, self._labels, self._search = storage, labels, search
        self._find = find
        self._window_parent = parent
        self._window: StatisticsWindow | None = None
        self._base = Search()
        self._number = 0
        self._open = False
        self._timer = QTimer(self, singleShot=True, interval=AGAIN_AFTER_MS)
        self._timer.timeout.connect(self.refresh)
        storage.changed.connect(self.refresh_soon)

    @property
    def window(self) -> StatisticsWindow:
        """The window, made when it is first needed."""
        if self._window is None:
            window = self._window = StatisticsWindow(self._window_parent)
            window.shown.connect(self.refresh)
            window.search_requested.connect(self._find)
            window.restricted.connect(lambda _only: self.refresh())
        return self._window

    def open(self) -> None:
        """Shows the window, or brings it to the front."""
        self.window.show()
        self.window.raise_()
        self.window.activateWindow()

    def start(self, _info: object) -> None:
        """Follows another dataset."""
        self._open = True
        self.refresh_soon()

    def refresh_soon(self, _what: object = None) -> None:
        """Counts again a moment later, if the window is shown."""
        if self._shown and not self._timer.isActive():
            self._timer.start()

    def refresh_search(self) -> None:
        """Follows another search."""
        if self._shown:
            self.window.set_search(str(Search(self._search().terms)))
            if self.window.only_found.isChecked():
                self.refresh_soon()

    def refresh(self) -> None:
        """Counts everything again."""
        if not self._shown or not self._open:
            return
        window = self.window
        text = str(Search(self._search().terms))
        window.set_search(text)
        self._base = Search(self._search().terms) if window.only_found.isChecked() else Search()
        self._number += 1
        self._ask_next(self._number, self._questions())

    @property
    def _shown(self) -> bool:
        return self._window is not None and self._window.isVisible()

    def _questions(self) -> list[tuple[Query[Any], Callable[[Any], None]]]:
        base = self._base
        histograms: list[tuple[Query[Any], Callable[[Any], None]]] = [
            (
                partial(queries.histogram, search=base, field=word, bins=BINS),
                partial(self._show_histogram, word),
            )
            for word in ("doubt", "score", "mask", "area")
        ]
        return [
            (partial(queries.count, search=base), self._show_counts),
            (partial(queries.tally, search=base, field="class"), self._show_classes),
            (partial(queries.tally, search=_with_rejected(base), field="state"), self._show_states),
            (images_by_state, self._show_images),
            (images_by_count, self._show_per_image),
            *histograms,
            (partial(queries.tally, search=base, field="source"), self._show_sources),
            (partial(queries.positions, search=base, cells=CELLS), self._show_positions),
            (queries.agreement, self._show_agreement),
        ]

    def _ask_next(self, number: int, left: list[tuple[Query[Any], Callable[[Any], None]]]) -> None:
        """Asks the next question, unless all are to be asked again."""
        if not left or number != self._number or not self._shown:
            return
        (query, show), *rest = left

        def receive(answer: object) -> None:
            if number == self._number and self._shown:
                show(answer)
                self._ask_next(number, rest)

        self._storage.ask(query, receive, self._fail, doing="counting")

    def _fail(self, failure: Failure) -> None:
        self._number += 1
        self._storage.failed.emit(failure)

    # -- answers

    def _show_counts(self, counts: Counts) -> None:
        self.window.set_summary(counts.annotations, counts.images, str(self._base))
        self._show_progress(counts.progress)

    def _show_progress(self, progress: BulkProgress | None) -> None:
        text = (
            "" if progress is None else f"Reading annotations: {progress.done:,} of {progress.total:,} images"
        )
        self.window.progress.setText(text)
        if progress is not None:
            self.refresh_soon()

    def _show_classes(self, tally: tuple[tuple[str, int], ...]) -> None:
        bars = figures.class_bars(tally, self._labels(), self._base)
        self.window.set_bars(
            "classes", bars, f"{sum(b.value > 0 for b in bars):,} of {len(self._labels()):,}"
        )

    def _show_states(self, tally: tuple[tuple[str, int], ...]) -> None:
        self.window.set_bars("states", figures.state_bars(dict(tally), self._base))

    def _show_sources(self, tally: tuple[tuple[str, int], ...]) -> None:
        self.window.set_bars("sources", figures.source_bars(dict(tally), self._base))

    def _show_images(self, counts: dict[str, int]) -> None:
        self.window.set_bars("images", figures.image_bars(counts), "whole dataset")

    def _show_per_image(self, counts: tuple[int, ...]) -> None:
        self.window.set_bars("per_image", figures.per_image_bars(counts), "whole dataset")

    def _show_histogram(self, word: str, found: Histogram) -> None:
        note = f"{found.unknown:,} without" if found.unknown else ""
        self.window.set_bars(word, figures.histogram_bars(found, word, self._base), note)

    def _show_positions(self, rows: tuple[tuple[int, ...], ...]) -> None:
        self.window.set_positions(rows)

    def _show_agreement(self, rows: tuple[AgreementRow, ...]) -> None:
        labels = self._labels()
        found = figures.verdict(rows, labels)
        by_class = figures.agreement_bars(rows, labels, by_model=False)
        self.window.set_bars("agreement", by_class, "whole dataset", found.text if by_class else "")
        by_model = figures.agreement_bars(rows, labels, by_model=True)
        self.window.set_bars("models", by_model, "whole dataset")
        for name in ("agreement", "models"):
            self.window.cards[name].set_legend(figures.legend() if by_class else ())


def images_by_state(dataset: Dataset) -> dict[str, int]:
    """Returns the number of images in each state."""
    return {
        state: len(queries.find_images(dataset, parse(f"image:{state}"))) for state in figures.IMAGE_STATES
    }


def images_by_count(dataset: Dataset) -> tuple[int, ...]:
    """Returns the number of images in each group of ``figures.PER_IMAGE``."""
    searches = (parse(figures.per_image_search(low, high)) for low, high in figures.PER_IMAGE)
    return tuple(len(queries.find_images(dataset, search)) for search in searches)


def _with_rejected(base: Search) -> Search:
    """The search, those rejected included, which are left out unless a search names the state."""
    states = parse(f"state:{','.join(figures.STATES)}")
    named = any(term.field in ("state", "is") for term in base.terms)
    return base if named else base.plus(*states.terms)
