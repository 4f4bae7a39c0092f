"""Tab goes through a dialog as one reads it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QDialog, QLineEdit, QSpinBox, QWidget
from pytestqt.qtbot import QtBot

from samdesk.domain.labels import LabelSet
from samdesk.formats.registry import formats
from samdesk.ui.exporting.dialog import ExportDialog
from samdesk.ui.fit.dialog import FitDialog
from samdesk.ui.splits.dialog import SplitDialog


def _export_dialog() -> QDialog:
    return ExportDialog([row for row in formats() if row.write is not None], LabelSet(), Path("set"), None)


def _reached(dialog: QDialog) -> list[QWidget]:
    """What Tab reaches, in its order, from the top."""
    found: list[QWidget] = []
    widget = dialog.nextInFocusChain()
    while widget is not None and widget is not dialog:
        inner = isinstance(widget, QLineEdit) and isinstance(widget.parent(), QSpinBox)
        if widget.isVisibleTo(dialog) and widget.focusPolicy() & Qt.FocusPolicy.TabFocus and not inner:
            found.append(widget)
        widget = widget.nextInFocusChain()
    return found


@pytest.mark.parametrize("make", [_export_dialog, FitDialog, SplitDialog])
def test_tab_never_goes_up_within_a_column(make: type[QDialog], qtbot: QtBot) -> None:
    dialog = make()
    qtbot.addWidget(dialog)
    dialog.show()
    places = [widget.mapTo(dialog, QPoint(0, widget.height() // 2)) for widget in _reached(dialog)]
    assert len(places) > 9
    middle = dialog.width() // 2
    for before, after in pairwise(places):
        up = after.y() < before.y() - 8
        assert not up or (before.x() < middle <= after.x()), (before, after)  # but for the next column
