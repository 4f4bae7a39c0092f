"""The model information dialog."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLabel, QVBoxLayout, QWidget

from samdesk.base.text import size
from samdesk.engine.protocols import ModelInfo
from samdesk.ui.kit.plain import PlainLabel
from samdesk.ui.kit.theme import UNIT

_PRECISIONS = {"fp32": "fp32 (full)", "fp16": "fp16 (half)", "bf16": "bf16 (half)"}


def rows(info: ModelInfo) -> list[tuple[str, str]]:
    """The rows of the dialog as (name, value)."""
    counted = info.parameters > 0
    return [
        ("Model", info.title),
        ("Name", info.name),
        ("Device", f"{info.device_title} ({info.device})" if info.device_title else info.device),
        ("Precision", _PRECISIONS.get(info.precision, info.precision)),
        ("Layers", f"{info.layers:,}" if info.layers else "–"),
        ("Parameters", f"{info.parameters:,}" if counted else "–"),
        ("GFLOPs per image", f"{info.gflops:,.1f}" if info.gflops is not None else "–"),
        ("Memory for weights", size(info.memory_bytes) if info.memory_bytes else "–"),
        ("File", info.path or (f"Plug-in of {info.package}" if info.package else "Built in")),
        ("SHA-256", f"{info.sha256}…" if info.sha256 and info.sha256 != info.package else "–"),
    ]


class ModelInfoDialog(QDialog):
    """Layers, parameters, GFLOPs, memory, device, precision and file of the loaded model."""

    def __init__(self, info: ModelInfo, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Model information")
        self._form = QFormLayout()
        self._form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self._form.setHorizontalSpacing(3 * UNIT)
        self._form.setVerticalSpacing(UNIT)
        self._values: dict[str, QLabel] = {}
        for name, _ in rows(info):
            value = PlainLabel("", self)
            value.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
            value.setWordWrap(True)
            value.setMinimumWidth(320)
            caption = PlainLabel(name, self)
            caption.setProperty("muted", True)
            self._form.addRow(caption, value)
            self._values[name] = value
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * UNIT, 3 * UNIT, 3 * UNIT, 2 * UNIT)
        layout.setSpacing(2 * UNIT)
        layout.addLayout(self._form)
        layout.addWidget(buttons)
        self.set_info(info)

    def set_info(self, info: ModelInfo) -> None:
        """Replaces the values, as when the GFLOPs have been counted."""
        for name, value in rows(info):
            self._values[name].setText(value)

    def text(self, name: str) -> str:
        """The value shown for a name such as "Parameters"."""
        return self._values[name].text()
