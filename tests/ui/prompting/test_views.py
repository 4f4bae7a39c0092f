"""The closer look: the view that the model uses while the user zooms, pans, clicks, pins and pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction

from samdesk.domain.geometry.types import Frame
from samdesk.domain.geometry.views import contains_rect
from samdesk.settings.table import LOOK_CLOSER, LOOK_CLOSER_FROM
from samdesk.ui.canvas.progress_line import ProgressLine
from samdesk.ui.canvas.view_frame import ViewFrame
from samdesk.ui.prompting.views import ViewsController
from tests.e2e.conftest import Arrive
from tests.helpers.desk import CONTROL, SHIFT, Person
from tests.helpers.gated import GatedPredictor
from tests.helpers.make import photo

K = Qt.Key
WIDTH, HEIGHT = 2000, 1500
FAR = (1700, 1200)
NEAR = (600, 500)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images large enough to zoom in."""
    for i in range(2):
        photo(tmp_path / "photos" / f"{i}.png", WIDTH, HEIGHT, seed=i)
    return tmp_path / "photos"


def views(person: Person) -> ViewsController:
    return person.desk.flows.views


def zoom(person: Person, notches: int, at: tuple[float, float] = NEAR) -> None:
    """Turns the wheel, notch by notch."""
    for _ in range(abs(notches)):
        person.hands.wheel(*at, 1 if notches > 0 else -1)


def settle(person: Person) -> None:
    """Waits until zoom and pan have settled."""
    person.until(lambda: views(person).settled)


def shown(person: Person) -> Frame | None:
    """The view framed on the canvas."""
    frame = person.canvas.view_frame
    return None if frame is None or not frame.ready else frame.view


def status(person: Person) -> str:
    return person.window.status.closer_look_field.text()


def zoom_in(person: Person, notches: int = 10, at: tuple[float, float] = NEAR) -> Frame:
    """Zooms in and waits for the view."""
    zoom(person, notches, at)
    person.until(lambda: shown(person) is not None)
    found = shown(person)
    assert found is not None
    return found


def on_screen(person: Person) -> tuple[float, float, float, float]:
    """The part of the image on screen."""
    rect = person.canvas.visible_rect()
    return max(0, rect.left()), max(0, rect.top()), min(WIDTH, rect.right()), min(HEIGHT, rect.bottom())


def close_gate(person: Person) -> None:
    """Makes the next encode wait, once the two whole images are encoded."""
    person.until(lambda: len(person.predictor.encoded) == 2)
    person.predictor.encoding.close()


def action(person: Person, name: str) -> QAction:
    return person.desk.view.actions.action(f"view.{name}")


def test_zooming_in_encodes_the_part_on_screen(person: Person) -> None:
    assert status(person) == ""
    view = zoom_in(person)
    assert contains_rect(view, on_screen(person))
    assert person.predictor.views == [view]
    assert status(person) == "closer look 2.8×"
    assert "instead of the whole image" in person.window.status.closer_look_field.toolTip()
    person.key(K.Key_F)
    person.until(lambda: shown(person) is None)
    assert status(person) == ""
    assert not person.window.status.closer_look_field.isVisible()


def test_a_mask_in_the_view_is_where_the_click_was(person: Person) -> None:
    view = zoom_in(person)
    kept = person.draw(610, 505)
    assert person.predictor.decoded_on[-1] == view
    assert kept.region.centroid.x == pytest.approx(610, abs=0.5)
    assert kept.region.centroid.y == pytest.approx(505, abs=0.5)
    person.key(K.Key_F)
    person.until(lambda: shown(person) is None)
    assert person.annotations == (kept,)


def test_small_pans_keep_the_view_and_large_ones_request_another(person: Person) -> None:
    view = zoom_in(person)
    for _ in range(3):
        person.canvas.pan_by(8, -6)
        settle(person)
    zoom(person, 1)
    settle(person)
    assert person.predictor.views == [view]
    person.canvas.pan_by(-600, 0)
    person.until(lambda: len(person.predictor.views) == 2)
    person.until(lambda: shown(person) != view)
    assert contains_rect(person.predictor.views[1], on_screen(person))


def test_a_whole_gesture_requests_one_view(person: Person) -> None:
    for _ in range(12):
        zoom(person, 1)
        person.canvas.pan_by(30, 20)
    person.until(lambda: shown(person) is not None)
    assert len(person.predictor.views) == 1


def test_the_threshold_is_a_setting(person: Person) -> None:
    person.desk.settings.set(LOOK_CLOSER_FROM, 4.0)
    zoom(person, 10)
    settle(person)
    assert views(person).view is None
    person.desk.settings.set(LOOK_CLOSER_FROM, 2.8)
    person.until(lambda: status(person) == "closer look 2.8×")


@pytest.mark.parametrize("key", [K.Key_Escape, K.Key_Return], ids=["escape", "enter"])
def test_a_correction_stays_on_its_view_and_the_next_object_gets_a_new_one(person: Person, key: K) -> None:
    view = zoom_in(person)
    person.click(*NEAR)
    zoom(person, -20)
    zoom(person, 14, FAR)
    assert views(person).settled
    assert views(person).view == view
    person.click(FAR[0] + 5, FAR[1])
    assert shown(person) == view
    person.key(key)
    person.until(lambda: shown(person) not in (None, view))
    assert contains_rect(shown(person), on_screen(person))  # type: ignore[arg-type]


def test_a_zoom_just_before_a_click_still_counts(person: Person) -> None:
    zoom(person, 10)
    assert not views(person).settled
    person.hands.click(*NEAR)
    assert views(person).view is not None
    person.until(lambda: shown(person) is not None)
    person.until(lambda: person.predictor.decoded_on[-1] == shown(person))


def test_a_mask_predicted_meanwhile_becomes_finer(person: Person) -> None:
    close_gate(person)
    zoom(person, 10)
    person.until(person.predictor.encoding.someone_came)
    person.hands.click(*NEAR)
    person.predictor.encoding.open()
    person.until(lambda: shown(person) is not None)
    person.until(lambda: person.desk.flows.annotate.answered)
    assert person.predictor.decoded_on[-1] == shown(person)
    assert person.proposed_at(*NEAR)


def test_a_preview_becomes_finer_without_a_mouse_move(person: Person) -> None:
    person.hands.move(*NEAR)
    person.until(lambda: person.proposed_at(*NEAR))
    view = zoom_in(person)
    person.until(lambda: person.predictor.decoded_on[-1] == view)


def test_a_candidate_that_was_chosen_stays(person: Person) -> None:
    person.click(*NEAR)
    person.key(K.Key_Tab)
    chosen = person.desk.flows.annotate.proposal
    zoom(person, 10)
    person.key(K.Key_L)
    person.until(lambda: shown(person) is not None)
    assert person.desk.flows.annotate.proposal == chosen
    assert person.desk.flows.annotate.answered


def test_look_now_applies_to_a_correction_too(person: Person) -> None:
    person.click(*NEAR)
    zoom(person, 10)
    assert views(person).view is None
    person.key(K.Key_L)
    person.until(lambda: shown(person) is not None)
    person.until(lambda: person.predictor.decoded_on[-1] == shown(person))
    assert person.proposed_at(*NEAR)


def test_look_now_works_below_the_threshold(person: Person) -> None:
    zoom(person, 6)
    settle(person)
    assert views(person).view is None
    person.key(K.Key_L)
    person.until(lambda: status(person) == "closer look 1.4×")
    person.canvas.pan_by(5, 0)
    settle(person)
    assert status(person) == "closer look 1.4×", "as long as it serves"


def test_look_now_at_the_whole_image_shows_a_message(person: Person) -> None:
    person.key(K.Key_L)
    assert "Zoom in" in person.told
    person.key(K.Key_L, SHIFT)
    assert not action(person, "look_pin").isChecked()
    assert not views(person).pinned


def test_a_pinned_view_stays(person: Person) -> None:
    view = zoom_in(person)
    person.key(K.Key_L, SHIFT)
    assert action(person, "look_pin").isChecked()
    assert status(person) == "closer look 2.8×, pinned"
    person.key(K.Key_F)
    zoom(person, 10, FAR)
    settle(person)
    assert shown(person) == view
    person.click(*FAR)
    assert person.predictor.decoded_on[-1] == Frame(0, 0, WIDTH), "outside it, the whole image answers"
    person.key(K.Key_Escape)
    person.key(K.Key_L, SHIFT)
    assert not action(person, "look_pin").isChecked()
    person.until(lambda: shown(person) not in (None, view))
    assert contains_rect(shown(person), on_screen(person))  # type: ignore[arg-type]


def test_look_now_moves_a_pinned_view(person: Person) -> None:
    view = zoom_in(person)
    person.key(K.Key_L, SHIFT)
    person.key(K.Key_F)
    zoom(person, 12, FAR)
    person.key(K.Key_L)
    person.until(lambda: shown(person) not in (None, view))
    assert status(person).endswith("pinned")


def test_switched_off_the_whole_image_is_used_until_look_now(person: Person) -> None:
    view = zoom_in(person)
    person.key(K.Key_L, CONTROL)
    person.until(lambda: shown(person) is None)
    assert person.desk.settings.get(LOOK_CLOSER) is False
    assert not action(person, "look_auto").isChecked()
    zoom(person, 2)
    settle(person)
    assert shown(person) is None
    person.key(K.Key_L)
    person.until(lambda: shown(person) is not None)
    assert status(person).endswith("pinned"), "nothing follows: it stays where it is"
    person.key(K.Key_L, SHIFT)
    person.until(lambda: shown(person) is None)
    zoom(person, -2)
    person.key(K.Key_L, CONTROL)
    person.until(lambda: shown(person) == view)


def test_off_is_remembered(person: Person, arrive: Arrive, folder: Path) -> None:
    person.key(K.Key_L, CONTROL)
    person.leave()
    again = arrive()
    again.open(folder)
    assert not action(again, "look_auto").isChecked()
    zoom(again, 10)
    settle(again)
    assert views(again).view is None


def test_another_image_starts_without_a_view(person: Person) -> None:
    zoom_in(person)
    person.key(K.Key_L, SHIFT)
    person.go("1.png")
    assert status(person) == ""
    assert shown(person) is None
    assert not action(person, "look_pin").isChecked()
    settle(person)
    view = zoom_in(person, at=FAR)
    assert contains_rect(view, on_screen(person))


def test_paging_there_and_back_at_once_uses_the_same_view(person: Person) -> None:
    view = zoom_in(person)
    person.desk.flows.navigate.set_blank_delay(60_000)
    person.desk.flows.navigate.go("1.png")
    assert shown(person) is None
    person.go("0.png")
    person.until(lambda: shown(person) == view)
    assert person.predictor.views == [view], "it was still there"


def test_an_encode_of_a_view_is_shown_in_the_window(person: Person) -> None:
    line = person.canvas.findChild(ProgressLine)
    assert line is not None
    close_gate(person)
    zoom(person, 10)
    person.until(lambda: status(person) == "looking closer…")
    wanted = views(person).view
    assert wanted is not None
    assert person.canvas.view_frame == ViewFrame(wanted, ready=False)
    assert line.isVisible()
    person.predictor.encoding.open()
    person.until(lambda: status(person) == "closer look 2.8×")
    assert not line.isVisible()
    person.predictor.encoding.close()
    person.canvas.pan_by(-900, 0)
    person.until(lambda: status(person) == "looking closer…")
    person.key(K.Key_D)
    assert status(person) == ""
    person.predictor.encoding.open()
    person.until(lambda: person.shown == "1.png")
    person.until(lambda: not line.isVisible())


@pytest.mark.logs("workers.failure: ")
def test_a_view_that_fails_shows_a_message_and_is_not_requested_again(person: Person) -> None:
    person.predictor.view_errors.append(RuntimeError("no room"))
    zoom(person, 10)
    person.until(lambda: "Masks are drawn from the whole image" in person.told)
    person.canvas.pan_by(4, 4)
    settle(person)
    assert len(person.predictor.views) == 1
    assert (status(person), shown(person)) == ("", None)
    person.click(*NEAR)
    assert person.predictor.decoded_on[-1] == Frame(0, 0, WIDTH)


def test_another_model_encodes_the_same_view(person: Person) -> None:
    view = zoom_in(person)
    other = GatedPredictor("other.pt", radius=30.0)
    person.models.default["other.pt"] = other
    person.desk.flows.models.use("other.pt", "", "auto")
    person.until(lambda: other.views == [view])
    person.until(lambda: shown(person) == view)


def test_a_model_that_takes_no_views_disables_the_commands(person: Person) -> None:
    zoom_in(person)
    other = GatedPredictor("other.pt", radius=30.0)
    other.looks_closer = False
    person.models.default["other.pt"] = other
    person.desk.flows.models.use("other.pt", "", "auto")
    person.until(lambda: not person.is_enabled("view.look_now"))
    person.until(lambda: shown(person) is None)
    for name in ("look_auto", "look_pin", "look_now"):
        assert not person.is_enabled(f"view.{name}")
        assert "the model in use needs no closer look" in action(person, name).toolTip()
    person.canvas.pan_by(-600, 0)
    settle(person)
    person.click(1000, 500)
    assert other.views == []
    assert status(person) == ""


def test_a_small_annotation_is_reopened_on_the_view(person: Person) -> None:
    view = zoom_in(person)
    kept = person.draw(*NEAR)
    person.select(kept)
    person.key(K.Key_S, SHIFT)
    person.click(NEAR[0] + 20, NEAR[1])
    asked = person.predictor.decoded[-1]
    assert asked.mask is not None
    assert asked.mask.frame == view
    assert asked.mask.logits.max() > 0
