"""From a click to a line on disk, in the real window."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from samdesk.dataset.dataset import Dataset
from samdesk.domain.annotation import Source
from samdesk.domain.document import ImageKey
from tests.helpers.desk import CONTROL, SHIFT, Person, lines

K = Qt.Key


def test_a_click_and_enter_are_a_line_on_disk(person: Person, folder: Path) -> None:
    person.add_labels("cat", "dog")
    person.key(K.Key_2)
    person.click(100, 120)
    person.key(K.Key_Return)
    assert person.names == ["dog"]
    person.until_saved()
    (line,) = lines(folder / "0.png").lines
    assert line.class_id == 1
    assert line.region.centroid.x == pytest.approx(100, abs=1)
    assert line.region.area == pytest.approx(person.annotations[0].region.area, rel=0.03)
    person.leave()
    dataset = Dataset.open(folder)
    (kept,) = dataset.load(ImageKey("0.png")).annotations
    assert kept == person.annotations[0]
    assert (kept.source, kept.prompts is not None) == (Source.SAM, True)
    assert (folder / "data.yaml").is_file()
    dataset.close()


def test_a_box_and_points_are_decoded_together(person: Person) -> None:
    person.hands.drag((20, 40), (140, 200))
    person.until(lambda: person.desk.flows.annotate.answered)
    person.click(60, 90)
    person.click(150, 60, button=Qt.MouseButton.RightButton)
    person.click(30, 30, modifiers=SHIFT)
    asked = person.predictor.decoded[-1]
    assert asked.box is not None
    assert (round(asked.box.x0), round(asked.box.y1)) == (20, 200)
    assert [(round(p.x), p.positive) for p in asked.points] == [(60, True), (150, False), (30, False)]
    assert asked.mask is not None, "the last mask goes back into the decoder"


def test_z_undoes_the_last_prompt_and_escape_clears_all(person: Person) -> None:
    person.click(60, 90)
    person.click(200, 90)
    person.key(K.Key_Z)
    person.until(lambda: person.desk.flows.annotate.answered)
    assert len(person.predictor.decoded[-1].points) == 1
    assert person.proposed_at(60, 90)
    assert not person.proposed_at(200, 90)
    person.key(K.Key_Escape)
    assert person.desk.flows.annotate.proposal is None
    person.key(K.Key_Return)
    assert person.annotations == ()


def test_z_on_the_only_prompt_drops_the_mask(person: Person) -> None:
    person.click(60, 90)
    person.key(K.Key_Z)
    assert person.desk.flows.annotate.proposal is None
    assert not person.is_enabled("prompt.accept")


def test_tab_chooses_the_mask_that_is_kept(person: Person) -> None:
    person.click(100, 120)
    assert person.desk.view.strip.isVisible()
    person.key(K.Key_Tab)
    smaller = person.desk.flows.annotate.proposal
    assert smaller is not None
    person.key(K.Key_Return)
    (kept,) = person.annotations
    assert kept.region == smaller.region
    assert kept.region.area == pytest.approx(3.14 * 15**2, rel=0.05), "the second disc is half as wide"
    assert kept.mask_score == pytest.approx(0.8)
    assert not person.desk.view.strip.isVisible()
    person.click(200, 120)
    person.key(K.Key_Backtab, SHIFT)
    person.key(K.Key_E)
    assert person.annotations[1].mask_score == pytest.approx(0.7)


def test_space_accepts(person: Person) -> None:
    person.click(100, 120)
    person.key(K.Key_Space)
    assert len(person.annotations) == 1


def test_the_first_mask_makes_a_first_label(person: Person) -> None:
    person.draw(100, 120)
    assert person.names == ["object"]
    assert "object" in person.told


def test_undo_and_redo_reach_the_disk(person: Person, folder: Path) -> None:
    person.draw(100, 120)
    person.key(K.Key_Z, CONTROL)
    assert person.annotations == ()
    person.until_saved()
    assert not (folder / "0.txt").exists(), "as it was before"
    person.key(K.Key_Z, CONTROL | SHIFT)
    assert len(person.annotations) == 1
    person.until_saved()
    assert len(lines(folder / "0.png").lines) == 1


def test_an_annotation_is_reopened_and_refined(person: Person) -> None:
    person.add_labels("cat", "dog")
    first = person.draw(100, 120, label=K.Key_2)
    person.key(K.Key_1)
    person.select(first)
    person.key(K.Key_S, SHIFT)
    assert person.desk.flows.annotate.reopened == first.id
    assert person.proposed_at(100, 120)
    person.click(150, 120)
    asked = person.predictor.decoded[-1]
    assert [round(p.x) for p in asked.points] == [100, 150], "with the prompts that made it"
    assert asked.mask is not None, "and its mask"
    person.key(K.Key_Return)
    (refined,) = person.annotations
    assert (refined.id, refined.label_id) == (first.id, first.label_id)
    assert refined.region.centroid.x == pytest.approx(150, abs=1)
    person.key(K.Key_Z, CONTROL)
    assert person.annotations == (first,)


def test_a_polygon_is_opened_in_sam(person: Person) -> None:
    person.key(K.Key_R)
    person.hands.drag((50, 50), (120, 110))
    (drawn,) = person.annotations
    person.key(K.Key_S, SHIFT)
    person.click(80, 80)
    asked = person.predictor.decoded[-1]
    assert asked.mask is not None
    assert len(asked.points) == 1
    person.key(K.Key_Return)
    (refined,) = person.annotations
    assert (refined.id, refined.source) == (drawn.id, Source.SAM)
    assert refined.region != drawn.region


def test_escape_leaves_a_reopened_annotation_unchanged(person: Person) -> None:
    first = person.draw(100, 120)
    person.select(first)
    person.key(K.Key_S, SHIFT)
    person.click(150, 120)
    person.key(K.Key_Escape)
    assert person.annotations == (first,)
    assert person.desk.flows.annotate.reopened is None


def test_the_mouse_alone_shows_a_mask(person: Person) -> None:
    person.hands.move(100, 120)
    person.until(lambda: person.proposed_at(100, 120))
    assert person.desk.flows.annotate.proposal.hover  # type: ignore[union-attr]
    person.key(K.Key_Return)
    assert person.annotations == (), "a preview is nothing to accept"
    person.key(K.Key_H, SHIFT)
    assert person.desk.flows.annotate.proposal is None
    asked = len(person.predictor.decoded)
    person.hands.move(120, 120)
    person.click(60, 60)
    assert len(person.predictor.decoded) == asked + 1, "only the click was asked"


def test_the_preview_setting_is_remembered(person: Person, arrive: object) -> None:
    person.key(K.Key_H, SHIFT)
    person.leave()
    again: Person = arrive()  # type: ignore[operator]
    assert not again.desk.view.actions.action("view.hover_preview").isChecked()
