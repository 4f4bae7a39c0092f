"""The score filter in the real window: what it hides, counts, leaves out and drops."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from samdesk.dataset.dataset import Dataset
from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, AnnotationId, RunId, Source
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction
from samdesk.domain.geometry.regions import from_box
from samdesk.domain.review import AnnotationReview
from samdesk.settings.table import AUTO_PARAMETERS
from samdesk.ui.score_filter.bar import ScoreFilterBar
from samdesk.ui.score_filter.controller import ScoreFilterController
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import CONTROL, User, lines

K = Qt.Key
PENDING, ACCEPTED = AnnotationReview.PENDING, AnnotationReview.ACCEPTED
SCORES = {"0.png": (0.9, 0.5, 0.2), "1.png": (0.3, 0.8, 0.6), "2.png": (0.4,)}


@pytest.fixture
def filtering(open_window: OpenWindow, folder: Path) -> User:
    """Seven proposals on three images, one accepted annotation without a score; the first image is shown."""
    dataset = Dataset.open(folder)
    labels = dataset.labels.add("cat").add("dog")
    cat, dog = (label.id for label in labels)
    drawn = Annotation(AnnotationId("drawn"), cat, from_box(20, 120, 80, 170))
    made = {
        ImageKey(key): [
            Annotation(
                AnnotationId(f"{key[0]}{letter}"), cat if letter != "c" else dog,
                from_box(20 + 90 * n, 20, 80 + 90 * n, 70), Source.YOLO_SAM, review=PENDING,
                detector_score=score, mask_score=0.9, run_id=RunId("run"),
            )
            for n, (letter, score) in enumerate(zip("abc", scores, strict=False))
        ]
        for key, scores in SCORES.items()
    }  # fmt: skip
    made[ImageKey("0.png")].append(drawn)
    step = tuple((key, edits.add(some)) for key, some in made.items())
    dataset.commit(Transaction("Auto-annotate", step, labels=labels, labels_before=dataset.labels))
    dataset.close()
    user = open_window()
    user.open(folder)
    return user


def controller(user: User) -> ScoreFilterController:
    return user.desk.flows.score_filter


def bar(user: User) -> ScoreFilterBar:
    return user.desk.view.filter_bar


def open_filter(user: User, step: int = 0) -> None:
    """Opens the bar by key; moves the slider, which has the keyboard, by its keys."""
    user.key(K.Key_H, CONTROL)
    assert bar(user).isVisible()
    assert bar(user).slider.slider.hasFocus()
    move_to(user, step)


def move_to(user: User, step: int) -> None:
    slider = bar(user).slider.slider
    slider.setFocus()
    while slider.value() + 5 <= step:
        QTest.keyClick(slider, K.Key_PageUp)
    while slider.value() < step:
        QTest.keyClick(slider, K.Key_Right)
    while slider.value() > step:
        QTest.keyClick(slider, K.Key_Left)


def says(user: User, text: str) -> None:
    user.until(lambda: bar(user).text.text() == text)


def hidden(user: User) -> str:
    return " ".join(sorted(user.canvas.filtered))


def reviews(user: User, *keys: str) -> str:
    user.until_saved()
    answers: list[str] = []
    user.desk.workers.storage.ask(
        lambda dataset: " ".join(
            f"{a.id}:{a.review.value}" for key in keys for a in dataset.load(key).all_annotations  # type: ignore[arg-type]
        ),
        answers.append,
    )  # fmt: skip
    user.until(lambda: bool(answers))
    return answers[0]


def test_the_slider_hides_at_once_counts_and_survives_paging(filtering: User, folder: Path) -> None:
    user = filtering
    before = (folder / "0.txt").read_bytes()
    open_filter(user)
    says(user, "Hides 0 of 7 pending annotations")
    move_to(user, 50)
    assert hidden(user) == "0c", "without a turn of the event loop; a limit is not under itself"
    says(user, "Hides 3 of 7 pending annotations on 3 images")
    assert "stay in the label files" in bar(user).note.text()
    assert user.canvas.annotations_at(230, 45) == [], "what is hidden cannot be clicked"
    assert user.canvas.annotations_at(50, 145) == ["drawn"], "what the user has made is never hidden"
    assert user.desk.view.annotations.count.text() == "4 · 3 to review · 1 hidden"
    user.desk.view.images.view.setFocus()
    user.key(K.Key_D)
    user.until(lambda: user.shown == "1.png")
    assert hidden(user) == "1a"
    move_to(user, 61)
    assert hidden(user) == "1a 1c"
    says(user, "Hides 5 of 7 pending annotations on 3 images")
    assert (folder / "0.txt").read_bytes() == before, "hiding changes no file"
    QTest.keyClick(bar(user).slider.slider, K.Key_Escape)
    assert hidden(user) == ""
    assert not bar(user).isVisible()
    assert user.canvas.hasFocus()
    assert len(user.canvas.annotations_at(50, 45)) == 1


def test_dropping_rejects_what_is_hidden_on_all_images_as_one_step(filtering: User, folder: Path) -> None:
    user = filtering
    before = {path.name: path.read_bytes() for path in folder.glob("*.txt")}
    open_filter(user, 50)
    says(user, "Hides 3 of 7 pending annotations on 3 images")
    steps = len(user.desk.session.history.texts)
    user.qtbot.mouseClick(bar(user).drop, Qt.MouseButton.LeftButton)
    says(user, "Hides 0 of 4 pending annotations")
    assert "Dropped 3 annotations on 3 images (detector score under 0.50)" in user.message_text
    assert reviews(user, "0.png", "1.png", "2.png") == (
        "0a:pending 0b:pending drawn:accepted 0c:rejected 1b:pending 1c:pending 1a:rejected 2a:rejected"
    )
    assert user.document.rejected[0].note == "dropped: detector score under 0.50"
    assert user.document.review.value == "unreviewed", "a later run may propose other objects"
    assert [len(lines(folder / f"{i}.png").lines) for i in range(2)] == [3, 2]
    assert not (folder / "2.txt").exists(), "without annotations, and not accepted by the user"
    assert len(user.desk.session.history.texts) == steps + 1
    for _ in range(2):  # a step on several images is named first
        user.key(K.Key_Z, CONTROL)
    user.until_saved()
    user.until(lambda: "rejected" not in reviews(user, "0.png", "1.png", "2.png"))
    assert {path.name: path.read_bytes() for path in folder.glob("*.txt")} == before
    says(user, "Hides 3 of 7 pending annotations on 3 images")
    user.until(lambda: hidden(user) == "0c")


def test_doubt_hides_from_a_limit_on_and_only_what_the_search_finds_is_dropped(
    filtering: User,
) -> None:
    user = filtering
    open_filter(user)
    kinds = bar(user).kinds
    kinds.setFocus()
    QTest.keyClick(kinds, K.Key_End)
    kinds.activated.emit(kinds.currentIndex())
    assert bar(user).value.text() == "1.00"
    assert hidden(user) == "", "at its end nothing is hidden"
    user.until(lambda: controller(user)._doubts is not None)
    doubts = controller(user)._doubts
    assert doubts is not None
    assert doubts["0c"] > doubts["0b"] > doubts["0a"]
    move_to(user, int(doubts["0b"] * 100))  # type: ignore[index]
    assert hidden(user) == "0b 0c"
    user.go("1.png")
    user.until(lambda: hidden(user) == "1a")
    assert not user.is_enabled("score_filter.minimum"), "doubt is no confidence"
    kinds.setCurrentIndex(0)
    kinds.activated.emit(0)
    user.go("0.png")
    move_to(user, 85)
    says(user, "Hides 6 of 7 pending annotations on 3 images")
    user.desk.flows.search.search_for("class:dog")
    says(user, "Hides 2 of 2 found pending annotations on 2 images")
    user.until(lambda: hidden(user) == "0c")
    user.qtbot.mouseClick(bar(user).drop, Qt.MouseButton.LeftButton)
    says(user, "Hides 0 of 0 found pending annotations")
    assert "0b:pending" in reviews(user, "0.png")
    assert "0c:rejected" in reviews(user, "0.png")


def test_review_and_sheet_leave_out_what_is_hidden(filtering: User) -> None:
    user = filtering
    open_filter(user, 50)
    user.key(K.Key_G)
    sheet = user.desk.flows.sheet.panel
    user.until(lambda: sheet.model.rowCount() == 5 and user.desk.flows.sheet.complete)
    assert "8 annotations" in sheet.count.text()
    assert "3 hidden by score" in sheet.count.text()
    move_to(user, 61)
    user.until(lambda: {f.id for f in sheet.model.found} == {"0a", "1b", "drawn"})
    move_to(user, 50)
    user.until(lambda: sheet.model.rowCount() == 5)
    user.key(K.Key_R, CONTROL)
    review = user.desk.flows.review
    user.until(lambda: review.shown is not None)
    assert review.shown is not None
    assert review.shown.id == "0b", "those hidden are more doubtful"
    assert review.queue is not None
    assert review.queue.total == 4


def test_accepting_an_image_leaves_what_is_hidden_pending_and_says_so(filtering: User) -> None:
    user = filtering
    open_filter(user, 55)
    user.canvas.setFocus()
    user.key(K.Key_Return, CONTROL)
    user.until(lambda: user.shown == "1.png")
    found = reviews(user, "0.png")
    assert found == "0a:accepted 0b:pending 0c:pending drawn:accepted"
    assert "2 annotations hidden by score were not accepted" in user.message_text


def test_what_is_selected_is_shown_and_the_limit_becomes_that_of_the_next_run(
    filtering: User, tmp_path: Path
) -> None:
    user = filtering
    open_filter(user)
    assert not user.is_enabled("score_filter.minimum")
    assert not user.is_enabled("score_filter.drop")
    move_to(user, 55)
    bar(user).minimum.setFocus()
    QTest.keyClick(bar(user).minimum, K.Key_Return)
    assert user.desk.settings.get(AUTO_PARAMETERS["conf"]) == pytest.approx(0.55)
    assert user.desk.flows.batch.default_plan().conf == pytest.approx(0.55)
    user.desk.flows.search.search_for("class:dog")
    user.qtbot.mouseClick(bar(user).minimum, Qt.MouseButton.LeftButton)
    assert "minimum confidence of 0.55 for dog" in user.message_text
    assert user.desk.flows.batch.default_plan().class_conf == (("dog", 0.55),)
    user.desk.flows.search.clear()
    user.desk.flows.tools.select(frozenset({AnnotationId("0c")}))
    assert hidden(user) == "0b"
    assert user.canvas.shape(AnnotationId("0c")) is not None
    move_to(user, 60)
    assert hidden(user) == "0b 0c", "moving the slider hides it again"
    assert not user.desk.flows.tools.selection
    user.desk.view.annotations.filtered_clicked.emit()
    assert "Hidden by the score filter: detector score under 0.60" in user.message_text
    user.press("Show all")
    assert not controller(user).is_open
    assert hidden(user) == ""
    open_filter(user, 50)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "0.png").write_bytes(Path(user.desk.flows.navigate.path or "").read_bytes())
    user.open(tmp_path / "other")
    assert not controller(user).is_open, "another dataset ends the filter"
    assert hidden(user) == ""


def test_a_thousand_annotations_are_hidden_within_a_frame(user: User) -> None:
    user.add_labels("cat")
    label = user.desk.session.model.labels.labels[0].id
    made = [
        Annotation(
            AnnotationId(f"n{n}"), label, from_box(n % 40 * 8, n // 40 * 9, n % 40 * 8 + 7, n // 40 * 9 + 8),
            Source.YOLO_SAM, review=PENDING, detector_score=n / 1000, run_id=RunId("run"),
        )
        for n in range(1000)
    ]  # fmt: skip
    user.desk.session.model.apply(edits.add(made))
    open_filter(user, 10)
    took = []
    for step in range(20, 60):
        start = perf_counter()
        bar(user).slider.slider.setValue(step)
        took.append(perf_counter() - start)
        assert len(user.canvas.filtered) == step * 10
    assert sorted(took)[len(took) // 2] < 0.016
