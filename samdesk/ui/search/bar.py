"""SearchBar: the search field with chips, what was found, the order and saved searches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QStackedWidget, QToolButton, QWidget

from samdesk.domain.search import Search, SearchError
from samdesk.domain.search_words import SORTS, SortKey
from samdesk.ui.commands.popup import Popup
from samdesk.ui.kit.icons import icon
from samdesk.ui.kit.painting import small_font
from samdesk.ui.kit.plain import PlainLabel, button_text, plain, tip
from samdesk.ui.kit.theme import UNIT
from samdesk.ui.search.chips import ChipRow
from samdesk.ui.search.field import SearchField

_SORT_TITLES: dict[SortKey, str] = {
    SortKey.DOUBT: "Doubt",
    SortKey.SCORE: "Score",
    SortKey.MASK: "Mask score",
    SortKey.SIZE: "Size",
    SortKey.CLASS: "Class",
    SortKey.AGE: "Age",
    SortKey.NAME: "Name",
    SortKey.RANDOM: "Random",
}


class SearchBar(QWidget):
    """What the user searches with. It shows what the controller finds and decides nothing.

    Signals:
        edited: (str) the text was changed by the user.
        searched: The search is as it is meant to be: Enter, a suggestion.
        sort_chosen: (SortKey or None) None: the order of the dataset.
        saved_chosen: (str) the text of a saved search.
        save_requested: The search in use is to be saved.
        manage_requested: Saved searches are to be renamed or deleted.
        list_toggled: (bool) the list of what was found is to be shown.
    """

    edited = Signal(str)
    searched = Signal()
    sort_chosen = Signal(object)
    saved_chosen = Signal(str)
    save_requested = Signal()
    manage_requested = Signal()
    list_toggled = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fixed = ""
        self._search = Search()
        self._saved: dict[str, str] = {}
        self.field = SearchField(self)
        self.field.setMinimumWidth(26 * UNIT)
        self.field.setMaximumWidth(48 * UNIT)
        self.chips = ChipRow(self)
        self.error = PlainLabel("", self)
        self.error.setProperty("warning", True)
        self.error.setFont(small_font(self.error.font()))
        self.error.setWordWrap(True)
        self.error.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        # Two lines, also while the chips are in its place: a stack is as high as its highest page.
        self.error.setMaximumHeight(max(self.field.sizeHint().height(), self.chips.sizeHint().height()))
        self.suggestion = self._button("", "Search with this instead")
        self.suggestion.setProperty("link", True)
        self.found = PlainLabel("", self)
        self.sort = self._button("ph.sort-ascending", "Sort what was found")
        self.saved = self._button("ph.bookmark-simple", "Saved searches")
        self.list = self._button("ph.list-bullets", "List the annotations that were found")
        self.list.setCheckable(True)
        self._middle = self._lay_out()
        self._show_middle(error=False)
        self._connect()

    def _button(self, glyph: str, text: str) -> QToolButton:
        button = QToolButton(self)
        button.setAutoRaise(True)
        button.setToolTip(tip(text))
        button.setAccessibleName(plain(text))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        if glyph:
            button.setIcon(icon(glyph))
            button.setIconSize(QSize(18, 18))
        return button

    def _lay_out(self) -> QStackedWidget:
        problem = QWidget(self)
        words = QHBoxLayout(problem)
        words.setContentsMargins(0, 0, 0, 0)
        words.setSpacing(UNIT // 2)
        words.addWidget(self.error, 1)
        words.addWidget(self.suggestion)
        middle = QStackedWidget(self)
        middle.addWidget(self.chips)
        middle.addWidget(problem)
        middle.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(UNIT // 2)
        layout.addWidget(self.field)
        layout.addSpacing(UNIT // 2)
        layout.addWidget(middle)
        layout.addWidget(self.found)
        layout.addSpacing(UNIT // 2)
        for button in (self.sort, self.saved, self.list):
            layout.addWidget(button)
        return middle

    def _show_middle(self, *, error: bool) -> None:
        """Shows the chips, or the error with the room that it needs."""
        self._middle.setCurrentIndex(int(error))
        layout = self.layout()
        assert isinstance(layout, QHBoxLayout)
        layout.setStretchFactor(self.field, 1 if error else 2)
        layout.setStretchFactor(self._middle, 2 if error else 1)
        for button in (self.sort, self.saved, self.list):
            button.setVisible(not error)

    def _connect(self) -> None:
        self.field.textEdited.connect(self.edited)
        self.field.searched.connect(self.searched)
        self.suggestion.clicked.connect(self._use_suggestion)
        self.sort.clicked.connect(self._open_sorts)
        self.saved.clicked.connect(self._open_saved)
        self.list.clicked.connect(self.list_toggled)

    @property
    def text(self) -> str:
        """The text in the field."""
        return self.field.text()

    def set_text(self, text: str) -> None:
        """Sets the text without emitting ``edited``."""
        if text != self.field.text():
            self.field.setText(text)
        self.field.close_completions()

    def set_search(self, search: Search, active: Sequence[str]) -> None:
        """Shows the search in use: its order, and the chips that are part of it."""
        self._search = search
        self.chips.set_active(active)
        self._show_middle(error=False)
        key = search.sort.key if search.sort is not None else None
        self.sort.setIcon(
            icon("ph.sort-descending" if search.sort and search.sort.reverse else "ph.sort-ascending")
        )
        self.sort.setToolTip(tip("Sort what was found" + (f": {SORTS[key]}" if key is not None else "")))

    def show_error(self, error: SearchError) -> None:
        """Shows why the text is no search, and what it could be."""
        self._fixed = error.fixed
        advice = "" if error.fixed else f" {error.next}"
        self.error.setText(f"{error.what}{advice}")
        self.error.setToolTip(
            tip(f"{error.what} {error.next}\nNothing is filtered until the search is right.")
        )
        self.suggestion.setText(button_text(f"Did you mean {error.suggestion.strip()}?"))
        self.suggestion.setVisible(bool(error.fixed))
        self._show_middle(error=True)
        self.set_found("Not filtered")

    @property
    def in_error(self) -> bool:
        """Whether an error is shown."""
        return self._middle.currentIndex() == 1

    def set_found(self, text: str, why: str = "") -> None:
        """Shows how much was found; ``why`` is for the tooltip."""
        self.found.setText(text)
        self.found.setToolTip(tip(why))

    def set_saved(self, saved: Mapping[str, str]) -> None:
        """Sets the saved searches: name to text."""
        self._saved = dict(saved)

    def set_list_shown(self, shown: bool) -> None:
        """Shows whether the list of what was found is shown."""
        self.list.setChecked(shown)

    def _use_suggestion(self) -> None:
        self.field.setText(self._fixed)
        self.edited.emit(self._fixed)
        self.searched.emit()

    def _open_sorts(self) -> None:
        menu = self._menu()
        now = self._search.sort
        for key in (None, *SortKey):
            title = "Order of the dataset" if key is None else f"{_SORT_TITLES[key]}: {SORTS[key]}"
            if key is SortKey.RANDOM:
                title = "Random: another order each time"
            action = menu.addAction(title)
            action.setCheckable(True)
            action.setChecked(key is (now.key if now is not None else None))
            action.triggered.connect(lambda _checked=False, key=key: self.sort_chosen.emit(key))
        self._open(menu, self.sort)

    def _open_saved(self) -> None:
        menu = self._menu()
        for name, text in self._saved.items():
            action = menu.addAction(button_text(name))
            action.setToolTip(tip(text))
            action.triggered.connect(lambda _checked=False, text=text: self.saved_chosen.emit(text))
        if self._saved:
            menu.addSeparator()
        save = menu.addAction("Save this search")
        save.setEnabled(bool(self.text.strip()) and not self.in_error)
        save.triggered.connect(lambda _checked=False: self.save_requested.emit())
        manage = menu.addAction("Rename or delete…")
        manage.setEnabled(bool(self._saved))
        manage.triggered.connect(lambda _checked=False: self.manage_requested.emit())
        self._open(menu, self.saved)

    def _menu(self) -> Popup:
        menu = Popup("", self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setToolTipsVisible(True)
        return menu

    def _open(self, menu: Popup, button: QToolButton) -> None:
        menu.popup(button.mapToGlobal(button.rect().bottomLeft()))
