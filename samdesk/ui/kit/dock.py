"""A dock widget that can be collapsed and closed from its title bar."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QMainWindow, QToolButton, QWidget

from samdesk.ui.kit.icons import icon
from samdesk.ui.kit.plain import PlainLabel
from samdesk.ui.kit.shield import shield
from samdesk.ui.kit.theme import UNIT

TITLE_HEIGHT = 4 * UNIT


class DockTitle(QWidget):
    """The title bar of a dock: collapse arrow, title and close button."""

    toggled = Signal()
    closed = Signal()

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(TITLE_HEIGHT)
        self.arrow = self._button("ph.caret-down", f"Collapse {title}")
        self.arrow.clicked.connect(self.toggled)
        name = PlainLabel(title.upper(), self)
        font = name.font()
        font.setPointSizeF(font.pointSizeF() * 0.85)
        font.setBold(True)
        font.setLetterSpacing(font.SpacingType.PercentageSpacing, 106)
        name.setFont(font)
        name.setProperty("muted", True)
        close = self._button("ph.x", f"Close {title} (reopen it in View > Panels)")
        close.clicked.connect(self.closed)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(UNIT // 2, UNIT // 2, UNIT // 2, UNIT // 2)
        layout.setSpacing(UNIT // 4)
        layout.addWidget(self.arrow)
        layout.addWidget(name)
        layout.addStretch(1)
        layout.addWidget(close)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Collapses or expands."""
        self.toggled.emit()
        event.accept()

    def show_collapsed(self, collapsed: bool, title: str) -> None:
        """Updates the arrow and its tooltip."""
        self.arrow.setIcon(icon("ph.caret-right" if collapsed else "ph.caret-down"))
        verb = "Expand" if collapsed else "Collapse"
        self.arrow.setToolTip(f"{verb} {title}")
        self.arrow.setAccessibleName(f"{verb} {title}")

    def _button(self, name: str, tip: str) -> QToolButton:
        button = QToolButton(self)
        button.setProperty("flat", True)
        button.setIcon(icon(name))
        button.setIconSize(QSize(12, 12))
        button.setFixedSize(3 * UNIT, 3 * UNIT)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        return button


class Dock(QDockWidget):
    """A collapsible panel at the edge of the main window.

    Signals:
        closed: The user has closed it with its button.
    """

    closed = Signal()

    def __init__(self, name: str, title: str, panel: QWidget, parent: QMainWindow) -> None:
        super().__init__(title, parent)
        self.setObjectName(name)
        self.setAccessibleName(title)
        self._panel = panel
        self._title = DockTitle(title, self)
        self._collapsed = False
        self._extent = 0
        self.setTitleBarWidget(self._title)
        self.setWidget(panel)
        self._title.toggled.connect(lambda: self.set_collapsed(not self._collapsed))
        self._title.closed.connect(lambda: shield(self._title))
        self._title.closed.connect(self.close)
        self._title.closed.connect(self.closed)
        self.topLevelChanged.connect(lambda floating: self.set_collapsed(False) if floating else None)

    @property
    def collapsed(self) -> bool:
        """Whether only the title bar is shown."""
        return self._collapsed

    def set_collapsed(self, collapsed: bool) -> None:
        """Collapses to the title bar, or expands to the previous height."""
        if collapsed == self._collapsed:
            return
        self._collapsed = collapsed
        shield(self._title)  # it moves, and what comes in its place may be the canvas
        if collapsed:
            self._extent = self.height()
        self._panel.setVisible(not collapsed)
        self._resize()
        self._title.show_collapsed(collapsed, self.windowTitle())

    def _resize(self) -> None:
        # A collapsed dock is only as high as its title bar, but the main window notices that only when it
        # distributes the space again.
        window, layout = self.parent(), self.layout()
        if layout is not None:
            layout.activate()
        if not isinstance(window, QMainWindow):
            return
        docks, heights = [self], [TITLE_HEIGHT if self._collapsed else self._extent or self.height()]
        others = [dock for dock in window.findChildren(Dock) if self._shares_with(dock)]
        if others:  # the tallest of the others absorbs the difference
            tallest = max(others, key=Dock.height)
            docks.append(tallest)
            heights.append(max(tallest.height() + self.height() - heights[0], TITLE_HEIGHT))
        window.resizeDocks(docks, heights, Qt.Orientation.Vertical)

    def _shares_with(self, other: Dock) -> bool:
        window = self.parent()
        return (
            isinstance(window, QMainWindow)
            and other is not self
            and other.isVisible()
            and not other.collapsed
            and not other.isFloating()
            and window.dockWidgetArea(other) == window.dockWidgetArea(self)
        )
