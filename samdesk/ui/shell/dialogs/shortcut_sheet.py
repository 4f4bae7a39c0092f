"""ShortcutSheet: all shortcuts and mouse gestures on one page."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import MENUS
from samdesk.ui.kit.plain import PlainLabel
from samdesk.ui.kit.theme import UNIT

Row = tuple[str, tuple[str, ...]]
"""The title of a command or gesture, and its keys."""

_COLUMNS = 3


def sections(actions: Actions) -> list[tuple[str, list[Row]]]:
    """The sections of the sheet, (heading, rows): commands with shortcuts by menu, then mouse gestures."""
    titles = {menu.path: menu.title.replace("&", "") for menu in MENUS if "/" not in menu.path}
    found: dict[str, list[Row]] = {path: [] for path in titles}
    digits = [f"label.{n}" for n in range(1, 10)]
    for command in actions.commands:
        if command.id in digits or not actions.shortcuts(command.id):
            continue
        row = (command.title.rstrip("…"), actions.shortcut_texts(command.id))
        found[command.menu.split("/")[0]].append(row)
    first, last = (actions.shortcut_text(command_id) for command_id in (digits[0], digits[-1]))
    if first and last:
        found["annotate"].append(("Use label 1 to 9", (f"{first} – {last}",)))
    result = [(titles[path], rows) for path, rows in found.items() if rows]
    gestures: list[Row] = [(gesture.effect, (gesture.input,)) for gesture in actions.table.gestures]
    return [*result, ("On the canvas", gestures)]


class ShortcutSheet(QDialog):
    """The shortcut sheet: commands and their keys in columns."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Shortcut sheet")
        page = QWidget(self)
        columns = QHBoxLayout(page)
        columns.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 0)
        columns.setSpacing(5 * UNIT)
        for part in _in_columns(sections(actions), _COLUMNS):
            column = QVBoxLayout()
            column.setSpacing(3 * UNIT)
            for heading, rows in part:
                column.addWidget(_block(heading, rows, page))
            column.addStretch(1)
            columns.addLayout(column, 1)
        scroll = QScrollArea(self)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setWidget(page)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        change = buttons.addButton("Keyboard shortcuts…", QDialogButtonBox.ButtonRole.ActionRole)
        change.setAutoDefault(False)
        change.clicked.connect(self.close)
        change.clicked.connect(actions.action("edit.shortcuts").trigger)
        buttons.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * UNIT, UNIT, 2 * UNIT, 2 * UNIT)
        layout.setSpacing(2 * UNIT)
        layout.addWidget(scroll, 1)
        layout.addWidget(buttons)
        size = page.sizeHint()
        free = self.screen().availableSize() * 0.9
        self.resize(min(size.width() + 8 * UNIT, free.width()), min(size.height() + 14 * UNIT, free.height()))


def _in_columns(blocks: Sequence[tuple[str, list[Row]]], count: int) -> list[list[tuple[str, list[Row]]]]:
    """Distributes blocks over columns of similar height, the longest first."""
    result: list[list[tuple[str, list[Row]]]] = [[] for _ in range(count)]
    heights = [0] * count
    for block in sorted(blocks, key=lambda found: -len(found[1])):
        at = heights.index(min(heights))
        result[at].append(block)
        heights[at] += len(block[1]) + 3
    return result


def _block(heading: str, rows: Sequence[Row], parent: QWidget) -> QWidget:
    block = QWidget(parent)
    grid = QGridLayout(block)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(3 * UNIT)
    grid.setVerticalSpacing(UNIT * 3 // 4)
    grid.setColumnStretch(0, 1)
    title = PlainLabel(heading, block)
    title.setProperty("heading", True)
    grid.addWidget(title, 0, 0, 1, 2)
    for at, (what, keys) in enumerate(rows, start=1):
        grid.addWidget(PlainLabel(what, block), at, 0)
        grid.addWidget(_caps(keys, block), at, 1, Qt.AlignmentFlag.AlignRight)
    return block


def _caps(keys: Sequence[str], parent: QWidget) -> QWidget:
    holder = QWidget(parent)
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(UNIT // 2)
    for key in keys:
        cap = PlainLabel(key, holder)
        cap.setProperty("key", True)
        row.addWidget(cap)
    return holder
