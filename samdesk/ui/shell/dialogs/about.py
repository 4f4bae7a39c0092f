"""AboutDialog: version, licence and third-party packages."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from samdesk.ui.kit.icons import app_icon
from samdesk.ui.kit.theme import UNIT
from samdesk.ui.shell.welcome import TAGLINE

PARTS: tuple[tuple[str, str, str], ...] = (
    ("PySide6-Essentials", "Qt for Python", "LGPL-3.0"),
    ("torch", "PyTorch", "BSD-3-Clause"),
    ("ultralytics", "Ultralytics (YOLO, SAM networks)", "AGPL-3.0"),
    ("onnxruntime", "ONNX Runtime", "MIT"),
    ("safetensors", "safetensors", "Apache-2.0"),
    ("opencv-python", "OpenCV", "Apache-2.0"),
    ("shapely", "Shapely and GEOS", "BSD-3-Clause, LGPL-2.1"),
    ("contourpy", "ContourPy", "BSD-3-Clause"),
    ("numpy", "NumPy", "BSD-3-Clause"),
    ("pillow", "Pillow", "MIT-CMU"),
    ("pycocotools", "COCO API", "BSD-2-Clause"),
    ("qtawesome", "QtAwesome, with Phosphor Icons", "MIT"),
)
"""Third-party packages: (package, title, licence)."""


def package_version(package: str) -> str:
    """The installed version of a package, found without importing it, or "not installed"."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


class AboutDialog(QDialog):
    """Shows name, version, licence and third-party packages."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("About samdesk")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * UNIT, 3 * UNIT, 3 * UNIT, 2 * UNIT)
        layout.setSpacing(2 * UNIT)
        layout.addLayout(self._head())
        licence = QLabel(
            "samdesk is free software under the GNU Affero General Public License, version 3. "
            "It comes with no warranty. The weights of Flint, the built-in model, derive from YOLO11n "
            "(AGPL-3.0, Ultralytics). Other models have their own licences, which the model dialog shows.",
            self,
        )
        licence.setWordWrap(True)
        layout.addWidget(licence)
        layout.addLayout(self._parts())
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.close)
        layout.addWidget(buttons)
        self.setMinimumWidth(64 * UNIT)

    def _head(self) -> QHBoxLayout:
        mark = QLabel(self)
        mark.setPixmap(app_icon().pixmap(QSize(64, 64), self.devicePixelRatioF()))
        name = QLabel(f"samdesk {package_version('samdesk')}", self)
        font = name.font()
        font.setPointSizeF(font.pointSizeF() * 1.6)
        font.setBold(True)
        name.setFont(font)
        name.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        line = QLabel(TAGLINE, self)
        line.setProperty("muted", True)
        line.setWordWrap(True)
        texts = QVBoxLayout()
        texts.setSpacing(UNIT // 2)
        texts.addWidget(name)
        texts.addWidget(line)
        head = QHBoxLayout()
        head.setSpacing(2 * UNIT)
        head.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(texts, 1)
        return head

    def _parts(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(3 * UNIT)
        grid.setVerticalSpacing(UNIT // 2)
        grid.setColumnStretch(0, 1)
        for row, (package, title, licence) in enumerate(PARTS):
            for column, text in enumerate((title, package_version(package), licence)):
                label = QLabel(text, self)
                label.setProperty("muted", column > 0)
                grid.addWidget(label, row, column)
        return grid
