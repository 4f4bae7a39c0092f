"""Shows a file in the desktop's file manager."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QObject, QProcess, QUrl
from PySide6.QtGui import QDesktopServices


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
