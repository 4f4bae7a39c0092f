"""SearchField: the text field of the search, which completes words and values."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QModelIndex, Qt, Signal
from PySide6.QtGui import QFocusEvent, QHideEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from samdesk.domain.search_words import Completion
from samdesk.ui.kit.focus import OWN_KEYS
from samdesk.ui.kit.theme import UNIT
from samdesk.ui.search.completion import CompletionList

_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_TABS = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)

Complete = Callable[[str, int], Sequence[Completion]]
"""Returns how a search can go on, given its text and the cursor."""


class SearchField(QLineEdit):
    """A text field with completion while typing.

    Down and Up go through the completions, Tab takes the selected one or the first, Enter the selected one.
    Enter searches at once and leaves; Esc clears the field and leaves, or closes the completions while one is
    selected.

    Signals:
        searched: Enter was pressed: the search is as it is meant to be.
        left: The keyboard is to return to the canvas.
        list_requested: Down was pressed with no completions: on to the list of what was found.
    """

    searched = Signal()
    left = Signal()
    list_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._complete: Complete = lambda _text, _position: ()
        self._list: CompletionList | None = None
        self.setProperty(OWN_KEYS, True)
        self.setClearButtonEnabled(True)
        self.setTextMargins(UNIT // 2, 0, 0, 0)
        self.setMaxLength(2000)
        self.setPlaceholderText("Find: class:person score:<0.5 …")
        self.setAccessibleName("Find images and annotations")
        self.textEdited.connect(lambda _text: self._offer())

    def set_complete(self, complete: Complete) -> None:
        """Sets how searches are completed."""
        self._complete = complete

    @property
    def completions(self) -> CompletionList:
        """The list of completions, made when it is needed."""
        if self._list is None:
            self._list = CompletionList(self)
            self._list.clicked.connect(self._take_clicked)
        return self._list

    @property
    def is_completing(self) -> bool:
        """Whether the list of completions is shown."""
        return self._list is not None and self._list.isVisible()

    def close_completions(self) -> None:
        """Hides the list of completions."""
        if self._list is not None:
            self._list.hide()

    def _offer(self) -> None:
        found = self._complete(self.text(), self.cursorPosition()) if self.hasFocus() else ()
        typed = self.text()[: self.cursorPosition()]
        nothing_new = len(found) == 1 and typed.endswith(found[0].text.rstrip())
        if found and not nothing_new:
            self.completions.offer(found)
        else:
            self.close_completions()

    def _take(self, completion: Completion) -> None:
        after = completion.applied(self.text())
        self.setText(after)
        self.setCursorPosition(completion.start + len(completion.text))
        self.textEdited.emit(after)

    def _take_clicked(self, index: QModelIndex) -> None:
        self._take(self.completions.at(index))
        self.setFocus()

    def _leave(self) -> None:
        self.close_completions()
        self.left.emit()

    # Qt overrides

    def event(self, event: QEvent) -> bool:
        """Takes Tab for the completions before Qt moves the keyboard with it."""
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            chosen = self.completions.chosen or self.completions.first if self.is_completing else None
            if event.key() in _TABS and chosen is not None:
                self._take(chosen)
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        key = event.key()
        if key in _ENTER:
            chosen = self.completions.chosen if self.is_completing else None
            if chosen is not None:
                self._take(chosen)
            else:
                self.searched.emit()
                self._leave()
        elif key == Qt.Key.Key_Escape:
            if self.is_completing and self.completions.chosen is not None:
                self.close_completions()
            else:
                self.clear()
                self.textEdited.emit("")
                self.searched.emit()
                self._leave()
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            if self.is_completing:
                self.completions.step(1 if key == Qt.Key.Key_Down else -1)
            elif key == Qt.Key.Key_Down and self.text().strip():
                self.searched.emit()
                self.list_requested.emit()
            else:
                self._offer()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        super().mousePressEvent(event)
        if not self.text():
            self._offer()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: D102
        super().focusOutEvent(event)
        if self._list is not None and not self._list.underMouse():
            self.close_completions()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: D102
        self.close_completions()
        super().hideEvent(event)
