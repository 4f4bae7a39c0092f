"""The review in the real window: one annotation at a time, by key."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from samdesk.dataset.dataset import Dataset
from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, AnnotationId, RunId, Source
from samdesk.domain.edits import Transaction
from samdesk.domain.geometry.regions import contains, from_box
from samdesk.domain.review import AnnotationReview
from samdesk.ui.review.controller import ReviewController
from samdesk.ui.review.rest import RestDialog
from tests.helpers.desk import CONTROL, SHIFT, User, lines

K = Qt.Key
NONE = Qt.KeyboardModifier.NoModifier
PENDING, ACCEPTED = AnnotationReview.PENDING, AnnotationReview.ACCEPTED
CORRECTED, REJECTED = AnnotationReview.CORRECTED, AnnotationReview.REJECTED
FLAGGED = AnnotationReview.FLAGGED
SCORES = {"a": 0.9, "b": 0.5, "c": 0.7, "d": 0.3, "e": 0.8}
"""Detector scores: the order of the review is d b c e a."""
PLACES = {"a": ("0.png", 20, 20), "b": ("0.png", 120, 20), "c": ("1.png", 20, 120), "d": ("1.png", 200, 120),
          "e": ("1.png", 120, 20)}  # fmt: skip


def proposal(name: str, label: object) -> Annotation:
    _, x, y = PLACES[name]
    return Annotation(
        AnnotationId(name), label, from_box(x, y, x + 60, y + 50), Source.YOLO_SAM, review=PENDING,  # type: ignore[arg-type]
        detector_score=SCORES[name], mask_score=0.9, run_id=RunId("run"),
    )  # fmt: skip


@pytest.fixture
def reviewer(user: User) -> User:
    """Five proposals of a run on two of three images, and the labels cat and dog."""
    user.add_labels("cat", "dog")
    label = user.desk.session.model.labels.labels[0].id
    for key in ("1.png", "0.png"):
        user.go(key)
        made = [proposal(name, label) for name, place in PLACES.items() if place[0] == key]
        applied = user.desk.session.model.apply(edits.add(made))
        do = Transaction("Auto-annotate", ((user.document.key, applied.edit),))
        user.desk.session.history.commit(
            do, Transaction(do.text, ((user.document.key, applied.back),)), applied
        )
    user.until_saved()
    user.desk.flows.navigate.refresh(user.document.key)
    user.until(lambda: len(user.annotations) == 2)
    return user


def review(user: User) -> ReviewController:
    return user.desk.flows.review


def shown(user: User) -> str:
    annotation = review(user).shown
    return "" if annotation is None else annotation.id


def begin(user: User) -> None:
    user.key(K.Key_R, CONTROL)
    user.until(lambda: shown(user) == "d")


def press(user: User, key: Qt.Key, then: str, modifiers: Qt.KeyboardModifier = NONE) -> None:
    user.key(key, modifiers)
    user.until(lambda: shown(user) == then)


def states(user: User) -> dict[str, AnnotationReview]:
    user.until_saved()
    answers: list[dict[str, AnnotationReview]] = []
    user.desk.workers.storage.ask(
        lambda dataset: {
            a.id: a.review for key in ("0.png", "1.png") for a in dataset.load(key).all_annotations  # type: ignore[arg-type]
        },
        answers.append,
    )  # fmt: skip
    user.until(lambda: bool(answers))
    return answers[0]


def test_every_decision_is_one_key_and_goes_on_to_the_next(reviewer: User, folder: Path) -> None:
    begin(reviewer)
    assert reviewer.shown == "1.png"
    press(reviewer, K.Key_E, "b")
    assert reviewer.shown == "0.png"
    press(reviewer, K.Key_X, "c")
    press(reviewer, K.Key_2, "e")
    press(reviewer, K.Key_Space, "a")
    reviewer.key(K.Key_E)
    reviewer.until(lambda: not review(reviewer).active)
    assert states(reviewer) == {"a": ACCEPTED, "b": REJECTED, "c": CORRECTED, "d": ACCEPTED, "e": ACCEPTED}
    assert len(lines(folder / "0.png").lines) == 1, "a rejected annotation is in no label file"
    assert sorted(line.class_id for line in lines(folder / "1.png").lines) == [0, 0, 1]
    assert "Review finished: 3 accepted, 1 corrected, 1 rejected." in reviewer.message_text
    steps = len(reviewer.desk.workers.storage.history.texts)
    reviewer.press("Accept 2 images")
    reviewer.until(lambda: reviewer.desk.view.images.progress.text() == "2 / 3 accepted")
    assert len(reviewer.desk.workers.storage.history.texts) == steps + 1


def test_each_decision_is_one_undo_step_that_goes_back_to_it(reviewer: User) -> None:
    begin(reviewer)
    for key, then in ((K.Key_E, "b"), (K.Key_X, "c"), (K.Key_2, "e")):
        press(reviewer, key, then)
    press(reviewer, K.Key_Z, "c", CONTROL)
    assert states(reviewer)["c"] is PENDING
    press(reviewer, K.Key_Z, "b", CONTROL)
    assert reviewer.shown == "0.png"
    assert states(reviewer)["b"] is PENDING
    press(reviewer, K.Key_Z, "c", CONTROL | SHIFT)
    assert states(reviewer)["b"] is REJECTED
    press(reviewer, K.Key_Z, "b", CONTROL)
    press(reviewer, K.Key_Z, "d", CONTROL)
    reviewer.key(K.Key_Z, CONTROL)
    assert "before this review" in reviewer.message_text
    assert set(states(reviewer).values()) == {PENDING}


def test_a_click_refines_the_mask_and_e_keeps_it(reviewer: User) -> None:
    begin(reviewer)
    reviewer.click(210, 130)
    assert reviewer.predictor.decoded[-1].mask is not None, "the region is the mask prompt"
    press(reviewer, K.Key_X, "b")
    assert states(reviewer)["d"] is REJECTED, "X rejects what was proposed, whatever the mask is by now"
    press(reviewer, K.Key_Z, "d", CONTROL)
    reviewer.click(210, 130)
    press(reviewer, K.Key_E, "b")
    assert states(reviewer)["d"] is CORRECTED
    reviewer.go("1.png")
    (kept,) = (a for a in reviewer.annotations if a.id == "d")
    assert contains(kept.region, 190, 130), "a disc around the click, not the box any more"
    assert kept.run_id == "run"


def test_a_flag_takes_a_note_by_enter_and_none_by_escape(reviewer: User) -> None:
    begin(reviewer)
    for keys, last, then in (("too dark", K.Key_Return, "b"), ("no", K.Key_Escape, "c")):
        reviewer.key(K.Key_F)
        field = reviewer.desk.view.review_bar.note
        reviewer.until(field.hasFocus)
        QTest.keyClicks(field, keys)
        QTest.keyClick(field, last)
        reviewer.until(lambda then=then: shown(reviewer) == then)
    states(reviewer)
    reviewer.key(K.Key_Escape)
    reviewer.go("1.png")
    (flagged,) = (a for a in reviewer.annotations if a.id == "d")
    assert (flagged.review, flagged.note) == (FLAGGED, "too dark")
    reviewer.go("0.png")
    (flagged,) = (a for a in reviewer.annotations if a.id == "b")
    assert (flagged.review, flagged.note) == (FLAGGED, "")


def test_back_and_skip_decide_nothing(reviewer: User) -> None:
    begin(reviewer)
    press(reviewer, K.Key_N, "b")
    press(reviewer, K.Key_X, "c")
    press(reviewer, K.Key_Backspace, "b")
    press(reviewer, K.Key_Backspace, "d")
    assert states(reviewer) == {"a": PENDING, "b": REJECTED, "c": PENDING, "d": PENDING, "e": PENDING}
    press(reviewer, K.Key_N, "b")
    press(reviewer, K.Key_E, "c")
    assert states(reviewer)["b"] is ACCEPTED, "a rejected one is brought back"


def test_leaving_restores_the_view_and_coming_back_goes_on(reviewer: User) -> None:
    reviewer.go("0.png")
    reviewer.select(reviewer.annotations[0])
    reviewer.key(K.Key_F, SHIFT)
    tools = reviewer.desk.flows.tools
    before = (reviewer.canvas.viewport, tools.selection, tools.tool_id)
    begin(reviewer)
    press(reviewer, K.Key_N, "b")
    press(reviewer, K.Key_N, "c")
    reviewer.key(K.Key_Escape)
    reviewer.until(lambda: reviewer.shown == "0.png")
    assert (reviewer.canvas.viewport, tools.selection, tools.tool_id) == before
    assert not reviewer.desk.view.review_bar.isVisible()
    reviewer.key(K.Key_R, CONTROL)
    reviewer.until(lambda: shown(reviewer) == "c")
    reviewer.key(K.Key_R, CONTROL)
    reviewer.until(lambda: reviewer.shown == "0.png")


def test_the_bar_says_where_it_is_what_and_why(reviewer: User) -> None:
    begin(reviewer)
    bar = reviewer.desk.view.review_bar
    reviewer.until(lambda: bar.count.text() == "1 of 5")
    assert bar.label.text() == "cat"
    assert bar.scores.text() == "detector 0.30  ·  mask 0.90"
    assert "0.30" in bar.reasons.text() or "detector" in bar.reasons.text()
    box = reviewer.canvas.visible_rect()
    assert box.contains(QRectF(200, 120, 60, 50))
    assert 150 < box.width() < 320, "about three times its box"


def test_with_nothing_to_review_it_says_so(user: User) -> None:
    user.key(K.Key_R, CONTROL)
    user.until(lambda: "nothing to review" in user.message_text)
    assert not review(user).active


def test_the_rest_is_accepted_as_one_step_after_a_preview(reviewer: User) -> None:
    begin(reviewer)
    press(reviewer, K.Key_X, "b")
    reviewer.key(K.Key_R, SHIFT)
    dialog = reviewer.window.findChild(RestDialog)
    assert dialog is not None
    QTest.keyClick(dialog.measure, K.Key_Down)
    assert dialog.value.text() == "0.70"
    reviewer.until(dialog.accept_button.isEnabled)
    assert dialog.text.text().startswith("3 annotations of 4 would be accepted")
    reviewer.until(lambda: dialog.crops.complete)
    for _ in range(5):
        QTest.keyClick(dialog.slider, K.Key_Right)
    reviewer.until(lambda: dialog.accept_button.text() == "Accept 2")
    before = reviewer.desk.workers.storage.history.index
    reviewer.qtbot.mouseClick(dialog.accept_button, Qt.MouseButton.LeftButton)
    reviewer.until(lambda: states(reviewer)["a"] is ACCEPTED)
    assert states(reviewer) == {"a": ACCEPTED, "b": PENDING, "c": PENDING, "d": REJECTED, "e": ACCEPTED}
    assert reviewer.desk.workers.storage.history.index == before + 1
    press(reviewer, K.Key_E, "c")
    reviewer.key(K.Key_E)
    reviewer.until(lambda: "4 accepted, 1 rejected" in reviewer.message_text)


def test_nothing_is_accepted_after_the_rest_was_cancelled(reviewer: User) -> None:
    begin(reviewer)
    reviewer.key(K.Key_R, SHIFT)
    dialog = reviewer.window.findChild(RestDialog)
    assert dialog is not None
    dialog.slider.setValue(100)
    reviewer.until(dialog.accept_button.isEnabled)
    history = reviewer.desk.workers.storage.history
    before = history.index
    reviewer.qtbot.mouseClick(dialog.accept_button, Qt.MouseButton.LeftButton)
    QTest.keyClick(dialog, K.Key_Escape)  # before the answer
    assert set(states(reviewer).values()) == {PENDING}
    assert history.index == before
    reviewer.key(K.Key_R, SHIFT)
    reviewer.window.findChild(RestDialog).close()  # before the count
    assert set(states(reviewer).values()) == {PENDING}


def test_flagged_ones_are_reviewed_again_from_the_summary(reviewer: User) -> None:
    begin(reviewer)
    reviewer.key(K.Key_F)
    reviewer.until(reviewer.desk.view.review_bar.note.hasFocus)
    QTest.keyClick(reviewer.desk.view.review_bar.note, K.Key_Return)
    for then in ("b", "c", "e", "a"):
        reviewer.until(lambda then=then: shown(reviewer) == then)
        reviewer.key(K.Key_E)
    reviewer.press("Review flagged")
    reviewer.until(lambda: shown(reviewer) == "d")
    reviewer.key(K.Key_E)
    reviewer.until(lambda: not review(reviewer).active)
    assert set(states(reviewer).values()) == {ACCEPTED}


def test_it_goes_on_after_an_image_that_cannot_be_read(reviewer: User, folder: Path) -> None:
    reviewer.go("2.png")
    (folder / "1.png").write_bytes(b"no image")
    reviewer.key(K.Key_R, CONTROL)
    reviewer.until(lambda: shown(reviewer) == "b")


def test_a_read_only_dataset_says_why_it_cannot_be_reviewed(reviewer: User) -> None:
    reviewer.desk.session.read_only = True
    reviewer.desk.view.actions.refresh()
    action = reviewer.desk.view.actions.action("review.start")
    assert not action.isEnabled()
    assert "read-only" in action.toolTip()


OF_FILES = ("revision", "file_hash", "digest")
"""Columns that count edits, and say what the label file was when it was written."""


def rows(user: User) -> list[object]:
    """What the store has of annotations and images."""
    user.until_saved()
    answers: list[list[object]] = []

    def read(dataset: Dataset) -> list[object]:
        store = dataset.core.rows.store
        names = [row[1] for row in store.rows("PRAGMA table_info(images)") if row[1] not in OF_FILES]
        return [
            *store.rows("SELECT * FROM annotations ORDER BY 1, 2"),
            *store.rows(f"SELECT {', '.join(names)} FROM images ORDER BY 1"),
        ]

    user.desk.workers.storage.ask(read, answers.append)
    user.until(lambda: bool(answers))
    return answers[0]


def test_one_key_is_one_step_and_undo_and_redo_restore_the_store(reviewer: User) -> None:
    """Accept, reject, relabel, accept the image."""
    for keys, more in ((K.Key_E, SHIFT), (K.Key_X, NONE), (K.Key_2, NONE), (K.Key_Return, CONTROL)):
        reviewer.go("0.png")
        reviewer.desk.flows.tools.select(frozenset())
        reviewer.key(K.Key_N)
        before, steps = rows(reviewer), reviewer.desk.workers.storage.history.index
        reviewer.key(keys, more)
        after = rows(reviewer)
        assert after != before
        assert reviewer.desk.workers.storage.history.index == steps + 1
        reviewer.go("0.png")
        reviewer.key(K.Key_Z, CONTROL)
        assert rows(reviewer) == before
        reviewer.key(K.Key_Z, CONTROL | SHIFT)
        assert rows(reviewer) == after
        reviewer.key(K.Key_Z, CONTROL)


def test_the_result_of_a_search_is_reviewed(reviewer: User) -> None:
    field = reviewer.desk.view.search.field
    field.setFocus()
    QTest.keyClicks(field, "score:>0.6 sort:score")
    QTest.keyClick(field, K.Key_Return)
    reviewer.key(K.Key_R, CONTROL)
    reviewer.until(lambda: shown(reviewer) == "c")
    press(reviewer, K.Key_E, "e")
    press(reviewer, K.Key_E, "a")
    reviewer.key(K.Key_E)
    reviewer.until(lambda: not review(reviewer).active)
    assert states(reviewer) == {"a": ACCEPTED, "b": PENDING, "c": ACCEPTED, "d": PENDING, "e": ACCEPTED}
    assert field.text() == "score:>0.6 sort:score"


def test_strokes_wait_for_e_and_the_palette_goes_on_by_itself(reviewer: User) -> None:
    begin(reviewer)
    area = review(reviewer).shown.region.area  # type: ignore[union-attr]
    reviewer.key(K.Key_B)
    for y in (130, 160):
        reviewer.mouse.drag((255, y), (285, y))
    reviewer.until(lambda: reviewer.desk.session.model.document is not None)
    reviewer.until(lambda: review(reviewer).shown.region.area > area)  # type: ignore[union-attr]
    assert shown(reviewer) == "d"
    tools = reviewer.desk.flows.tools
    now = reviewer.document
    reviewer.mouse.press(200, 200)
    reviewer.mouse.move(240, 200)
    reviewer.key(K.Key_Escape)
    reviewer.mouse.release(240, 200)
    assert (tools.tool_id, reviewer.document) == ("brush", now), "Esc ends the stroke first"
    reviewer.key(K.Key_Escape)
    assert (tools.tool_id, shown(reviewer)) == ("sam", "d"), "then it puts the brush away"
    assert tools.selection == {"d"}, "and does not let go of the annotation"
    press(reviewer, K.Key_E, "b")
    assert states(reviewer)["d"] is CORRECTED
    press(reviewer, K.Key_Z, "d", CONTROL)
    press(reviewer, K.Key_N, "b")
    reviewer.key(K.Key_K)
    QTest.keyClicks(QApplication.focusWidget(), "dog")
    QTest.keyClick(QApplication.focusWidget(), K.Key_Return)
    reviewer.until(lambda: shown(reviewer) == "c")
    assert states(reviewer)["b"] is CORRECTED, "the palette relabels and goes on"
    press(reviewer, K.Key_Delete, "e")
    assert states(reviewer)["c"] is REJECTED


def test_another_image_chosen_by_the_user_ends_the_review(reviewer: User) -> None:
    begin(reviewer)
    reviewer.go("2.png")
    assert not review(reviewer).active
    assert reviewer.desk.view.actions.mode is None
    reviewer.key(K.Key_D)
    reviewer.qtbot.wait(50)
    assert reviewer.shown == "2.png", "D is the next image again, and there is none"
