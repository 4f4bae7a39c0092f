"""The headless demo: the whole workflow on the real window, with real mouse and key events."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from PySide6.QtCore import Qt

from samdesk.app import build, make_application
from samdesk.batch.report import BatchSummary
from samdesk.demo.report import DemoReport
from samdesk.demo.step_runner import TIMEOUT_S, StepRunner, StepSkipped
from samdesk.domain.annotation import Annotation, Source
from samdesk.domain.document import ImageDocument
from samdesk.domain.review import ImageReview
from samdesk.engine.models.registry import FLINT
from samdesk.formats.label_format import label_format
from samdesk.ui.auto_annotate.dialog import AutoAnnotateDialog

_Action: TypeAlias = Callable[[], str]

WINDOW = (1440, 900)
BUS_BOX = ((14, 222), (803, 762))
PERSON_BOX = ((46, 396), (246, 908))
PERSON_POINT = (148, 600)
ROAD_POINT = (420, 1000)
ZIDANE_BOX = ((742, 40), (1150, 716))
CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


def run_steps(folder: Path, out: Path) -> DemoReport:
    """Runs all steps on the sample images in ``folder`` and saves screenshots in ``out``."""
    application = make_application()
    desk = build(application)
    desk.view.window.resize(*WINDOW)
    steps = DemoSteps(StepRunner(desk, out), folder)
    try:
        for name, action in steps.all_steps():
            steps.runner.run(name, action)
        info = desk.flows.models.info
        engine = f"{info.title} ({info.name})" if info else "none"
        device = f"{info.device_title}, {info.precision}" if info else "none"
        return DemoReport(tuple(steps.runner.steps), engine, device)
    finally:
        desk.view.window.close()


class DemoSteps:
    """The steps of the demo; each checks what the window shows and returns a description of it."""

    def __init__(self, runner: StepRunner, folder: Path) -> None:
        self.runner, self.desk, self.folder = runner, runner.desk, folder
        self._auto_annotated = False
        self._undone = 0
        self._corrected: tuple[Annotation, ...] = ()

    def all_steps(self) -> list[tuple[str, _Action]]:
        """Titles and functions of the steps, in order."""
        return [
            ("Show the window", self.show_window),
            ("Load a model", self.load_model),
            ("Open the folder", self.open_folder),
            ("Name a class", self.name_class),
            ("Preview under the cursor", self.hover),
            ("Drag a box", self.drag_box),
            ("Accept", self.accept),
            ("Click a person", self.click_person),
            ("Cycle through the candidates", self.cycle_candidates),
            ("Add a box", self.box_person),
            ("Exclude with a right click", self.exclude_point),
            ("Accept as another class", self.accept_person),
            ("Auto-annotate the folder", self.auto_annotate),
            ("Go to the next image", self.next_image),
            ("Correct an outline", self.correct),
            ("Undo", self.undo),
            ("Redo", self.redo),
            ("Accept the image", self.accept_image),
            ("Check the saved labels", self.saved),
        ]

    @property
    def document(self) -> ImageDocument:
        """The document of the image on screen; raises ``AssertionError`` if there is none."""
        document = self.desk.session.model.document
        if document is None:
            raise AssertionError("no image is open")
        return document

    def show_window(self) -> str:
        """Shows the window with the welcome page."""
        self.desk.start([])
        self.runner.wait("the window", self.desk.view.window.isVisible)
        self.runner.screenshot("01-welcome")
        return "welcome page"

    def load_model(self) -> str:
        """Waits until the mask model is loaded."""
        self.runner.wait("a model", lambda: self.desk.flows.models.info is not None, 3 * TIMEOUT_S)
        info = self.desk.flows.models.info
        assert info is not None
        return f"{info.title} on {info.device_title}"

    def open_folder(self) -> str:
        """Opens the folder; both images are listed and the first one is shown."""
        self.desk.flows.files.open_folder(self.folder)
        self.runner.wait("the first image", lambda: self.desk.session.model.key == "bus.jpg")
        self.runner.check("two images are listed", len(self.desk.flows.navigate.keys) == 2)
        return "2 images"

    def name_class(self) -> str:
        """Types two labels into the labels panel and chooses the first with its key."""
        for name in ("bus", "person"):
            if self.desk.session.model.labels.find(name) is None:
                self.runner.type(self.desk.view.labels.new_name, name)
        names = self.desk.session.model.labels.names
        self.runner.check("the labels are there", names[:2] == ("bus", "person"))
        self.desk.view.canvas.setFocus()
        self.runner.key(Qt.Key.Key_1)
        label = self.desk.flows.labels.current
        self.runner.check("key 1 chooses the first label", label is not None and label.name == "bus")
        return ", ".join(names)

    def hover(self) -> str:
        """Moves the mouse; without a prompt, a preview mask follows the cursor."""
        self.runner.input.move(400, 470)
        self.runner.wait("a hover mask", lambda: self._proposal_is(hover=True))
        self.runner.screenshot("02-hover")
        return "a mask under the cursor"

    def drag_box(self) -> str:
        """Drags a box around the bus, which gives a mask with a predicted IoU."""
        self.runner.input.drag(*BUS_BOX)
        self._wait_for_mask()
        self.runner.screenshot("03-box")
        return self._proposal_text()

    def accept(self) -> str:
        """Accepts the mask as a bus with Enter."""
        before = len(self.document.annotations)
        self.runner.key(Qt.Key.Key_Return)
        self.runner.wait("the annotation", lambda: len(self.document.annotations) == before + 1)
        self.runner.check("SAM drew it", self.document.annotations[-1].source is Source.SAM)
        return f"{self._label(-1)}, {self.document.annotations[-1].region.area:,.0f} px"

    def click_person(self) -> str:
        """Clicks a person: an ambiguous point, which may mean the coat, the person or the group."""
        self.runner.key(Qt.Key.Key_2)
        self.runner.input.click(*PERSON_POINT)
        self._wait_for_mask()
        return self._proposal_text()

    def cycle_candidates(self) -> str:
        """Cycles through the other candidates with Tab, back to the first."""
        annotate = self.desk.flows.annotate
        count = annotate.candidate_count
        for _ in range(count):
            self.runner.key(Qt.Key.Key_Tab)
        self.runner.screenshot("04-candidates")
        return f"{count} candidates" if count > 1 else "1 candidate: no ambiguity"

    def box_person(self) -> str:
        """Drags a box around the person; box and point together are unambiguous."""
        self.runner.input.drag(*PERSON_BOX)
        self._wait_for_mask()
        return self._proposal_text()

    def exclude_point(self) -> str:
        """Excludes the road with a right click (a negative point)."""
        self.runner.input.click(*ROAD_POINT, button=Qt.MouseButton.RightButton)
        self._wait_for_mask()
        return self._proposal_text()

    def accept_person(self) -> str:
        """Accepts the mask as a person with E."""
        before = len(self.document.annotations)
        self.runner.key(Qt.Key.Key_E)
        self.runner.wait("the annotation", lambda: len(self.document.annotations) == before + 1)
        self.runner.check("it is a person", self._label(-1) == "person")
        self.runner.screenshot("05-accepted")
        return f"person, {self.document.annotations[-1].region.area:,.0f} px"

    def next_image(self) -> str:
        """Goes to the other image with D; a box there is accepted before its mask is predicted."""
        self.runner.key(Qt.Key.Key_D)
        self.runner.wait("the second image", lambda: self.desk.session.model.key == "zidane.jpg")
        before = len(self.document.annotations)
        self.runner.check("the run has annotated it", not self._auto_annotated or before > 0)
        self.runner.screenshot("07-next")
        self.runner.input.drag(*ZIDANE_BOX)
        self.runner.key(Qt.Key.Key_Return)
        self.runner.wait("the annotation", lambda: len(self.document.annotations) == before + 1)
        return f"{before} annotations from the run, 1 more accepted before its mask was shown"

    def auto_annotate(self) -> str:
        """Runs a detector and the mask model over the folder; images edited by hand stay unchanged."""
        before = self.document
        self.runner.key(Qt.Key.Key_B, CONTROL)
        dialog = self.desk.view.window.findChild(AutoAnnotateDialog)
        assert dialog is not None
        dialog.detector.setCurrentIndex(dialog.detector.findData(FLINT))  # others may need a download
        self.runner.wait("the count", lambda: dialog.counted)
        self.runner.wait("the detector's classes", lambda: dialog.classes.known)
        self.runner.screenshot("06-auto-annotate", dialog)
        if not dialog.start_button.isEnabled():
            dialog.reject()
            self.runner.check("nothing was changed", self.document == before)
            raise StepSkipped(f"nothing to do: {dialog.summary.text()}")
        ended: list[BatchSummary] = []
        self.desk.flows.batch.finished.connect(ended.append)
        self.runner.click(dialog.start_button)
        self.runner.wait("the run", lambda: not self.desk.flows.batch.running)
        self.runner.check("the run went through", bool(ended) and not ended[0].failed)
        self.runner.check("an image edited by hand is unchanged", self.document == before)
        self._auto_annotated = True
        return ended[0].text

    def correct(self) -> str:
        """Drags a vertex of an outline with the select tool."""
        self.runner.key(Qt.Key.Key_V)
        annotation = self.document.annotations[0]
        inside = annotation.region.representative_point()
        self.runner.input.click(inside.x, inside.y)
        self.runner.check("it is selected", annotation.id in self.desk.flows.tools.selection)
        x, y = annotation.region.geoms[0].exterior.coords[0]
        self.runner.input.wheel(x, y, 12)
        self.runner.input.drag((x, y), (x - 12, y - 9))
        self.runner.screenshot("08-correct")
        after = self.document.annotations[0]
        self.runner.check("the outline has changed", after.region != annotation.region)
        self._corrected = tuple(self.document.annotations)
        return f"{annotation.region.area:,.0f} -> {after.region.area:,.0f} px"

    def undo(self) -> str:
        """Undoes the last edits with Ctrl+Z: the outline, the box, the run, and one on the other image."""
        history = self.desk.session.history
        self._undone = history.index - history.texts.index("Add person")
        self._press_until(history.index - self._undone, CONTROL)
        self.runner.wait("the first image", lambda: self.desk.session.model.key == "bus.jpg")
        self.runner.wait("one annotation fewer", lambda: len(self.document.annotations) == 1)
        return f"{self._undone} steps, back on the first image"

    def redo(self) -> str:
        """Redoes them with Ctrl+Shift+Z."""
        self._press_until(self.desk.session.history.index + self._undone, CONTROL | SHIFT)
        self.runner.wait("the second image", lambda: self.desk.session.model.key == "zidane.jpg")
        self.runner.wait("its annotations", lambda: self.document.annotations == self._corrected)
        return f"{self._undone} steps"

    def _press_until(self, index: int, modifiers: Qt.KeyboardModifier) -> None:
        """Presses Z until the history is at ``index``; a step of another image takes a second press."""
        session, navigate = self.desk.session, self.desk.flows.navigate
        for _ in range(2 * abs(session.history.index - index)):
            if session.history.index == index:
                return
            self.runner.key(Qt.Key.Key_Z, modifiers)
            self.runner.wait("the image of the step", lambda: session.model.key == navigate.key)

    def accept_image(self) -> str:
        """Accepts the image with Ctrl+Enter."""
        self.runner.key(Qt.Key.Key_Return, CONTROL)
        self.runner.wait("the image to be accepted", self._is_accepted)
        progress = self.desk.view.images.progress
        self.runner.wait("the image list to show it", lambda: progress.text() == "1 / 2 accepted")
        self.runner.wait("saving", lambda: self.desk.workers.storage.history.pending == 0)
        self.runner.screenshot("09-done")
        return progress.text()

    def saved(self) -> str:
        """Every image has a label file without errors, and ``data.yaml`` exists."""
        self.runner.wait("saving", lambda: self.desk.workers.storage.history.pending == 0)
        counts = []
        for name, size in (("bus.jpg", (810, 1080)), ("zidane.jpg", (1280, 720))):
            text = (self.folder / name).with_suffix(".txt").read_text(encoding="utf-8")
            parsed = label_format().parse(text, *size)
            self.runner.check(f"the labels of {name} are valid", not parsed.problems and bool(parsed.lines))
            counts.append(f"{name}: {len(parsed.lines)}")
        self.runner.check("data.yaml exists", (self.folder / "data.yaml").is_file())
        return "; ".join(counts)

    def _wait_for_mask(self) -> None:
        annotate = self.desk.flows.annotate
        self.runner.wait("a mask", lambda: annotate.answered)

    def _proposal_is(self, *, hover: bool) -> bool:
        proposal = self.desk.flows.annotate.proposal
        return proposal is not None and proposal.hover is hover

    def _proposal_text(self) -> str:
        proposal = self.desk.flows.annotate.proposal
        assert proposal is not None
        return f"predicted IoU {proposal.score:.2f}, {proposal.region.area:,.0f} px"

    def _label(self, index: int) -> str:
        return self.desk.session.model.labels.get(self.document.annotations[index].label_id).name

    def _is_accepted(self) -> bool:
        return self.document.review is ImageReview.ACCEPTED
