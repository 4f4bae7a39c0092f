"""ImageFields: how images get into an export: copied or linked, as they are, resized or in tiles."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from samdesk.exchange.exporting.plan import MOST_PIXELS, ExportPlan
from samdesk.ui.kit.fields import caption, form, integer_field, select_entry
from samdesk.ui.kit.plain import plain
from samdesk.ui.kit.theme import UNIT

_FILES = (
    ("copy", "Copied"),
    ("hardlink", "Hard links (no room on the disk)"),
    ("symlink", "Symbolic links"),
    ("leave", "Left in their places"),
)
_CAPTION = 15 * UNIT
_PERCENT = 100


class ImageFields(QObject):
    """The fields about image files, in a form.

    Signals:
        changed: The user changed one.
    """

    changed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.files = QComboBox(parent)
        for value, title in _FILES:
            self.files.addItem(plain(title), value)
        self.size = QComboBox(parent)
        for value, title in (("same", "As they are"), ("resize", "Resized"), ("tile", "In tiles")):
            self.size.addItem(plain(title), value)
        self.pixels = integer_field(16, MOST_PIXELS, 64, " px", "Longer side of an image, or side of a tile")
        self.pixels.setValue(640)
        self.overlap = integer_field(0, 90, 5, " %", "Overlap of neighbouring tiles")
        self.min_share = integer_field(
            0, _PERCENT, 5, " %", "Less than this of an annotation in a tile is left out"
        )
        self._captions = caption("Overlap"), caption("Minimum part")
        self.form = form()
        self.form.addRow(caption("Files", _CAPTION), self.files)
        self.form.addRow(caption("Size", _CAPTION), _line(self.size, self.pixels))
        self.form.addRow(
            caption("", _CAPTION),
            _line(self._captions[0], self.overlap, self._captions[1], self.min_share),
        )
        self.set_plan(ExportPlan())
        self.files.currentIndexChanged.connect(self._follow)
        self.size.currentIndexChanged.connect(self._follow)
        for field in (self.pixels, self.overlap, self.min_share):
            field.valueChanged.connect(self.changed)

    def set_plan(self, plan: ExportPlan) -> None:
        """Fills the fields."""
        select_entry(self.files, plan.images, plan.images)
        select_entry(self.size, "tile" if plan.tile else "resize" if plan.resize else "same", "")
        if plan.changes_pixels:
            self.pixels.setValue(plan.tile or plan.resize)
        self.overlap.setValue(round(plan.overlap * _PERCENT))
        self.min_share.setValue(round(plan.min_share * _PERCENT))
        self._show()

    def applied(self, plan: ExportPlan) -> ExportPlan:
        """Returns a plan with what the fields show."""
        kind, pixels = self.size.currentData(), self.pixels.value()
        return replace(
            plan,
            images=self.files.currentData() if kind == "same" else "copy",
            resize=pixels if kind == "resize" else 0,
            tile=pixels if kind == "tile" else 0,
            overlap=self.overlap.value() / _PERCENT,
            min_share=self.min_share.value() / _PERCENT,
        )

    def _follow(self) -> None:
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        kind = self.size.currentData()
        self.files.setEnabled(kind == "same")
        self.files.setToolTip("" if kind == "same" else "Images that are resized or cut are new files")
        self.pixels.setEnabled(kind != "same")
        for widget in (*self._captions, self.overlap, self.min_share):
            widget.setEnabled(kind == "tile")


def _line(*widgets: QWidget) -> QHBoxLayout:
    layout = QHBoxLayout()
    layout.setSpacing(UNIT)
    for widget in widgets:
        layout.addWidget(widget)
    layout.addStretch(1)
    return layout
