"""What is being drawn is kept wherever the user goes, and is there on return."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from samdesk.app import Services
from samdesk.dataset.dataset import Dataset, StoreError
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.geometry.types import Region
from samdesk.domain.review import ImageReview
from samdesk.engine.protocols import EngineError
from samdesk.ui.images.model import ImageRole
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import CONTROL, SHIFT, User, lines, photos
from tests.helpers.gated import GatedPredictor

K = Qt.Key


def region(user: User) -> Region:
    proposal = user.desk.flows.annotate.proposal
    assert proposal is not None, "no mask is on screen"
    return proposal.region


def marked(user: User) -> list[str]:
    """The images with the mark of unfinished work in the list."""
    model = user.desk.view.images.view.model()
    rows = [model.index(row, 0) for row in range(model.rowCount())]
    return [row.data(ImageRole.KEY) for row in rows if row.data(ImageRole.UNFINISHED)]


def vertices(user: User) -> list[tuple[int, int]]:
    return [(round(x), round(y)) for x, y in user.desk.flows.tools.toolbox.tool("polygon").vertices]  # type: ignore[attr-defined]


def test_accepting_the_image_accepts_the_mask_on_screen_first(user: User, folder: Path) -> None:
    user.add_labels("cat")
    user.click(100, 120)
    user.key(K.Key_Tab)
    chosen = region(user)
    user.key(K.Key_Return, CONTROL)
    user.until(lambda: user.shown == "1.png")
    assert user.desk.flows.annotate.proposal is None
    user.go("0.png")
    (kept,) = user.annotations
    assert kept.region == chosen, "the candidate that was chosen"
    assert user.document.review is ImageReview.ACCEPTED
    user.until_saved()
    assert len(lines(folder / "0.png").lines) == 1
    user.key(K.Key_Z, CONTROL)
    user.until(lambda: user.document.review is not ImageReview.ACCEPTED)
    assert user.annotations == (kept,), "each is a step of its own"
    user.key(K.Key_Z, CONTROL)
    assert user.annotations == ()


def test_accepting_the_image_waits_for_the_mask(user: User, folder: Path) -> None:
    user.predictor.decoding.close()
    user.mouse.click(100, 120)
    user.predictor.decoding.wait_for_arrival()
    user.key(K.Key_Return, CONTROL)
    assert user.document.review is not ImageReview.ACCEPTED
    user.key(K.Key_D)
    user.predictor.decoding.open()
    user.until(lambda: user.shown == "1.png")
    user.until_saved()
    assert user.desk.session.history.texts[-2:] == ("Add object", "Accept image")
    assert len(lines(folder / "0.png").lines) == 1


def test_accepting_the_image_closes_a_polygon_and_completes_a_rectangle(user: User) -> None:
    user.key(K.Key_P)
    for x, y in ((50, 50), (150, 50), (150, 150)):
        user.mouse.click(x, y)
    user.key(K.Key_Return, CONTROL)
    user.until(lambda: user.shown == "1.png")
    user.key(K.Key_R)
    user.mouse.press(50, 60)
    user.mouse.move(100, 100)
    user.mouse.move(150, 160)
    user.key(K.Key_Return, CONTROL)
    user.until(lambda: user.shown == "2.png")
    user.mouse.release(150, 160)
    assert user.annotations == ()
    areas = []
    for key in ("0.png", "1.png"):
        user.go(key)
        assert user.document.review is ImageReview.ACCEPTED
        areas.append(user.annotations[0].region.area)
    assert areas == [pytest.approx(5_000, rel=0.02), pytest.approx(10_000, rel=0.02)]


def test_accepting_the_image_accepts_the_refined_mask(user: User) -> None:
    first = user.draw(100, 120)
    user.select(first)
    user.key(K.Key_S, SHIFT)
    user.click(150, 120)
    user.key(K.Key_Return, CONTROL)
    user.until(lambda: user.shown == "1.png")
    user.go("0.png")
    (refined,) = user.annotations
    assert refined.id == first.id
    assert refined.region.centroid.x == pytest.approx(150, abs=1)


def test_two_vertices_are_no_outline_but_are_kept(user: User) -> None:
    user.key(K.Key_P)
    user.mouse.click(50, 50)
    user.mouse.click(150, 50)
    user.key(K.Key_Return, CONTROL)
    user.until(lambda: user.shown == "1.png")
    assert marked(user) == ["0.png"]
    user.go("0.png")
    assert user.document.review is ImageReview.ACCEPTED
    assert vertices(user) == [(50, 50), (150, 50)]


LEAVING: dict[str, Callable[[User], None]] = {
    "next": lambda user: user.key(K.Key_D),
    "list": lambda user: user.desk.view.images.view.setCurrentIndex(
        user.desk.view.images.view.model().index(1, 0)
    ),
    "a link": lambda user: user.desk.flows.navigate.go("1.png"),
}


@pytest.mark.parametrize("how", LEAVING)
def test_a_mask_is_there_on_return(user: User, how: str) -> None:
    user.key(K.Key_H, SHIFT)  # no previews among what is predicted
    user.click(60, 60)
    user.click(100, 120)
    user.click(200, 120, modifiers=SHIFT)
    user.key(K.Key_Tab)
    chosen, asked = region(user), len(user.predictor.decoded)
    LEAVING[how](user)
    user.until(lambda: user.shown == "1.png")
    assert user.desk.flows.annotate.proposal is None
    assert not user.desk.view.strip.isVisible()
    assert "unfinished mask on 0.png is kept" in user.message_text
    assert marked(user) == ["0.png"]
    user.draw(200, 60)
    user.go("0.png")
    assert region(user) == chosen
    assert user.desk.flows.annotate.candidate_count == 3
    assert len(user.predictor.decoded) == asked + 1, "only that of the other image was predicted"
    assert marked(user) == []
    user.key(K.Key_Z)
    user.until(lambda: user.desk.flows.annotate.answered)
    assert len(user.predictor.decoded[-1].points) == 2, "its steps can be undone"
    user.click(210, 130)
    assert user.predictor.decoded[-1].mask is not None
    user.key(K.Key_Return)
    assert len(user.annotations) == 1
    user.go("1.png")
    user.go("0.png")
    assert user.desk.flows.annotate.proposal is None, "it is finished"


def test_a_mask_still_being_predicted_comes_on_return(user: User) -> None:
    user.predictor.decoding.close()
    user.mouse.click(100, 120)
    user.predictor.decoding.wait_for_arrival()
    user.key(K.Key_D)
    user.predictor.decoding.open()
    user.until(lambda: user.shown == "1.png")
    assert user.desk.flows.annotate.proposal is None
    user.go("0.png")
    user.until(lambda: user.proposed_at(100, 120))


def test_the_message_goes_back(user: User) -> None:
    user.click(100, 120)
    user.key(K.Key_D)
    user.until(lambda: user.shown == "1.png")
    user.press("Go back")
    user.until(lambda: user.shown == "0.png")
    assert user.proposed_at(100, 120)


def test_zoom_and_tool_are_as_they_were(user: User) -> None:
    user.key(K.Key_P)
    user.mouse.wheel(100, 100, 3)
    user.mouse.click(100, 100)
    before = user.canvas.viewport
    user.key(K.Key_D)
    user.until(lambda: user.shown == "1.png")
    user.key(K.Key_S)
    user.go("0.png")
    assert vertices(user) == [(100, 100)]
    assert user.canvas.viewport == before
    assert user.desk.view.actions.action("tool.polygon").isChecked()


def test_a_rectangle_left_in_the_middle_is_gone_on_with(user: User) -> None:
    user.key(K.Key_R)
    user.mouse.press(50, 60)
    user.mouse.move(80, 90)
    user.mouse.move(120, 110)
    user.key(K.Key_D)
    user.until(lambda: user.shown == "1.png")
    user.mouse.release(120, 110)
    assert user.annotations == ()
    user.go("0.png")
    user.mouse.move(10, 10)
    user.mouse.drag((120, 110), (150, 160))
    (drawn,) = user.annotations
    assert drawn.region.bounds == pytest.approx((50, 60, 150, 160), abs=1)


def test_a_drag_left_in_the_middle_counts_as_far_as_it_got(user: User) -> None:
    user.key(K.Key_R)
    user.mouse.drag((50, 60), (150, 160))
    user.key(K.Key_V)
    user.mouse.press(100, 100)
    user.mouse.move(130, 100)
    user.key(K.Key_D)
    user.until(lambda: user.shown == "1.png")
    user.mouse.release(130, 100)
    user.go("0.png")
    assert user.annotations[0].region.bounds[0] == pytest.approx(80, abs=1)


@pytest.mark.parametrize("tool", [K.Key_V, K.Key_P, K.Key_R])
def test_another_tool_keeps_the_mask(user: User, tool: Qt.Key) -> None:
    user.click(100, 120)
    chosen = region(user)
    user.key(tool)
    assert user.desk.flows.annotate.proposal is None
    assert "kept" in user.message_text
    user.key(K.Key_S)
    assert region(user) == chosen
    user.key(K.Key_Return)
    assert len(user.annotations) == 1


def test_another_tool_keeps_the_polygon(user: User) -> None:
    user.key(K.Key_P)
    user.mouse.click(50, 50)
    user.mouse.click(150, 50)
    user.key(K.Key_S)
    drawn = user.draw(200, 150)
    user.key(K.Key_P)
    user.mouse.click(150, 150)
    user.key(K.Key_Return)
    assert user.annotations[0] == drawn
    assert user.annotations[1].region.area == pytest.approx(5_000, rel=0.02)


def test_work_set_aside_for_another_tool_is_kept_with_the_image(user: User) -> None:
    user.click(100, 120)
    user.key(K.Key_V)
    user.key(K.Key_Return, CONTROL)
    user.until(lambda: user.shown == "1.png")
    assert marked(user) == ["0.png"]
    user.go("0.png")
    assert "Choose the Segment tool" in user.message_text
    user.key(K.Key_S)
    assert user.proposed_at(100, 120)


def test_reopening_an_annotation_keeps_the_mask_before(user: User) -> None:
    first = user.draw(60, 60)
    user.click(200, 120)
    user.desk.view.annotations.reopen_requested.emit(first.id)
    assert user.desk.flows.annotate.reopened == first.id
    user.click(100, 60)
    user.key(K.Key_Return)
    assert user.annotations[0].region.centroid.x == pytest.approx(100, abs=1)
    assert user.proposed_at(200, 120), "the mask before comes back"
    user.key(K.Key_Return)
    assert len(user.annotations) == 2


def test_the_annotation_being_refined_is_there_on_return(user: User) -> None:
    first = user.draw(60, 60)
    user.select(first)
    user.key(K.Key_S, SHIFT)
    user.click(100, 60)
    user.key(K.Key_D)
    user.until(lambda: user.shown == "1.png")
    user.go("0.png")
    assert user.desk.flows.annotate.reopened == first.id
    user.key(K.Key_Return)
    (refined,) = user.annotations
    assert refined.id == first.id
    assert refined.region.centroid.x == pytest.approx(100, abs=1)


def test_a_refined_annotation_that_was_deleted_meanwhile_becomes_a_new_one(user: User) -> None:
    first = user.draw(60, 60)
    user.select(first)
    user.key(K.Key_S, SHIFT)
    user.click(100, 60)
    user.key(K.Key_V)
    user.key(K.Key_Delete)
    assert user.annotations == ()
    user.key(K.Key_S)
    user.key(K.Key_Return)
    assert len(user.annotations) == 1


def test_proposals_for_the_whole_image_are_there_on_return(user: User) -> None:
    user.key(K.Key_E, CONTROL)
    user.until(lambda: "proposed" in user.message_text)
    (button,) = [b for b in user.buttons if b.startswith("Accept all")]
    user.key(K.Key_Return, CONTROL)
    user.until(lambda: user.shown == "1.png")
    assert "proposed masks on 0.png are kept" in user.message_text
    user.go("0.png")
    assert user.annotations == (), "nobody asked for all of them"
    assert button in user.buttons
    user.mouse.click(160, 120)
    assert len(user.annotations) == 1


def test_a_window_closed_and_opened_again(user: User, folder: Path, open_window: OpenWindow) -> None:
    user.click(100, 120)
    user.click(110, 120)
    user.key(K.Key_Tab)
    chosen = region(user)
    user.go("1.png")
    user.key(K.Key_P)
    user.mouse.click(50, 50)
    user.mouse.click(150, 50)
    user.close_window()
    assert not (folder / "0.txt").exists()
    later = open_window()
    later.open(folder)
    assert later.shown == "1.png"
    later.until(lambda: vertices(later) == [(50, 50), (150, 50)])
    assert marked(later) == ["0.png"]
    later.go("0.png")
    assert region(later).equals(chosen)
    later.key(K.Key_Return)
    assert later.annotations[0].region.equals(chosen), "exactly as it was on screen"
    assert len(later.annotations[0].prompts.points) == 2  # type: ignore[union-attr]
    later.close_window()
    third = open_window()
    third.open(folder)
    assert third.shown == "0.png"
    third.go("1.png")
    third.until(lambda: vertices(third) == [(50, 50), (150, 50)])
    third.go("0.png")
    assert third.desk.flows.annotate.proposal is None, "it was accepted"


def test_a_mask_kept_over_a_restart_can_be_refined(user: User, folder: Path, open_window: OpenWindow) -> None:
    user.click(100, 120)
    user.close_window()
    later = open_window()
    later.open(folder)
    later.until(lambda: later.proposed_at(100, 120))
    later.click(140, 120)
    asked = later.predictor.decoded[-1]
    assert [round(p.x) for p in asked.points] == [100, 140]
    assert asked.mask is not None, "the mask on screen goes into the decoder"


def test_another_folder_and_back(user: User, folder: Path, tmp_path: Path) -> None:
    other = photos(tmp_path / "other")
    user.click(100, 120)
    chosen = region(user)
    user.open(other)
    assert user.desk.flows.annotate.proposal is None
    assert "kept in its folder" in user.message_text
    assert marked(user) == []
    user.click(200, 60)
    user.open(folder)
    user.until(lambda: user.desk.flows.annotate.proposal is not None)
    assert region(user).equals(chosen)
    user.open(other)
    user.until(lambda: user.proposed_at(200, 60))


def test_another_model_keeps_the_prompts(user: User) -> None:
    other = user.models.default["other"] = GatedPredictor(radius=20.0, name="other")
    user.click(100, 120)
    chosen = region(user)
    user.desk.flows.models.use("other", "", "auto")
    user.until(lambda: len(other.finished) > 0)
    assert region(user) == chosen
    user.click(140, 120)
    assert len(other.decoded[-1].points) == 2
    assert other.decoded[-1].mask is not None
    user.key(K.Key_Return)
    assert user.annotations[0].region.area == pytest.approx(3.14 * 20**2, rel=0.05)


def test_an_accepted_mask_that_failed_comes_back_after_the_object_begun_meanwhile(user: User) -> None:
    user.key(K.Key_H, SHIFT)
    user.predictor.decoding.close()
    user.predictor.prompt_errors.append(EngineError("no luck"))
    user.mouse.click(60, 60)
    user.key(K.Key_Return)
    user.mouse.click(200, 120)
    user.predictor.decoding.open()
    user.until(lambda: "no luck" in user.message_text)
    user.until(lambda: user.proposed_at(200, 120))
    user.key(K.Key_Return)
    user.until(lambda: user.proposed_at(60, 60))
    user.key(K.Key_Return)
    assert len(user.annotations) == 2


def test_an_image_that_cannot_be_read_again(open_window: OpenWindow, folder: Path) -> None:
    failing: list[ImageKey] = []

    def opened(path: Path, store: Path | None) -> Dataset:
        dataset = Dataset.open(path, store_path=store)
        load = dataset.load

        def load_or_fail(key: ImageKey) -> ImageDocument:
            if key in failing:
                raise StoreError("The drive is unplugged.")
            return load(key)

        dataset.load = load_or_fail  # type: ignore[method-assign]
        return dataset

    user = open_window(Services(open_dataset=opened))
    user.open(folder)
    user.add_labels("cat")
    user.draw(60, 60)
    user.click(200, 120)
    chosen = region(user)
    failing.append(ImageKey("0.png"))
    user.desk.session.image_requested.emit("0.png")  # as after an undo, or a change of the label file
    user.until(lambda: user.canvas.image_size is None)
    assert marked(user) == ["0.png"]
    failing.clear()
    user.go("1.png")
    user.go("0.png")
    assert region(user) == chosen


def test_escape_is_the_way_to_drop_a_mask(user: User) -> None:
    user.click(100, 120)
    user.key(K.Key_Escape)
    user.key(K.Key_D)
    user.until(lambda: user.shown == "1.png")
    assert "unfinished" not in user.message_text
    assert marked(user) == []
    user.go("0.png")
    assert user.desk.flows.annotate.proposal is None
