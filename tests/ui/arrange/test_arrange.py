"""Copy, paste, order, nudge, lock and solo in a whole window: the document, the label file and undo."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QGuiApplication

from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, new_annotation_id
from samdesk.domain.geometry.regions import from_box
from samdesk.ui.arrange.clip import MIME_TYPE
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import CONTROL, SHIFT, User, lines, photos
from tests.helpers.make import photo

Key = Qt.Key
NARROW = (100, 80)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images of the same size and a smaller one."""
    folder = photos(tmp_path / "photos", 2)
    photo(folder / "2.png", *NARROW)
    return folder


@pytest.fixture
def two(user: User) -> Iterator[User]:
    """A user with two annotations on the first image, a "cat" under a "dog" that overlaps it."""
    user.add_labels("cat", "dog")
    add(user, "cat", (20, 20, 90, 80))
    add(user, "dog", (60, 40, 160, 120))
    yield user
    user.desk.flows.arrange.release_clipboard()


def add(user: User, label: str, box: tuple[float, float, float, float]) -> Annotation:
    found = user.desk.session.model.labels.find(label)
    assert found is not None
    made = Annotation(new_annotation_id(), found.id, from_box(*box))
    assert user.desk.session.edit(f"Add {label}", edits.add([made]))
    return made


def boxes(user: User) -> dict[str, tuple[float, ...]]:
    return dict(zip(user.names, (a.region.bounds for a in user.annotations), strict=True))


def select(user: User, *names: str) -> None:
    chosen = [a.id for a, name in zip(user.annotations, user.names, strict=True) if name in names]
    user.canvas.set_selection(chosen)


def steps(user: User) -> int:
    return user.desk.workers.storage.history.index


def test_copies_are_pasted_on_another_image_in_place_and_in_one_step(two: User, folder: Path) -> None:
    before = boxes(two)
    originals = {a.id for a in two.annotations}
    two.key(Key.Key_A, CONTROL)
    two.key(Key.Key_C, CONTROL)
    two.go("1.png")
    made = steps(two)
    two.key(Key.Key_V, CONTROL)
    assert boxes(two) == before
    assert two.canvas.selection == {a.id for a in two.annotations}
    assert not originals & two.canvas.selection
    assert "Pasted 2 annotations" in two.message_text
    assert steps(two) == made + 1
    two.until_saved()
    assert len(lines(folder / "1.png").lines) == 2
    two.key(Key.Key_Z, CONTROL)
    assert two.annotations == ()
    two.until_saved()
    assert not (folder / "1.txt").exists()


def test_cut_moves_to_the_cursor_and_a_smaller_image_says_what_did_not_fit(two: User) -> None:
    select(two, "dog")
    two.key(Key.Key_X, CONTROL)
    assert two.names == ["cat"]
    two.go("2.png")
    two.key(Key.Key_V, CONTROL)
    assert boxes(two)["dog"] == (60, 40, 100, 80)
    assert "1 clipped to the image" in two.message_text
    two.go("1.png")
    two.mouse.move(100, 100)
    two.key(Key.Key_V, CONTROL | SHIFT)
    assert boxes(two)["dog"] == pytest.approx((50, 60, 150, 140), abs=1)


def test_a_paste_that_would_be_outside_changes_nothing_and_says_why(two: User) -> None:
    add(two, "cat", (200, 200, 220, 220))
    two.canvas.set_selection({two.annotations[-1].id})
    two.key(Key.Key_C, CONTROL)
    two.go("2.png")
    made = steps(two)
    two.key(Key.Key_V, CONTROL)
    assert two.annotations == ()
    assert steps(two) == made
    assert "outside this image (100 × 80 pixels)" in two.message_text
    two.key(Key.Key_V, CONTROL | SHIFT)
    assert len(two.annotations) == 1


RING = [[5, 5], [40, 5], [40, 40], [5, 40], [5, 5]]
CLIP = json.dumps(
    {
        "format": "samdesk-annotations",
        "version": 1,
        "annotations": [
            {"label": name, "geometry": {"type": "MultiPolygon", "coordinates": [[RING]]}}
            for name in ("CAT", "heron")
        ],
    }
)


def test_what_another_program_copied_is_pasted_with_its_missing_label_in_one_step(
    two: User, folder: Path
) -> None:
    before = two.desk.session.model.labels
    for mime in (MIME_TYPE, "text/plain"):
        data = QMimeData()
        data.setData(mime, CLIP.encode())
        QGuiApplication.clipboard().setMimeData(data)
        two.key(Key.Key_V, CONTROL)
        QGuiApplication.clipboard().clear()
        assert two.names == ["cat", "dog", "cat", "heron"]
        assert "Added the label “heron”" in two.message_text
        two.key(Key.Key_Z, CONTROL)
        assert two.names == ["cat", "dog"]
        assert two.desk.session.model.labels == before
    two.key(Key.Key_Y, CONTROL)
    two.until_saved()
    assert two.names == ["cat", "dog", "cat", "heron"]
    assert "heron" in (folder / "data.yaml").read_text("utf-8")


def test_other_things_on_the_clipboard_are_refused_in_words(two: User) -> None:
    damaged = '{"format": "samdesk-annotations", "version": 1, "annotations": 1}'
    for text in (None, "hello", "", damaged):
        QGuiApplication.clipboard().clear()
        if text is not None:
            QGuiApplication.clipboard().setText(text)
        two.window.message_bar.clear()
        two.key(Key.Key_V, CONTROL)
        assert "no annotations on the clipboard" in two.message_text
        assert len(two.annotations) == 2


def test_what_is_copied_is_json_for_other_programs(two: User) -> None:
    two.key(Key.Key_A, CONTROL)
    two.key(Key.Key_C, CONTROL)
    data = QGuiApplication.clipboard().mimeData()
    assert bytes(data.data(MIME_TYPE).data()).decode() == data.text()
    assert '"label": "dog"' in data.text()
    two.desk.flows.arrange.release_clipboard()
    assert '"label": "dog"' in QGuiApplication.clipboard().text(), "it outlasts the window as text"


def test_everything_of_the_previous_image_is_taken_over_once(two: User) -> None:
    before = boxes(two)
    two.key(Key.Key_D, Qt.KeyboardModifier.AltModifier)
    assert "This is the first image" in two.message_text
    two.go("1.png")
    two.key(Key.Key_D, Qt.KeyboardModifier.AltModifier)
    two.until(lambda: len(two.annotations) == 2)
    assert boxes(two) == before
    two.key(Key.Key_D, Qt.KeyboardModifier.AltModifier)
    two.until(lambda: "on this image already" in two.message_text)
    assert len(two.annotations) == 2


def test_arrows_nudge_the_selection_in_one_step_and_turn_pages_without_one(two: User, folder: Path) -> None:
    two.until_saved()
    saved = lines(folder / "0.png").lines
    select(two, "cat")
    made = steps(two)
    for key, modifiers in [(Key.Key_Right, SHIFT), (Key.Key_Right, None), (Key.Key_Down, None)] * 2:
        two.key(key, modifiers or Qt.KeyboardModifier.NoModifier)
    assert boxes(two)["cat"] == (42, 22, 112, 82)
    assert steps(two) == made, "the run goes on"
    assert two.is_enabled("edit.undo")
    two.key(Key.Key_Z, CONTROL)
    assert boxes(two)["cat"] == (20, 20, 90, 80)
    assert steps(two) == made
    two.key(Key.Key_Y, CONTROL)
    assert boxes(two)["cat"] == (42, 22, 112, 82)
    two.until_saved()
    assert lines(folder / "0.png").lines != saved
    two.canvas.set_selection(())
    two.key(Key.Key_Right)
    two.until(lambda: two.shown == "1.png")


def test_a_nudge_stops_at_the_border_and_is_saved_when_the_user_goes_on(two: User) -> None:
    select(two, "cat", "dog")
    made = steps(two)
    for _ in range(3):
        two.key(Key.Key_Up, SHIFT)
    assert boxes(two) == {"cat": (20, 0, 90, 60), "dog": (60, 20, 160, 100)}
    two.key(Key.Key_D)
    two.until(lambda: two.shown == "1.png")
    assert steps(two) == made + 1
    two.go("0.png")
    assert boxes(two) == {"cat": (20, 0, 90, 60), "dog": (60, 20, 160, 100)}


def test_a_document_read_again_during_a_run_of_nudges_does_not_take_it_back(two: User) -> None:
    two.until_saved()
    select(two, "cat")
    two.key(Key.Key_Down)
    two.desk.flows.navigate.refresh(two.document.key)
    two.until(lambda: not two.desk.session.run_text)
    two.until_saved()
    two.qtbot.wait(1)
    assert boxes(two)["cat"] == (20, 21, 90, 81)


def test_what_is_raised_is_painted_and_listed_on_top(two: User) -> None:
    select(two, "cat")
    two.key(Key.Key_BracketRight, CONTROL)
    assert two.names == ["dog", "cat"]
    assert [two.desk.view.annotations._model.annotation(row).id for row in (0, 1)] == [
        a.id for a in reversed(two.annotations)
    ]
    two.key(Key.Key_BracketRight, CONTROL)
    assert "Nothing that they overlap is above" in two.message_text
    two.key(Key.Key_Z, CONTROL)
    assert two.names == ["cat", "dog"]


def test_nothing_changes_a_locked_annotation_and_the_lock_survives_other_images(two: User) -> None:
    select(two, "cat")
    two.key(Key.Key_K, CONTROL | SHIFT)
    assert "1 locked" in two.desk.view.annotations.count.text()
    before = two.document
    two.key(Key.Key_V)
    two.mouse.drag((30, 30), (50, 60))
    for key, modifiers in [
        (Key.Key_Delete, None),
        (Key.Key_Right, None),
        (Key.Key_2, None),
        (Key.Key_X, CONTROL),
    ]:
        select(two, "cat")
        two.window.message_bar.clear()
        two.key(key, modifiers or Qt.KeyboardModifier.NoModifier)
        assert two.document.annotations == before.annotations, key
        assert "locked. Nothing was changed" in two.message_text
    two.go("1.png")
    two.go("0.png")
    two.key(Key.Key_A, CONTROL)
    two.key(Key.Key_Delete)
    assert two.names == ["cat"], "what is not locked is deleted"
    two.canvas.set_selection({two.annotations[0].id})
    two.key(Key.Key_Delete)
    two.press("Unlock")
    two.key(Key.Key_Delete)
    assert two.names == []


def test_solo_hides_the_others_until_the_same_key_or_another_image(two: User) -> None:
    cat, dog = (a.id for a in two.annotations)
    select(two, "cat")
    width = two.canvas.width()
    two.desk.session.locks.set_locked({cat}, locked=True)
    two.key(Key.Key_O, SHIFT)
    assert two.desk.view.annotations.count.text() == "2 · 1 hidden · 1 locked"
    assert two.canvas.width() == width, "a longer text does not move the image"
    assert two.desk.view.annotations.hidden == {dog}
    assert two.canvas.shape(dog) is None
    two.go("1.png")
    assert not two.desk.flows.arrange.solo
    two.go("0.png")
    assert two.canvas.shape(dog) is None
    added = add(two, "dog", (200, 100, 220, 120))
    assert two.canvas.shape(added.id) is not None, "what is new is seen"
    two.key(Key.Key_O, SHIFT)
    assert two.canvas.shape(dog) is not None
    assert two.canvas.shape(cat) is not None


def test_a_paste_can_be_snapped_to_what_is_on_this_image(two: User) -> None:
    select(two, "dog")
    two.key(Key.Key_C, CONTROL)
    two.go("1.png")
    two.key(Key.Key_V, CONTROL | Qt.KeyboardModifier.AltModifier)
    two.until(lambda: two.names == ["dog"])
    assert two.canvas.selection == {two.annotations[0].id}
    two.key(Key.Key_Z, CONTROL)
    assert two.names == []


def test_another_window_pastes_what_this_one_copied(
    two: User, open_window: OpenWindow, tmp_path: Path
) -> None:
    two.key(Key.Key_A, CONTROL)
    two.key(Key.Key_C, CONTROL)
    other = open_window()
    other.open(photos(tmp_path / "other", 1))
    other.key(Key.Key_V, CONTROL)
    assert boxes(other) == boxes(two)
    assert {label.color for label in other.desk.session.model.labels} == {
        label.color for label in two.desk.session.model.labels
    }


def test_no_operation_changes_a_locked_annotation(two: User) -> None:
    two.desk.session.locks.set_locked([a.id for a in two.annotations], locked=True)
    before = two.document
    for command in (
        "edit.delete",
        "annotation.reject",
        "operation.merge",
        "operation.grow",
        "operation.tidy",
    ):
        two.window.message_bar.clear()
        select(two, "cat", "dog")
        assert two.desk.view.actions.trigger(command)
        assert two.document == before, command
        assert "locked" in two.message_text, command
