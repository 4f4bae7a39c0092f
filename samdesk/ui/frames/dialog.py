"""VideoDialog: which frames of a video become images, and where they go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from samdesk.base.text import printable, size
from samdesk.exchange.frames.errors import VideoError
from samdesk.exchange.frames.folder import FolderContents
from samdesk.exchange.frames.preview import VideoPreview
from samdesk.exchange.frames.rules.registry import RULES, rule
from samdesk.exchange.frames.values import IMAGE_KINDS, QUALITIES, FramesPlan, ImageKind
from samdesk.ui.frames.moment_field import MomentField
from samdesk.ui.frames.pictures import VideoPictures
from samdesk.ui.kit.fields import (
    FIELD_WIDTH,
    caption,
    form,
    heading,
    integer_field,
    muted_label,
    tab_in_reading_order,
)
from samdesk.ui.kit.plain import PlainLabel, plain, tip
from samdesk.ui.kit.theme import UNIT

_WIDTH = 640
_LONGEST_PLACE = 62
"""Characters of the folder that fit beside its button; all are in its tooltip."""
_END_SLACK_S = 0.006
_LONGEST_S = 100 * 3600.0


@dataclass(frozen=True)
class VideoChoice:
    """What the user wants.

    Attributes:
        video: The file.
        folder: Where the images go.
        plan: Which frames, and what images.
        opens: Whether the folder is opened when they are there.
    """

    video: Path
    folder: Path
    plan: FramesPlan
    opens: bool


class VideoDialog(QDialog):
    """Shows a video and asks for the frames that are wanted.

    Args:
        parent: The window.

    Signals:
        folder_wanted: The user wants to choose a folder.
        started: (VideoChoice) the frames are to be extracted.
    """

    folder_wanted = Signal()
    started = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Open video")
        self.preview: VideoPreview | None = None
        self.folder: Path | None = None
        self._contents: FolderContents | str | None = None
        self._make_fields()
        self._lay_out()
        self.setMinimumWidth(_WIDTH)
        tab_in_reading_order(self)

    def show_reading(self, path: Path) -> None:
        """Shows that a video is being read."""
        self.title.setText(plain(path.name))
        self.show_nothing("Reading…")

    def show_nothing(self, text: str) -> None:
        """Shows why there is nothing to extract yet."""
        self.preview = None
        self.facts.setText(plain(text))
        self.details.setVisible(False)
        self.pictures.setVisible(False)
        self.extract_button.setEnabled(False)
        self._fit()

    def show_video(self, preview: VideoPreview, plan: FramesPlan) -> None:
        """Shows what a video is.

        Args:
            preview: The video.
            plan: The choices that are offered.
        """
        self.preview = preview
        self.title.setText(plain(preview.facts.path.name))
        self.facts.setText(plain("  ·  ".join(preview.facts.parts)))
        self.pictures.show_pictures(preview.pictures)
        self._fill(plan, preview.facts.seconds)
        self.details.setVisible(True)
        self._update()
        self.extract_button.setFocus()

    def show_folder(self, folder: Path, contents: FolderContents | str | None) -> None:
        """Shows where the images go, and what is there.

        Args:
            folder: The folder.
            contents: What is there, or why it cannot take the images; None: not known yet.
        """
        self.folder, self._contents = folder, contents
        self.place.setText(printable(str(folder), limit=_LONGEST_PLACE))
        self.place.setToolTip(tip(str(folder)))
        self._update()

    def plan(self) -> FramesPlan:
        """What the user has chosen."""
        end: float | None = self.end.value()
        if end is not None and end >= self.end.maximum() - _END_SLACK_S:
            end = None
        kind: ImageKind = self.kind.currentData()
        row = rule(self.rule.currentData())
        value = self.values[row.id].value()
        return FramesPlan(row.id, value, self.begin.value(), end, kind, self.quality.value())

    # -- private

    def _make_fields(self) -> None:
        self.title = heading("")
        self.facts = muted_label("")
        self.pictures = VideoPictures(self)
        self.rule = QComboBox()
        self.rule.setAccessibleName("Which frames")
        self.values: dict[str, QDoubleSpinBox] = {}
        for row in RULES:
            self.rule.addItem(plain(row.title), row.id)
            field = self.values[row.id] = QDoubleSpinBox()
            field.setAccessibleName(plain(row.title))
            field.setDecimals(row.decimals)
            field.setRange(row.low, row.high)
            field.setSingleStep(row.step)
            field.setPrefix(plain(row.prefix))
            field.setSuffix(plain(row.unit))
            field.setValue(row.default)
            field.setToolTip(tip(row.tip))
            field.setFixedWidth(FIELD_WIDTH + 3 * UNIT)
            field.valueChanged.connect(lambda _value: self._update())
        self.rule.currentIndexChanged.connect(lambda _index: self._show_rule())
        self.begin, self.end = MomentField("From"), MomentField("To")
        for field in (self.begin, self.end):
            field.valueChanged.connect(lambda _value: self._update())
        self.kind = QComboBox()
        self.kind.setAccessibleName("Kind of image")
        for kind, title in IMAGE_KINDS.items():
            self.kind.addItem(plain(title), kind)
        self.kind.currentIndexChanged.connect(lambda _index: self._update())
        self.quality = integer_field(*QUALITIES, 1, "", "Quality of JPEG; above 95 files grow fast")
        self.quality.setPrefix("Quality ")
        self.quality.setAccessibleName("Quality")
        self.quality.valueChanged.connect(lambda _value: self._update())
        self.place = PlainLabel("", self)
        self.place.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.folder_button = QPushButton("Choose…")
        self.folder_button.setToolTip("Choose the folder that the images are written to")
        self.folder_button.setAutoDefault(False)
        self.folder_button.clicked.connect(self.folder_wanted)
        self.outcome = PlainLabel("", self)
        self.outcome.setWordWrap(True)
        self.opens = QCheckBox("Open the folder when done")
        self.opens.setChecked(True)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.extract_button = self.buttons.addButton("Extract", QDialogButtonBox.ButtonRole.AcceptRole)
        self.extract_button.setDefault(True)
        self.extract_button.setProperty("primary", True)
        self.buttons.rejected.connect(self.reject)
        self.buttons.accepted.connect(self._start)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        layout.setSpacing(UNIT)
        layout.addWidget(self.title)
        layout.addWidget(self.facts)
        layout.addWidget(self.pictures)
        self.details = QWidget(self)
        inner = QVBoxLayout(self.details)
        inner.setContentsMargins(0, UNIT, 0, 0)
        inner.setSpacing(UNIT)
        rows: QFormLayout = form()
        rows.addRow(caption("Frames"), _row(self.rule, *self.values.values()))
        rows.addRow(caption("From"), _row(self.begin, caption("to"), self.end))
        rows.addRow(caption("Images"), _row(self.kind, self.quality))
        folder = QHBoxLayout()
        folder.setSpacing(UNIT)
        folder.addWidget(self.place, 1)
        folder.addWidget(self.folder_button)
        rows.addRow(caption("Folder"), folder)
        inner.addLayout(rows)
        inner.addWidget(self.outcome)
        inner.addWidget(self.opens)
        layout.addWidget(self.details)
        layout.addStretch(1)
        layout.addWidget(self.buttons)

    def _fill(self, plan: FramesPlan, seconds: float) -> None:
        self.rule.setCurrentIndex(self.rule.findData(plan.rule))
        self.values[plan.rule].setValue(plan.value)
        longest = seconds or _LONGEST_S
        for field in (self.begin, self.end):
            field.setRange(0, longest)
        self.begin.setValue(0)
        self.end.setValue(longest)
        self.kind.setCurrentIndex(self.kind.findData(plan.kind))
        self.quality.setValue(plan.quality)
        self._show_rule()

    def _show_rule(self) -> None:
        for rule_id, field in self.values.items():
            field.setVisible(rule_id == self.rule.currentData())
        self._update()

    def _update(self) -> None:
        if self.preview is None:
            return
        plan = self.plan()
        self.quality.setVisible(plan.kind == "jpg")
        contents, found, problem = self._contents, "", ""
        if plan.end is not None and plan.end <= plan.begin:
            problem = "The end must come after the beginning."
        elif isinstance(contents, str):
            problem = contents
        elif contents is not None:
            try:
                state = contents.state(plan)
                found = state.text
                self.extract_button.setText("Open folder" if state.kind == "finished" else "Extract")
            except VideoError as error:
                problem = str(error)
        self.outcome.setText(problem or " ".join(filter(None, (self._expected(plan), found))))
        self.extract_button.setEnabled(not problem and contents is not None)
        self.extract_button.setToolTip(tip(problem))
        self._fit()

    def _fit(self) -> None:
        """Gives the texts that have several lines their height."""
        inner, layout = self.details.layout(), self.layout()
        if inner is not None and layout is not None:
            for each in (inner, layout):
                each.invalidate()
                each.activate()
            width = max(self.width(), _WIDTH)
            self.resize(width, layout.totalHeightForWidth(width))

    def _expected(self, plan: FramesPlan) -> str:
        """How many images there will be, and whether there is room for them."""
        assert self.preview is not None
        text = self.preview.expected_in_words(plan)
        _images, room = self.preview.expected(plan)
        if isinstance(self._contents, FolderContents) and room is not None and room > self._contents.free:
            return f"{text} Only {size(self._contents.free)} are free there."
        return text

    def _start(self) -> None:
        if self.preview is not None and self.folder is not None:
            choice = VideoChoice(self.preview.facts.path, self.folder, self.plan(), self.opens.isChecked())
            self.started.emit(choice)


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(UNIT)
    for widget in widgets:
        row.addWidget(widget)
    row.addStretch(1)
    row.setAlignment(Qt.AlignmentFlag.AlignVCenter)
    return row
