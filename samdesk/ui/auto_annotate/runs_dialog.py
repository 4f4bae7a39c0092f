"""The auto-annotate runs of a dataset: when, with which models and parameters, and what came of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QPlainTextEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from samdesk.base.text import counted, duration, printable
from samdesk.batch.concepts import PlannedConcept
from samdesk.dataset.runs.record import RunInfo, RunModel, RunState
from samdesk.domain.annotation import RunId
from samdesk.engine.models.registry import spec
from samdesk.settings.parameters import PARAMETERS
from samdesk.ui.auto_annotate.object_sources import CONCEPTS, OBJECT_SOURCES, POLICIES
from samdesk.ui.kit.fields import TABLE_STYLE, heading
from samdesk.ui.kit.plain import plain, tip
from samdesk.ui.kit.theme import UNIT

STATES: dict[RunState, str] = {
    "open": "In progress",
    "done": "Finished",
    "stopped": "Stopped",
    "interrupted": "Interrupted",
    "undone": "Undone",
}
_TITLES = {
    "concepts": "Looks for",
    "objects_from": "Objects from",
    "det_model": "Detector",
    "sam_model": "Mask model",
    "device": "Device",
    "precision": "Precision",
    "existing": "If annotated already",
    "classes": "Classes",
    "class_names": "Classes by name",
    "mapping": "Labels of classes",
    "class_conf": "Minimum confidence by class",
    "replaces": "Replaces the run",
    "edited": "Adds to edited images",
    **{parameter.name: parameter.title for parameter in PARAMETERS},
}
_WORDS: dict[str, dict[str, str]] = {
    "objects_from": {row.id: row.title for row in OBJECT_SOURCES},
    "existing": {policy: title for policy, title, _ in POLICIES},
    "edited": {"True": "yes", "False": "no"},
}
_COLUMNS = ("Started", "State", "Models", "Images", "Annotations", "Skipped", "Failed", "Time")
_RIGHT = ("Images", "Annotations", "Skipped", "Failed", "Time")
_NUMBERS = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class RunsDialog(QDialog):
    """Lists the runs, the newest first, with what can be done about each.

    Signals:
        review_requested: (RunInfo) the user wants to review its annotations.
        again_requested: (RunInfo) the user wants a new run with its parameters.
        resume_requested: (RunInfo) the user wants to resume it.
        undo_requested: (RunInfo) the user wants to undo it.
        failures_requested: (RunInfo) the user wants to see which images failed.
    """

    review_requested = Signal(object)
    again_requested = Signal(object)
    resume_requested = Signal(object)
    undo_requested = Signal(object)
    failures_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Auto-annotate runs")
        self._runs: tuple[RunInfo, ...] = ()
        self._next_undo: RunId | None = None
        self._idle = True
        self.list = QTreeWidget(self)
        self.details = QPlainTextEdit(self)
        self.details.setReadOnly(True)
        self.details.setAccessibleName("Parameters of the run")
        self.details.setTabChangesFocus(True)
        self._make_list()
        self.review = self._button(
            "Review…", "Review its annotations, the most doubtful first", self.review_requested
        )
        self.again = self._button(
            "Run again…", "Open Auto-annotate with the parameters of this run", self.again_requested
        )
        self.resume = self._button(
            "Resume", "Go on with the images that are left or have failed", self.resume_requested
        )
        self.undo = self._button("Undo run", "", self.undo_requested)
        self.failed = self._button("Failed images…", "Which images failed, and why", self.failures_requested)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        row = QHBoxLayout()
        row.setSpacing(UNIT)
        for button in (self.review, self.again, self.resume, self.undo, self.failed):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        layout.setSpacing(UNIT)
        layout.addWidget(self.list, 3)
        layout.addWidget(heading("Parameters"))
        layout.addWidget(self.details, 2)
        layout.addLayout(row)
        self.resize(900, 560)
        self._update()

    def _make_list(self) -> None:
        self.list.setAccessibleName("Auto-annotate runs")
        self.list.setColumnCount(len(_COLUMNS))
        self.list.setHeaderLabels(list(_COLUMNS))
        self.list.setStyleSheet(TABLE_STYLE)
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setAllColumnsShowFocus(True)
        self.list.setProperty("roomy", True)
        header = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(_COLUMNS.index("Models"), QHeaderView.ResizeMode.Stretch)
        for column, title in enumerate(_COLUMNS):
            if title in _RIGHT:
                self.list.headerItem().setTextAlignment(column, _NUMBERS)
        self.list.currentItemChanged.connect(self._update)

    def _button(self, text: str, help_text: str, signal: object) -> QPushButton:
        button = QPushButton(printable(text), self)
        button.setToolTip(tip(help_text))
        button.setAutoDefault(False)
        button.clicked.connect(lambda: self._emit(signal))
        return button

    def set_runs(self, runs: Sequence[RunInfo], next_undo: RunId | None, *, idle: bool) -> None:
        """Lists runs; the one that was chosen stays.

        Args:
            runs: The newest first.
            next_undo: The run that is the next step to undo, if it is one.
            idle: Whether no run is in progress.
        """
        chosen = self.run.id if self.run is not None else None
        self._next_undo, self._idle = next_undo, idle
        self.list.clear()
        self._runs = tuple(runs)
        for place, run in enumerate(self._runs):
            item = QTreeWidgetItem(self.list)
            for column, text in enumerate(_texts(run)):
                item.setText(column, plain(text))
                item.setToolTip(column, tip(text))
                if _COLUMNS[column] in _RIGHT:
                    item.setTextAlignment(column, _NUMBERS)
            if run.id == chosen or not place:
                self.list.setCurrentItem(item)
        self._update()

    @property
    def run(self) -> RunInfo | None:
        """The run that is chosen."""
        item: QTreeWidgetItem | None = self.list.currentItem()
        place = -1 if item is None else self.list.indexOfTopLevelItem(item)
        return self._runs[place] if 0 <= place < len(self._runs) else None

    def _emit(self, signal: object) -> None:
        run = self.run
        if run is not None:
            signal.emit(run)  # type: ignore[attr-defined]

    def _update(self) -> None:
        run = self.run
        self.details.setPlainText(printable("" if run is None else details_text(run), lines=True))
        if not self._runs:
            self.details.setPlainText("There has been no auto-annotate run, import or carry on this dataset.")
        ended = run is not None and run.state not in ("open", "undone")
        self.review.setEnabled(ended and run is not None and run.counts.annotations > 0)
        annotates = run is not None and run.record.is_of_models and self._idle
        self.again.setEnabled(run is not None and bool(run.record.parameters) and annotates)
        self.resume.setEnabled(run is not None and run.can_resume and annotates)
        is_next = run is not None and run.id == self._next_undo
        self.undo.setEnabled(is_next and self._idle)
        self.undo.setToolTip(tip(undo_reason(is_next=is_next, ended=ended)))
        self.failed.setEnabled(run is not None and run.counts.failed > 0)


def undo_reason(*, is_next: bool, ended: bool = True) -> str:
    """What the button that undoes a run does, or why it does nothing."""
    if is_next:
        return "Undo all that the run has added, as one step"
    return "Undo what was done after this run first" if ended else "There is nothing to undo"


def started_text(run: RunInfo) -> str:
    """When a run began, in local time; "–" if that is unknown."""
    if run.started is None:
        return "–"
    return datetime.fromtimestamp(run.started, timezone.utc).astimezone().strftime("%Y-%m-%d %H:%M")


def details_text(run: RunInfo) -> str:
    """The models and parameters of a run in full, a line each."""
    lines = [
        f"Model: {model.name} on {model.device}, {model.precision}"
        + (f", SHA-256 {model.sha256}" if model.sha256 else "")
        for model in run.record.models
    ]
    lines += run.record.import_lines
    lines += [run.title] if run.title else []
    parameters = dict(run.record.parameters) if run.record.is_of_models else {}
    if parameters.get("concepts"):
        parameters["objects_from"] = CONCEPTS
    else:
        parameters.pop("concepts", None)
    names = [name for name in _TITLES if name in parameters] + sorted(parameters.keys() - _TITLES.keys())
    lines += [f"{_TITLES.get(name, name)}: {_value_text(name, parameters[name])}" for name in names]
    if run.labels:
        added = [found.label.name for found in run.labels if found.added]
        lines.append(f"Labels added: {', '.join(added) if added else 'none'}")
    if run.counts.todo:
        lines.append(f"{counted(run.counts.todo, 'image')} left")
    return "\n".join(lines) or "Nothing is known of this run: an older samdesk made it."


def _texts(run: RunInfo) -> tuple[str, ...]:
    counts, models = run.counts, " + ".join(dict.fromkeys(map(_title, run.record.models)))
    kind = "Import" if run.record.is_import else run.title or "–"
    numbers = (counts.images, counts.annotations, counts.skipped, counts.failed)
    time = duration(run.seconds, exact=True) if run.seconds else "–"
    return (started_text(run), STATES[run.state], models or kind, *(f"{n:,}" for n in numbers), time)


def _title(model: RunModel) -> str:
    """The title of a model of the registry, else its name."""
    known = spec(model.name) or spec(Path(model.name).stem)
    return known.title if known is not None else model.name


def _value_text(name: str, value: object) -> str:
    if name in _WORDS:
        return _WORDS[name].get(str(value), str(value))
    if value is None:
        return "all"
    if name == "concepts" and value:
        return _concepts_text(value)
    if value == "" or value == [] or value == ():
        return "–"
    if isinstance(value, (list, tuple)):
        pairs = all(isinstance(item, (list, tuple)) and len(item) == 2 for item in value)
        return ", ".join(f"{item[0]}: {item[1]}" if pairs else str(item) for item in value)
    return str(value)


def _concepts_text(value: object) -> str:
    """Labels with their words and numbers of examples."""
    try:
        concepts = [PlannedConcept.from_json(item) for item in value]  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        return str(value)
    return "; ".join(concept.title for concept in concepts)
