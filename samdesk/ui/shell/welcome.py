"""Welcome: the page shown while no folder is open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from samdesk.base.text import printable
from samdesk.ui.commands.actions import Actions
from samdesk.ui.kit.icons import app_icon, icon
from samdesk.ui.kit.plain import LONGEST_BUTTON, PlainLabel, plain, tip
from samdesk.ui.kit.theme import UNIT, current_tokens

TAGLINE = (
    "Turn a folder of images into a clean instance-segmentation dataset: you click, Segment Anything draws."
)
_WIDTH = 60 * UNIT
_SHOWN = 6


class Welcome(QWidget):
    """The welcome page: open a folder or a video, try the demo, or choose a recent folder.

    Signals:
        recent_chosen(object Path): A recent folder was clicked.
    """

    recent_chosen = Signal(object)

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._dropping = False
        self.recent_buttons: list[QToolButton] = []
        column = QWidget(self)
        column.setFixedWidth(_WIDTH)
        self._column = QVBoxLayout(column)
        self._column.setContentsMargins(0, 4 * UNIT, 0, 4 * UNIT)
        self._column.setSpacing(0)
        self._add_head(column)
        self._add_buttons(column, actions)
        self._add_recent(column)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        scroll = QScrollArea(self)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.viewport().setAutoFillBackground(False)
        page = QWidget(scroll)
        page.setAutoFillBackground(False)
        centre = QHBoxLayout(page)
        centre.addWidget(column, 0, Qt.AlignmentFlag.AlignCenter)
        scroll.setWidget(page)
        outer.addWidget(scroll)

    def set_recent(self, folders: Sequence[Path]) -> None:
        """Lists recent folders, the latest first."""
        for button in self.recent_buttons:
            self._list.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.recent_buttons = [self._recent_button(folder) for folder in folders[:_SHOWN]]
        for button in self.recent_buttons:
            self._list.addWidget(button)
        self._recent.setVisible(bool(self.recent_buttons))

    def set_dropping(self, dropping: bool) -> None:
        """Shows or hides the drop highlight."""
        self._dropping = dropping
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paints the drop highlight while something is dragged over the window."""
        if not self._dropping:
            return
        tokens = current_tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(QColor(tokens.accent), 2, Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(QColor(tokens.accent_soft))
        painter.drawRoundedRect(self.rect().adjusted(UNIT, UNIT, -UNIT, -UNIT), 12, 12)
        painter.end()

    def _add_head(self, parent: QWidget) -> None:
        mark = PlainLabel("", parent)
        mark.setPixmap(app_icon().pixmap(QSize(80, 80), self.devicePixelRatioF()))
        mark.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        name = PlainLabel("samdesk", parent)
        font = name.font()
        font.setPointSizeF(font.pointSizeF() * 2.4)
        font.setBold(True)
        name.setFont(font)
        name.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        line = PlainLabel(TAGLINE, parent)
        line.setProperty("muted", True)
        line.setWordWrap(True)
        line.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._column.addWidget(mark)
        self._column.addSpacing(2 * UNIT)
        self._column.addWidget(name)
        self._column.addSpacing(UNIT)
        self._column.addWidget(line)
        self._column.addSpacing(4 * UNIT)

    def _add_buttons(self, parent: QWidget, actions: Actions) -> None:
        self.open_button = _big_button(actions, "file.open_folder", parent, primary=True)
        self.demo_button = _big_button(actions, "file.demo", parent, primary=False)
        self.video_button = _big_button(actions, "file.open_video", parent, primary=False)
        row = QHBoxLayout()
        row.setSpacing(UNIT * 3 // 2)
        row.addStretch(1)
        row.addWidget(self.open_button)
        row.addWidget(self.video_button)
        row.addWidget(self.demo_button)
        row.addStretch(1)
        hint = PlainLabel("or drop a folder, images or a video anywhere in this window", parent)
        hint.setProperty("muted", True)
        hint.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._column.addLayout(row)
        self._column.addSpacing(UNIT * 3 // 2)
        self._column.addWidget(hint)

    def _add_recent(self, parent: QWidget) -> None:
        self._recent = QWidget(parent)
        layout = QVBoxLayout(self._recent)
        layout.setContentsMargins(0, 5 * UNIT, 0, 0)
        layout.setSpacing(UNIT)
        heading = PlainLabel("Recent", self._recent)
        heading.setProperty("heading", True)
        heading.setContentsMargins(UNIT, 0, 0, 0)
        layout.addWidget(heading)
        self._list = QVBoxLayout()
        self._list.setSpacing(2)
        layout.addLayout(self._list)
        self._recent.setVisible(False)
        self._column.addWidget(self._recent)

    def _recent_button(self, folder: Path) -> QToolButton:
        button = QToolButton(self._recent)
        button.setProperty("flat", True)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.setIcon(icon("ph.folder"))
        button.setIconSize(QSize(18, 18))
        place = plain(short_path(folder.parent))
        metrics, name = QFontMetrics(button.font()), printable(folder.name, limit=LONGEST_BUTTON)
        room = _WIDTH - 8 * UNIT - metrics.horizontalAdvance(name)
        place = metrics.elidedText(place, Qt.TextElideMode.ElideMiddle, max(room, 80))
        button.setText(f"  {name}   {place}".replace("&", "&&"))
        button.setToolTip(tip(str(folder)))
        button.setAccessibleName(plain(f"Open {folder}"))
        button.clicked.connect(lambda: self.recent_chosen.emit(folder))
        return button


def short_path(folder: Path) -> str:
    """A path with ``~`` for the home folder."""
    try:
        rest = folder.relative_to(Path.home())
    except (ValueError, RuntimeError):
        return str(folder)
    return "~" if rest == Path() else str(Path("~") / rest)


def _big_button(actions: Actions, command_id: str, parent: QWidget, *, primary: bool) -> QPushButton:
    action = actions.action(command_id)
    button = QPushButton(f"  {action.text()}", parent)
    role = QPalette.ColorRole.HighlightedText if primary else QPalette.ColorRole.ButtonText
    button.setIcon(icon(actions.command(command_id).icon, role))
    button.setIconSize(QSize(20, 20))
    button.setProperty("primary", primary)
    button.setMinimumHeight(5 * UNIT)
    button.setMinimumWidth(18 * UNIT)
    button.setToolTip(action.toolTip())
    button.clicked.connect(action.trigger)
    return button
