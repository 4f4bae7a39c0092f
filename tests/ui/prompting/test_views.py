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
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import CONTROL, SHIFT, User
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


def views(user: User) -> ViewsController:
    return user.desk.flows.views


def zoom(user: User, notches: int, at: tuple[float, float] = NEAR) -> None:
    """Turns the wheel, notch by notch."""
    for _ in range(abs(notches)):
        user.mouse.wheel(*at, 1 if notches > 0 else -1)


def settle(user: User) -> None:
    """Waits until zoom and pan have settled."""
    user.until(lambda: views(user).settled)


def shown(user: User) -> Frame | None:
    """The view framed on the canvas."""
    frame = user.canvas.view_frame
    return None if frame is None or not frame.ready else frame.view


def status(user: User) -> str:
    return user.window.status.closer_look_field.text()


def zoom_in(user: User, notches: int = 10, at: tuple[float, float] = NEAR) -> Frame:
    """Zooms in and waits for the view."""
    zoom(user, notches, at)
    user.until(lambda: shown(user) is not None)
    found = shown(user)
    assert found is not None
    return found


def on_screen(user: User) -> tuple[float, float, float, float]:
    """The part of the image on screen."""
    rect = user.canvas.visible_rect()
    return max(0, rect.left()), max(0, rect.top()), min(WIDTH, rect.right()), min(HEIGHT, rect.bottom())


def close_gate(user: User) -> None:
    """Makes the next encode wait, once the two whole images are encoded."""
    user.until(lambda: len(user.predictor.encoded) == 2)
    user.predictor.encoding.close()


def action(user: User, name: str) -> QAction:
    return user.desk.view.actions.action(f"view.{name}")


def test_zooming_in_encodes_the_part_on_screen(user: User) -> None:
    assert status(user) == ""
    view = zoom_in(user)
    assert contains_rect(view, on_screen(user))
    assert user.predictor.views == [view]
    assert status(user) == "closer look 2.8×"
    assert "instead of the whole image" in user.window.status.closer_look_field.toolTip()
    user.key(K.Key_F)
    user.until(lambda: shown(user) is None)
    assert status(user) == ""
    assert not user.window.status.closer_look_field.isVisible()


def test_a_mask_in_the_view_is_where_the_click_was(user: User) -> None:
    view = zoom_in(user)
    kept = user.draw(610, 505)
    assert user.predictor.decoded_on[-1] == view
    assert kept.region.centroid.x == pytest.approx(610, abs=0.5)
    assert kept.region.centroid.y == pytest.approx(505, abs=0.5)
    user.key(K.Key_F)
    user.until(lambda: shown(user) is None)
    assert user.annotations == (kept,)


def test_small_pans_keep_the_view_and_large_ones_request_another(user: User) -> None:
    view = zoom_in(user)
    for _ in range(3):
        user.canvas.pan_by(8, -6)
        settle(user)
    zoom(user, 1)
    settle(user)
    assert user.predictor.views == [view]
    user.canvas.pan_by(-600, 0)
    user.until(lambda: len(user.predictor.views) == 2)
    user.until(lambda: shown(user) != view)
    assert contains_rect(user.predictor.views[1], on_screen(user))


def test_a_whole_gesture_requests_one_view(user: User) -> None:
    for _ in range(12):
        zoom(user, 1)
        user.canvas.pan_by(30, 20)
    user.until(lambda: shown(user) is not None)
    assert len(user.predictor.views) == 1


def test_the_threshold_is_a_setting(user: User) -> None:
    user.desk.settings.set(LOOK_CLOSER_FROM, 4.0)
    zoom(user, 10)
    settle(user)
    assert views(user).view is None
    user.desk.settings.set(LOOK_CLOSER_FROM, 2.8)
    user.until(lambda: status(user) == "closer look 2.8×")


@pytest.mark.parametrize("key", [K.Key_Escape, K.Key_Return], ids=["escape", "enter"])
def test_a_correction_stays_on_its_view_and_the_next_object_gets_a_new_one(user: User, key: K) -> None:
    view = zoom_in(user)
    user.click(*NEAR)
    zoom(user, -20)
    zoom(user, 14, FAR)
    assert views(user).settled
    assert views(user).view == view
    user.click(FAR[0] + 5, FAR[1])
    assert shown(user) == view
    user.key(key)
    user.until(lambda: shown(user) not in (None, view))
    assert contains_rect(shown(user), on_screen(user))  # type: ignore[arg-type]


def test_a_zoom_just_before_a_click_still_counts(user: User) -> None:
    zoom(user, 10)
    assert not views(user).settled
    user.mouse.click(*NEAR)
    assert views(user).view is not None
    user.until(lambda: shown(user) is not None)
    user.until(lambda: user.predictor.decoded_on[-1] == shown(user))


def test_a_mask_predicted_meanwhile_becomes_finer(user: User) -> None:
    close_gate(user)
    zoom(user, 10)
    user.until(user.predictor.encoding.has_arrival)
    user.mouse.click(*NEAR)
    user.predictor.encoding.open()
    user.until(lambda: shown(user) is not None)
    user.until(lambda: user.desk.flows.annotate.answered)
    assert user.predictor.decoded_on[-1] == shown(user)
    assert user.proposed_at(*NEAR)


def test_a_preview_becomes_finer_without_a_mouse_move(user: User) -> None:
    user.mouse.move(*NEAR)
    user.until(lambda: user.proposed_at(*NEAR))
    view = zoom_in(user)
    user.until(lambda: user.predictor.decoded_on[-1] == view)


def test_a_candidate_that_was_chosen_stays(user: User) -> None:
    user.click(*NEAR)
    user.key(K.Key_Tab)
    chosen = user.desk.flows.annotate.proposal
    zoom(user, 10)
    user.key(K.Key_L)
    user.until(lambda: shown(user) is not None)
    assert user.desk.flows.annotate.proposal == chosen
    assert user.desk.flows.annotate.answered


def test_look_now_applies_to_a_correction_too(user: User) -> None:
    user.click(*NEAR)
    zoom(user, 10)
    assert views(user).view is None
    user.key(K.Key_L)
    user.until(lambda: shown(user) is not None)
    user.until(lambda: user.predictor.decoded_on[-1] == shown(user))
    assert user.proposed_at(*NEAR)


def test_look_now_works_below_the_threshold(user: User) -> None:
    zoom(user, 6)
    settle(user)
    assert views(user).view is None
    user.key(K.Key_L)
    user.until(lambda: status(user) == "closer look 1.4×")
    user.canvas.pan_by(5, 0)
    settle(user)
    assert status(user) == "closer look 1.4×", "as long as it serves"


def test_look_now_at_the_whole_image_shows_a_message(user: User) -> None:
    user.key(K.Key_L)
    assert "Zoom in" in user.message_text
    user.key(K.Key_L, SHIFT)
    assert not action(user, "look_pin").isChecked()
    assert not views(user).pinned


def test_a_pinned_view_stays(user: User) -> None:
    view = zoom_in(user)
    user.key(K.Key_L, SHIFT)
    assert action(user, "look_pin").isChecked()
    assert status(user) == "closer look 2.8×, pinned"
    user.key(K.Key_F)
    zoom(user, 10, FAR)
    settle(user)
    assert shown(user) == view
    user.click(*FAR)
    assert user.predictor.decoded_on[-1] == Frame(0, 0, WIDTH), "outside it, the whole image answers"
    user.key(K.Key_Escape)
    user.key(K.Key_L, SHIFT)
    assert not action(user, "look_pin").isChecked()
    user.until(lambda: shown(user) not in (None, view))
    assert contains_rect(shown(user), on_screen(user))  # type: ignore[arg-type]


def test_look_now_moves_a_pinned_view(user: User) -> None:
    view = zoom_in(user)
    user.key(K.Key_L, SHIFT)
    user.key(K.Key_F)
    zoom(user, 12, FAR)
    user.key(K.Key_L)
    user.until(lambda: shown(user) not in (None, view))
    assert status(user).endswith("pinned")


def test_switched_off_the_whole_image_is_used_until_look_now(user: User) -> None:
    view = zoom_in(user)
    user.key(K.Key_L, CONTROL)
    user.until(lambda: shown(user) is None)
    assert user.desk.settings.get(LOOK_CLOSER) is False
    assert not action(user, "look_auto").isChecked()
    zoom(user, 2)
    settle(user)
    assert shown(user) is None
    user.key(K.Key_L)
    user.until(lambda: shown(user) is not None)
    assert status(user).endswith("pinned"), "nothing follows: it stays where it is"
    user.key(K.Key_L, SHIFT)
    user.until(lambda: shown(user) is None)
    zoom(user, -2)
    user.key(K.Key_L, CONTROL)
    user.until(lambda: shown(user) == view)


def test_off_is_remembered(user: User, open_window: OpenWindow, folder: Path) -> None:
    user.key(K.Key_L, CONTROL)
    user.close_window()
    again = open_window()
    again.open(folder)
    assert not action(again, "look_auto").isChecked()
    zoom(again, 10)
    settle(again)
    assert views(again).view is None


def test_another_image_starts_without_a_view(user: User) -> None:
    zoom_in(user)
    user.key(K.Key_L, SHIFT)
    user.go("1.png")
    assert status(user) == ""
    assert shown(user) is None
    assert not action(user, "look_pin").isChecked()
    settle(user)
    view = zoom_in(user, at=FAR)
    assert contains_rect(view, on_screen(user))


def test_paging_there_and_back_at_once_uses_the_same_view(user: User) -> None:
    view = zoom_in(user)
    user.desk.flows.navigate.set_blank_delay(60_000)
    user.desk.flows.navigate.go("1.png")
    assert shown(user) is None
    user.go("0.png")
    user.until(lambda: shown(user) == view)
    assert user.predictor.views == [view], "it was still there"


def test_an_encode_of_a_view_is_shown_in_the_window(user: User) -> None:
    line = user.canvas.findChild(ProgressLine)
    assert line is not None
    close_gate(user)
    zoom(user, 10)
    user.until(lambda: status(user) == "looking closer…")
    wanted = views(user).view
    assert wanted is not None
    assert user.canvas.view_frame == ViewFrame(wanted, ready=False)
    assert line.isVisible()
    user.predictor.encoding.open()
    user.until(lambda: status(user) == "closer look 2.8×")
    assert not line.isVisible()
    user.predictor.encoding.close()
    user.canvas.pan_by(-900, 0)
    user.until(lambda: status(user) == "looking closer…")
    user.key(K.Key_D)
    assert status(user) == ""
    user.predictor.encoding.open()
    user.until(lambda: user.shown == "1.png")
    user.until(lambda: not line.isVisible())


@pytest.mark.logs("workers.failure: ")
def test_a_view_that_fails_shows_a_message_and_is_not_requested_again(user: User) -> None:
    user.predictor.view_errors.append(RuntimeError("no room"))
    zoom(user, 10)
    user.until(lambda: "Masks are drawn from the whole image" in user.message_text)
    user.canvas.pan_by(4, 4)
    settle(user)
    assert len(user.predictor.views) == 1
    assert (status(user), shown(user)) == ("", None)
    user.click(*NEAR)
    assert user.predictor.decoded_on[-1] == Frame(0, 0, WIDTH)


def test_another_model_encodes_the_same_view(user: User) -> None:
    view = zoom_in(user)
    other = GatedPredictor("other.pt", radius=30.0)
    user.models.default["other.pt"] = other
    user.desk.flows.models.use("other.pt", "", "auto")
    user.until(lambda: other.views == [view])
    user.until(lambda: shown(user) == view)


def test_a_model_that_takes_no_views_disables_the_commands(user: User) -> None:
    zoom_in(user)
    other = GatedPredictor("other.pt", radius=30.0)
    other.looks_closer = False
    user.models.default["other.pt"] = other
    user.desk.flows.models.use("other.pt", "", "auto")
    user.until(lambda: not user.is_enabled("view.look_now"))
    user.until(lambda: shown(user) is None)
    for name in ("look_auto", "look_pin", "look_now"):
        assert not user.is_enabled(f"view.{name}")
        assert "the model in use needs no closer look" in action(user, name).toolTip()
    user.canvas.pan_by(-600, 0)
    settle(user)
    user.click(1000, 500)
    assert other.views == []
    assert status(user) == ""


def test_a_small_annotation_is_reopened_on_the_view(user: User) -> None:
    view = zoom_in(user)
    kept = user.draw(*NEAR)
    user.select(kept)
    user.key(K.Key_S, SHIFT)
    user.click(NEAR[0] + 20, NEAR[1])
    asked = user.predictor.decoded[-1]
    assert asked.mask is not None
    assert asked.mask.frame == view
    assert asked.mask.logits.max() > 0
