"""Drops of files from other programs."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QLineEdit, QWidget


def accept_files(event: QDropEvent) -> list[Path]:
    """Accepts a drop, or a drag that may become one, of local files; returns them, or none.

    It is accepted as a copy, whatever keys are held: a file manager deletes the files of a move. One that
    offers nothing but a move is refused.
    """
    paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    harmless = (Qt.DropAction.CopyAction, Qt.DropAction.LinkAction)
    action = next((each for each in harmless if each & event.possibleActions()), None)
    if action is None or not paths:
        event.ignore()
        return []
    event.setDropAction(action)
    event.accept()
    return paths


def pass_drops_on(root: QWidget) -> None:
    """Leaves drops on the text fields below ``root`` to ``root``: a field would accept files as a move."""
    for field in root.findChildren(QLineEdit):
        field.setAcceptDrops(False)
