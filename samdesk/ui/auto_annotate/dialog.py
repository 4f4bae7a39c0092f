"""The auto-annotate dialog: models, parameters, classes, and a preview of the number of images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from samdesk.base.text import counted, printable, size
from samdesk.batch.concepts import PlannedExample
from samdesk.batch.plan import AutoAnnotatePlan, Existing
from samdesk.batch.report import DryRun
from samdesk.domain.labels import LabelSet
from samdesk.engine.models.open_vocabulary import SUGGESTED
from samdesk.engine.models.registry import MODELS
from samdesk.ui.auto_annotate.class_chooser import ClassChooser
from samdesk.ui.auto_annotate.concept_chooser import ConceptChooser
from samdesk.ui.auto_annotate.detector_field import DetectorField, browse_button
from samdesk.ui.auto_annotate.object_sources import (
    CONCEPTS,
    OBJECT_SOURCES,
    POLICIES,
    object_source,
    policy_text,
    source_of,
)
from samdesk.ui.auto_annotate.parameter_fields import ParameterFields
from samdesk.ui.auto_annotate.scope import ScopeChooser, Scopes
from samdesk.ui.kit.fields import (
    ExplicitButton,
    caption,
    fill_devices,
    form,
    heading,
    muted_label,
    select_entry,
    separator,
)
from samdesk.ui.kit.file_manager import take_drops
from samdesk.ui.kit.plain import PlainLabel, plain
from samdesk.ui.kit.theme import UNIT
from samdesk.ui.models.dialog import PRECISIONS
from samdesk.ui.models.rows import has_class_names, known_name

CAPTION = 18 * UNIT
_NAMES_SHOWN = 4
_NAME_LENGTH = 30
_OWN_MASKS = "own masks"
"""The mask model of a detector that draws the masks itself."""
_SEGMENTER = "yolo11n-seg.pt"
"""The segmentation model that is offered first."""


class AutoAnnotateDialog(QDialog):
    """Edits an AutoAnnotatePlan. Open it with ``open()``: it is not application-modal.

    Enter starts the run from wherever no text is typed, except a run that replaces annotations.

    Signals:
        count_requested: (AutoAnnotatePlan) requests a dry run; answer with ``set_dry_run``.
        started: (AutoAnnotatePlan) emitted when the user starts the run; the dialog closes.
        names_requested: (detector name, device id, precision) answer with ``set_detector_names``.
        concepts_wanted: (detector name) labels are to be looked for with an open vocabulary: answer with
            ``show_examples`` and ``show_words_missing``.
    """

    count_requested = Signal(object)
    started = Signal(object)
    names_requested = Signal(str, str, str)
    concepts_wanted = Signal(str)

    def __init__(self, labels: LabelSet, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Auto-annotate")
        self._plan = AutoAnnotatePlan()
        self._dry_run: DryRun | None = None
        self._downloaded: frozenset[str] | None = None
        self._source = OBJECT_SOURCES[0]
        self._detectors: dict[str, str] = {"segmenter": _SEGMENTER}
        """The detector chosen last for each source of objects."""
        self.scope = ScopeChooser(self)
        self._make_policies()
        self._make_models()
        self.parameters = ParameterFields()
        self.classes = ClassChooser(labels, self)
        self.concepts = ConceptChooser(labels, self)
        self.summary = PlainLabel("", self)
        self.summary.setWordWrap(True)
        self.note = muted_label()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.buttons.button(QDialogButtonBox.StandardButton.Cancel).setAutoDefault(False)
        self.start_button = ExplicitButton("Start", self)
        # Not AcceptRole: a button box makes such a button the default.
        self.buttons.addButton(self.start_button, QDialogButtonBox.ButtonRole.ActionRole)
        self._lay_out()
        self._order_tabs()
        self._connect()
        take_drops(self, lambda paths: self.detector.choose(str(paths[0])))
        self.set_plan(self._plan)

    def _make_policies(self) -> None:
        self.policies: dict[str, QRadioButton] = {}
        self._policy_group = QButtonGroup(self)
        for value, title, text in POLICIES:
            self.policies[value] = QRadioButton(title, self)
            self.policies[value].setToolTip(text)
            self._policy_group.addButton(self.policies[value])
        self.policies[POLICIES[0][0]].setChecked(True)
        self.policy_text = muted_label()

    def _make_models(self) -> None:
        self.source = QComboBox(self)
        self.source.setAccessibleName("Objects from")
        for row in OBJECT_SOURCES:
            self.source.addItem(row.title, row.id)
        self.source_text = muted_label()
        self.detector = DetectorField(self)
        self.detector_caption = caption("Detector", CAPTION)
        self.sam = QComboBox(self)
        self.sam_caption = caption("Mask model", CAPTION)
        for model in MODELS:
            if model.draws_masks:
                self.sam.addItem(model.title, model.name)
        self.device = QComboBox(self)
        self.device.addItem("Automatic", "")
        self.precision = QComboBox(self)
        for value, title in PRECISIONS:
            self.precision.addItem(title, value)
        self.detector_browse = browse_button("Choose a detector's file", self.detector.choose, self)
        self.sam_browse = browse_button("Choose a mask model's file", self._set_sam, self)

    def _lay_out(self) -> None:
        left, right = QVBoxLayout(), QVBoxLayout()
        for title, fields in (
            ("Objects", self._models_form()),
            ("Detection", self.parameters.grid(CAPTION)),
        ):
            left.addWidget(heading(title))
            left.addLayout(fields)
            left.addSpacing(UNIT)
        left.addStretch(1)
        self.classes_heading = heading("Classes")
        right.addWidget(self.classes_heading)
        right.addWidget(self.classes, 1)
        right.addWidget(self.concepts, 1)
        columns = QHBoxLayout()
        columns.setSpacing(3 * UNIT)
        columns.addLayout(left, 1)
        columns.addLayout(right, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        for part in (left, right, layout):
            part.setSpacing(UNIT)
        layout.addLayout(self._images_form())
        layout.addWidget(separator(self))
        layout.addLayout(columns, 1)
        layout.addWidget(separator(self))
        layout.addWidget(self.summary)
        layout.addWidget(self.note)
        layout.addWidget(self.buttons)
        self.resize(1000, 620)

    def _images_form(self) -> QFormLayout:
        fields = form()
        fields.addRow(_bold(caption("Images", CAPTION)), self.scope)
        row = QHBoxLayout()
        row.setSpacing(3 * UNIT)
        for button in self.policies.values():
            row.addWidget(button)
        row.addStretch(1)
        fields.addRow(caption("If annotated already", CAPTION), row)
        fields.addRow(caption("", CAPTION), self.policy_text)
        return fields

    def _models_form(self) -> QFormLayout:
        fields = form()
        fields.addRow(caption("Objects from", CAPTION), self.source)
        fields.addRow(caption("", CAPTION), self.source_text)
        for title, combo, browse in (
            (self.detector_caption, self.detector, self.detector_browse),
            (self.sam_caption, self.sam, self.sam_browse),
        ):
            row = QHBoxLayout()
            row.setSpacing(UNIT)
            row.addWidget(combo, 1)
            row.addWidget(browse)
            fields.addRow(title, row)
        row = QHBoxLayout()
        row.setSpacing(UNIT)
        row.addWidget(self.device, 3)
        row.addWidget(caption("Precision"))
        row.addWidget(self.precision, 2)
        fields.addRow(caption("Device", CAPTION), row)
        return fields

    def _order_tabs(self) -> None:
        """Tab goes from top to bottom, the left column first."""
        order = (
            *self.scope.buttons.values(), *self.policies.values(), self.source, self.detector,
            self.detector_browse, self.sam, self.sam_browse, self.device, self.precision,
            *self.parameters.widgets, self.classes.show_button, self.classes.search, self.classes.all_button,
            self.classes.none_button, self.classes.table, *self.concepts.tab_order, self.start_button,
            self.buttons.button(QDialogButtonBox.StandardButton.Cancel),
        )  # fmt: skip
        for before, after in pairwise(order):
            QWidget.setTabOrder(before, after)

    def _connect(self) -> None:
        self.scope.changed.connect(self._recount)
        self.source.currentIndexChanged.connect(self._change_source)
        self.detector.currentTextChanged.connect(self._change_detector)
        self.sam.currentIndexChanged.connect(self._update)
        self.parameters.on_change("conf", self.classes.table.classes.set_conf)
        self.classes.changed.connect(self._update)
        self.concepts.changed.connect(self._update)
        self.classes.names_requested.connect(self._request_names)
        for button in self.policies.values():
            button.clicked.connect(self._recount)
        self.start_button.clicked.connect(self._start)
        self.buttons.rejected.connect(self.reject)

    def plan(self) -> AutoAnnotatePlan:
        """The plan that the fields show. Raises ``ValueError`` if no class is chosen."""
        open_vocabulary = self._source.id == CONCEPTS
        own_masks = self.sam.currentData() == _OWN_MASKS
        return replace(
            self._plan,
            concepts=self.concepts.concepts if open_vocabulary else (),
            objects_from="segmenter" if own_masks else self._source.objects_from,
            det_model=self._detector_of_plan,
            sam_model=self._plan.sam_model if own_masks else self.sam.currentData(),
            device=self.device.currentData(),
            precision=self.precision.currentData(),
            classes=None if open_vocabulary else self.classes.classes,
            mapping=self.classes.mapping,
            class_conf=self.classes.class_conf,
            existing=self._existing(),
            edited=self._plan.edited and self._existing() == "add",
            keys=self.scope.keys,
            **self.parameters.values(),
        )

    def set_plan(self, plan: AutoAnnotatePlan) -> None:
        """Fills the fields."""
        self._plan = plan
        row = source_of(plan)
        self._detectors[row.id] = plan.det_model
        self.concepts.set_concepts(plan.concepts)
        select_entry(self.source, row.id, row.title)
        self._show_source()
        self.detector.choose(plan.det_model)
        self._set_sam(_OWN_MASKS if row.own_masks and plan.objects_from == "segmenter" else plan.sam_model)
        select_entry(self.device, plan.device, plan.device)
        select_entry(self.precision, plan.precision, plan.precision)
        self.parameters.set_values(plan)
        self.classes.table.classes.set_conf(plan.conf)
        self.policies[plan.existing].setChecked(True)
        self.classes.set_choice(plan.classes, plan.mapping, plan.class_conf)
        self.scope.show_keys(plan.keys)
        self._request_names_in_file()
        self._update()

    def look_for_labels(self, model: str) -> None:
        """Chooses a model with an open vocabulary, which looks for the labels."""
        self._detectors[CONCEPTS] = model
        select_entry(self.source, CONCEPTS, "")
        self.detector.choose(model)

    def set_scopes(self, scopes: Scopes) -> None:
        """Shows how many images each scope has; the likely one is chosen."""
        self.scope.set_scopes(scopes)

    def offer_taught(self, path: str, names: Sequence[str]) -> None:
        """Lists the detector that was taught on this dataset first."""
        more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
        shown = ", ".join(printable(name, limit=_NAME_LENGTH) for name in names[:_NAMES_SHOWN])
        self.detector.offer(f"Taught here ({shown}{more})", path)

    def offer_trained(self, name: str, names: Sequence[str], figure: str) -> None:
        """Lists a segmentation model that was trained here, with its mask mAP50; segments with it first."""
        shown = printable(name, limit=2 * _NAME_LENGTH)
        self.detector.offer(f"{shown} (mAP50 {figure}; {counted(len(names), 'class', 'classes')})", name)
        self._detectors["segmenter"] = name

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
        return self.detector.name

    @property
    def _detector_of_plan(self) -> str:
        """For a run without a detector: the one that was chosen for runs with it."""
        name = self.detector_name
        return name if self._source.detector else self._detectors.get("detector", name)

    def set_detector_names(self, names: Sequence[str]) -> None:
        """Shows the class names of the chosen detector."""
        self.classes.set_names(names)
        self._update()

    def set_names_failed(self, reason: str) -> None:
        """Shows why the class names are unavailable."""
        self.classes.set_failed(reason)

    def show_examples(self, found: Mapping[str, Sequence[PlannedExample]]) -> None:
        """Shows which examples there are of labels, the best first."""
        self.concepts.set_examples(found)
        self._update()

    def show_words_missing(self, why: str) -> None:
        """Shows why the chosen model understands no words; "": it does."""
        self.concepts.set_words_missing(why)
        self._update()

    def set_dry_run(self, dry_run: DryRun) -> None:
        """Shows how many images the run would annotate."""
        self._dry_run = dry_run
        self._update()

    @property
    def counted(self) -> bool:
        """Whether the number of images shown is up to date."""
        return self._dry_run is not None

    def _change_source(self) -> None:
        self._detectors[self._source.id] = self.detector_name
        self._show_source()
        before = self.detector_name
        if self._source.detector:
            other = self.detector.first_open if self._source.id == CONCEPTS else before
            self.detector.choose(self._detectors.get(self._source.id, other))
        if self._source.id == CONCEPTS and self.detector_name == before:
            self._request_names_in_file()
        self._recount()

    def _show_source(self) -> None:
        """Enables the fields that matter for the source of objects."""
        row = self._source = object_source(self.source.currentData())
        self.source_text.setText(row.text)
        self.detector_caption.setText(row.detector or "Detector")
        open_vocabulary = row.id == CONCEPTS
        self.detector.show_open(open_vocabulary)
        self._offer_own_masks(row.own_masks)
        self.classes_heading.setText("Labels" if open_vocabulary else "Classes")
        self.classes.setVisible(not open_vocabulary)
        self.concepts.setVisible(open_vocabulary)
        found: tuple[QWidget, ...] = (
            self.detector_caption,
            self.detector,
            self.detector_browse,
            self.classes,
            self.classes_heading,
        )
        for some, matter in (
            (found, bool(row.detector)),
            ((self.sam_caption, self.sam, self.sam_browse), row.masks),
        ):
            for field in some:
                field.setEnabled(matter)
        self.parameters.set_enabled(row.parameters)
        for policy, button in self.policies.items():
            button.setEnabled(policy in row.policies)
        if self._existing() not in row.policies:
            self.policies[row.policies[0]].setChecked(True)

    def _offer_own_masks(self, offered: bool) -> None:
        at = self.sam.findData(_OWN_MASKS)
        if offered and at < 0:
            self.sam.insertItem(0, "None: the model's own masks", _OWN_MASKS)
        elif not offered and at >= 0:
            if self.sam.currentIndex() == at:
                self._set_sam(self._plan.sam_model)
            self.sam.removeItem(at)

    def _existing(self) -> Existing:
        return next(value for value, _, _ in POLICIES if self.policies[value].isChecked())

    def _change_detector(self) -> None:
        self.classes.reset()
        self._request_names_in_file()
        self._update()

    def _request_names_in_file(self) -> None:
        """Requests class names if the file has them; other detectors are loaded only on request."""
        if self._source.id == CONCEPTS:
            self.concepts_wanted.emit(self.detector_name)
        elif self._source.detector and not self.classes.known and has_class_names(self.detector_name):
            self.classes.request_names()

    def _request_names(self) -> None:
        device, precision = self.device.currentData(), self.precision.currentData()
        self.names_requested.emit(self.detector_name, device, precision)

    def _recount(self) -> None:
        self._dry_run = None
        self._update()
        if self._source.id == CONCEPTS or self.classes.classes != ():
            self.count_requested.emit(self.plan())

    def _show_policy(self) -> None:
        self.policy_text.setText(policy_text(self._source, self._existing(), self._plan))

    def _update(self) -> None:
        problem = self._problem()
        self.summary.setText(problem or count_text(self._dry_run))
        wanted = self._to_download()
        self.note.setText(f"To be downloaded first: {', '.join(wanted)}." if wanted else "")
        self.note.setVisible(bool(wanted))
        self._show_policy()
        ready = self._dry_run is not None and bool(self._dry_run.annotate)
        self.start_button.setEnabled(ready and not problem)
        self.start_button.setDefault(self._existing() != "replace")

    def _problem(self) -> str:
        if not self._source.detector:
            return ""
        if self._source.id == CONCEPTS:
            missing = f"Choose a YOLOE file, such as {SUGGESTED}."
            return self.concepts.problem if self.detector_name else missing
        if not self.detector_name:
            return "Choose a detector."
        return "Choose at least one class." if self.classes.classes == () else ""

    def _to_download(self) -> list[str]:
        if self._downloaded is None:
            return []
        chosen = [self.detector_name] if self._source.detector else []
        if self._source.masks:
            chosen.append(self.sam.currentData())
        models = (model for model in MODELS if model.name in chosen and model.url)
        return [f"{m.title} ({size(m.bytes)})" for m in models if m.name not in self._downloaded]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter where text is typed, and in the class table, starts nothing."""
        typed_in = (self.detector, self.classes, self.concepts)
        at = self.focusWidget()
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and at is not None and any(w is at or w.isAncestorOf(at) for w in typed_in):
            return
        super().keyPressEvent(event)

    def _start(self) -> None:
        if self.start_button.isEnabled():
            self.started.emit(self.plan())
            self.accept()

    def _set_sam(self, name: str) -> None:
        name = known_name(name)
        select_entry(self.sam, name, Path(name).name)


def count_text(dry_run: DryRun | None) -> str:
    """A dry run in one line: "380 of 412 images will be annotated; 32 skipped: already has annotations"."""
    if dry_run is None:
        return "Counting…"
    return dry_run.text if dry_run.total else "There are no images."


def _bold(label: QLabel) -> QLabel:
    label.setProperty("heading", True)
    return label
