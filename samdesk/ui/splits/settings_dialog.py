"""TrainingSettingsDialog: which annotations label files hold, and which images the lists of the splits."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from samdesk.dataset.trainer.settings import TRAIN_SIZES, TrainingSettings
from samdesk.ui.kit.fields import caption, form, integer_field, muted_label, select_entry
from samdesk.ui.kit.plain import plain
from samdesk.ui.kit.theme import UNIT

_HELD = (
    ("not-rejected", "All but rejected annotations"),
    ("accepted", "Only accepted annotations"),
    ("all", "All annotations, rejected ones too"),
)
_LISTED = (("all", "All images of a split"), ("done", "Only images that are done"))


class TrainingSettingsDialog(QDialog):
    """Asks what trains.

    Signals:
        chosen: (TrainingSettings) the user wants these.
    """

    chosen = Signal(object)

    def __init__(self, settings: TrainingSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("What trains")
        self.label_files = QComboBox()
        for value, title in _HELD:
            self.label_files.addItem(plain(title), value)
        self.lists = QComboBox()
        for value, title in _LISTED:
            self.lists.addItem(plain(title), value)
        self.train_size = integer_field(*TRAIN_SIZES, 32, " px", "Longer side of the images in training")
        select_entry(self.label_files, settings.label_files_hold, settings.label_files_hold)
        select_entry(self.lists, settings.lists_hold, settings.lists_hold)
        self.train_size.setValue(settings.train_size)
        fields = form()
        fields.addRow(caption("Label files hold"), self.label_files)
        fields.addRow(caption("train.txt, val.txt, test.txt hold"), self.lists)
        fields.addRow(caption("Training size"), self.train_size)
        note = muted_label(
            "Annotations that are left out of label files stay in samdesk. "
            "A change writes the label files anew."
        )
        note.setWordWrap(True)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        layout.setSpacing(2 * UNIT)
        layout.addLayout(fields)
        layout.addWidget(note)
        layout.addWidget(buttons)

    def accept(self) -> None:
        """Emits what was chosen."""
        self.chosen.emit(
            TrainingSettings(
                self.label_files.currentData(), self.lists.currentData(), self.train_size.value()
            )
        )
        super().accept()
