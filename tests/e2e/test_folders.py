"""Opening folders: dropped, broken, shared, read-only, with bad labels; and saving when the disk will not."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from samdesk.app import Services
from samdesk.base import atomic
from samdesk.dataset.change import AppliedEdit
from samdesk.dataset.dataset import Dataset, StoreError
from samdesk.domain.edits import Transaction
from tests.e2e.conftest import Arrive
from tests.helpers.desk import CONTROL, Person, lines, photos

K = Qt.Key
SQUARE = "0.2 0.2 0.6 0.2 0.6 0.6 0.2 0.6"
BAD = f"0 {SQUARE}\nnonsense here\n0 0.5 nan 0.5 0.5 0.2 0.2\n"


def test_a_folder_dropped_on_the_window(arrive: Arrive, folder: Path) -> None:
    person = arrive()
    assert person.window.on_welcome
    person.drop(folder)
    person.until(lambda: person.shown == "0.png")
    assert not person.window.on_welcome
    assert person.window.windowTitle().startswith("photos")


def test_a_photo_dropped_on_the_canvas(person: Person, tmp_path: Path) -> None:
    other = photos(tmp_path / "other")
    person.drop(other / "2.png", on=person.canvas)
    person.until(lambda: person.shown == "2.png")
    assert person.desk.flows.navigate.folder == other
    assert len(person.desk.flows.navigate.keys) == 3


def test_something_else_dropped_is_refused_in_words(person: Person, tmp_path: Path) -> None:
    text = tmp_path / "notes.md"
    text.write_text("hello")
    person.drop(text, on=person.canvas)
    assert "neither a folder nor an image" in person.told
    assert person.shown == "0.png"


def test_a_folder_that_is_gone(person: Person, tmp_path: Path) -> None:
    person.window.recent_chosen.emit(tmp_path / "gone")
    person.until(lambda: "There is no folder" in person.told)
    person.draw(100, 120)
    assert "Open another folder…" in person.buttons


def test_an_empty_folder_says_what_to_do(person: Person, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    person.desk.flows.files.open_folder(tmp_path / "empty")
    person.until(lambda: "no images" in person.canvas.accessibleDescription())
    assert person.shown is None
    assert not person.is_enabled("edit.select_all")


def test_another_folder_with_the_same_names(person: Person, folder: Path, tmp_path: Path) -> None:
    person.draw(100, 120)
    other = photos(tmp_path / "other")
    person.open(other)
    assert person.annotations == ()
    assert not person.is_enabled("edit.undo")
    person.draw(200, 60)
    person.open(folder)
    person.key(K.Key_Z, CONTROL)
    person.until_saved()
    assert not (folder / "0.txt").exists()
    assert len(lines(other / "0.png").lines) == 1


def test_broken_images_are_listed_and_block_nothing(arrive: Arrive, folder: Path) -> None:
    whole = (folder / "0.png").read_bytes()
    (folder / "3.png").write_bytes(whole[: len(whole) // 2])
    (folder / "4.png").write_bytes(b"")
    (folder / "5.png").write_bytes(b"no image at all")
    person = arrive()
    person.open(folder)
    assert len(person.desk.flows.navigate.keys) == 6
    for name, why in (("3.png", "truncated"), ("4.png", "empty"), ("5.png", "not an image")):
        person.desk.flows.navigate.go(name)
        person.until(lambda why=why: why in person.canvas.accessibleDescription())
        assert name in person.canvas.accessibleDescription()
        assert person.shown is None
        person.until(lambda name=name, why=why: why in image_tip(person, name))
        assert person.told == "", "the canvas says it"
    person.go("0.png")
    person.draw(100, 120)


def image_tip(person: Person, name: str) -> str:
    """What the list of images says of one."""
    model = person.desk.view.images.view.model()
    tips = [str(model.index(row, 0).data(Qt.ItemDataRole.ToolTipRole)) for row in range(model.rowCount())]
    return next(tip for tip in tips if name in tip)


def test_bad_lines_are_told_and_the_file_waits_for_a_choice(arrive: Arrive, folder: Path) -> None:
    (folder / "0.txt").write_text(BAD)
    person = arrive()
    person.open(folder)
    person.until(lambda: "0.txt" in person.told)
    assert person.told.count("line 2") == 1
    person.until(lambda: "1 more line cannot be read" in person.told)
    assert len(person.annotations) == 1, "the good line is shown"
    person.draw(250, 200)
    person.until_saved()
    assert (folder / "0.txt").read_text() == BAD
    person.window.message_bar.clear()
    person.go("1.png")
    assert person.told == ""
    person.go("0.png")
    person.press("Overwrite the file")
    person.until(lambda: (folder / "0.txt").read_text() != BAD)
    assert len(lines(folder / "0.png").lines) == 2
    assert (folder / ".samdesk/replaced/0.txt").read_text() == BAD


def test_a_file_mended_by_hand_is_read_again(arrive: Arrive, folder: Path) -> None:
    (folder / "0.txt").write_text(BAD)
    person = arrive()
    person.open(folder)
    person.press("Reload the file")
    person.until(lambda: "Reload the file" in person.buttons)
    assert "line 2" in person.told, "it is still bad"
    (folder / "0.txt").write_text(f"0 {SQUARE}\n0 0.5 0.5 0.9 0.5 0.9 0.9\n")
    person.press("Reload the file")
    person.until(lambda: len(person.annotations) == 2)
    person.draw(250, 30)
    person.until_saved()
    assert len(lines(folder / "0.png").lines) == 3, "the file is samdesk's again"


def test_a_file_changed_outside_is_taken_over_and_that_is_undone(person: Person, folder: Path) -> None:
    person.draw(100, 120)
    person.until_saved()
    (folder / "0.txt").write_text(f"0 {SQUARE}\n0 {SQUARE}\n0 {SQUARE}\n")
    drawn = person.draw(250, 200)
    person.until(lambda: "Use the file" in person.buttons)
    person.press("Use the file")
    person.until(lambda: len(person.annotations) == 3)
    person.key(K.Key_Z, CONTROL)
    person.until(lambda: len(person.annotations) == 2)
    assert person.annotations[1] == drawn


def test_a_second_window_looks_and_changes_nothing(person: Person, folder: Path, arrive: Arrive) -> None:
    person.add_labels("cat")
    drawn = person.draw(100, 120)
    person.until_saved()
    second = arrive()
    second.open(folder)
    assert "open in another samdesk" in second.told
    assert second.annotations == (drawn,)
    assert not second.desk.view.labels.new_name.isEnabled()
    assert not second.is_enabled("tool.sam")
    assert not second.is_enabled("run.auto_annotate")
    second.hands.click(drawn.region.centroid.x, drawn.region.centroid.y)
    assert second.desk.flows.tools.selection == {drawn.id}, "the tool that looks is in hand"
    second.key(K.Key_Delete)
    second.key(K.Key_D, CONTROL)
    second.hands.drag((100, 120), (200, 150))
    assert second.annotations == (drawn,)
    second.key(K.Key_D)
    second.until(lambda: second.shown == "1.png")
    second.key(K.Key_Return, CONTROL)
    person.leave()
    second.open(folder)
    second.until(lambda: "open in another samdesk" not in second.told)
    assert second.desk.view.actions.action("tool.sam").isChecked()
    second.go("0.png")
    second.draw(250, 200)


def test_a_read_only_folder_works_in_memory_until_a_place_is_chosen(
    arrive: Arrive, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as read_only:
        read_only.setattr(atomic, "is_writable", lambda place: False)
        person = arrive()
        person.open(folder)
        person.until(lambda: "cannot be written to" in person.told)
        drawn = person.draw(100, 120)
        person.until_saved()
        assert "memory" in person.window.status.saved_field.text()
        assert sorted(p.name for p in folder.iterdir()) == ["0.png", "1.png", "2.png"]
        person.answers.folder = tmp_path / "elsewhere"
        person.press("Choose where to save…")
        person.until(lambda: "on disk now" in person.told)
        assert "cannot be written to" not in person.told
        assert person.window.status.saved_field.text() == "Saved"
        person.leave()
    later = arrive()
    later.open(folder)
    assert later.annotations == (drawn,)


class Disk:
    """A disk that can be full."""

    def __init__(self) -> None:
        self.full = False

    def open(self, folder: Path, store: Path | None) -> Dataset:
        dataset = Dataset.open(folder, store_path=store)
        commit = dataset.commit

        def guarded(transaction: Transaction, applied: AppliedEdit | None = None) -> Transaction:
            if self.full:
                raise StoreError("The disk is full.")
            return commit(transaction, applied)

        dataset.commit = guarded  # type: ignore[method-assign]
        return dataset


def test_what_cannot_be_saved_is_told_and_tried_again(arrive: Arrive, folder: Path) -> None:
    disk = Disk()
    person = arrive(Services(open_dataset=disk.open))
    person.open(folder)
    person.draw(60, 60)
    person.until_saved()
    disk.full = True
    person.draw(200, 60)
    person.until(lambda: "The disk is full." in person.told)
    person.draw(60, 180)
    assert len(person.annotations) == 3, "the work goes on"
    person.until(lambda: person.window.status.saved_field.text() == "Not saved")
    assert len(lines(folder / "0.png").lines) == 1
    disk.full = False
    person.press("Try again")
    person.until_saved()
    assert len(lines(folder / "0.png").lines) == 3
    assert person.window.status.saved_field.text() == "Saved"
    person.until(lambda: "The disk is full." not in person.told)


def test_closing_asks_when_something_could_not_be_saved(arrive: Arrive, folder: Path) -> None:
    disk = Disk()
    person = arrive(Services(open_dataset=disk.open))
    person.open(folder)
    disk.full = True
    person.draw(60, 60)
    person.until(lambda: "The disk is full." in person.told)
    person.answers.confirm = False
    person.window.close()
    assert person.window.isVisible()
    person.answers.asked.clear()
    person.window.recent_chosen.emit(folder)
    assert person.answers.asked, "another folder would lose it as well"
    assert len(person.annotations) == 1
    person.answers.confirm = True
    person.window.close()
    assert not person.window.isVisible()


def test_where_one_left_off_and_recent_folders(person: Person, folder: Path, arrive: Arrive) -> None:
    person.go("2.png")
    person.leave()
    later = arrive()
    assert [str(folder)] == [str(p) for p in later.desk.settings.recent()]
    later.window.recent_chosen.emit(folder)
    later.until(lambda: later.shown == "2.png")
