"""The headless demo: the whole job on the real window, with real mouse and key events."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from PySide6.QtCore import Qt

from samdesk.app import build, make_application
from samdesk.batch.report import BatchSummary
from samdesk.demo.report import Report
from samdesk.demo.stage import PATIENCE_S, Skip, Stage
from samdesk.domain.annotation import Annotation, Source
from samdesk.domain.document import ImageDocument
from samdesk.domain.review import ImageReview
from samdesk.engine.models.registry import FLINT
from samdesk.formats.registry import label_format
from samdesk.ui.auto_annotate.dialog import AutoAnnotateDialog

_Act: TypeAlias = Callable[[], str]

WINDOW = (1440, 900)
BUS_BOX = ((14, 222), (803, 762))
PERSON_BOX = ((46, 396), (246, 908))
PERSON_POINT = (148, 600)
ROAD_POINT = (420, 1000)
ZIDANE_BOX = ((742, 40), (1150, 716))
CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


def play(photos: Path, out: Path) -> Report:
    """Plays the whole job on ``photos`` and leaves screenshots in ``out``."""
    application = make_application()
    desk = build(application)
    desk.view.window.resize(*WINDOW)
    actor = Actor(Stage(desk, out), photos)
    try:
        for name, act in actor.parts():
            actor.stage.play(name, act)
        info = desk.flows.models.info
        engine = f"{info.title} ({info.name})" if info else "none"
        device = f"{info.device_title}, {info.precision}" if info else "none"
        return Report(tuple(actor.stage.steps), engine, device)
    finally:
        desk.view.window.close()


class Actor:
    """The parts of the play, each checking what a user would see."""

    def __init__(self, stage: Stage, photos: Path) -> None:
        self.stage, self.desk, self.photos = stage, stage.desk, photos
        self._ran = False
        self._steps = 0
        self._corrected: tuple[Annotation, ...] = ()

    def parts(self) -> list[tuple[str, _Act]]:
        """Names and acts, in order."""
        return [
            ("Show the window", self.show_window),
            ("Load a model", self.load_model),
            ("Open the folder", self.open_folder),
            ("Name a class", self.name_class),
            ("Preview under the mouse", self.hover),
            ("Drag a box", self.drag_box),
            ("Accept", self.accept),
            ("Click a person", self.click_person),
            ("Walk the candidates", self.walk_candidates),
            ("Box the person too", self.box_person),
            ("Take away with a right click", self.negative_point),
            ("Accept as another class", self.accept_person),
            ("Auto-annotate the folder", self.auto_annotate),
            ("Go to the next photo", self.next_photo),
            ("Correct an outline", self.correct),
            ("Undo", self.undo),
            ("Redo", self.redo),
            ("Mark the photo done", self.mark_done),
            ("Everything is saved", self.saved),
        ]

    @property
    def document(self) -> ImageDocument:
        """What is on screen."""
        document = self.desk.session.model.document
        if document is None:
            raise AssertionError("no image is open")
        return document

    def show_window(self) -> str:
        """The window is up, with the welcome page."""
        self.desk.start([])
        self.stage.wait("the window", self.desk.view.window.isVisible)
        self.stage.picture("01-welcome")
        return "welcome page"

    def load_model(self) -> str:
        """A model answers."""
        self.stage.wait("a model", lambda: self.desk.flows.models.info is not None, 3 * PATIENCE_S)
        info = self.desk.flows.models.info
        assert info is not None
        return f"{info.title} on {info.device_title}"

    def open_folder(self) -> str:
        """Both photos are listed and the first is on screen, encoded."""
        self.desk.flows.files.open_folder(self.photos)
        self.stage.wait("the first photo", lambda: self.desk.session.model.key == "bus.jpg")
        self.stage.check("two photos are listed", len(self.desk.flows.navigate.keys) == 2)
        return "2 photos"

    def name_class(self) -> str:
        """A label is typed into the labels panel."""
        for name in ("bus", "person"):
            if self.desk.session.model.labels.find(name) is None:
                self.stage.type(self.desk.view.labels.new_name, name)
        names = self.desk.session.model.labels.names
        self.stage.check("the labels are there", names[:2] == ("bus", "person"))
        self.desk.view.canvas.setFocus()
        self.stage.key(Qt.Key.Key_1)
        label = self.desk.flows.labels.current
        self.stage.check("key 1 chooses the first label", label is not None and label.name == "bus")
        return ", ".join(names)

    def hover(self) -> str:
        """With no prompt placed, a mask follows the mouse."""
        self.stage.hands.move(400, 470)
        self.stage.wait("a hover mask", lambda: self._proposal_is(hover=True))
        self.stage.picture("02-hover")
        return "a mask under the mouse"

    def drag_box(self) -> str:
        """A box around the bus gives a mask with a predicted IoU."""
        self.stage.hands.drag(*BUS_BOX)
        self._wait_for_answer()
        self.stage.picture("03-box")
        return self._best()

    def accept(self) -> str:
        """Enter keeps it as a bus."""
        before = len(self.document.annotations)
        self.stage.key(Qt.Key.Key_Return)
        self.stage.wait("the annotation", lambda: len(self.document.annotations) == before + 1)
        self.stage.check("SAM drew it", self.document.annotations[-1].source is Source.SAM)
        return f"{self._label(-1)}, {self.document.annotations[-1].region.area:,.0f} px"

    def click_person(self) -> str:
        """One click on the person, which may mean the coat, the person or the group."""
        self.stage.key(Qt.Key.Key_2)
        self.stage.hands.click(*PERSON_POINT)
        self._wait_for_answer()
        return self._best()

    def walk_candidates(self) -> str:
        """Tab shows the other masks, and comes round."""
        annotate = self.desk.flows.annotate
        count = annotate.candidate_count
        for _ in range(count):
            self.stage.key(Qt.Key.Key_Tab)
        self.stage.picture("04-candidates")
        return f"{count} candidates" if count > 1 else "1 candidate: it is sure"

    def box_person(self) -> str:
        """A box around the person: box and click together leave no doubt."""
        self.stage.hands.drag(*PERSON_BOX)
        self._wait_for_answer()
        return self._best()

    def negative_point(self) -> str:
        """A right click takes the road away."""
        self.stage.hands.click(*ROAD_POINT, button=Qt.MouseButton.RightButton)
        self._wait_for_answer()
        return self._best()

    def accept_person(self) -> str:
        """E keeps it as a person."""
        before = len(self.document.annotations)
        self.stage.key(Qt.Key.Key_E)
        self.stage.wait("the annotation", lambda: len(self.document.annotations) == before + 1)
        self.stage.check("it is a person", self._label(-1) == "person")
        self.stage.picture("05-accepted")
        return f"person, {self.document.annotations[-1].region.area:,.0f} px"

    def next_photo(self) -> str:
        """D shows the other photo; a box there is accepted with the mask still on its way."""
        self.stage.key(Qt.Key.Key_D)
        self.stage.wait("the second photo", lambda: self.desk.session.model.key == "zidane.jpg")
        before = len(self.document.annotations)
        self.stage.check("the run has labelled it", not self._ran or before > 0)
        self.stage.picture("07-next")
        self.stage.hands.drag(*ZIDANE_BOX)
        self.stage.key(Qt.Key.Key_Return)
        self.stage.wait("the annotation", lambda: len(self.document.annotations) == before + 1)
        return f"{before} annotations from the run, 1 more accepted before its mask was shown"

    def auto_annotate(self) -> str:
        """The dialog runs a detector and the predictor over the folder; touched photos stay as they are."""
        touched = self.document
        self.stage.key(Qt.Key.Key_B, CONTROL)
        dialog = self.desk.view.window.findChild(AutoAnnotateDialog)
        assert dialog is not None
        dialog.detector.setCurrentIndex(dialog.detector.findData(FLINT))  # others may need a download
        self.stage.wait("the count", lambda: dialog.counted)
        self.stage.wait("the detector's classes", lambda: dialog.classes.known)
        self.stage.picture("06-auto-annotate", dialog)
        if not dialog.start_button.isEnabled():
            dialog.reject()
            self.stage.check("nothing was changed", self.document == touched)
            raise Skip(f"nothing to do: {dialog.summary.text()}")
        ended: list[BatchSummary] = []
        self.desk.flows.batch.finished.connect(ended.append)
        self.stage.click(dialog.start_button)
        self.stage.wait("the run", lambda: not self.desk.flows.batch.running)
        self.stage.check("the run went through", bool(ended) and not ended[0].failed)
        self.stage.check("a touched photo stays as it is", self.document == touched)
        self._ran = True
        return ended[0].text

    def correct(self) -> str:
        """The select tool drags a corner of an outline."""
        self.stage.key(Qt.Key.Key_V)
        annotation = self.document.annotations[0]
        inside = annotation.region.representative_point()
        self.stage.hands.click(inside.x, inside.y)
        self.stage.check("it is selected", annotation.id in self.desk.flows.tools.selection)
        x, y = annotation.region.geoms[0].exterior.coords[0]
        self.stage.hands.wheel(x, y, 12)
        self.stage.hands.drag((x, y), (x - 12, y - 9))
        self.stage.picture("08-correct")
        after = self.document.annotations[0]
        self.stage.check("the outline has changed", after.region != annotation.region)
        self._corrected = tuple(self.document.annotations)
        return f"{annotation.region.area:,.0f} -> {after.region.area:,.0f} px"

    def undo(self) -> str:
        """Ctrl+Z takes the last steps back: the outline, the box, the run, and one on the other photo."""
        history = self.desk.session.history
        self._steps = history.index - history.texts.index("Add person")
        for _ in range(self._steps):
            self.stage.key(Qt.Key.Key_Z, CONTROL)
        self.stage.wait("the first photo", lambda: self.desk.session.model.key == "bus.jpg")
        self.stage.wait("one annotation fewer", lambda: len(self.document.annotations) == 1)
        return f"{self._steps} steps, back on the first photo"

    def redo(self) -> str:
        """Ctrl+Shift+Z does them again."""
        for _ in range(self._steps):
            self.stage.key(Qt.Key.Key_Z, CONTROL | SHIFT)
        self.stage.wait("the second photo", lambda: self.desk.session.model.key == "zidane.jpg")
        self.stage.wait("its annotations", lambda: self.document.annotations == self._corrected)
        return f"{self._steps} steps"

    def mark_done(self) -> str:
        """Ctrl+Enter accepts the photo."""
        self.stage.key(Qt.Key.Key_Return, CONTROL)
        self.stage.wait("the photo to be done", lambda: self._summary_done() == 1)
        self.stage.picture("09-done")
        return "1 of 2 done"

    def saved(self) -> str:
        """Every annotation is in the label files, as the trainer reads them."""
        self.stage.wait("saving", lambda: self.desk.workers.storage.history.pending == 0)
        counts = []
        for name, size in (("bus.jpg", (810, 1080)), ("zidane.jpg", (1280, 720))):
            text = (self.photos / name).with_suffix(".txt").read_text(encoding="utf-8")
            parsed = label_format().parse(text, *size)
            self.stage.check(f"the labels of {name} are whole", not parsed.problems and bool(parsed.lines))
            counts.append(f"{name}: {len(parsed.lines)}")
        self.stage.check("data.yaml is there", (self.photos / "data.yaml").is_file())
        return "; ".join(counts)

    def _wait_for_answer(self) -> None:
        annotate = self.desk.flows.annotate
        self.stage.wait("a mask", lambda: annotate.answered)

    def _proposal_is(self, *, hover: bool) -> bool:
        proposal = self.desk.flows.annotate.proposal
        return proposal is not None and proposal.hover is hover

    def _best(self) -> str:
        proposal = self.desk.flows.annotate.proposal
        assert proposal is not None
        return f"predicted IoU {proposal.score:.2f}, {proposal.region.area:,.0f} px"

    def _label(self, index: int) -> str:
        return self.desk.session.model.labels.get(self.document.annotations[index].label_id).name

    def _summary_done(self) -> int:
        return int(self.document.review is ImageReview.ACCEPTED)
