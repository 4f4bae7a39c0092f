"""The desktop's file manager: drops of files from it, and showing a file in it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QProcess, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QDropEvent
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


class _Drops(QObject):
    """Takes the files that are dropped on a window, and on the text fields in it."""

    def __init__(self, root: QWidget, take: Callable[[list[Path]], object]) -> None:
        super().__init__(root)
        self._take = take
        root.setAcceptDrops(True)
        root.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Accepts drags of files, and passes on what is dropped."""
        if not isinstance(event, QDropEvent):
            return False
        paths = accept_files(event)
        if paths and event.type() == QEvent.Type.Drop:
            self._take(paths)
        return True


def take_drops(root: QWidget, take: Callable[[list[Path]], object]) -> None:
    """Has a function called with the files that are dropped on a dialog."""
    _Drops(root, take)
    pass_drops_on(root)


def reveal(path: Path, parent: QObject) -> None:
    """Opens the file manager with the file selected, or with its folder if it cannot select.

    Args:
        path: The file.
        parent: Owns the process that asks the file manager.
    """
    if sys.platform == "win32":
        QProcess.startDetached("explorer.exe", [f"/select,{path}"])
    elif sys.platform == "darwin":
        QProcess.startDetached("open", ["-R", str(path)])
    else:
        _reveal_by_dbus(path, parent)


def open_folder(folder: Path) -> None:
    """Opens a folder in the file manager."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


def _reveal_by_dbus(path: Path, parent: QObject) -> None:
    """As specified by freedesktop.org, "File Manager D-Bus Interface"."""
    url = QUrl.fromLocalFile(str(path)).toString(QUrl.ComponentFormattingOption.FullyEncoded)
    process = QProcess(parent)

    def finish(worked: bool) -> None:
        if not worked:
            open_folder(path.parent)
        process.deleteLater()

    process.finished.connect(lambda code, _status: finish(code == 0))
    process.errorOccurred.connect(
        lambda error: finish(False) if error is QProcess.ProcessError.FailedToStart else None
    )
    process.start(
        "dbus-send",
        [
            "--session", "--print-reply", "--reply-timeout=5000", "--dest=org.freedesktop.FileManager1",
            "/org/freedesktop/FileManager1", "org.freedesktop.FileManager1.ShowItems",
            f"array:string:{url.replace(',', '%2C')}", "string:",
        ],
    )  # fmt: skip
