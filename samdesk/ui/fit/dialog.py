"""The dialog that asks what to train: the model, a few fields, and all other arguments as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from samdesk.base.errors import UserError
from samdesk.base.text import counted, printable
from samdesk.training.fit.material import FitMaterial
from samdesk.training.fit.record import FitRun
from samdesk.training.fit.settings import FitSettings, parse_more
from samdesk.training.fit.start import find_start
from samdesk.ui.kit.fields import (
    CHECKPOINTS,
    caption,
    fill_devices,
    form,
    heading,
    integer_field,
    muted_label,
    select_entry,
    separator,
    tab_in_reading_order,
)
from samdesk.ui.kit.plain import PlainLabel, plain
from samdesk.ui.kit.theme import UNIT

_WIDTH = 92 * UNIT
_CAPTION = 18 * UNIT
_SIZES = (
    ("n", "YOLO11n segment: small and fast"),
    ("s", "YOLO11s segment"),
    ("m", "YOLO11m segment: better, slower"),
    ("l", "YOLO11l segment"),
    ("x", "YOLO11x segment: best, slowest"),
)
_RATIOS = (
    ("80/20", "80% to train on, 20% to validate"),
    ("90/10", "90% to train on, 10% to validate"),
    ("70/20/10", "70% to train on, 20% to validate, 10% for a test"),
    ("", "No split: validate on the training images (the figures flatter)"),
)
_HOW = (
    "Ultralytics' own trainer runs in the background at low priority while you work. Your images and labels "
    "are not changed. The model is kept with your other models, for auto-annotate. To make Flint better at "
    "clicks and boxes, use Teach Flint."
)


@dataclass(frozen=True)
class FitOffer:
    """What the dialog shows.

    Attributes:
        material: What there is to train on.
        trained: Names of the models trained so far, the newest first.
        interrupted: The training that can be resumed.
    """

    material: FitMaterial
    trained: Sequence[str] = ()
    interrupted: FitRun | None = None


class FitDialog(QDialog):
    """Open it with ``open()``.

    Signals:
        started: (FitSettings, ratio of the split to make or "") the user starts a training.
        resumed: The user resumes the interrupted one.
    """

    started = Signal(object, str)
    resumed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Train a detector")
        self._ready = False
        self.found = PlainLabel("Reading the dataset…", self)
        self.found.setWordWrap(True)
        self.split = QComboBox(self)
        self.split.setAccessibleName("Split")
        for ratio, title in _RATIOS:
            self.split.addItem(plain(title), ratio)
        self.split_text = muted_label("This dataset has no split yet. One is made, which you can undo:")
        self.model = QComboBox(self)
        self.model.setEditable(True)
        self.model.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        for size, title in _SIZES:
            self.model.addItem(plain(title), size)
        self.browse = QPushButton("Browse…", self)
        self.browse.setToolTip("Choose a checkpoint to start from")
        self.browse.setAutoDefault(False)
        self.start_note = muted_label()
        self.epochs = integer_field(1, 100_000, 10, "", "How often every image is seen, at most")
        self.imgsz = integer_field(
            32, 8192, 32, " px", "Images are resized to this; larger finds smaller objects"
        )
        self.batch = integer_field(1, 1024, 1, "", "Images per step; fewer need less memory")
        self.device = QComboBox(self)
        self.device.addItem("Automatic", "")
        self.more = QLineEdit(self)
        self.more.setPlaceholderText("patience=20 lr0=0.001 cos_lr=True")
        self.more.setToolTip("Any argument of Ultralytics' trainer, as key=value")
        self.problem = PlainLabel("", self)
        self.problem.setWordWrap(True)
        self.resume_text = muted_label()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.start_button = self.buttons.addButton("Train", QDialogButtonBox.ButtonRole.AcceptRole)
        self.start_button.setDefault(True)
        self.resume_button = self.buttons.addButton("Resume", QDialogButtonBox.ButtonRole.ActionRole)
        self.resume_button.setAutoDefault(False)
        self.buttons.button(QDialogButtonBox.StandardButton.Cancel).setAutoDefault(False)
        self._lay_out()
        tab_in_reading_order(self)
        self._connect()
        self.set_settings(FitSettings())
        for part in (self.split, self.split_text, self.resume_text, self.resume_button):
            part.hide()

    def set_offer(self, offer: FitOffer) -> None:
        """Shows what there is to train on."""
        material = offer.material
        for name in reversed(offer.trained):
            self.model.insertItem(len(_SIZES), plain(name), name)
        self.imgsz.setValue(material.train_size)
        self.found.setText(material_text(material))
        asks = not material.split and not material.problem and sum(material.annotated.values()) > 1
        self.split.setVisible(asks)
        self.split_text.setVisible(asks)
        self.split.setCurrentIndex(0 if asks else len(_RATIOS) - 1)
        self._ready = not material.problem and (asks or bool(material.annotated.get("train")))
        run = offer.interrupted
        if run is not None:
            done = f"{len(run.epochs()):,} of {counted(run.settings.epochs, 'epoch')}"
            self.resume_text.setText(
                f"{printable(run.name)} was interrupted after {done}. Resume goes on with it."
            )
        self.resume_text.setVisible(run is not None)
        self.resume_button.setVisible(run is not None)
        self._update()

    def set_failed(self, text: str) -> None:
        """Shows why the dataset cannot be read."""
        self.found.setText(text)

    def set_devices(self, devices: Sequence[tuple[str, str]]) -> None:
        """Lists the devices of this machine as (id, title)."""
        fill_devices(self.device, list(devices))

    def set_settings(self, settings: FitSettings) -> None:
        """Fills the fields."""
        select_entry(self.model, settings.model, settings.model)
        self.epochs.setValue(settings.epochs)
        self.imgsz.setValue(settings.imgsz)
        self.batch.setValue(settings.batch)
        select_entry(self.device, settings.device, settings.device)
        self.more.setText(settings.more)
        self._update()

    def settings(self) -> FitSettings:
        """The settings that the fields show. Raises ``UserError``."""
        text = self.model.currentText().strip()
        at = self.model.findText(text)
        model = self.model.itemData(at) if at >= 0 else text
        find_start(model)
        parse_more(self.more.text())
        return FitSettings(
            model, self.epochs.value(), self.imgsz.value(), self.batch.value(),
            self.device.currentData(), self.more.text().strip(),
        )  # fmt: skip

    def _lay_out(self) -> None:
        fields = form()
        model = QHBoxLayout()
        model.setSpacing(UNIT)
        model.addWidget(self.model, 1)
        model.addWidget(self.browse)
        fields.addRow(caption("Start from", _CAPTION), model)
        fields.addRow(caption("", _CAPTION), self.start_note)
        numbers = QHBoxLayout()
        numbers.setSpacing(UNIT)
        for title, field in (("", self.epochs), ("Image size", self.imgsz), ("Batch", self.batch)):
            if title:
                numbers.addSpacing(UNIT)
                numbers.addWidget(caption(title))
            numbers.addWidget(field)
        numbers.addStretch(1)
        fields.addRow(caption("Epochs", _CAPTION), numbers)
        fields.addRow(caption("Device", _CAPTION), self.device)
        fields.addRow(caption("All other arguments", _CAPTION), self.more)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        layout.setSpacing(UNIT)
        top: tuple[QWidget, ...] = (
            heading("Training material"), self.found, self.split_text, self.split, separator(self),
        )  # fmt: skip
        below = (self.problem, separator(self), muted_label(_HOW), self.resume_text, self.buttons)
        for part in top:
            layout.addWidget(part)
        layout.addLayout(fields)
        for part in below:
            layout.addWidget(part)
        self.setMinimumWidth(_WIDTH)

    def _connect(self) -> None:
        self.model.currentTextChanged.connect(self._update)
        self.more.textChanged.connect(self._update)
        self.browse.clicked.connect(self._browse)
        self.buttons.accepted.connect(self._start)
        self.buttons.rejected.connect(self.reject)
        self.resume_button.clicked.connect(self._resume)

    def _update(self) -> None:
        problem, note = "", ""
        try:
            note = find_start(self.settings().model).note
        except UserError as error:
            problem = str(error)
        self.start_note.setText(printable(note))
        self.start_note.setVisible(bool(note))
        self.problem.setText(printable(problem))
        self.problem.setVisible(bool(problem))
        self.start_button.setEnabled(self._ready and not problem)
        self._fit_height()

    def _fit_height(self) -> None:
        """Gives wrapped texts the height that they need at this width."""
        layout = self.layout()
        if layout is not None:
            layout.activate()
            self.resize(max(self.width(), _WIDTH), layout.totalHeightForWidth(max(self.width(), _WIDTH)))

    def _start(self) -> None:
        if self.start_button.isEnabled():
            self.started.emit(self.settings(), self.split.currentData() if self.split.isVisible() else "")
            self.accept()

    def _resume(self) -> None:
        self.resumed.emit()
        self.accept()

    def _browse(self) -> None:
        picker = QFileDialog(self, "Choose a checkpoint to start from", "", CHECKPOINTS)
        picker.setFileMode(QFileDialog.FileMode.ExistingFile)
        picker.fileSelected.connect(self.model.setCurrentText)
        picker.finished.connect(picker.deleteLater)
        picker.open()


def material_text(material: FitMaterial) -> str:
    """What there is to train on, or why it cannot be."""
    if material.problem:
        return printable(material.problem)
    images, annotated, instances = material.images, material.annotated, material.instances
    if not material.split:
        total = sum(annotated.values())
        few = "" if total > 1 else " At least 2 are needed, and some hundred work well."
        return f"{_counts(total, sum(instances.values()), 'annotated image')}.{few}"
    parts = []
    for split, use in (("train", "Training"), ("val", "Validation"), ("test", "Test")):
        if images.get(split):
            empty = images[split] - annotated[split]
            without = f" ({counted(empty, 'image')} without)" if empty else ""
            parts.append(f"{use}: {_counts(images[split], instances[split])}{without}.")
    parts.append(f"{counted(len(material.names), 'class', 'classes')}.")
    none = "" if annotated.get("train") else " No training image has annotations."
    return f"{' '.join(parts)}{none}"


def _counts(images: int, annotations: int, noun: str = "image") -> str:
    return f"{counted(images, noun)} with {counted(annotations, 'annotation')}"
