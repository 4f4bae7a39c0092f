"""SheetPanel: the contact sheet with its head (what is shown, order, size) and what can be done."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from samdesk.base.text import counted
from samdesk.ui.kit.icons import icon
from samdesk.ui.kit.plain import PlainLabel, button_text, plain, tip
from samdesk.ui.kit.theme import UNIT
from samdesk.ui.sheet.delegate import SheetDelegate
from samdesk.ui.sheet.grid import SIZES, SheetGrid
from samdesk.ui.sheet.model import SheetModel


class SheetOrder(str, Enum):
    """What comes first on the sheet."""

    DOUBT = "doubt"
    SEARCH = "search"
    LIKENESS = "likeness"


_ORDERS = {
    SheetOrder.DOUBT: ("Most doubtful first", "The annotations that are most likely wrong come first."),
    SheetOrder.SEARCH: ("As searched", "The order of the search."),
    SheetOrder.LIKENESS: (
        "Like beside like",
        "Annotations that look alike stand side by side; with some selected, the most like these come first.",
    ),
}


class SheetPanel(QWidget):
    """Head, grid and foot of the contact sheet.

    Signals:
        order_chosen(object SheetOrder): The user wants another order.
        stop_requested(): The comparison is to be stopped.
        invoked(str): Id of a command whose button was pressed.
    """

    order_chosen = Signal(object)
    stop_requested = Signal()
    invoked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAutoFillBackground(True)
        self.model = SheetModel(self)
        self.grid = SheetGrid(self)
        self.grid.setModel(self.model)
        self.grid.setItemDelegate(SheetDelegate(self.grid))
        self.grid.setAccessibleName("Contact sheet")
        self.title = PlainLabel("Contact sheet", self)
        self.title.setProperty("heading", True)
        self.count = PlainLabel("", self)
        self.progress = QProgressBar(self)
        self.progress.setTextVisible(False)
        self.progress.setFixedSize(12 * UNIT, 6)
        self.progress.setAccessibleName("Progress of the comparison")
        self.progress_text = PlainLabel("", self)
        self.stop = QPushButton("Stop", self)
        self.order = QComboBox(self)
        self.order.setAccessibleName("Order of the contact sheet")
        for order, (text, why) in _ORDERS.items():
            self.order.addItem(plain(text), order)
            self.order.setItemData(self.order.count() - 1, tip(why), Qt.ItemDataRole.ToolTipRole)
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setRange(*SIZES)
        self.slider.setFixedWidth(14 * UNIT)
        self.slider.setAccessibleName("Size of the crops")
        self.slider.setToolTip("Size of the crops (Ctrl+wheel)")
        self.close_button = self._button("ph.x", "Close the contact sheet", "sheet.show")
        self.selection = PlainLabel("", self)
        self.buttons = [
            self._button(glyph, text, command, text)
            for glyph, text, command in (
                ("ph.check-circle", "Accept", "sheet.accept"),
                ("ph.x-circle", "Reject", "sheet.reject"),
                ("ph.flag", "Flag", "sheet.flag"),
                ("ph.tag", "Label", "labels.choose"),
                ("ph.arrow-square-out", "Open", "sheet.open"),
            )
        ]
        self._lay_out()
        self._connect()
        self.show_comparison(None)
        self.show_selection()

    def _button(self, glyph: str, text: str, command: str, label: str = "") -> QToolButton:
        button = QToolButton(self)
        button.setAutoRaise(True)
        button.setIcon(icon(glyph))
        button.setIconSize(QSize(18, 18))
        button.setAccessibleName(plain(text))
        button.setToolTip(tip(text))
        button.setProperty("command", command)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        if label:
            button.setText(button_text(label))
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.clicked.connect(lambda: self.invoked.emit(command))
        return button

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(UNIT * 3 // 2, UNIT // 2, UNIT // 2, UNIT // 2)
        head.setSpacing(UNIT)
        head.addWidget(self.title)
        head.addWidget(self.count)
        head.addStretch(1)
        for widget in (
            self.progress_text,
            self.progress,
            self.stop,
            self.order,
            self.slider,
            self.close_button,
        ):
            head.addWidget(widget)
        foot = QHBoxLayout()
        foot.setContentsMargins(UNIT * 3 // 2, UNIT // 2, UNIT // 2, UNIT // 2)
        foot.setSpacing(UNIT // 2)
        foot.addWidget(self.selection)
        foot.addStretch(1)
        for button in self.buttons:
            foot.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self.grid, 1)
        layout.addLayout(foot)
        self.setFocusProxy(self.grid)

    def _connect(self) -> None:
        self.slider.setValue(self.grid.side)
        self.slider.valueChanged.connect(self.grid.set_side)
        self.grid.size_changed.connect(self.slider.setValue)
        self.grid.selected.connect(self.show_selection)
        self.stop.clicked.connect(self.stop_requested)
        self.order.activated.connect(lambda _row: self.order_chosen.emit(self.order.currentData()))

    def show_order(self, order: SheetOrder) -> None:
        """Shows an order as the one in use."""
        self.order.setCurrentIndex(list(_ORDERS).index(order))
        self.order.setToolTip(tip(_ORDERS[order][1]))

    def show_count(self, loaded: int, total: int, search: str, hidden: int = 0) -> None:
        """Says how many annotations were found, what was searched for, and how many are hidden."""
        text = counted(total, "annotation")
        if loaded < total:
            text += f", the first {loaded:,} of them here"
        text = f"{text} found by {search}" if search else text
        self.count.setText(f"{text}, {hidden:,} hidden by score" if hidden else text)

    def show_comparison(self, progress: tuple[int, int] | None, words: str = "") -> None:
        """Shows how far the comparison is, (done, total); None: there is none."""
        for widget in (self.progress, self.progress_text, self.stop):
            widget.setVisible(progress is not None)
        if progress is not None:
            self.progress.setRange(0, progress[1])
            self.progress.setValue(progress[0])
            self.progress_text.setText(words)

    def show_selection(self) -> None:
        """Says how many annotations are selected, or how to select some."""
        rows = self.grid.selected_rows() if self.grid.selectionModel() is not None else []
        hint = "Click, Shift+click or drag a frame to select; double-click opens an annotation in its image."
        self.selection.setText(f"{counted(len(rows), 'annotation')} selected" if rows else hint)
        for button in self.buttons:
            button.setEnabled(bool(rows))
