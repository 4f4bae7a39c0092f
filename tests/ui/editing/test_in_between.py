"""What a person does while something else is not finished yet: nothing is lost, stuck or misplaced."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt

from samdesk.dataset.dataset import Dataset
from samdesk.domain.annotation import Annotation, new_annotation_id
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import add
from samdesk.domain.review import ImageReview
from tests.helpers.desk import CONTROL, Person, lines, photos


def test_an_undone_label_leaves_those_that_a_file_brought(person: Person, tmp_path: Path) -> None:
    other = photos(tmp_path / "other")
    (other / "2.txt").write_text("5 0.5 0.5 0.2 0.2\n")
    person.open(other)
    person.add_labels("cat")
    person.go("2.png")
    person.key(Qt.Key.Key_Z, CONTROL)
    person.until_saved()
    person.until(lambda: person.names == ["class_5"])
    assert person.desk.session.model.labels.names == tuple(f"class_{i}" for i in range(1, 6))


def test_a_mask_whose_label_is_deleted_meanwhile_gets_the_current_one(person: Person, folder: Path) -> None:
    person.add_labels("cat", "dog")
    person.key(Qt.Key.Key_2)
    person.predictor.decoding.close()
    person.hands.click(100, 100)
    person.key(Qt.Key.Key_Return)
    dog = person.desk.session.model.labels.labels[1]
    person.desk.view.labels.remove_requested.emit(dog.id)
    person.until(lambda: person.desk.session.model.labels.names == ("cat",))
    person.predictor.decoding.open()
    person.until(lambda: person.names == ["cat"])
    person.until_saved()
    assert len(lines(folder / "0.png").lines) == 1


def test_an_image_is_accepted_when_it_was_seen(person: Person) -> None:
    person.key(Qt.Key.Key_Return, CONTROL)
    person.key(Qt.Key.Key_Return, CONTROL)  # the next photo is not there yet
    person.until(lambda: person.shown == "1.png")
    assert person.desk.flows.navigate.key == "1.png"
    assert person.document.review is not ImageReview.ACCEPTED
    assert person.desk.session.history.texts == ("Accept image",)


def test_what_cannot_be_saved_can_be_undone_and_work_goes_on(person: Person, tmp_path: Path) -> None:
    other = photos(tmp_path / "other")
    (other / "1.txt").write_text("0 nonsense\n0 0.5 0.5 0.2 0.2\n")
    person.open(other)
    person.go("1.png")
    person.add_labels("cat", "dog")
    person.until_saved()
    person.answers.confirm = True
    labels = person.desk.session.model.labels
    person.desk.view.labels.move_requested.emit(labels.labels[2].id, 1)
    person.until(lambda: "cannot be reordered" in person.told)
    person.key(Qt.Key.Key_Z, CONTROL)
    person.until_saved()
    assert "cannot be reordered" not in person.told
    assert person.desk.session.model.labels.names == ("class_0", "cat", "dog")
    person.go("0.png")
    person.draw(100, 100)
    person.until_saved()
    assert len(lines(other / "0.png").lines) == 1
    person.key(Qt.Key.Key_Z, CONTROL)
    person.key(Qt.Key.Key_Z, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    person.until_saved()
    person.until(lambda: len(person.annotations) == 1)


def test_a_refused_change_is_saved_when_what_was_in_its_way_is_settled(
    person: Person, tmp_path: Path
) -> None:
    other = photos(tmp_path / "other")
    (other / "1.txt").write_text("0 nonsense\n0 0.5 0.5 0.2 0.2\n")
    person.open(other)
    person.go("1.png")
    person.add_labels("cat")
    person.until_saved()
    person.answers.confirm = True
    labels = person.desk.session.model.labels
    person.desk.view.labels.move_requested.emit(labels.labels[1].id, 0)
    person.until(lambda: "cannot be reordered" in person.told)
    person.desk.workers.storage.resolve(ImageKey("1.png"), "mine")
    person.until_saved()
    assert [line.class_id for line in lines(other / "1.png").lines] == [1]


def test_an_edit_right_after_taking_the_file_stays_on_screen(person: Person, folder: Path) -> None:
    person.add_labels("cat")
    first = person.draw(100, 100)
    person.draw(200, 100)
    person.until_saved()
    (folder / "0.txt").write_text("0 0.1 0.1 0.2 0.1 0.2 0.2\n" + (folder / "0.txt").read_text())
    person.go("1.png")
    person.go("0.png")
    person.until(lambda: "Use the file" in person.buttons)
    storage = person.desk.workers.storage
    with person.qtbot.waitSignal(storage.changed):
        storage.resolve(ImageKey("0.png"), "file")
        mine = Annotation(new_annotation_id(), first.label_id, first.region)
        person.desk.session.edit("Draw", add([mine]))  # before the answer is there
    person.until_saved()
    person.until(lambda: mine in person.annotations and len(person.annotations) == 4)


def test_what_is_done_while_another_folder_opens_stays_in_its_folder(
    person: Person, folder: Path, tmp_path: Path
) -> None:
    other = photos(tmp_path / "other")
    person.desk.flows.files.open_folder(other)
    person.desk.flows.navigate.accept_and_step()  # before the other folder is there
    person.until(lambda: person.desk.flows.files.info.folder == other.resolve())  # type: ignore[union-attr]
    person.until(lambda: person.shown == "0.png")
    assert person.document.review is not ImageReview.ACCEPTED
    assert not person.desk.session.history.can_undo
    person.leave()
    dataset = Dataset.open(folder)
    assert dataset.load(ImageKey("0.png")).review is ImageReview.ACCEPTED
    dataset.close()
