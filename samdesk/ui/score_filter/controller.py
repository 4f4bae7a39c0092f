"""ScoreFilterController: hides pending annotations under a score, counts them, and drops them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from samdesk.base.text import counted, printable
from samdesk.dataset import search as queries
from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import ImageKey
from samdesk.domain.score_filter import STEPS, ScoreFilter, pending
from samdesk.domain.search import AnyOf, Search, matcher
from samdesk.ui.annotations.panel import AnnotationsPanel
from samdesk.ui.annotations.tools import ToolsController
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.editing.session import Session
from samdesk.ui.kit.messages import Messages
from samdesk.ui.score_filter.bar import ScoreFilterBar
from samdesk.workers.failure import Failure
from samdesk.workers.storage.client import StorageClient

if TYPE_CHECKING:
    from samdesk.dataset.search import Counts, FoundAnnotation, FoundPage, Histogram
    from samdesk.ui.dataset.files import FilesController
    from samdesk.ui.dataset.navigate import NavigateController
    from samdesk.ui.review.controller import ReviewController
    from samdesk.ui.search.controller import SearchController
    from samdesk.ui.sheet.controller import SheetController

AGAIN_MS = 400
"""After a change of the dataset, what is hidden is counted again."""
SHEET_MS = 60
"""The contact sheet follows the slider this often."""
_AT_ONCE = 5_000
"""Annotations that are found at a time, so that saving does not wait long."""
_DOING = "counting what is hidden"


@dataclass(frozen=True)
class FilterView:
    """Where annotations are hidden.

    Attributes:
        canvas: The image.
        panel: The list beside it.
        tools: What is selected is always shown.
        search: Returns the search in use: only what it finds is hidden.
        set_minimum: Makes a limit the minimum confidence of the next run, of all classes or of those with
            these label names.
    """

    canvas: CanvasView
    panel: AnnotationsPanel
    tools: ToolsController
    search: Callable[[], Search]
    set_minimum: Callable[[float, Sequence[str]], object]


@dataclass
class _Dropped:
    """What is being dropped.

    Attributes:
        given: The filter as it was.
        found: The annotations by image, as far as they are found.
        asked: How many were asked for.
    """

    given: ScoreFilter
    search: Search
    found: dict[ImageKey, list[AnnotationId]] = field(default_factory=dict)
    asked: int = 0


class ScoreFilterController(QObject):
    """Hides what is pending and under a score of what the search in use finds, on every image, until cleared.

    Signals:
        changed: The filter was opened, closed, or is another one.
        filtered: What is hidden has changed; not emitted for every place of a slider that is being moved.
    """

    changed = Signal()
    filtered = Signal()

    def __init__(
        self,
        session: Session,
        storage: StorageClient,
        bar: ScoreFilterBar,
        view: FilterView,
        messages: Messages,
    ) -> None:
        super().__init__(bar)
        self._session, self._storage, self._bar, self._view = session, storage, bar, view
        self._messages = messages
        self._filter = ScoreFilter()
        self._open = False
        self._scope = Search()
        self._round = 0  # answers to questions about another scope or score are dropped
        self._histogram: Histogram | None = None
        self._images: dict[int, int] = {}  # by place of the slider
        self._counting = False
        self._doubts: dict[AnnotationId, float] | None = None
        self._doubts_of: ImageKey | None = None
        self._dropped: _Dropped | None = None
        self._again_timer = self._timer(AGAIN_MS, self._ask_again)
        self._sheet_timer = self._timer(SHEET_MS, self.filtered.emit)
        self._connect()

    def _timer(self, ms: int, slot: Callable[[], object]) -> QTimer:
        timer = QTimer(self, singleShot=True, interval=ms)
        timer.timeout.connect(slot)
        return timer

    def _connect(self) -> None:
        bar, model = self._bar, self._session.model
        bar.changed.connect(self._follow_slider)
        bar.cleared.connect(lambda: self.set_open(False))
        model.document_opened.connect(lambda _document: self._show())
        model.document_changed.connect(lambda _changes: self._show())
        self._storage.changed.connect(lambda _change: self._again_soon())
        self._session.images_changed.connect(lambda _keys: self._again_soon())
        self._view.tools.selection_changed.connect(lambda _ids: self._show())
        self._view.panel.filtered_clicked.connect(self._explain)

    def connect_to(
        self,
        files: FilesController,
        navigate: NavigateController,
        search: SearchController,
        review: ReviewController,
        sheet: SheetController,
    ) -> None:
        """Leaves what is hidden out of the review and the contact sheet, and unaccepted with its image."""
        files.dataset_opened.connect(self.clear)
        navigate.key_changed.connect(self.follow_image)
        navigate.spared = self._spared
        search.changed.connect(self.follow_search)
        review.narrow = self.narrowed
        sheet.hides = self.hides
        self.filtered.connect(sheet.filter_again)

    # -- the filter

    @property
    def is_open(self) -> bool:
        """Whether the bar is shown."""
        return self._open

    @property
    def filter(self) -> ScoreFilter:
        """The filter; one that hides nothing while the bar is not shown."""
        return self._filter if self._open else ScoreFilter()

    @property
    def can_drop(self) -> bool:
        """Whether the filter can hide something, and nothing is being dropped."""
        return self.filter.active and self._dropped is None

    @property
    def is_minimum(self) -> bool:
        """Whether the limit can be the minimum confidence of a run."""
        return self.filter.active and self._filter.kind.field == "score"

    def hides(self, found: FoundAnnotation) -> bool:
        """Whether an annotation that the search in use has found is hidden."""
        return self.filter.hides_found(found)

    def narrowed(self, search: Search) -> Search:
        """A search for pending annotations without those that are hidden."""
        return self.filter.shown(search)

    def hidden(self) -> frozenset[AnnotationId]:
        """The annotations of the image on screen that are hidden."""
        document, given = self._session.model.document, self.filter
        if document is None or not given.active:
            return frozenset()
        known = self._doubts if self._doubts_of == document.key else None
        return frozenset(a.id for a in document.annotations if self._hides(a, given, known))

    def set_open(self, opened: bool) -> None:
        """Shows the bar, with the keyboard on its slider; or shows every annotation again."""
        if opened == self._open:
            return
        self._open = opened
        if opened:
            self._filter = replace(self._filter, step=STEPS if self._filter.kind.falls else 0)
            self._bar.set_filter(self._filter)
            self._bar.open()
            self._use_scope()
        else:
            self._round += 1
            self._bar.vanish()
        self._show()
        self.filtered.emit()
        self.changed.emit()

    def clear(self, _dataset: object = None) -> None:
        """Shows every annotation again: another dataset is open."""
        self._dropped = None
        self.set_open(False)

    def follow_search(self) -> None:
        """Hides within what another search finds."""
        if self._open and self._view.search() != self._scope:
            self._use_scope()
            self._show()
            self.filtered.emit()

    def follow_image(self, key: str) -> None:
        """Asks for the doubts of an image that is about to be shown."""
        if self._open and key:
            self._ask_doubts(ImageKey(key))

    def keep_minimum(self) -> None:
        """Makes the limit the minimum confidence of the next run: of the classes searched for, or of all."""
        if not self.is_minimum:
            return
        names = self._labels_in_scope()
        self._view.set_minimum(self._filter.limit, names)
        for_names = f" for {', '.join(printable(name) for name in names)}" if names else ""
        self._messages.info(
            f"The next auto-annotate run has a minimum confidence of {self._filter.limit:.2f}{for_names}.",
            key="score-filter", seconds=5,
        )  # fmt: skip

    def _labels_in_scope(self) -> list[str]:
        """The labels that the search is for; empty: of all."""
        tests = [
            term.test for term in self._scope.terms
            if term.field == "class" and not term.negated and isinstance(term.test, AnyOf)
        ]  # fmt: skip
        names = self._session.model.labels.names if tests else ()
        return [n for n in names if all(any(matcher(v)(n) for v in test.values) for test in tests)]

    def _follow_slider(self, given: ScoreFilter) -> None:
        other = given.kind is not self._filter.kind
        was_active, self._filter = self.filter.active, given
        selected = self._view.tools.selection
        if selected & self.hidden() and not self._view.tools.reviewing:
            self._view.tools.select(selected - self.hidden())
        self._show()
        self._sheet_timer.start()
        if other:
            self._use_scope()
        else:
            self._count()
        if other or was_active != given.active:
            self.changed.emit()

    # -- on the image

    def _hides(
        self, annotation: Annotation, given: ScoreFilter, doubts: dict[AnnotationId, float] | None
    ) -> bool:
        in_scope = self._scope.is_empty or doubts is None or annotation.id in doubts
        doubt = None if doubts is None else doubts.get(annotation.id)
        return in_scope and given.hides(annotation, doubt)

    def _show(self) -> None:
        """Hides annotations of the image on screen; what is selected is shown all the same."""
        if not (self._open or self._view.canvas.filtered):
            return
        ids = self.hidden() - self._view.tools.selection
        self._view.canvas.set_filtered(ids)
        self._view.panel.set_filtered(ids, self._filter.text)

    def _ask_doubts(self, key: ImageKey | None) -> None:
        """Asks which annotations of an image the search finds, and for their doubts."""
        if key is None or (self._scope.is_empty and self._filter.kind.field != "doubt"):
            return
        query = partial(queries.doubts_on, search=self._scope, key=key)
        self._storage.ask(
            query, partial(self._receive_doubts, self._round, key), self._ignore, doing=_DOING
        )  # fmt: skip

    def _receive_doubts(self, asked: int, key: ImageKey, doubts: dict[AnnotationId, float]) -> None:
        if asked == self._round:
            self._doubts, self._doubts_of = doubts, key
            self._show()

    def _spared(self) -> frozenset[AnnotationId]:
        """What accepting this image leaves pending, and says so."""
        ids = self._view.canvas.filtered
        if ids:
            self._messages.info(
                f"{counted(len(ids), 'annotation')} hidden by score {'was' if len(ids) == 1 else 'were'} not "
                "accepted and stay to review; they are in the label file until you drop them.",
                key="score-filter", seconds=8,
            )  # fmt: skip
        return ids

    def _explain(self) -> None:
        self._messages.info(
            f"Hidden by the score filter: {self._filter.text}. Select it to see it.", key="score-filter",
            actions=[("Show all", lambda: self.set_open(False))], seconds=6,
        )  # fmt: skip

    # -- numbers

    def _use_scope(self) -> None:
        """Counts anew: another search, another score."""
        self._round += 1
        self._scope = self._view.search()
        self._histogram, self._doubts = None, None
        self._images.clear()
        self._counting = False
        self._bar.set_counts(())
        self._bar.show_text("Counting pending annotations…")
        self._ask_histogram()
        self._ask_doubts(self._session.model.key)

    def _again_soon(self) -> None:
        if self._open and not self._again_timer.isActive():
            self._again_timer.start()

    def _ask_again(self) -> None:
        """Counts again: the dataset has changed."""
        if self._open:
            self._images.clear()
            self._ask_histogram()
            self._ask_doubts(self._session.model.key)

    def _ask_histogram(self) -> None:
        query = partial(
            queries.histogram, search=pending(self._scope), field=self._filter.kind.field, bins=STEPS
        )
        self._storage.ask(
            query, partial(self._receive_histogram, self._round), self._ignore, doing=_DOING
        )  # fmt: skip

    def _receive_histogram(self, asked: int, histogram: Histogram) -> None:
        if asked == self._round:
            self._histogram = histogram
            self._bar.set_counts(histogram.counts)
            self._count()

    def _count(self) -> None:
        """Shows how many annotations are hidden, and asks on how many images, one question at a time."""
        self._show_numbers()
        hides = self.filter.active and self._histogram is not None
        if hides and not self._counting and self._filter.step not in self._images:
            self._counting = True
            query = partial(queries.count, search=self._filter.hidden(self._scope))
            self._storage.ask(
                query, partial(self._receive_count, self._round, self._filter.step), self._ignore,
                doing=_DOING,
            )  # fmt: skip

    def _receive_count(self, asked: int, step: int, counts: Counts) -> None:
        if asked != self._round:
            return
        self._counting = False
        self._images[step] = counts.images
        if counts.progress is not None:  # not all of the dataset is read for searches yet
            self._again_soon()
        self._count()

    def _show_numbers(self) -> None:
        if self._histogram is None or self._dropped is not None:
            return
        counts, unknown = self._histogram.counts, self._histogram.unknown
        hidden = 0
        if self.filter.active:
            step = self._filter.step
            hidden = sum(counts[step:] if self._filter.kind.falls else counts[:step])
        images = self._images.get(self._filter.step)
        self._bar.show_hidden(hidden, sum(counts) + unknown, images, unknown, str(self._scope))

    def _ignore(self, failure: Failure) -> None:
        self._counting = False
        self._bar.show_text(failure.text)

    # -- dropping

    def drop(self) -> None:
        """Rejects what is hidden, on all images, as one step."""
        if self.can_drop and not self._session.read_only:
            self._dropped = _Dropped(self._filter, self._filter.hidden(self._scope))
            self._bar.show_text("Finding what is to be dropped…")
            self.changed.emit()
            self._find_dropped(self._dropped)

    def _find_dropped(self, dropped: _Dropped) -> None:
        query = partial(queries.find_annotations, search=dropped.search, limit=_AT_ONCE, offset=dropped.asked)
        self._storage.ask(
            query, partial(self._receive_dropped, dropped), partial(self._fail_to_drop, dropped),
            doing="finding what is hidden",
        )  # fmt: skip

    def _receive_dropped(self, dropped: _Dropped, page: FoundPage) -> None:
        if dropped is not self._dropped:
            return
        for found in page.annotations:
            dropped.found.setdefault(found.image, []).append(found.id)
        dropped.asked += _AT_ONCE
        if page.cursor is not None:
            self._find_dropped(dropped)
            return
        self._end_dropping()
        count = sum(map(len, dropped.found.values()))
        if not count:
            self._messages.info("Nothing is hidden that could be dropped.", key="score-filter", seconds=5)
            return
        self._session.decide(
            f"Drop {counted(count, 'annotation')}",
            dropped.found,
            partial(edits.drop_pending, why=dropped.given.text),
        )
        self._messages.info(
            f"Dropped {counted(count, 'annotation')} on {counted(len(dropped.found), 'image')} "
            f"({dropped.given.text}). Undo brings them back.", key="score-filter", seconds=8,
        )  # fmt: skip

    def _fail_to_drop(self, dropped: _Dropped, failure: Failure) -> None:
        if dropped is self._dropped:
            self._end_dropping()
            self._messages.warn(failure.text, key="score-filter")

    def _end_dropping(self) -> None:
        self._dropped = None
        self._count()
        self.changed.emit()
