"""Tighten, snap, and before and after: the gated predictor answers a box with a disc of 30 pixels in it."""

from __future__ import annotations

from pathlib import Path

import pytest
import shapely
from PySide6.QtCore import Qt

from samdesk.domain.annotation import Annotation, Source
from samdesk.domain.geometry.regions import clean, from_box, iou
from samdesk.domain.geometry.types import Region
from samdesk.domain.review import AnnotationReview
from samdesk.engine.protocols import EngineError
from samdesk.ui.prompting.snap import Snapped
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import CONTROL, SHIFT, User
from tests.ui.prompting.proposing import propose

K = Qt.Key


@pytest.fixture
def user(user: User) -> User:
    user.add_labels("cat", "dog")
    return user


def sloppy(x: float, y: float) -> Region:
    """A square around a disc of 30 pixels: their IoU is 0.79."""
    return from_box(x - 30, y - 30, x + 30, y + 30)


def disc(x: float, y: float, radius: float = 30.0) -> Region:
    return clean(shapely.Point(x, y).buffer(radius, quad_segs=32))


def tightened(user: User, *annotations: Annotation) -> list[Annotation]:
    """Selects annotations and presses T; waits for what comes of it."""
    user.desk.flows.tools.select(frozenset(a.id for a in annotations))
    done: list[object] = []
    user.desk.flows.corrections.tighten.finished.connect(done.append)
    user.key(K.Key_T)
    user.until(lambda: len(done) == 1)
    return [user.document.find(a.id) or a for a in annotations]


def test_one_key_fits_the_selection_to_the_image(user: User) -> None:
    made, other = propose(user, sloppy(100, 120)), propose(user, sloppy(220, 120))
    (tight,) = tightened(user, made)
    asked = user.predictor.decoded[-1]
    assert asked.box is not None
    assert asked.box.xyxy == (70, 90, 130, 150)
    assert asked.mask is not None, "box and mask"
    assert iou(tight.region, disc(100, 120)) > 0.98
    assert (tight.id, tight.label_id, tight.model) == (made.id, made.label_id, made.model)
    assert (tight.review, tight.source) == (AnnotationReview.CORRECTED, Source.SAM)
    assert (tight.detector_score, tight.mask_score, tight.stability) == (None, pytest.approx(0.9), 1.0)
    assert user.document.find(other.id) == other
    assert "Tightened." in user.message_text
    shown = user.canvas.comparison
    assert shown is not None, "what changed is shown"
    assert shown.removed.area == pytest.approx(made.region.area - tight.region.area, rel=0.01)
    user.key(K.Key_V)
    user.mouse.click(10, 10)
    assert user.canvas.comparison is None
    user.key(K.Key_Z, CONTROL)
    assert user.document.find(made.id) == made, "one undo step"


def test_what_fits_and_what_the_model_does_not_see_is_kept_and_named(user: User) -> None:
    fits, other, loose = (
        propose(user, disc(60, 60, 30.5)),
        propose(user, from_box(110, 30, 290, 210)),
        propose(user, sloppy(60, 170)),
    )
    assert tightened(user, fits) == [fits]
    assert "fits already" in user.message_text
    assert tightened(user, other) == [other]
    assert "the model sees something else there (IoU 0.09)" in user.message_text
    kept = tightened(user, fits, other, loose)
    assert kept[:2] == [fits, other]
    assert iou(kept[2].region, disc(60, 170)) > 0.98
    assert "Tightened 1 of 3 annotations: 1 fit already; 1 kept" in user.message_text
    user.press("Select those kept")
    assert user.desk.flows.tools.selection == {other.id}
    user.key(K.Key_Z, CONTROL)
    assert user.document.find(loose.id) == loose


def test_many_can_be_stopped_and_the_finished_part_stays(user: User) -> None:
    made = [propose(user, sloppy(x, 120)) for x in (60, 120, 180)]
    user.predictor.decoding.close()
    user.desk.flows.tools.select(frozenset(a.id for a in made))
    user.key(K.Key_T)
    user.predictor.decoding.wait_for_arrival()
    user.predictor.decoding.let_one_through()
    user.until(lambda: "Tightening… 1 of 3" in user.message_text)
    user.key(K.Key_V)  # the window is not blocked
    user.press("Stop")
    user.predictor.decoding.open()
    now = [user.document.find(a.id) for a in made]
    assert iou(now[0].region, disc(60, 120)) > 0.98  # type: ignore[union-attr]
    assert now[1:] == made[1:]
    assert "Tightened 1 of 3 annotations: 2 left" in user.message_text
    user.key(K.Key_Z, CONTROL)
    assert user.document.find(made[0].id) == made[0]


def test_what_is_edited_or_left_meanwhile_is_not_overwritten(user: User) -> None:
    made, gone = propose(user, sloppy(60, 120)), propose(user, sloppy(180, 120))
    user.predictor.decoding.close()
    user.desk.flows.tools.select(frozenset((made.id, gone.id)))
    user.key(K.Key_T)
    user.predictor.decoding.wait_for_arrival()
    user.predictor.decoding.let_one_through()
    user.until(lambda: "1 of 2" in user.message_text)
    user.desk.flows.tools.select(frozenset((gone.id,)))
    user.key(K.Key_Delete)
    user.key(K.Key_D)  # the next image: the finished part is kept first
    user.predictor.decoding.open()
    user.until(lambda: user.shown == "1.png")
    user.go("0.png")
    (kept,) = user.annotations
    assert kept.id == made.id
    assert iou(kept.region, disc(60, 120)) > 0.98


def test_bad_input_is_named_and_changes_nothing(user: User) -> None:
    user.key(K.Key_T)
    assert "Select an annotation to tighten first." in user.message_text
    made = propose(user, sloppy(100, 120))
    user.select(made)
    user.key(K.Key_S, SHIFT)
    user.click(110, 120)
    user.key(K.Key_T)
    assert "Accept the mask or clear its prompts first." in user.message_text
    user.key(K.Key_Escape)
    user.predictor.prompt_errors.append(EngineError("The graphics card burns."))
    assert tightened(user, made) == [made]
    assert "The graphics card burns." in user.message_text
    user.key(K.Key_U)
    assert "Nothing to compare" in user.message_text
    assert not user.desk.view.actions.action("view.compare").isChecked()


def test_it_waits_for_the_model_or_says_that_there_is_none(open_window: OpenWindow, folder: Path) -> None:
    user = open_window()
    user.models.gate.close()
    user.open(folder)
    user.add_labels("cat")
    made = propose(user, sloppy(100, 120))
    user.desk.flows.tools.select(frozenset((made.id,)))
    user.key(K.Key_T)
    assert "as soon as the model is loaded" in user.message_text
    user.models.default.clear()
    user.models.shelf.clear()
    user.models.gate.open()
    user.until(lambda: "is not a model" in user.message_text)
    assert user.annotations == (made,)
    user.key(K.Key_T)
    assert "is not a model" in user.message_text
    assert user.annotations == (made,)


# -- before and after


def test_u_shows_before_and_after_while_a_mask_is_open_and_afterwards(user: User) -> None:
    made = propose(user, disc(100, 120))
    user.select(made)
    user.key(K.Key_S, SHIFT)
    user.click(130, 120)
    user.key(K.Key_U)
    shown = user.canvas.comparison
    assert shown is not None
    assert shown.added.area == pytest.approx(shown.removed.area, rel=0.05) == pytest.approx(1700, rel=0.1)
    user.click(100, 120)
    user.key(K.Key_U)
    assert user.canvas.comparison is None
    user.click(130, 110)
    user.key(K.Key_Return)
    user.key(K.Key_U)
    assert user.canvas.comparison is not None, "what was accepted, too"
    user.key(K.Key_S)
    user.click(250, 60)
    assert user.canvas.comparison is None, "an old change does not lie over a new mask"
    user.key(K.Key_Escape)
    user.key(K.Key_U)
    assert user.canvas.comparison is not None
    user.desk.flows.tools.select(frozenset())
    user.go("1.png")
    assert user.canvas.comparison is None
    assert not user.desk.view.actions.action("view.compare").isChecked()


def test_a_held_key_shows_it_while_it_is_held(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("samdesk.ui.annotations.compare.time.monotonic", lambda: now[0])
    made = propose(user, sloppy(100, 120))
    tightened(user, made)
    user.mouse.click(10, 10)
    user.key(K.Key_V)
    user.mouse.key_down(K.Key_U)
    assert user.canvas.comparison is not None
    now[0] += 1.0
    user.mouse.key_up(K.Key_U)
    assert user.canvas.comparison is None
    user.key(K.Key_U)
    assert user.canvas.comparison is not None, "a short press leaves it on"


# -- snap


def snapped(user: User, *shapes: Region) -> Snapped:
    label = next(iter(user.desk.session.model.labels)).id
    done: list[Snapped] = []
    user.desk.flows.corrections.snap.snap([(s, label) for s in shapes], "Paste", done.append)
    user.until(lambda: len(done) == 1)
    return done[0]


def test_shapes_from_elsewhere_are_fitted_or_kept_as_they_are(user: User) -> None:
    there, nothing, edge = sloppy(60, 60), from_box(110, 30, 290, 210), sloppy(300, 200)
    result = snapped(user, there, nothing, edge, from_box(900, 0, 950, 50))
    fitted, kept, cut = user.annotations
    assert (result.fitted, result.kept) == ((fitted.id, cut.id), (kept.id,))
    assert iou(fitted.region, disc(60, 60)) > 0.98
    assert (fitted.source, fitted.review) == (Source.SAM, AnnotationReview.ACCEPTED)
    assert (fitted.mask_score, fitted.stability) == (pytest.approx(0.9), 1.0)
    assert (kept.region, kept.source, kept.mask_score) == (nothing, Source.MANUAL, None)
    assert cut.region.bounds[2] <= 320, "within the image"
    assert "3 annotations added, 1 with the shape they came with" in user.message_text
    assert user.desk.flows.tools.selection == {a.id for a in user.annotations}
    user.press("Select those")
    assert user.desk.flows.tools.selection == {kept.id}
    user.key(K.Key_Z, CONTROL)
    assert user.annotations == ()


def test_a_paste_is_not_lost_if_the_model_fails_or_is_stopped(user: User) -> None:
    user.predictor.prompt_errors.append(EngineError("The graphics card burns."))
    result = snapped(user, sloppy(60, 60))
    assert len(result.kept) == 1
    assert user.annotations[0].region == sloppy(60, 60)
    assert "The graphics card burns" in user.message_text
    user.predictor.decoding.close()
    label = user.annotations[0].label_id
    user.desk.flows.corrections.snap.snap([(sloppy(200, 60), label)], "Paste")
    user.predictor.decoding.wait_for_arrival()
    user.press("Stop")
    user.predictor.decoding.open()
    assert [a.region for a in user.annotations] == [sloppy(60, 60), sloppy(200, 60)]
    user.desk.flows.corrections.snap.snap([(from_box(-50, -50, -10, -10), label)], "Paste")
    assert "outside this image" in user.message_text
    assert len(user.annotations) == 2


def test_a_label_made_while_a_paste_is_fitted_is_used_for_it(user: User) -> None:
    labels = user.desk.session.model.labels
    needed = labels.add("bird").add("bee")
    bird, bee = needed.labels[-2:]
    gone = labels.labels[-1]
    shapes = [(sloppy(60, 60), bird.id), (sloppy(200, 60), bee.id), (sloppy(200, 180), gone.id)]
    user.predictor.decoding.close()
    user.desk.flows.corrections.snap.snap(shapes, "Paste", labels=needed)
    user.predictor.decoding.wait_for_arrival()
    user.add_labels("Bird")
    user.desk.flows.labels.choose(user.desk.session.model.labels.labels[0].id)
    user.desk.session.delete_label(gone.id)
    user.predictor.decoding.open()
    user.until(lambda: len(user.annotations) == 3)
    assert user.desk.session.model.labels.names == ("cat", "Bird", "bee"), "no name twice, none comes back"
    assert user.names == ["Bird", "bee", "cat"]
