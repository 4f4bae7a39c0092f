"""ImagesPanel: a filmstrip of the dataset's images with filter, states and review progress."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelectionModel, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from samdesk.domain.document import ImageKey
from samdesk.ui.images.film_delegate import FilmDelegate
from samdesk.ui.images.film_view import FilmView
from samdesk.ui.images.model import ImageFilter, ImageModel
from samdesk.ui.kit.plain import PlainLabel
from samdesk.ui.kit.theme import UNIT

if TYPE_CHECKING:
    from samdesk.dataset.dataset import ImageSummary

VISIBLE_AFTER_MS = 60
FILTER_AFTER_MS = 150
SUMMARIES_PER_PASS = 5_000


class ImagesPanel(QWidget):
    """The images of the dataset.

    Signals:
        image_chosen: (ImageKey as str): the user selected an image.
        visible_changed: (list of ImageKey): the images in or near the visible area without a thumbnail or a
            summary; the visible ones first.
        menu_requested: (QPoint) the context menu of the current image is to be opened there, global position.
    """

    image_chosen = Signal(str)
    visible_changed = Signal(object)
    menu_requested = Signal(QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._current: ImageKey | None = None
        self._queued: list[ImageSummary] = []
        self._model = ImageModel(self)
        self.view = FilmView(self)
        self.view.setAccessibleName("Images")
        self.view.setModel(self._model)
        self.view.setItemDelegate(FilmDelegate(self.view))
        self.filter_text = QLineEdit(self)
        self.filter_text.setPlaceholderText("Filter by name")
        self.filter_text.setClearButtonEnabled(True)
        self.filter_text.setTextMargins(UNIT // 2, 0, 0, 0)
        self.filter_text.setAccessibleName("Filter images by name")
        self.filter_state = QComboBox(self)
        self.filter_state.setAccessibleName("Filter images by state")
        for choice in ImageFilter:
            self.filter_state.addItem(choice.value, choice)
        self.progress = PlainLabel("", self)
        self._visible_timer = QTimer(self, singleShot=True, interval=VISIBLE_AFTER_MS)
        self._filter_timer = QTimer(self, singleShot=True, interval=FILTER_AFTER_MS)
        self._summary_timer = QTimer(self, singleShot=True, interval=0)
        self._lay_out()
        self._connect()
        self._update_text()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(UNIT, UNIT // 2, UNIT, UNIT // 2)
        head.setSpacing(UNIT)
        self.filter_text.setMaximumWidth(260)
        head.addWidget(self.filter_text, 1)
        head.addWidget(self.filter_state)
        head.addStretch(1)
        head.addWidget(self.progress)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self.view, 1)

    def _connect(self) -> None:
        self._visible_timer.timeout.connect(self._emit_visible)
        self._filter_timer.timeout.connect(self._apply_filter)
        self._summary_timer.timeout.connect(self._apply_summaries)
        self.view.moved.connect(self._visible_timer.start)
        self.view.selectionModel().selectionChanged.connect(self._user_chose)
        self.filter_text.textChanged.connect(lambda _text: self._filter_timer.start())
        self.filter_text.returnPressed.connect(self._apply_filter)
        self.filter_state.currentIndexChanged.connect(lambda _index: self._apply_filter())
        self._model.modelReset.connect(lambda: self.set_current(self._current))
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._request_menu)

    @property
    def current(self) -> ImageKey | None:
        """The current image."""
        return self._current

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

    def set_current(self, key: ImageKey | None) -> None:
        """Selects an image and scrolls to it; emits nothing."""
        if key != self._current:
            self._current = key
            self._model.unpin()
        self._restore_current()
        self.view.scrollTo(self.view.currentIndex())

    def next_key(self) -> ImageKey | None:
        """The next image that passes the filter."""
        return self._model.near(self._current, 1)

    def previous_key(self) -> ImageKey | None:
        """The previous image that passes the filter."""
        return self._model.near(self._current, -1)

    def first_key(self) -> ImageKey | None:
        """The first image that passes the filter."""
        return self._model.key(0) if self._model.rowCount() else None

    def last_key(self) -> ImageKey | None:
        """The last image that passes the filter."""
        return self._model.key(self._model.rowCount() - 1) if self._model.rowCount() else None

    def neighbours(self) -> list[ImageKey]:
        """The images the user is likely to open next: next, previous, and the one after next."""
        near = (self._model.near(self._current, step) for step in (1, -1, 2))
        return [key for key in near if key is not None]

    def _apply_summaries(self) -> None:
        now, self._queued = self._queued[:SUMMARIES_PER_PASS], self._queued[SUMMARIES_PER_PASS:]
        if now:
            self._model.set_summaries(now, self._current)
            self._update_text()
        if self._queued:
            self._summary_timer.start()

    def _user_chose(self) -> None:
        rows = self.view.selectionModel().selectedRows()
        if not rows:
            return
        key = self._model.key(rows[0].row())
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

    def _apply_filter(self) -> None:
        self._filter_timer.stop()
        self._model.set_filter(self.filter_text.text(), self.filter_state.currentData())
        self.view.scrollTo(self.view.currentIndex())
        self._update_text()

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
        total, shown = self._model.total, self._model.rowCount()
        text = f"{self._model.accepted:,} / {total:,} accepted" if total else ""
        if total and self._model.filtered:
            text = f"{shown:,} shown  ·  {text}"
        self.progress.setText(text)
        self.view.set_hint("No image matches the filter." if total else "No images. Open a folder of images.")

    # Qt overrides

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102
        super().showEvent(event)
        self._visible_timer.start()
