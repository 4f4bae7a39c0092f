"""What a person does while something else is not finished yet: nothing is lost, stuck or misplaced."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt

from samdesk.dataset.dataset import Dataset
from samdesk.domain.annotation import Annotation, new_annotation_id
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import add
from samdesk.domain.review import ImageReview
from tests.helpers.desk import CONTROL, User, lines, photos


def test_an_undone_label_leaves_those_that_a_file_brought(user: User, tmp_path: Path) -> None:
    other = photos(tmp_path / "other")
    user.open(other)
    user.add_labels("cat")
    (other / "2.txt").write_text("5 0.5 0.5 0.2 0.2\n")  # those there at opening have labels already
    user.go("2.png")
    user.key(Qt.Key.Key_Z, CONTROL)  # names it
    user.key(Qt.Key.Key_Z, CONTROL)
    user.until_saved()
    user.until(lambda: user.names == ["class_5"])
    assert user.desk.session.model.labels.names == tuple(f"class_{i}" for i in range(1, 6))


def test_a_mask_whose_label_is_deleted_meanwhile_gets_the_current_one(user: User, folder: Path) -> None:
    user.add_labels("cat", "dog")
    user.key(Qt.Key.Key_2)
    user.predictor.decoding.close()
    user.mouse.click(100, 100)
    user.key(Qt.Key.Key_Return)
    dog = user.desk.session.model.labels.labels[1]
    user.desk.view.labels.remove_requested.emit(dog.id)
    user.until(lambda: user.desk.session.model.labels.names == ("cat",))
    user.predictor.decoding.open()
    user.until(lambda: user.names == ["cat"])
    user.until_saved()
    assert len(lines(folder / "0.png").lines) == 1


def test_an_image_is_accepted_when_it_was_seen(user: User) -> None:
    user.key(Qt.Key.Key_Return, CONTROL)
    user.key(Qt.Key.Key_Return, CONTROL)  # the next photo is not there yet
    user.until(lambda: user.shown == "1.png")
    assert user.desk.flows.navigate.key == "1.png"
    assert user.document.review is not ImageReview.ACCEPTED
    assert user.desk.session.history.texts == ("Accept image",)


def test_what_cannot_be_saved_is_not_shown_and_work_goes_on(user: User, tmp_path: Path) -> None:
    other = photos(tmp_path / "other")
    (other / "1.txt").write_text("0 nonsense\n0 0.5 0.5 0.2 0.2\n")
    user.open(other)
    user.go("1.png")
    user.add_labels("cat", "dog")
    user.until_saved()
    user.answers.confirm = True
    labels = user.desk.session.model.labels
    user.desk.view.labels.move_requested.emit(labels.labels[2].id, 1)
    user.until(lambda: "“Move dog to 1” was not saved: Labels cannot be reordered" in user.message_text)
    user.until_saved()
    assert "Try again" in user.buttons
    history = user.desk.session.history
    assert history.texts[history.index - 1] == "Add label dog"
    assert user.desk.session.model.labels.names == ("class_0", "cat", "dog")
    user.go("0.png")
    user.draw(100, 100)
    user.until_saved()
    assert len(lines(other / "0.png").lines) == 1
    user.key(Qt.Key.Key_Z, CONTROL)
    user.key(Qt.Key.Key_Z, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    user.until_saved()
    user.until(lambda: len(user.annotations) == 1)


def test_a_refused_change_is_saved_when_what_was_in_its_way_is_settled(user: User, tmp_path: Path) -> None:
    other = photos(tmp_path / "other")
    (other / "1.txt").write_text("0 nonsense\n0 0.5 0.5 0.2 0.2\n")
    user.open(other)
    user.go("1.png")
    user.add_labels("cat")
    user.until_saved()
    user.answers.confirm = True
    labels = user.desk.session.model.labels
    user.desk.view.labels.move_requested.emit(labels.labels[1].id, 0)
    user.until(lambda: "cannot be reordered" in user.message_text)
    user.desk.workers.storage.resolve(ImageKey("1.png"), "mine")
    user.until(lambda: user.desk.session.model.labels.names == ("cat", "class_0"))
    user.until_saved()
    assert "cannot be reordered" not in user.message_text
    assert [line.class_id for line in lines(other / "1.png").lines] == [1]


def test_an_edit_right_after_taking_the_file_stays_on_screen(user: User, folder: Path) -> None:
    user.add_labels("cat")
    first = user.draw(100, 100)
    user.draw(200, 100)
    user.until_saved()
    (folder / "0.txt").write_text("0 0.1 0.1 0.2 0.1 0.2 0.2\n" + (folder / "0.txt").read_text())
    user.go("1.png")
    user.go("0.png")
    user.until(lambda: "Use the file" in user.buttons)
    storage = user.desk.workers.storage
    with user.qtbot.waitSignal(storage.changed):
        storage.resolve(ImageKey("0.png"), "file")
        mine = Annotation(new_annotation_id(), first.label_id, first.region)
        user.desk.session.edit("Draw", add([mine]))  # before the answer is there
    user.until_saved()
    user.until(lambda: mine in user.annotations and len(user.annotations) == 4)


def test_what_is_done_while_another_folder_opens_stays_in_its_folder(
    user: User, folder: Path, tmp_path: Path
) -> None:
    other = photos(tmp_path / "other")
    user.desk.flows.files.open_folder(other)
    user.desk.flows.navigate.accept_and_step()  # before the other folder is there
    user.until(lambda: user.desk.flows.files.info.folder == other.resolve())  # type: ignore[union-attr]
    user.until(lambda: user.shown == "0.png")
    assert user.document.review is not ImageReview.ACCEPTED
    assert not user.desk.session.history.can_undo
    user.close_window()
    dataset = Dataset.open(folder)
    assert dataset.load(ImageKey("0.png")).review is ImageReview.ACCEPTED
    dataset.close()
