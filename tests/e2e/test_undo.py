"""Undo takes back what the user sees and did last; anything else is named first."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from samdesk.domain.annotation import Annotation
from samdesk.domain.review import ImageReview
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import CONTROL, SHIFT, User, lines
from tests.helpers.gated import Gate

K = Qt.Key


def undo(user: User) -> None:
    user.key(K.Key_Z, CONTROL)


def redo(user: User) -> None:
    user.key(K.Key_Z, CONTROL | SHIFT)


def points(user: User) -> list[tuple[int, bool]]:
    prompts = user.desk.flows.annotate._tool.prompts
    return [(round(p.x), p.positive) for p in prompts.points]


def title(user: User, command: str = "edit.undo") -> str:
    return user.desk.view.actions.action(command).text()


def test_prompts_are_undone_before_edits_and_redone_after_them(user: User) -> None:
    first = user.draw(60, 60)
    user.click(200, 120)
    user.click(220, 120, modifiers=SHIFT)
    assert title(user) == "Undo prompt"
    undo(user)
    assert points(user) == [(200, True)]
    user.until(lambda: user.proposed_at(200, 120))
    undo(user)
    assert points(user) == []
    assert user.desk.flows.annotate.proposal is None
    assert user.annotations == (first,), "not before the prompts are gone"
    assert title(user) == "Undo Add object"
    undo(user)
    assert user.annotations == ()
    redo(user)
    assert user.annotations == (first,)
    redo(user)
    redo(user)
    assert points(user) == [(200, True), (220, False)]
    user.until(lambda: user.desk.flows.annotate.answered)
    user.key(K.Key_Return)
    assert len(user.annotations) == 2


def test_a_new_prompt_ends_the_redo_of_prompts(user: User) -> None:
    user.click(200, 120)
    undo(user)
    user.click(60, 60)
    redo(user)
    assert points(user) == [(60, True)]


def test_undo_during_the_drag_of_a_box_takes_back_the_box_alone(user: User) -> None:
    user.click(100, 100)
    user.mouse.press(200, 50)
    user.mouse.move(280, 150)
    undo(user)
    user.mouse.release(280, 150)
    prompts = user.desk.flows.annotate._tool.prompts
    assert (len(prompts.points), prompts.box) == (1, None)


def test_vertices_are_undone_before_edits_and_redone(user: User) -> None:
    drawn = user.draw(60, 60)
    user.key(K.Key_P)
    for x, y in ((150, 50), (250, 50), (250, 150), (300, 200)):
        user.mouse.click(x, y)
    assert title(user) == "Undo vertex"
    undo(user)
    undo(user)
    redo(user)
    assert user.annotations == (drawn,)
    user.key(K.Key_Return)
    assert user.annotations[1].region.area == pytest.approx(5_000, rel=0.02)
    undo(user)
    assert user.annotations == (drawn,)


def test_undo_during_a_drag_puts_the_annotation_back(user: User) -> None:
    user.key(K.Key_R)
    user.mouse.drag((50, 60), (150, 160))
    (drawn,) = user.annotations
    user.key(K.Key_V)
    user.mouse.press(100, 100)
    user.mouse.move(150, 120)
    undo(user)
    user.mouse.release(150, 120)
    assert user.annotations == (drawn,)


def test_an_accepted_mask_that_is_not_there_yet_is_the_last_thing_done(user: User) -> None:
    first = user.draw(60, 60)
    user.predictor.decoding.close()
    user.mouse.click(200, 120)
    user.predictor.decoding.wait_for_arrival()
    user.key(K.Key_Return)
    user.key(K.Key_D)
    undo(user)
    user.predictor.decoding.open()
    user.until(lambda: user.proposed_at(200, 120))
    assert user.annotations == (first,)
    assert user.shown == "0.png", "the image is not left with the mask taken back"


def test_a_reopened_annotation_is_left_as_it_was_by_undo(user: User) -> None:
    first = user.draw(60, 60)
    user.select(first)
    user.key(K.Key_S, SHIFT)
    user.click(100, 60)
    assert user.proposed_at(100, 60)
    undo(user)
    assert user.desk.flows.annotate.proposal.region == first.region  # type: ignore[union-attr]
    undo(user)
    assert user.desk.flows.annotate.reopened is None
    assert user.annotations == (first,)
    undo(user)
    assert user.annotations == ()


def test_an_edit_of_another_image_is_shown_and_named_first(user: User, folder: Path) -> None:
    user.add_labels("cat")
    first = user.draw(100, 120)
    user.go("1.png")
    second = user.draw(200, 60)
    undo(user)
    assert user.annotations == ()
    assert title(user) == "Undo Add cat on 0.png"
    undo(user)
    assert "Add cat" in user.message_text
    assert "0.png" in user.message_text
    user.until(lambda: user.shown == "0.png")
    user.until_saved()
    assert user.annotations == (first,)
    assert len(lines(folder / "0.png").lines) == 1
    undo(user)
    user.until(lambda: user.annotations == ())
    assert "Undo again" not in user.message_text
    redo(user)
    assert user.annotations == (first,), "it is on this image"
    redo(user)
    assert "1.png" in user.message_text
    user.until(lambda: user.shown == "1.png")
    assert user.annotations == ()
    redo(user)
    user.until(lambda: user.annotations == (second,))
    user.until_saved()
    assert [len(lines(folder / f"{i}.png").lines) for i in range(2)] == [1, 1]


def test_edits_of_the_image_on_screen_come_before_newer_ones_of_others(user: User, folder: Path) -> None:
    first = user.draw(100, 120)
    user.go("1.png")
    second = user.draw(200, 60)
    user.until_saved()
    user.go("0.png")
    assert title(user) == "Undo Add object"
    undo(user)
    assert user.annotations == (), "at once"
    assert "Undo again" not in user.message_text
    user.until_saved()
    assert (user.shown, user.annotations) == ("0.png", ())
    assert [(folder / f"{i}.txt").exists() for i in range(2)] == [False, True]
    assert title(user) == "Undo Add object on 1.png"
    undo(user)
    assert "Add object" in user.message_text
    assert "1.png" in user.message_text
    user.until(lambda: user.shown == "1.png")
    assert user.annotations == (second,)
    undo(user)
    user.until(lambda: user.annotations == ())
    user.go("0.png")
    redo(user)
    assert user.annotations == (first,), "also redone on its own image first"
    assert user.shown == "0.png"
    assert "Redo again" not in user.message_text
    assert title(user, "edit.redo") == "Redo Add object on 1.png"
    user.until_saved()
    assert [(folder / f"{i}.txt").exists() for i in range(2)] == [True, False]


def test_the_order_of_undo_is_kept_by_a_restart(user: User, folder: Path, open_window: OpenWindow) -> None:
    first = user.draw(100, 120)
    user.go("1.png")
    second = user.draw(200, 60)
    user.go("0.png")
    undo(user)
    user.close_window()
    later = open_window()
    later.open(folder)
    later.until(lambda: later.shown == "0.png")
    assert title(later, "edit.redo") == "Redo Add object"
    later.go("1.png")
    assert later.annotations == (second,)
    redo(later)
    assert "0.png" in later.message_text
    later.until(lambda: later.shown == "0.png")
    redo(later)
    later.until(lambda: later.annotations == (first,))
    undo(later)
    later.until(lambda: later.annotations == ())
    later.go("1.png")
    undo(later)
    later.until(lambda: later.annotations == ())
    assert "Undo again" not in later.message_text


def test_a_change_of_labels_is_not_overtaken(user: User) -> None:
    first = user.draw(100, 120)
    user.go("1.png")
    user.add_labels("cat")
    user.draw(200, 60)
    user.go("0.png")
    undo(user)
    assert "Add cat" in user.message_text
    user.until(lambda: user.shown == "1.png")
    undo(user)
    user.until(lambda: user.annotations == ())
    user.go("0.png")
    undo(user)
    assert "Add label cat" in user.message_text
    assert user.annotations == (first,)


def test_the_button_of_the_message_undoes(user: User) -> None:
    user.draw(100, 120)
    user.go("1.png")
    undo(user)
    user.until(lambda: user.shown == "0.png")
    user.press("Undo")
    user.until(lambda: user.annotations == ())


def test_paging_on_takes_the_announcement_back(user: User) -> None:
    first = user.draw(100, 120)
    user.go("1.png")
    undo(user)
    user.until(lambda: user.shown == "0.png")
    user.key(K.Key_D)
    user.until(lambda: user.shown == "1.png")
    assert "Undo again" not in user.message_text
    undo(user)
    user.until(lambda: user.shown == "0.png")
    assert user.annotations == (first,)


def test_an_image_is_never_unaccepted_silently(user: User) -> None:
    first = user.draw(100, 120)
    user.key(K.Key_Return, CONTROL)
    user.until(lambda: user.shown == "1.png")
    undo(user)
    assert "Accept image" in user.message_text
    user.until(lambda: user.shown == "0.png")
    assert user.document.review is ImageReview.ACCEPTED
    undo(user)
    user.until(lambda: user.document.review is not ImageReview.ACCEPTED)
    assert "0.png is no longer accepted" in user.message_text
    assert user.annotations == (first,)
    user.key(K.Key_Return, CONTROL)
    user.until(lambda: user.shown == "1.png")
    assert "no longer accepted" not in user.message_text, "it is accepted again"


def test_a_label_step_of_an_earlier_visit_is_named_first(user: User) -> None:
    user.add_labels("cat")
    user.until_saved()
    undo(user)
    assert user.desk.session.model.labels.names == (), "just made: undone at once"
    redo(user)
    user.go("1.png")
    undo(user)
    assert "Add label cat" in user.message_text
    assert user.desk.session.model.labels.names == ("cat",)
    assert user.shown == "1.png"
    undo(user)
    assert user.desk.session.model.labels.names == ()


def test_renumbering_is_named_first(user: User) -> None:
    user.add_labels("cat", "dog")
    user.answers.confirm = True
    dog = user.desk.session.model.labels.labels[1]
    user.desk.view.labels.move_requested.emit(dog.id, 0)
    assert user.desk.session.model.labels.names == ("dog", "cat")
    undo(user)
    assert "all images" in user.message_text
    assert user.desk.session.model.labels.names == ("dog", "cat")
    undo(user)
    assert user.desk.session.model.labels.names == ("cat", "dog")


def test_a_change_of_many_images_is_named_first(user: User) -> None:
    user.add_labels("cat", "dog")
    user.draw(60, 60, label=K.Key_1)
    user.go("1.png")
    user.draw(60, 60, label=K.Key_1)
    user.until_saved()
    user.answers.item = 0
    cat = user.desk.session.model.labels.labels[0]
    user.desk.view.labels.remove_requested.emit(cat.id)
    user.until(lambda: user.names == ["dog"])
    user.until_saved()
    undo(user)
    assert "Replace and delete cat" in user.message_text
    assert user.names == ["dog"]
    undo(user)
    user.until(lambda: user.names == ["cat"])


def test_undo_of_what_an_earlier_window_did(user: User, folder: Path, open_window: OpenWindow) -> None:
    user.draw(100, 120)
    user.go("1.png")
    user.close_window()
    later = open_window()
    later.open(folder)
    undo(later)
    later.until(lambda: later.shown == "0.png")
    assert len(later.annotations) == 1
    undo(later)
    later.until(lambda: later.annotations == ())


def test_the_named_step_is_undone_before_the_prompts_found_on_its_image(user: User) -> None:
    user.draw(60, 60)
    user.click(200, 120)
    user.go("1.png")
    undo(user)
    user.until(lambda: user.proposed_at(200, 120))
    assert title(user) == "Undo Add object"
    undo(user)
    user.until(lambda: user.annotations == ())
    assert points(user) == [(200, True)], "the unfinished mask is untouched"
    assert title(user) == "Undo prompt"


def test_a_click_takes_the_announcement_back(user: User) -> None:
    first = user.draw(60, 60)
    user.go("1.png")
    undo(user)
    user.until(lambda: user.shown == "0.png")
    user.click(200, 120)
    assert "Undo again" not in user.message_text
    undo(user)
    assert points(user) == []
    assert user.annotations == (first,)


def test_undo_and_redo_at_once_show_no_document_in_between(user: User) -> None:
    first = user.draw(60, 60)
    user.until_saved()
    storage, gate = user.desk.workers.storage, Gate()
    gate.close()
    storage.ask(lambda _dataset: gate.pass_through(), lambda _: None)
    gate.wait_for_arrival()
    undo(user)
    redo(user)
    shown: list[tuple[Annotation, ...]] = []
    user.desk.session.model.document_changed.connect(lambda _changes: shown.append(user.annotations))
    gate.open()
    user.until_saved()
    user.until(lambda: bool(shown))
    assert set(shown) == {(first,)}, "the answer to the undo comes after the redo"
