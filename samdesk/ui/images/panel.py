"""ImagesPanel: a filmstrip of the dataset's images with states and review progress."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelectionModel, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from samdesk.domain.document import ImageKey
from samdesk.ui.images.film_delegate import FilmDelegate
from samdesk.ui.images.film_view import FilmView
from samdesk.ui.images.model import ImageModel, RunMark
from samdesk.ui.images.rows import Numbers
from samdesk.ui.kit.plain import PlainLabel
from samdesk.ui.kit.theme import UNIT

if TYPE_CHECKING:
    from samdesk.dataset.dataset import ImageSummary

VISIBLE_AFTER_MS = 60
SUMMARIES_PER_PASS = 5_000


class ImagesPanel(QWidget):
    """The images of the dataset.

    Signals:
        image_chosen: (ImageKey as str): the user selected an image.
        visible_changed: (list of ImageKey): the images in or near the visible area without a thumbnail or a
            summary; the visible ones first.
        problems_changed: ``problem_count`` has changed.
        menu_requested: (QPoint) the context menu of the current image is to be opened there, global position.
    """

    image_chosen = Signal(str)
    visible_changed = Signal(object)
    menu_requested = Signal(QPoint)
    problems_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._current: ImageKey | None = None
        self._queued: list[ImageSummary] = []
        self._problem_count = 0
        self._model = ImageModel(self)
        self.view = FilmView(self)
        self.view.setAccessibleName("Images")
        self.view.setModel(self._model)
        self.view.setItemDelegate(FilmDelegate(self.view))
        self.progress = PlainLabel("", self)
        self._visible_timer = QTimer(self, singleShot=True, interval=VISIBLE_AFTER_MS)
        self._summary_timer = QTimer(self, singleShot=True, interval=0)
        self._head = QHBoxLayout()
        self._lay_out()
        self._connect()
        self._update_text()

    def _lay_out(self) -> None:
        head = self._head
        head.setContentsMargins(UNIT, UNIT // 2, UNIT, UNIT // 2)
        head.setSpacing(UNIT)
        head.addStretch(1)
        head.addWidget(self.progress)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self.view, 1)

    def _connect(self) -> None:
        self._visible_timer.timeout.connect(self._emit_visible)
        self._summary_timer.timeout.connect(self._apply_summaries)
        self.view.moved.connect(self._visible_timer.start)
        self.view.selectionModel().selectionChanged.connect(self._user_chose)
        self._model.modelReset.connect(lambda: self.set_current(self._current))
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._request_menu)

    @property
    def current(self) -> ImageKey | None:
        """The current image."""
        return self._current

    @property
    def numbering(self) -> Mapping[ImageKey, int]:
        """The place of each image in the dataset, see ``ImageModel.numbering``."""
        return self._model.numbering

    @property
    def selected(self) -> tuple[ImageKey, ...]:
        """The selected images, in the order they are listed; the current one is always among them."""
        return tuple(self._model.key(row) for row in self.view.selected_rows())

    @property
    def found(self) -> tuple[ImageKey, ...] | None:
        """The images that the search has found, in the dataset's order; None: there is no search."""
        return self._model.found

    def mark_in_run(self, key: ImageKey, mark: RunMark) -> None:
        """Marks an image that a run has annotated or failed on."""
        self._model.mark_in_run(key, mark)

    def clear_run_marks(self) -> None:
        """Removes the marks of a run."""
        self._model.clear_run_marks()

    @property
    def current_matches(self) -> bool:
        """Whether the current image is one of those that were found."""
        return self._current is None or self._model.matches(self._current)

    def add_search(self, search: QWidget) -> None:
        """Puts the search above the images."""
        self._head.takeAt(0)  # the stretch
        self._head.insertWidget(0, search, 1)

    def set_found(self, numbers: Numbers | None, *, problems_only: bool = False) -> None:
        """Lists the images that were found, in this order (None: all), and the current one."""
        self._model.set_found(numbers, problems_only=problems_only)
        self.view.scrollTo(self.view.currentIndex())
        self._update_text()

    def set_images(self, keys: Sequence[ImageKey]) -> None:
        """Shows another dataset."""
        self._current = None
        self._queued.clear()
        self._model.set_images(keys)
        self._update_text()
        self._visible_timer.start()

    def update_images(self, keys: Sequence[ImageKey]) -> None:
        """Replaces the images of the same dataset; the current one and the scroll position stay."""
        first = next(iter(self.view.visible_rows()), -1)
        seen = self._model.key(first) if 0 <= first < self._model.rowCount() else None
        before = self._model.row(seen)
        self._model.update_images(keys)
        self.view.keep_in_place(before, self._model.row(seen))
        self._update_text()
        self._visible_timer.start()

    def forget_thumbnails(self, keys: Iterable[ImageKey]) -> None:
        """Reads the thumbnails of images whose file has changed again, if they are in view."""
        self._model.forget_thumbnails(keys)
        self._visible_timer.start()

    def problems(self) -> list[ImageKey]:
        """The images that cannot be read, as far as known."""
        return self._model.with_problems()

    @property
    def problem_count(self) -> int:
        """How many images cannot be read, as far as known."""
        return self._model.problem_count

    @property
    def listed(self) -> int:
        """How many images are listed."""
        return self._model.rowCount()

    def problem(self, key: ImageKey) -> str:
        """Why an image cannot be read; "" if it can."""
        return self._model.problem(key)

    def set_summaries(self, summaries: Iterable[ImageSummary]) -> None:
        """Updates the summaries of images; a long list in several iterations of the event loop."""
        self._queued.extend(summaries)
        self._apply_summaries()

    def set_thumbnail(self, key: ImageKey, image: QImage) -> None:
        """Sets the thumbnail of an image."""
        self._model.set_thumbnail(key, image)

    def set_unfinished(self, keys: frozenset[str]) -> None:
        """Marks the images that were left with an unfinished mask or outline, and no others."""
        self._model.set_unfinished(keys)

    def set_problem(self, key: ImageKey, message: str) -> None:
        """Marks an image as unreadable, with the reason in its tooltip; "" clears the mark."""
        self._model.set_problem(key, message)
        self._update_text()

    def set_current(self, key: ImageKey | None) -> None:
        """Selects an image and scrolls to it; emits nothing."""
        self._current = key
        self._model.set_current(key)
        self._restore_current()
        self.view.scrollTo(self.view.currentIndex())

    def next_key(self) -> ImageKey | None:
        """The next image of those listed."""
        return self._model.near(self._current, 1)

    def previous_key(self) -> ImageKey | None:
        """The previous image of those listed."""
        return self._model.near(self._current, -1)

    def first_key(self) -> ImageKey | None:
        """The first image of those listed."""
        return self._model.key(0) if self._model.rowCount() else None

    def last_key(self) -> ImageKey | None:
        """The last image of those listed."""
        return self._model.key(self._model.rowCount() - 1) if self._model.rowCount() else None

    def neighbours(self) -> list[ImageKey]:
        """The images the user is likely to open next: next, previous, and the one after next."""
        near = (self._model.near(self._current, step) for step in (1, -1, 2))
        return [key for key in near if key is not None]

    def ahead(self, key: ImageKey | None, direction: int, count: int) -> list[ImageKey]:
        """The images after (+1) or before (-1) one, in the order shown."""
        found = (self._model.near(key, direction * step) for step in range(1, count + 1))
        return [each for each in found if each is not None]

    def steps_between(self, start: ImageKey, end: ImageKey) -> int:
        """How many rows one image is after another; 0 if either is not listed."""
        rows = self._model.row(start), self._model.row(end)
        return rows[1] - rows[0] if min(rows) >= 0 else 0

    def _apply_summaries(self) -> None:
        now, self._queued = self._queued[:SUMMARIES_PER_PASS], self._queued[SUMMARIES_PER_PASS:]
        if now:
            self._model.set_summaries(now)
            self._update_text()
        if self._queued:
            self._summary_timer.start()

    def _user_chose(self) -> None:
        rows = self.view.selected_rows()
        self._update_text()
        if len(rows) != 1:
            return  # none, or several: the image on screen stays
        key = self._model.key(rows[0])
        if key != self._current:
            self._current = key
            self.image_chosen.emit(key)

    def _request_menu(self, place: QPoint) -> None:
        """Requests the menu of the image under the mouse, which the press has made the current one."""
        if self.view.indexAt(place).isValid():
            self.menu_requested.emit(self.view.viewport().mapToGlobal(place))
        elif self.view.currentIndex().isValid() and not self.view.viewport().underMouse():  # the menu key
            rect = self.view.visualRect(self.view.currentIndex())
            self.menu_requested.emit(self.view.viewport().mapToGlobal(rect.center()))

    def _restore_current(self) -> None:
        row = self._model.row(self._current)
        flags = QItemSelectionModel.SelectionFlag
        self.view.selectionModel().setCurrentIndex(
            self._model.index(row), flags.ClearAndSelect if row >= 0 else flags.Clear
        )
        self._visible_timer.start()

    def _emit_visible(self) -> None:
        if not self.isVisible():
            return
        seen = self.view.visible_rows()
        around = self.view.visible_rows(margin=len(seen))
        rows = [*seen, *range(seen.stop, around.stop), *range(around.start, seen.start)]
        keys = self._model.missing(rows)
        if keys:
            self.visible_changed.emit(keys)

    def _update_text(self) -> None:
        total = self._model.total
        selected = len(self.view.selected_rows())
        parts = [f"{selected:,} selected"] if selected > 1 else []
        parts.append(f"{self._model.accepted:,} / {total:,} accepted" if total else "")
        self.progress.setText("  ·  ".join(parts))
        if self._problem_count != self._model.problem_count:
            self._problem_count = self._model.problem_count
            self.problems_changed.emit()
        self.view.set_hint(
            "No image matches the search. Esc in the search field shows all of them again."
            if total
            else "No images. Open a folder of images."
        )

    # Qt overrides

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102
        super().showEvent(event)
        self._visible_timer.start()
