"""SheetController: fills the contact sheet with what is found, and decides about what is selected on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, QTimer, Signal

from samdesk.base.text import counted
from samdesk.dataset import queries
from samdesk.dataset import search as searches
from samdesk.dataset.plans import Decision
from samdesk.dataset.types import FoundOutline, ImageSummary
from samdesk.domain import edits
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit
from samdesk.domain.labels import LabelId
from samdesk.domain.review import AnnotationReview
from samdesk.domain.search import Search, Sort
from samdesk.domain.search_words import SortKey
from samdesk.images.crops.view import view_around
from samdesk.ui.editing.session import Session
from samdesk.ui.kit.messages import Messages
from samdesk.ui.sheet.panel import SheetOrder, SheetPanel
from samdesk.workers.crops import CROP_SIDE, Crop, CropLoader, CropRequest, LikenessProgress
from samdesk.workers.failure import Failure
from samdesk.workers.storage.client import DatasetChange, StorageClient

if TYPE_CHECKING:
    from samdesk.dataset.search import FoundAnnotation, FoundCursor, FoundPage

FIRST_PAGE, PAGE = 500, 2000
MOST_SHOWN = 100_000
"""Annotations on the sheet; a search finds the others."""
MOST_COMPARED = 20_000
_SIZES_AT_ONCE = 500
_OUTLINES_AT_ONCE = 24
"""Few, so that painting goes on meanwhile."""
READING_MS = 500
"""While label files are read for the first time, what is found is updated this often."""


@dataclass(frozen=True)
class Surroundings:
    """What the contact sheet needs of the window.

    Attributes:
        cover: Shows the sheet in place of the canvas, or the canvas again.
        search: Returns the search in use.
        show_found: Shows an annotation in its image.
        folder: Returns the folder of the dataset; None: none is open.
    """

    cover: Callable[[bool], object]
    search: Callable[[], Search]
    show_found: Callable[[FoundAnnotation], object]
    folder: Callable[[], Path | None]


class SheetController(QObject):
    """Opens and closes the contact sheet; loads its rows, outlines and crops as they come into view.

    Signals:
        changed(): The sheet was opened or closed, or the selection differs.
        mode_wanted(bool): The keys of the sheet are to work, or no longer.
    """

    changed = Signal()
    mode_wanted = Signal(bool)

    def __init__(
        self,
        session: Session,
        storage: StorageClient,
        loader: CropLoader,
        panel: SheetPanel,
        around: Surroundings,
        messages: Messages,
    ) -> None:
        super().__init__(panel)
        self._session, self._storage, self._loader = session, storage, loader
        self.panel, self._around, self._messages = panel, around, messages
        self.hides: Callable[[FoundAnnotation], bool] = lambda _found: False
        """Whether an annotation that was found is not shown."""
        self._found: list[FoundAnnotation] = []  # with those that are hidden
        self._order = SheetOrder.DOUBT
        self._loaded_search: Search | None = None
        self._round = 0  # answers to questions of an earlier one are dropped
        self._total = 0
        self._reading = False
        self._loading = False
        self._open = False
        self._stale = True
        self._afresh = False  # the next page takes the place of what is shown
        self._again_timer = QTimer(self, singleShot=True, interval=READING_MS)
        self._again_timer.timeout.connect(self._look_again)
        self._view_timer = QTimer(self, singleShot=True, interval=0)
        self._view_timer.timeout.connect(self._request_visible)
        self._connect()

    def _connect(self) -> None:
        panel, model = self.panel, self._session.model
        panel.grid.moved.connect(self._view_timer.start)
        panel.grid.selected.connect(self.changed)
        panel.grid.opened.connect(self.open_current)
        panel.order_chosen.connect(self.sort_by)
        panel.stop_requested.connect(self._stop_comparing)
        self._loader.ready.connect(self._show_crops)
        self._loader.compared.connect(self._follow_comparison)
        self._storage.changed.connect(self._follow_store)
        self._session.images_changed.connect(self._forget)
        model.document_changed.connect(lambda changes: self._forget([changes.key] if changes.key else []))

    # -- opening and closing

    @property
    def is_open(self) -> bool:
        """Whether the sheet is shown."""
        return self._open

    @property
    def complete(self) -> bool:
        """Whether everything that is to be shown is loaded."""
        return not self._loading

    @property
    def selected(self) -> list[FoundAnnotation]:
        """The selected annotations, in order."""
        model = self.panel.model
        return [model.at(row) for row in self.panel.grid.selected_rows()]

    def set_open(self, opened: bool) -> None:
        """Shows the sheet in place of the canvas, or the canvas again."""
        if opened == self._open:
            return
        if opened and self._around.folder() is None:
            self.changed.emit()
            return
        self._open = opened
        self._around.cover(opened)
        self.mode_wanted.emit(opened)
        if opened:
            self.panel.grid.setFocus()
            if self._stale or self._around.search() != self._loaded_search:
                self._load()
            else:
                self._view_timer.start()
        else:
            self._loader.clear()
            self._end_comparison()
        self.changed.emit()

    def step_back(self) -> None:
        """Clears the selection; without one, closes the sheet."""
        if self.panel.grid.selected_rows():
            self.panel.grid.clearSelection()
        else:
            self.set_open(False)

    def start(self, _info: object = None) -> None:
        """Empties the sheet for another dataset."""
        self._round += 1
        self._stale, self._reading, self._total = True, False, 0
        self._loader.clear()
        self._found = []
        self.panel.model.clear()
        if self._open:
            self._load()

    def follow_search(self) -> None:
        """Shows what another search finds."""
        if self._open and self._around.search() != self._loaded_search:
            self._load()

    def open_current(self) -> None:
        """Closes the sheet and shows the current annotation in its image."""
        row = self.panel.grid.currentIndex().row()
        if row >= 0:
            found = self.panel.model.at(row)
            self.set_open(False)
            self._around.show_found(found)

    # -- rows

    def _load(self, *, quietly: bool = False) -> None:
        """Loads what the search finds from the start; ``quietly`` keeps what is shown until it is found."""
        self._round += 1
        self._loaded_search = self._around.search()
        self._stale, self._total = False, 0
        self._loader.clear()
        self._end_comparison()
        self._afresh = quietly
        self.panel.model.set_labels(self._session.model.labels)
        if not quietly:
            self._found = []
            self.panel.model.clear()
            self.panel.show_order(self._order)
            self.panel.grid.set_hint("Looking for annotations …")
            self.panel.show_count(0, 0, str(self._loaded_search))
        self._ask_page(FIRST_PAGE, None)

    def _sorted(self) -> Search:
        search = self._loaded_search or Search()
        if self._order is SheetOrder.SEARCH:
            return search
        return replace(search, sort=Sort(SortKey.DOUBT))

    def _ask_page(self, limit: int, after: FoundCursor | None) -> None:
        self._loading = True
        self._storage.ask(
            partial(searches.find_annotations, search=self._sorted(), limit=limit, after=after),
            partial(self._add_page, self._round),
            partial(self._report, self._round),
            doing="finding annotations",
        )

    def _add_page(self, asked: int, page: FoundPage) -> None:
        if asked != self._round:
            return
        model, shown = self.panel.model, [f for f in page.annotations if not self.hides(f)]
        if self._afresh:
            self._found = list(page.annotations)
            model.replace_rows(shown)
            self._afresh = False
        else:
            self._found += page.annotations
            model.append(shown)
        self._total = max(page.total, len(self._found))
        self._show_count()
        self._view_timer.start()
        self._follow_reading(page)
        if page.cursor is not None and len(self._found) < MOST_SHOWN:
            self._ask_page(min(PAGE, MOST_SHOWN - len(self._found)), page.cursor)
        else:
            self._loading = page.progress is not None
            if self._order is SheetOrder.LIKENESS:
                self._compare(())

    def filter_again(self) -> None:
        """Shows and hides annotations: others are to be hidden now."""
        model = self.panel.model
        now = {found.id: found for found in model.found}  # as they are since the user has decided
        self._found = [now.get(found.id, found) for found in self._found]
        rows = self._found
        if self._order is SheetOrder.LIKENESS:  # those that were hidden follow
            rows = [*model.found, *(found for found in self._found if found.id not in now)]
        model.replace_rows([found for found in rows if not self.hides(found)])
        self._show_count()
        self._view_timer.start()

    def _show_count(self) -> None:
        hidden = len(self._found) - self.panel.model.rowCount()
        self.panel.show_count(len(self._found), self._total, str(self._loaded_search or ""), hidden)
        self.panel.grid.set_hint(self._hint())

    def _follow_reading(self, page: FoundPage) -> None:
        """While label files are read for the first time, looks again for what is found."""
        if page.progress is not None:
            read = f"{page.progress.done:,} of {page.progress.total:,} images"
            self.panel.grid.set_hint(f"Reading label files … {read}")
            self._again_timer.start()

    def _look_again(self) -> None:
        if self._open:
            self._load(quietly=True)

    def _hint(self) -> str:
        if self._found:
            return "All annotations that were found are hidden by score.\nMove the slider above to see more."
        if self._loaded_search is not None and self._loaded_search.terms:
            return "No annotation is found by this search.\nChange it below the canvas (Ctrl+F)."
        return (
            "There are no annotations yet.\nDraw some, or let samdesk propose them: Annotate > Auto-annotate."
        )

    def _report(self, asked: int, failure: Failure) -> None:
        if asked == self._round:
            self.panel.grid.set_hint(f"{failure.what} {failure.next}")

    # -- what is in view

    def _request_visible(self) -> None:
        """Reads the outlines, then the crops of the rows in view."""
        if not self._open:
            return
        model, rows = self.panel.model, self.panel.grid.visible_rows(1)
        model.keep(len(rows))
        wanted = [model.at(row) for row in rows if model.lacks_outline(row)][:_OUTLINES_AT_ONCE]
        if wanted and not self._reading:
            self._reading = True
            asked = [(found.image, found.id) for found in wanted]
            model.seen({found.image for found in wanted})
            self._storage.ask(
                partial(queries.outlines, wanted=asked, detail=2 * CROP_SIDE),
                partial(self._show_outlines, self._round),
                self._end_reading,
                doing="reading annotations",
            )
        requests = [self._request(row) for row in rows if model.lacks_crop(row)]
        if requests:
            self._loader.show([request for request in requests if request is not None])

    def _request(self, row: int) -> CropRequest | None:
        cell, folder = self.panel.model.cell(row), self._around.folder()
        if cell.outline is None or folder is None:
            return None
        path = folder / cell.found.image
        return CropRequest(cell.found.id, path, cell.outline.found.size, cell.outline.view)

    def _show_outlines(self, asked: int, found: dict[AnnotationId, FoundOutline | None]) -> None:
        self._reading = False
        if asked == self._round:
            for annotation_id, outline in found.items():
                self.panel.model.set_outline(annotation_id, outline)
        self._view_timer.start()

    def _end_reading(self, failure: Failure) -> None:
        self._reading = False
        self._report(self._round, failure)

    def _show_crops(self, crops: Sequence[Crop]) -> None:
        for crop in crops:
            problem = crop.failure.what if crop.failure is not None else ""
            self.panel.model.set_crop(crop.request.id, crop.pixels, problem)

    def _follow_store(self, change: DatasetChange) -> None:
        if change.labels is not None:
            self.panel.model.set_labels(change.labels)
        self._forget(change.keys)

    def _forget(self, keys: Iterable[ImageKey]) -> None:
        """Reads what has changed again, when it is in view."""
        self._stale = self._stale or not self._open
        self.panel.model.forget(keys)
        self._view_timer.start()

    # -- order

    def sort_by(self, order: SheetOrder) -> None:
        """Shows what is found in another order."""
        chosen = [found.id for found in self.selected] if order is SheetOrder.LIKENESS else []
        again = order is not self._order
        self._order = order
        self.panel.show_order(order)
        if order is SheetOrder.LIKENESS and self.panel.model.rowCount():
            self._compare(chosen)
        elif again:
            self._load()

    def sort_alike(self) -> None:
        """Sorts by likeness: the most like the selected ones first."""
        self.sort_by(SheetOrder.LIKENESS)

    def _compare(self, reference: Sequence[AnnotationId]) -> None:
        keys = list(dict.fromkeys(found.image for found in self.panel.model.found[:MOST_COMPARED]))
        self.panel.show_comparison((0, 0), "Comparing …")
        self._ask_sizes(keys, reference, {}, self._round)

    def _ask_sizes(
        self,
        keys: list[ImageKey],
        reference: Sequence[AnnotationId],
        sizes: dict[ImageKey, tuple[int, int]],
        asked: int,
    ) -> None:
        """Asks for the sizes of the images, some at a time, and begins the comparison when all are known."""

        def receive(found: list[ImageSummary]) -> None:
            if asked != self._round or self._order is not SheetOrder.LIKENESS:
                return
            sizes.update((s.key, (s.width, s.height)) for s in found if s.width and s.height)
            if keys[_SIZES_AT_ONCE:]:
                self._ask_sizes(keys[_SIZES_AT_ONCE:], reference, sizes, asked)
            else:
                self._begin_comparison(reference, sizes)

        self._storage.ask(
            partial(queries.summaries, keys=keys[:_SIZES_AT_ONCE]), receive, doing="reading image sizes"
        )

    def _begin_comparison(
        self, reference: Sequence[AnnotationId], sizes: dict[ImageKey, tuple[int, int]]
    ) -> None:
        folder = self._around.folder()
        if folder is None:
            return
        requests = [
            CropRequest(f.id, folder / f.image, sizes[f.image], view_around(f.bounds, sizes[f.image]))
            for f in self.panel.model.found[:MOST_COMPARED]
            if f.image in sizes
        ]
        self._loader.compare(requests, reference)

    def _follow_comparison(self, found: LikenessProgress) -> None:
        if found.failure is not None:
            self._end_comparison()
            self._messages.warn(found.failure.what, key="sheet")
            return
        words = f"Comparing {found.done:,} of {found.total:,}"
        self.panel.show_comparison((found.done, found.total), words)
        if found.order is not None:
            self._end_comparison()
            self.panel.model.put_in_order(found.order)
            self.panel.grid.verticalScrollBar().setValue(0)
            self.panel.grid.viewport().update()
            self._view_timer.start()

    def _stop_comparing(self) -> None:
        self._loader.compare(())
        self._end_comparison()
        self._order = SheetOrder.DOUBT
        self.panel.show_order(self._order)

    def _end_comparison(self) -> None:
        self._loader.compare(())
        self.panel.show_comparison(None)

    # -- decisions

    def accept(self) -> None:
        """Accepts the selected annotations as they are."""
        self._decide("Accept", edits.accept, AnnotationReview.ACCEPTED)

    def reject(self) -> None:
        """Rejects the selected annotations."""
        self._decide("Reject", edits.reject, AnnotationReview.REJECTED)

    def flag(self) -> None:
        """Flags the selected annotations."""
        self._decide("Flag", edits.flag, AnnotationReview.FLAGGED)

    def relabel(self, label_id: LabelId) -> int:
        """Gives the selected annotations a label, as one step; returns how many had another one."""
        chosen = [found for found in self.selected if found.label_id != label_id]
        if not chosen or self._session.read_only:
            return 0
        name = self._session.model.labels.get(label_id).name
        self._apply(
            f"Relabel {counted(len(chosen), 'annotation')} to {name}", chosen, partial(_relabelled, label_id)
        )
        self.panel.model.set_label([found.id for found in chosen], label_id)
        return len(chosen)

    def place(self) -> QPoint:
        """Where to choose a label: below the current cell; global position."""
        grid = self.panel.grid
        rect = grid.visualRect(grid.currentIndex()).intersected(grid.viewport().rect())
        return grid.viewport().mapToGlobal(
            rect.bottomLeft() if rect.isValid() else grid.viewport().rect().center()
        )

    def _decide(self, verb: str, decision: Decision, review: AnnotationReview) -> None:
        chosen = [found for found in self.selected if found.review is not review]
        if chosen and not self._session.read_only:
            text = f"{verb} {counted(len(chosen), 'annotation')}"
            self._apply(text, chosen, decision)
            self.panel.model.set_review([found.id for found in chosen], review)
        self._select_next()

    def _apply(self, text: str, chosen: Sequence[FoundAnnotation], decision: Decision) -> None:
        by_image: dict[ImageKey, list[AnnotationId]] = defaultdict(list)
        for found in chosen:
            by_image[found.image].append(found.id)
        self._session.decide(text, dict(by_image), decision)

    def _select_next(self) -> None:
        """Selects the row after the selected ones, so that the same key goes on."""
        rows = self.panel.grid.selected_rows()
        if rows and rows[-1] + 1 < self.panel.model.rowCount():
            self.panel.grid.select_only(rows[-1] + 1)


def _relabelled(label_id: LabelId, document: ImageDocument, ids: Iterable[AnnotationId]) -> Edit:
    return edits.relabel(document, ids, label_id)
