"""Searching a dataset in the window: real threads, a real store, real events."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from samdesk.dataset.dataset import Dataset
from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, Source, new_annotation_id
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction
from samdesk.domain.labels import LabelSet
from samdesk.domain.review import AnnotationReview
from samdesk.ui.images.model import ImageRole
from samdesk.ui.search.chips import PROBLEMS
from samdesk.ui.search.saved import SavedDialog
from tests.helpers.desk import CONTROL, SHIFT, User, photos
from tests.helpers.make import square

K = Qt.Key
PENDING, ACCEPTED, FLAGGED = AnnotationReview.PENDING, AnnotationReview.ACCEPTED, AnnotationReview.FLAGGED
SQUARES = {
    "0.png": [("cat", 0.9, ACCEPTED, 10), ("cat", 0.3, PENDING, 90), ("dog", 0.4, PENDING, 200)],
    "1.png": [("dog", 0.8, FLAGGED, 40)],
    "2.png": [("cat", 0.45, PENDING, 20), ("dog", 0.95, ACCEPTED, 120)],
    "3.png": [],
}
"""Label, score, state and left edge of the squares on each image."""


@pytest.fixture
def found(user: User, tmp_path: Path) -> User:
    """A window on four images with squares of two classes."""
    folder = photos(tmp_path / "squares", 4)
    dataset = Dataset.open(folder)
    labels = LabelSet.from_names(["cat", "dog"])
    dataset.commit(Transaction("labels", labels=labels, labels_before=dataset.labels))
    by_name = {label.name: label.id for label in labels}
    for key, squares in SQUARES.items():
        drawn = [
            Annotation(
                new_annotation_id(), by_name[name], square(x, 40, 50),
                Source.YOLO_SAM, detector_score=score, mask_score=score, review=state,
            )
            for name, score, state, x in squares
        ]  # fmt: skip
        if drawn:
            dataset.commit(Transaction("squares", ((ImageKey(key), edits.add(drawn)),)))
    dataset.close()
    user.open(folder)
    return user


def search(user: User, text: str) -> None:
    """Types a search as a user does, from the canvas."""
    user.key(K.Key_F, CONTROL)
    field = user.desk.view.search.field
    assert field.hasFocus()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, K.Key_Return)
    assert user.canvas.hasFocus()


def listed(user: User) -> list[str]:
    """The images of the film strip."""
    model = user.desk.view.images.view.model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def rows(user: User) -> list[str]:
    """Label and image of the annotations listed."""
    model = user.desk.view.found.view.model()
    indexes = [model.index(row, 0) for row in range(model.rowCount())]
    tips = [index.data(Qt.ItemDataRole.ToolTipRole).split("\n") for index in indexes]
    return [f"{tip[0].split(',')[0]} {tip[1]}" for tip in tips]


def test_a_search_filters_the_strip_and_lists_annotations(found: User) -> None:
    bar = found.desk.view.search
    assert found.window.docks["found"].isHidden()
    search(found, "class:cat score:<0.5")
    found.until(lambda: rows(found) == ["cat 0.png", "cat 2.png"])
    assert listed(found) == ["0.png", "2.png"]
    found.until(lambda: bar.found.text() == "2 annotations in 2 images")  # all label files are read
    assert found.window.docks["found"].isVisible()
    found.key(K.Key_F, CONTROL)
    QTest.keyClick(bar.field, K.Key_Escape)
    found.until(lambda: listed(found) == ["0.png", "1.png", "2.png", "3.png"])
    assert bar.text == ""
    assert found.window.docks["found"].isHidden()


def test_it_searches_while_typing_and_says_what_is_wrong_only_after_a_pause(found: User) -> None:
    bar = found.desk.view.search
    height = bar.sizeHint().height()
    found.key(K.Key_F, CONTROL)
    QTest.keyClicks(bar.field, "state:fl")
    assert not bar.in_error
    QTest.keyClicks(bar.field, "agged")
    found.until(lambda: listed(found) == ["0.png", "1.png"])  # the open one stays
    QTest.keyClicks(bar.field, " clas:dog")
    found.until(lambda: bar.in_error)
    assert '"clas:"' in bar.error.text()
    assert bar.sizeHint().height() == height, "it takes no room from the images"
    assert listed(found) == ["0.png", "1.png", "2.png", "3.png"], "nothing is filtered until it is right"
    assert rows(found) == []
    QTest.mouseClick(bar.suggestion, Qt.MouseButton.LeftButton)
    found.until(lambda: rows(found) == ["dog 1.png"])
    assert bar.text == "state:flagged class:dog"
    assert not bar.in_error
    QTest.keyClick(bar.field, K.Key_Escape)
    search(found, "class:catt")
    assert bar.suggestion.text() == "Did you mean cat?", "of the labels of this dataset"
    found.key(K.Key_F, CONTROL)
    QTest.keyClick(bar.field, K.Key_Escape)
    found.until(lambda: not bar.in_error)
    assert bar.sizeHint().height() == height, "nor does one that is gone"


def test_the_current_image_stays_in_the_strip_and_is_marked(found: User) -> None:
    found.go("3.png")
    search(found, "class:dog")
    found.until(lambda: len(rows(found)) == 3)
    assert listed(found) == ["0.png", "1.png", "2.png", "3.png"]
    model = found.desk.view.images.view.model()
    assert [model.index(row, 0).data(ImageRole.MATCHES) for row in range(4)] == [True, True, True, False]
    found.key(K.Key_A)
    found.until(lambda: found.shown == "2.png")
    assert listed(found) == ["0.png", "1.png", "2.png"]


def test_sorting_orders_images_and_annotations(found: User) -> None:
    search(found, "sort:score")
    found.until(lambda: len(rows(found)) == 6)
    found.until(
        lambda: listed(found) == ["0.png", "2.png", "1.png", "3.png"]
    )  # once all label files are read
    assert rows(found)[:3] == ["cat 0.png", "dog 0.png", "cat 2.png"]
    found.desk.flows.search.sort_by(found.desk.flows.search.search.sort.key)  # type: ignore[union-attr]
    assert found.desk.view.search.text == "sort:-score"
    found.until(lambda: listed(found) == ["2.png", "0.png", "1.png", "3.png"])
    found.desk.flows.search.sort_by(None)
    found.until(lambda: listed(found) == ["0.png", "1.png", "2.png", "3.png"])


def test_f3_walks_along_what_was_found_and_opens_it(found: User) -> None:
    search(found, "class:dog sort:score")
    found.until(lambda: len(rows(found)) == 3)
    for image, score in (("0.png", 0.4), ("1.png", 0.8), ("2.png", 0.95), ("0.png", 0.4)):
        found.key(K.Key_F3)
        found.until(lambda image=image: found.shown == image and bool(found.desk.flows.tools.selection))
        (selected,) = found.desk.flows.tools.selection
        annotation = found.document.find(selected)
        assert annotation is not None
        assert annotation.detector_score == score
        inside = annotation.region.representative_point()
        assert found.canvas.visible_rect().contains(inside.x, inside.y)
    found.key(K.Key_F3, SHIFT)
    found.until(lambda: found.shown == "2.png")


def test_the_list_opens_by_mouse_and_by_keys(found: User) -> None:
    field, view = found.desk.view.search.field, found.desk.view.found.view
    found.key(K.Key_F, CONTROL)
    QTest.keyClicks(field, "state:flagged")
    QTest.keyClick(field, K.Key_Down)
    found.until(lambda: rows(found) == ["dog 1.png"])
    assert view.hasFocus()
    QTest.keyClick(view, K.Key_Down)
    found.until(lambda: found.shown == "1.png" and bool(found.desk.flows.tools.selection))
    found.go("3.png")
    place = view.visualRect(view.model().index(0, 0)).center()
    for _ in range(2):
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
        found.until(lambda: found.shown == "1.png" and bool(found.desk.flows.tools.selection))
        found.go("3.png")


def test_what_is_found_follows_edits_and_a_restart(found: User) -> None:
    search(found, "state:pending class:cat")
    found.until(lambda: rows(found) == ["cat 0.png", "cat 2.png"])
    found.key(K.Key_F3)
    found.until(lambda: bool(found.desk.flows.tools.selection))
    found.key(K.Key_E, SHIFT)
    found.until(lambda: rows(found) == ["cat 2.png"])
    assert listed(found) == ["0.png", "2.png"], "the open one stays"
    assert found.desk.view.search.found.text() == "1 annotation in 1 image"
    assert "not one of them" in found.desk.view.search.found.toolTip()
    found.key(K.Key_Z, CONTROL)
    found.until(lambda: rows(found) == ["cat 0.png", "cat 2.png"])
    found.until_saved()
    folder = found.desk.flows.files.info.folder  # type: ignore[union-attr]
    found.desk.view.search.set_text("")
    found.open(folder)
    found.until(lambda: found.desk.view.search.text == "state:pending class:cat")
    found.until(lambda: rows(found) == ["cat 0.png", "cat 2.png"])
    assert listed(found) == ["0.png", "2.png"]


def test_chips_count_at_once_and_exclude_each_other(found: User) -> None:
    bar = found.desk.view.search
    found.until(lambda: bar.chips.button("done").text().endswith("0"))
    assert bar.chips.button("to_review").text() == "To review  3"
    assert bar.chips.button("label").text() == "cat  3"
    QTest.mouseClick(bar.chips.button("to_review"), Qt.MouseButton.LeftButton)
    found.until(lambda: len(rows(found)) == 3)
    assert bar.text == "state:pending"
    bar.chips.toggled.emit(next(c for c in bar.chips.chips if c.id == "label"), True)
    found.until(lambda: len(rows(found)) == 2)
    bar.chips.toggled.emit(next(c for c in bar.chips.chips if c.id == "flagged"), True)
    assert bar.text == "class:cat is:flagged"
    assert not bar.chips.button("to_review").isChecked()
    QTest.mouseClick(bar.chips.button("flagged"), Qt.MouseButton.LeftButton)
    assert bar.text == "class:cat"


def test_images_that_cannot_be_read_have_a_chip(found: User) -> None:
    panel, bar = found.desk.view.images, found.desk.view.search
    assert PROBLEMS not in bar.chips.chips
    panel.set_problem(ImageKey("2.png"), "It is truncated.")
    assert PROBLEMS in bar.chips.chips
    bar.chips.toggled.emit(PROBLEMS, True)
    found.until(lambda: listed(found) == ["0.png", "2.png"])
    search(found, "class:cat")
    found.until(lambda: len(rows(found)) == 3)
    assert listed(found) == ["0.png", "2.png"], "together with a search"
    bar.chips.toggled.emit(PROBLEMS, False)
    found.until(lambda: listed(found) == ["0.png", "2.png"])


def test_searches_are_saved_renamed_and_deleted(found: User) -> None:
    bar, saved = found.desk.view.search, found.desk.flows.saved
    search(found, "class:cat")
    found.desk.view.actions.trigger("search.save")
    assert dict(saved.saved) == {"class:cat": "class:cat"}
    assert "Saved the search" in found.message_text
    found.press("Rename…")
    dialog = found.window.findChild(SavedDialog)
    assert dialog is not None
    dialog.list.item(0).setText("all cats")
    assert dict(saved.saved) == {"all cats": "class:cat"}
    dialog.reject()
    found.until_saved()
    folder = found.desk.flows.files.info.folder  # type: ignore[union-attr]
    found.open(folder)
    found.until(lambda: bool(saved.saved))
    assert dict(saved.saved) == {"all cats": "class:cat"}
    bar.saved_chosen.emit("class:dog")
    found.until(lambda: len(rows(found)) == 3)
    saved.manage()
    dialog = found.window.findChildren(SavedDialog)[-1]
    QTest.mouseClick(dialog.delete, Qt.MouseButton.LeftButton)
    assert dict(saved.saved) == {}
    assert dialog.text.text() == "No search is saved."
    dialog.reject()
