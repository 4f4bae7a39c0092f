"""The image panel: a filmstrip of the dataset with filter, states and how far the work is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelectionModel, QTimer, Signal
from PySide6.QtGui import QImage, QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from samdesk.domain.document import ImageKey
from samdesk.ui.images.film_delegate import FilmDelegate
from samdesk.ui.images.film_view import FilmView
from samdesk.ui.images.model import Filter, ImageModel
from samdesk.ui.kit.theme import UNIT

if TYPE_CHECKING:
    from samdesk.dataset.dataset import ImageSummary

VISIBLE_AFTER_MS = 60
FILTER_AFTER_MS = 150
SUMMARIES_AT_ONCE = 5_000


class ImagesPanel(QWidget):
    """The images of the dataset.

    Signals:
        image_chosen: (ImageKey as str) the user chose an image.
        visible_changed: (list of ImageKey) images on screen, or about to be, that still lack a thumbnail or
            a summary; the ones on screen first.
    """

    image_chosen = Signal(str)
    visible_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._current: ImageKey | None = None
        self._waiting: list[ImageSummary] = []
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
        for choice in Filter:
            self.filter_state.addItem(choice.value, choice)
        self.progress = QLabel(self)
        self._asked = QTimer(self, singleShot=True, interval=VISIBLE_AFTER_MS)
        self._filtering = QTimer(self, singleShot=True, interval=FILTER_AFTER_MS)
        self._later = QTimer(self, singleShot=True, interval=0)
        self._lay_out()
        self._connect()
        self._update_words()

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
        self._asked.timeout.connect(self._tell_visible)
        self._filtering.timeout.connect(self._apply_filter)
        self._later.timeout.connect(self._take_summaries)
        self.view.moved.connect(self._asked.start)
        self.view.selectionModel().selectionChanged.connect(self._user_chose)
        self.filter_text.textChanged.connect(lambda _text: self._filtering.start())
        self.filter_text.returnPressed.connect(self._apply_filter)
        self.filter_state.currentIndexChanged.connect(lambda _index: self._apply_filter())
        self._model.modelReset.connect(self._restore_current)

    @property
    def current(self) -> ImageKey | None:
        """The image on screen."""
        return self._current

    @property
    def visible_keys(self) -> list[ImageKey]:
        """The images whose cells can be seen."""
        return [self._model.key(row) for row in self.view.visible_rows()]

    def set_images(self, keys: Sequence[ImageKey]) -> None:
        """Shows another dataset."""
        self._current = None
        self._waiting.clear()
        self._model.set_images(keys)
        self._update_words()
        self._asked.start()

    def set_summaries(self, summaries: Iterable[ImageSummary]) -> None:
        """Takes what is known of some or all images; a long list in several turns of the event loop."""
        self._waiting.extend(summaries)
        self._take_summaries()

    def set_thumbnail(self, key: ImageKey, image: QImage) -> None:
        """Takes an image's thumbnail."""
        self._model.set_thumbnail(key, image)

    def set_problem(self, key: ImageKey, message: str) -> None:
        """Marks an image as one that cannot be shown, with the reason in its tooltip; "" takes it back."""
        self._model.set_problem(key, message)

    def set_current(self, key: ImageKey | None) -> None:
        """Highlights an image and scrolls to it; says nothing back."""
        if key != self._current:
            self._current = key
            self._model.unpin()
        self._restore_current()
        self.view.scrollTo(self.view.currentIndex())

    def next_key(self) -> ImageKey | None:
        """The image after the current one, of those the filter shows."""
        return self._model.near(self._current, 1)

    def previous_key(self) -> ImageKey | None:
        """The image before the current one, of those the filter shows."""
        return self._model.near(self._current, -1)

    def neighbours(self) -> list[ImageKey]:
        """The images the user is likely to go to: next, previous, the one after next."""
        near = (self._model.near(self._current, step) for step in (1, -1, 2))
        return [key for key in near if key is not None]

    def _take_summaries(self) -> None:
        now, self._waiting = self._waiting[:SUMMARIES_AT_ONCE], self._waiting[SUMMARIES_AT_ONCE:]
        if now:
            self._model.set_summaries(now, self._current)
            self._update_words()
        if self._waiting:
            self._later.start()

    def _user_chose(self) -> None:
        rows = self.view.selectionModel().selectedRows()
        if not rows:
            return
        key = self._model.key(rows[0].row())
        if key != self._current:
            self._current = key
            self.image_chosen.emit(key)

    def _restore_current(self) -> None:
        row = self._model.row(self._current)
        flags = QItemSelectionModel.SelectionFlag
        self.view.selectionModel().setCurrentIndex(
            self._model.index(row), flags.ClearAndSelect if row >= 0 else flags.Clear
        )
        self._asked.start()

    def _apply_filter(self) -> None:
        self._filtering.stop()
        self._model.set_filter(self.filter_text.text(), self.filter_state.currentData())
        self.view.scrollTo(self.view.currentIndex())
        self._update_words()

    def _tell_visible(self) -> None:
        if not self.isVisible():
            return
        seen = self.view.visible_rows()
        around = self.view.visible_rows(margin=len(seen))
        rows = [*seen, *range(seen.stop, around.stop), *range(around.start, seen.start)]
        keys = self._model.missing(rows)
        if keys:
            self.visible_changed.emit(keys)

    def _update_words(self) -> None:
        total, shown = self._model.total, self._model.rowCount()
        words = f"{self._model.done:,} / {total:,} done" if total else ""
        if total and self._model.filtered:
            words = f"{shown:,} shown  ·  {words}"
        self.progress.setText(words)
        self.view.set_hint("No image matches the filter." if total else "No images. Open a folder of photos.")

    # Qt overrides

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102
        super().showEvent(event)
        self._asked.start()
