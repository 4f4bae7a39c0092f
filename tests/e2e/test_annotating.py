"""From a click to a line on disk, in the real window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage

from samdesk.dataset.dataset import Dataset
from samdesk.domain import edits
from samdesk.domain.annotation import Source
from samdesk.domain.document import ImageKey
from tests.helpers.desk import CONTROL, SHIFT, User, lines

K = Qt.Key


def test_a_click_and_enter_are_a_line_on_disk(user: User, folder: Path) -> None:
    user.add_labels("cat", "dog")
    user.key(K.Key_2)
    user.click(100, 120)
    user.key(K.Key_Return)
    assert user.names == ["dog"]
    user.until_saved()
    (line,) = lines(folder / "0.png").lines
    assert line.class_id == 1
    assert line.region.centroid.x == pytest.approx(100, abs=1)
    assert line.region.area == pytest.approx(user.annotations[0].region.area, rel=0.03)
    user.close_window()
    dataset = Dataset.open(folder)
    (kept,) = dataset.load(ImageKey("0.png")).annotations
    assert kept == user.annotations[0]
    assert (kept.source, kept.prompts is not None) == (Source.SAM, True)
    assert (folder / "data.yaml").is_file()
    dataset.close()


def test_a_box_and_points_are_decoded_together(user: User) -> None:
    user.mouse.drag((20, 40), (140, 200))
    user.until(lambda: user.desk.flows.annotate.answered)
    user.click(60, 90)
    user.click(150, 60, button=Qt.MouseButton.RightButton)
    user.click(30, 30, modifiers=SHIFT)
    asked = user.predictor.decoded[-1]
    assert asked.box is not None
    assert (round(asked.box.x0), round(asked.box.y1)) == (20, 200)
    assert [(round(p.x), p.positive) for p in asked.points] == [(60, True), (150, False), (30, False)]
    assert asked.mask is not None, "the last mask goes back into the decoder"


def test_z_undoes_the_last_prompt_and_escape_clears_all(user: User) -> None:
    user.click(60, 90)
    user.click(200, 90)
    user.key(K.Key_Z)
    user.until(lambda: user.desk.flows.annotate.answered)
    assert len(user.predictor.decoded[-1].points) == 1
    assert user.proposed_at(60, 90)
    assert not user.proposed_at(200, 90)
    user.key(K.Key_Escape)
    assert user.desk.flows.annotate.proposal is None
    user.key(K.Key_Return)
    assert user.annotations == ()


def test_z_on_the_only_prompt_drops_the_mask(user: User) -> None:
    user.click(60, 90)
    user.key(K.Key_Z)
    assert user.desk.flows.annotate.proposal is None
    assert not user.is_enabled("prompt.accept")


def test_tab_chooses_the_mask_that_is_kept(user: User) -> None:
    user.click(100, 120)
    assert user.desk.view.strip.isVisible()
    user.key(K.Key_Tab)
    smaller = user.desk.flows.annotate.proposal
    assert smaller is not None
    user.key(K.Key_Return)
    (kept,) = user.annotations
    assert kept.region == smaller.region
    assert kept.region.area == pytest.approx(3.14 * 15**2, rel=0.05), "the second disc is half as wide"
    assert kept.mask_score == pytest.approx(0.8)
    assert not user.desk.view.strip.isVisible()
    user.click(200, 120)
    user.key(K.Key_Backtab, SHIFT)
    user.key(K.Key_E)
    assert user.annotations[1].mask_score == pytest.approx(0.7)


def test_space_accepts(user: User) -> None:
    user.click(100, 120)
    user.key(K.Key_Space)
    assert len(user.annotations) == 1


def test_the_first_mask_makes_a_first_label(user: User) -> None:
    user.draw(100, 120)
    assert user.names == ["object"]
    assert "object" in user.message_text


def test_undo_and_redo_reach_the_disk(user: User, folder: Path) -> None:
    user.draw(100, 120)
    user.key(K.Key_Z, CONTROL)
    assert user.annotations == ()
    user.until_saved()
    assert not (folder / "0.txt").exists(), "as it was before"
    user.key(K.Key_Z, CONTROL | SHIFT)
    assert len(user.annotations) == 1
    user.until_saved()
    assert len(lines(folder / "0.png").lines) == 1


def test_an_annotation_is_reopened_and_refined(user: User) -> None:
    user.add_labels("cat", "dog")
    first = user.draw(100, 120, label=K.Key_2)
    user.key(K.Key_1)
    user.select(first)
    user.key(K.Key_S, SHIFT)
    assert user.desk.flows.annotate.reopened == first.id
    assert user.proposed_at(100, 120)
    user.click(150, 120)
    asked = user.predictor.decoded[-1]
    assert [round(p.x) for p in asked.points] == [100, 150], "with the prompts that made it"
    assert asked.mask is not None, "and its mask"
    user.key(K.Key_Return)
    (refined,) = user.annotations
    assert (refined.id, refined.label_id) == (first.id, first.label_id)
    assert refined.region.centroid.x == pytest.approx(150, abs=1)
    user.key(K.Key_Z, CONTROL)
    assert user.annotations == (first,)


def test_a_polygon_is_opened_in_sam(user: User) -> None:
    user.key(K.Key_R)
    user.mouse.drag((50, 50), (120, 110))
    (drawn,) = user.annotations
    user.key(K.Key_S, SHIFT)
    user.click(80, 80)
    asked = user.predictor.decoded[-1]
    assert asked.mask is not None
    assert len(asked.points) == 1
    user.key(K.Key_Return)
    (refined,) = user.annotations
    assert (refined.id, refined.source) == (drawn.id, Source.SAM)
    assert refined.region != drawn.region


def test_escape_leaves_a_reopened_annotation_unchanged(user: User) -> None:
    first = user.draw(100, 120)
    user.select(first)
    user.key(K.Key_S, SHIFT)
    user.click(150, 120)
    user.key(K.Key_Escape)
    assert user.annotations == (first,)
    assert user.desk.flows.annotate.reopened is None


def test_the_mouse_alone_shows_a_mask(user: User) -> None:
    user.mouse.move(100, 120)
    user.until(lambda: user.proposed_at(100, 120))
    assert user.desk.flows.annotate.proposal.hover  # type: ignore[union-attr]
    user.key(K.Key_Return)
    assert user.annotations == (), "a preview is nothing to accept"
    user.key(K.Key_H, SHIFT)
    assert user.desk.flows.annotate.proposal is None
    asked = len(user.predictor.decoded)
    user.mouse.move(120, 120)
    user.click(60, 60)
    assert len(user.predictor.decoded) == asked + 1, "only the click was asked"


def test_the_preview_setting_is_remembered(user: User, open_window: object) -> None:
    user.key(K.Key_H, SHIFT)
    user.close_window()
    again: User = open_window()  # type: ignore[operator]
    assert not again.desk.view.actions.action("view.hover_preview").isChecked()


def test_a_reopened_annotation_keeps_its_colour_and_gets_its_new_score(user: User) -> None:
    user.add_labels("cat", "dog")
    first = user.draw(100, 120, label=K.Key_2)
    cat, dog = (QColor(label.color) for label in user.desk.session.model.labels)
    user.key(K.Key_1)
    user.select(first)
    user.key(K.Key_S, SHIFT)
    assert fill_at(user, 100, 130, cat, dog) == "dog"
    user.click(130, 120)
    assert fill_at(user, 130, 130, cat, dog) == "dog"
    user.key(K.Key_2)
    user.key(K.Key_1)  # another current label recolours nothing
    assert fill_at(user, 130, 130, cat, dog) == "dog"
    user.key(K.Key_Tab)
    user.key(K.Key_Return)
    (refined,) = user.annotations
    assert refined.score == pytest.approx(0.8)
    user.click(220, 120)
    assert fill_at(user, 220, 130, cat, dog) == "cat", "a new one has the current label"


def test_a_refined_detection_shows_the_score_of_its_new_mask(user: User) -> None:
    user.add_labels("cat")
    first = user.draw(100, 120)
    detected = replace(first, detector_score=0.31)
    user.desk.session.edit("Detect", edits.update([detected]))
    user.select(detected)
    user.key(K.Key_S, SHIFT)
    user.click(130, 120)
    user.key(K.Key_Return)
    (refined,) = user.annotations
    assert refined.score == pytest.approx(0.9)
    assert refined.detector_score is None


def fill_at(user: User, x: int, y: int, *colors: QColor) -> str:
    """The label ("cat", "dog") whose colour tints the image at a position."""
    user.mouse.move(5, 5)
    user.canvas.settle()
    image = user.canvas.grab().toImage()
    place = user.canvas.to_widget(x, y) * image.devicePixelRatio()
    shown = image.pixelColor(int(place.x()), int(place.y()))
    photo = QImage(str(user.desk.flows.navigate.folder / "0.png")).pixelColor(x, y)

    def along(color: QColor) -> float:
        """How much of the change of the pixel is towards a colour, -1..1."""
        wanted, seen = rgb(color) - rgb(photo), rgb(shown) - rgb(photo)
        return float(wanted @ seen / (np.linalg.norm(wanted) * np.linalg.norm(seen)))

    best = max(zip(colors, ("cat", "dog"), strict=True), key=lambda pair: along(pair[0]))
    assert along(best[0]) > 0.95, "the fill is of neither label"
    return best[1]


def rgb(color: QColor) -> np.ndarray:
    return np.array([color.red(), color.green(), color.blue()], float)


def test_accepting_a_reopened_annotation_as_it_is_changes_nothing(user: User) -> None:
    first = user.draw(100, 120)
    user.until_saved()
    steps = user.desk.session.history.texts
    user.select(first)
    user.key(K.Key_S, SHIFT)
    user.key(K.Key_Return)
    assert user.annotations == (first,)
    assert user.desk.session.history.texts == steps
    assert user.desk.flows.annotate.reopened is None
