"""The auto-annotate dialog: models, parameters, classes, and a preview of the number of images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from samdesk.base.text import counted, printable, size
from samdesk.batch.plan import AutoAnnotatePlan, Existing
from samdesk.batch.report import DryRun
from samdesk.domain.labels import LabelSet
from samdesk.engine.models.registry import MODELS
from samdesk.ui.auto_annotate.class_chooser import ClassChooser
from samdesk.ui.auto_annotate.parameter_fields import ParameterFields
from samdesk.ui.kit.fields import (
    CHECKPOINTS,
    ExplicitButton,
    caption,
    fill_devices,
    form,
    heading,
    muted_label,
    select_entry,
    separator,
)
from samdesk.ui.kit.plain import PlainLabel, plain
from samdesk.ui.kit.theme import UNIT
from samdesk.ui.models.dialog import PRECISIONS
from samdesk.ui.models.rows import has_class_names, known_name

CAPTION = 18 * UNIT
_NAMES_SHOWN = 4
_NAME_LENGTH = 30
POLICIES: tuple[tuple[Existing, str, str], ...] = (
    ("skip", "Skip them", "Only images without annotations are annotated."),
    ("add", "Add what is missing", "Adds new objects; skips those that overlap an existing one."),
    ("replace", "Replace an earlier run", "Replaces what an earlier run made; your own work stays."),
)


class AutoAnnotateDialog(QDialog):
    """Edits an AutoAnnotatePlan. Open it with ``open()``: it is not application-modal.

    Signals:
        count_requested: (AutoAnnotatePlan) requests a dry run; answer with ``set_dry_run``.
        started: (AutoAnnotatePlan) emitted when the user starts the run; the dialog closes.
        names_requested: (detector name, device id, precision) answer with ``set_detector_names``.
    """

    count_requested = Signal(object)
    started = Signal(object)
    names_requested = Signal(str, str, str)

    def __init__(self, labels: LabelSet, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Auto-annotate")
        self._plan = AutoAnnotatePlan()
        self._dry_run: DryRun | None = None
        self._downloaded: frozenset[str] | None = None
        self._make_fields()
        self.classes = ClassChooser(labels, self)
        self.summary = PlainLabel("", self)
        self.summary.setWordWrap(True)
        self.note = muted_label()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.buttons.button(QDialogButtonBox.StandardButton.Cancel).setAutoDefault(False)
        self.start_button = ExplicitButton("Start", self)
        # Not AcceptRole: a button box makes such a button the default.
        self.buttons.addButton(self.start_button, QDialogButtonBox.ButtonRole.ActionRole)
        self._lay_out()
        self._connect()
        self.set_plan(self._plan)

    def _make_fields(self) -> None:
        self.detector = QComboBox(self)
        self.detector.setEditable(True)
        self.detector.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        for model in MODELS:
            if model.finds_boxes:
                self.detector.addItem(model.name if model.url else f"{model.title} (built in)", model.name)
        self.detector.setToolTip("A YOLO model, Flint, or a detection or segmentation checkpoint file")
        self.detector.setMinimumWidth(220)
        self.sam = QComboBox(self)
        for model in MODELS:
            if model.draws_masks:
                self.sam.addItem(model.title, model.name)
        self.device = QComboBox(self)
        self.device.addItem("Automatic", "")
        self.precision = QComboBox(self)
        for value, title in PRECISIONS:
            self.precision.addItem(title, value)
        self.parameters = ParameterFields()
        self.policies: dict[str, QRadioButton] = {}
        self._policy_group = QButtonGroup(self)
        for value, title, _ in POLICIES:
            self.policies[value] = QRadioButton(title, self)
            self._policy_group.addButton(self.policies[value])
        self.detector_browse = self._browse_button("Choose a detector's checkpoint file", self._set_detector)
        self.sam_browse = self._browse_button("Choose a mask model's checkpoint file", self._set_sam)

    def _lay_out(self) -> None:
        left, right = QVBoxLayout(), QVBoxLayout()
        left.setSpacing(UNIT)
        right.setSpacing(UNIT)
        for title, fields in (("Models", self._models_form()), ("Detection", self.parameters.form(CAPTION))):
            left.addWidget(heading(title))
            left.addLayout(fields)
            left.addSpacing(2 * UNIT)
        left.addWidget(heading("Images that have annotations"))
        left.addWidget(muted_label("Images you have edited are never changed."))
        for value, _, text in POLICIES:
            explanation = muted_label(text)
            explanation.setIndent(3 * UNIT - 2)
            left.addWidget(self.policies[value])
            left.addSpacing(-UNIT)
            left.addWidget(explanation)
        left.addStretch(1)
        right.addWidget(heading("Classes"))
        right.addWidget(self.classes, 1)
        columns = QHBoxLayout()
        columns.setSpacing(3 * UNIT)
        columns.addLayout(left, 5)
        columns.addLayout(right, 4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        layout.setSpacing(UNIT)
        layout.addLayout(columns, 1)
        layout.addWidget(separator(self))
        layout.addWidget(self.summary)
        layout.addWidget(self.note)
        layout.addWidget(self.buttons)
        self.resize(880, 640)

    def _models_form(self) -> QFormLayout:
        fields = form()
        for title, combo, browse in (
            ("Detector", self.detector, self.detector_browse),
            ("Mask model", self.sam, self.sam_browse),
        ):
            row = QHBoxLayout()
            row.setSpacing(UNIT)
            row.addWidget(combo, 1)
            row.addWidget(browse)
            fields.addRow(caption(title, CAPTION), row)
        fields.addRow(caption("Device", CAPTION), self.device)
        fields.addRow(caption("Precision", CAPTION), self.precision)
        return fields

    def _connect(self) -> None:
        self.detector.currentTextChanged.connect(self._change_detector)
        self.sam.currentIndexChanged.connect(self._update)
        self.classes.changed.connect(self._update)
        self.classes.names_requested.connect(self._request_names)
        for button in self.policies.values():
            button.clicked.connect(self._recount)
        self.start_button.clicked.connect(self._start)
        self.buttons.rejected.connect(self.reject)

    def plan(self) -> AutoAnnotatePlan:
        """The plan that the fields show. Raises ``ValueError`` if no class is chosen."""
        return replace(
            self._plan,
            det_model=self.detector_name,
            sam_model=self.sam.currentData(),
            device=self.device.currentData(),
            precision=self.precision.currentData(),
            classes=self.classes.classes,
            mapping=self.classes.mapping,
            existing=self._existing(),
            **self.parameters.values(),
        )

    def set_plan(self, plan: AutoAnnotatePlan) -> None:
        """Fills the fields."""
        self._plan = plan
        self._set_detector(plan.det_model)
        self._set_sam(plan.sam_model)
        select_entry(self.device, plan.device, plan.device)
        select_entry(self.precision, plan.precision, plan.precision)
        self.parameters.set_values(plan)
        self.policies[plan.existing].setChecked(True)
        self.classes.set_choice(plan.classes, plan.mapping)
        self._request_names_in_file()
        self._update()

    def offer_taught(self, path: str, names: Sequence[str]) -> None:
        """Lists the detector that was taught on this dataset first."""
        more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
        shown = ", ".join(printable(name, limit=_NAME_LENGTH) for name in names[:_NAMES_SHOWN])
        self.detector.insertItem(0, f"Taught here ({shown}{more})", path)

    def add_predictor(self, path: str, title: str) -> None:
        """Lists the current predictor by its title, if it is not one of the known models."""
        name = known_name(path)
        if name and self.sam.findData(name) < 0:
            self.sam.insertItem(0, plain(title), name)

    def set_devices(self, devices: Sequence[tuple[str, str]]) -> None:
        """Lists the devices of this machine as (id, title); keeps the one that is chosen."""
        fill_devices(self.device, list(devices))

    def set_downloaded(self, names: Iterable[str]) -> None:
        """Sets which models' weights are installed; the others are downloaded when a run starts."""
        self._downloaded = frozenset(names)
        self._update()

    @property
    def detector_name(self) -> str:
        """The chosen detector, name or path."""
        text = self.detector.currentText().strip()
        at = self.detector.findText(text, Qt.MatchFlag.MatchFixedString)
        return self.detector.itemData(at) if at >= 0 else text

    def set_detector_names(self, names: Sequence[str]) -> None:
        """Shows the class names of the chosen detector."""
        self.classes.set_names(names)
        self._update()

    def set_names_failed(self, reason: str) -> None:
        """Shows why the class names are unavailable."""
        self.classes.set_failed(reason)

    def set_dry_run(self, dry_run: DryRun) -> None:
        """Shows how many images the run would annotate."""
        self._dry_run = dry_run
        self._update()

    @property
    def counted(self) -> bool:
        """Whether the number of images shown is up to date."""
        return self._dry_run is not None

    def _existing(self) -> Existing:
        return next(value for value, _, _ in POLICIES if self.policies[value].isChecked())

    def _change_detector(self) -> None:
        self.classes.reset()
        self._request_names_in_file()
        self._update()

    def _request_names_in_file(self) -> None:
        """Requests class names if the file has them; other detectors are loaded only on request."""
        if not self.classes.known and has_class_names(self.detector_name):
            self.classes.request_names()

    def _request_names(self) -> None:
        device, precision = self.device.currentData(), self.precision.currentData()
        self.names_requested.emit(self.detector_name, device, precision)

    def _recount(self) -> None:
        self._dry_run = None
        self._update()
        if self.classes.classes != ():
            self.count_requested.emit(self.plan())

    def _update(self) -> None:
        problem = self._problem()
        self.summary.setText(problem or count_text(self._dry_run))
        wanted = self._to_download()
        self.note.setText(f"To be downloaded first: {', '.join(wanted)}." if wanted else "")
        self.note.setVisible(bool(wanted))
        ready = self._dry_run is not None and bool(self._dry_run.annotate)
        self.start_button.setEnabled(ready and not problem)

    def _problem(self) -> str:
        if not self.detector_name:
            return "Choose a detector."
        return "Choose at least one class." if self.classes.classes == () else ""

    def _to_download(self) -> list[str]:
        if self._downloaded is None:
            return []
        chosen = (self.detector_name, self.sam.currentData())
        models = (model for model in MODELS if model.name in chosen and model.url)
        return [f"{m.title} ({size(m.bytes)})" for m in models if m.name not in self._downloaded]

    def _start(self) -> None:
        if self.start_button.isEnabled():
            self.started.emit(self.plan())
            self.accept()

    def _browse_button(self, title: str, take: Callable[[str], None]) -> QPushButton:
        button = QPushButton("Browse…", self)
        button.setToolTip(title)
        button.setAutoDefault(False)
        button.clicked.connect(lambda: self._browse(title, take))
        return button

    def _browse(self, title: str, take: Callable[[str], None]) -> None:
        picker = QFileDialog(self, title, "", CHECKPOINTS)
        picker.setFileMode(QFileDialog.FileMode.ExistingFile)
        picker.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        picker.fileSelected.connect(take)
        picker.open()

    def _set_detector(self, name: str) -> None:
        name = known_name(name) if has_class_names(name) else name
        at = self.detector.findData(name)
        self.detector.setCurrentText(self.detector.itemText(at) if at >= 0 else name)

    def _set_sam(self, name: str) -> None:
        name = known_name(name)
        select_entry(self.sam, name, Path(name).name)


def count_text(dry_run: DryRun | None) -> str:
    """A dry run in one line: "412 images: 380 to annotate, 32 skipped (already has annotations)"."""
    if dry_run is None:
        return "Counting…"
    if not dry_run.total:
        return "There are no images."
    parts = [f"{len(dry_run.annotate):,} to annotate"]
    parts += [f"{count:,} skipped ({reason})" for reason, count in dry_run.reasons.items()]
    if dry_run.failed:
        parts.append(f"{len(dry_run.failed):,} cannot be read")
    return f"{counted(dry_run.total, 'image')}: {', '.join(parts)}"
