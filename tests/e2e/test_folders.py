"""Opening folders: dropped, broken, shared, read-only, with bad labels; and saving when the disk will not."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from samdesk.app import Services
from samdesk.base import atomic
from samdesk.base.bulk import BulkProgress
from samdesk.dataset.change import AppliedEdit
from samdesk.dataset.dataset import Dataset, StoreError
from samdesk.dataset.types import CommittedStep
from samdesk.domain.edits import Transaction
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import CONTROL, User, lines, photos

K = Qt.Key
SQUARE = "0.2 0.2 0.6 0.2 0.6 0.6 0.2 0.6"
BAD = f"0 {SQUARE}\nnonsense here\n0 0.5 nan 0.5 0.5 0.2 0.2\n"


def test_a_folder_dropped_on_the_window(open_window: OpenWindow, folder: Path) -> None:
    user = open_window()
    assert user.window.on_welcome
    user.drop(folder)
    user.until(lambda: user.shown == "0.png")
    assert not user.window.on_welcome
    assert user.window.windowTitle() == "0.png - photos - samdesk"


def test_a_photo_dropped_on_the_canvas(user: User, tmp_path: Path) -> None:
    other = photos(tmp_path / "other")
    user.drop(other / "2.png", on=user.canvas)
    user.until(lambda: user.shown == "2.png")
    assert user.desk.flows.navigate.folder == other
    assert len(user.desk.flows.navigate.keys) == 3


def test_something_else_dropped_is_refused_in_words(user: User, tmp_path: Path) -> None:
    text = tmp_path / "notes.md"
    text.write_text("hello")
    user.drop(text, on=user.canvas)
    assert "neither a folder, an image nor a video" in user.message_text
    assert user.shown == "0.png"


def test_a_folder_that_is_gone(user: User, tmp_path: Path) -> None:
    user.window.recent_chosen.emit(tmp_path / "gone")
    user.until(lambda: "There is no folder" in user.message_text)
    user.draw(100, 120)
    assert "Open another folder…" in user.buttons


def test_an_empty_folder_says_what_to_do(user: User, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    user.desk.flows.files.open_folder(tmp_path / "empty")
    user.until(lambda: "no images" in user.canvas.accessibleDescription())
    assert user.shown is None
    assert not user.is_enabled("edit.select_all")


def test_another_folder_with_the_same_names(user: User, folder: Path, tmp_path: Path) -> None:
    user.draw(100, 120)
    other = photos(tmp_path / "other")
    user.open(other)
    assert user.annotations == ()
    assert not user.is_enabled("edit.undo")
    user.draw(200, 60)
    user.open(folder)
    user.key(K.Key_Z, CONTROL)
    user.until_saved()
    assert not (folder / "0.txt").exists()
    assert len(lines(other / "0.png").lines) == 1


def test_broken_images_are_listed_and_block_nothing(open_window: OpenWindow, folder: Path) -> None:
    whole = (folder / "0.png").read_bytes()
    (folder / "3.png").write_bytes(whole[: len(whole) // 2])
    (folder / "4.png").write_bytes(b"")
    (folder / "5.png").write_bytes(b"no image at all")
    user = open_window()
    user.open(folder)
    assert len(user.desk.flows.navigate.keys) == 6
    for name, why in (("3.png", "truncated"), ("4.png", "empty"), ("5.png", "not an image")):
        user.desk.flows.navigate.go(name)
        user.until(lambda why=why: why in user.canvas.accessibleDescription())
        assert name in user.canvas.accessibleDescription()
        assert user.shown is None
        user.until(lambda name=name, why=why: why in image_tip(user, name))
        assert user.message_text == "", "the canvas says it"
    user.go("0.png")
    user.draw(100, 120)


def image_tip(user: User, name: str) -> str:
    """What the list of images says of one."""
    model = user.desk.view.images.view.model()
    tips = [str(model.index(row, 0).data(Qt.ItemDataRole.ToolTipRole)) for row in range(model.rowCount())]
    return next(tip for tip in tips if name in tip)


def test_bad_lines_are_told_and_the_file_waits_for_a_choice(open_window: OpenWindow, folder: Path) -> None:
    (folder / "0.txt").write_text(BAD)
    user = open_window()
    user.open(folder)
    user.until(lambda: "0.txt" in user.message_text)
    assert user.message_text.count("line 2") == 1
    user.until(lambda: "1 more line cannot be read" in user.message_text)
    assert len(user.annotations) == 1, "the good line is shown"
    user.draw(250, 200)
    user.until_saved()
    assert (folder / "0.txt").read_text() == BAD
    user.window.message_bar.clear()
    user.go("1.png")
    assert user.message_text == ""
    user.go("0.png")
    user.press("Overwrite the file")
    user.until(lambda: (folder / "0.txt").read_text() != BAD)
    assert len(lines(folder / "0.png").lines) == 2
    assert (folder / ".samdesk/replaced/0.txt").read_text() == BAD


def test_a_file_mended_by_hand_is_read_again(open_window: OpenWindow, folder: Path) -> None:
    (folder / "0.txt").write_text(BAD)
    user = open_window()
    user.open(folder)
    user.press("Reload the file")
    user.until(lambda: "Reload the file" in user.buttons)
    assert "line 2" in user.message_text, "it is still bad"
    (folder / "0.txt").write_text(f"0 {SQUARE}\n0 0.5 0.5 0.9 0.5 0.9 0.9\n")
    user.press("Reload the file")
    user.until(lambda: len(user.annotations) == 2)
    user.draw(250, 30)
    user.until_saved()
    assert len(lines(folder / "0.png").lines) == 3, "the file is samdesk's again"


def test_a_file_changed_outside_is_taken_over_and_that_is_undone(user: User, folder: Path) -> None:
    user.draw(100, 120)
    user.until_saved()
    (folder / "0.txt").write_text(f"0 {SQUARE}\n0 {SQUARE}\n0 {SQUARE}\n")
    drawn = user.draw(250, 200)
    user.until(lambda: "Use the file" in user.buttons)
    user.press("Use the file")
    user.until(lambda: len(user.annotations) == 3)
    user.key(K.Key_Z, CONTROL)
    user.until(lambda: len(user.annotations) == 2)
    assert user.annotations[1] == drawn


def test_a_second_window_looks_and_changes_nothing(user: User, folder: Path, open_window: OpenWindow) -> None:
    user.add_labels("cat")
    drawn = user.draw(100, 120)
    user.until_saved()
    second = open_window()
    second.open(folder)
    assert "open in another samdesk" in second.message_text
    assert second.annotations == (drawn,)
    assert not second.desk.view.labels.new_name.isEnabled()
    assert not second.is_enabled("tool.sam")
    assert not second.is_enabled("run.auto_annotate")
    second.mouse.click(drawn.region.centroid.x, drawn.region.centroid.y)
    assert second.desk.flows.tools.selection == {drawn.id}, "the tool that looks is in hand"
    second.key(K.Key_Delete)
    second.key(K.Key_D, CONTROL)
    second.mouse.drag((100, 120), (200, 150))
    assert second.annotations == (drawn,)
    second.key(K.Key_D)
    second.until(lambda: second.shown == "1.png")
    second.key(K.Key_Return, CONTROL)
    user.close_window()
    second.open(folder)
    second.until(lambda: "open in another samdesk" not in second.message_text)
    assert second.desk.view.actions.action("tool.sam").isChecked()
    second.go("0.png")
    second.draw(250, 200)


def test_a_read_only_folder_works_in_memory_until_a_place_is_chosen(
    open_window: OpenWindow, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as read_only:
        read_only.setattr(atomic, "is_writable", lambda place: False)
        user = open_window()
        user.open(folder)
        user.until(lambda: "cannot be written to" in user.message_text)
        drawn = user.draw(100, 120)
        user.until_saved()
        assert "memory" in user.window.status.saved_field.text()
        assert sorted(p.name for p in folder.iterdir()) == ["0.png", "1.png", "2.png"]
        user.answers.folder = tmp_path / "elsewhere"
        user.press("Choose where to save…")
        user.until(lambda: "on disk now" in user.message_text)
        assert "cannot be written to" not in user.message_text
        assert user.window.status.saved_field.text() == "Saved"
        user.close_window()
    later = open_window()
    later.open(folder)
    assert later.annotations == (drawn,)


def test_closing_asks_before_work_in_memory_is_lost(
    open_window: OpenWindow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as read_only:
        read_only.setattr(atomic, "is_writable", lambda place: False)
        user = open_window()
        user.open(folder)
        user.click(100, 120)
        user.answers.confirm = False
        user.window.close()
        assert user.window.isVisible(), "an unfinished mask is work, too"
        user.key(K.Key_Return)
        user.until_saved()
        user.window.close()
        assert user.window.isVisible()
        user.answers.confirm = True
        user.window.close()
        assert not user.window.isVisible()
        assert len(user.answers.asked) == 3
        assert "will be lost" in user.answers.asked[-1]


def test_closing_asks_while_label_files_do_not_match(open_window: OpenWindow, folder: Path) -> None:
    user = open_window()
    user.open(folder)
    user.answers.confirm = False
    report = user.desk.workers.storage.progressed.emit
    report(BulkProgress("Writing label files", 12_000, 20_000, stopped=True))
    user.window.close()
    assert user.window.isVisible()
    assert user.answers.asked == [
        "Leave before all label files are written? 12,000 of 20,000 are written. Label files and data.yaml "
        "do not match until all are; samdesk goes on when you open this folder again. "
        "Your annotations are saved."
    ]
    report(None)
    user.window.close()
    assert not user.window.isVisible()
    assert len(user.answers.asked) == 1


class Disk:
    """A disk that can be full."""

    def __init__(self) -> None:
        self.full = False

    def open(self, folder: Path, store: Path | None) -> Dataset:
        dataset = Dataset.open(folder, store_path=store)
        commit = dataset.commit_step

        def guarded(transaction: Transaction, applied: AppliedEdit | None = None) -> CommittedStep:
            if self.full:
                raise StoreError("The disk is full.")
            return commit(transaction, applied)

        dataset.commit_step = guarded  # type: ignore[method-assign]
        return dataset


def test_what_cannot_be_saved_is_told_and_tried_again(open_window: OpenWindow, folder: Path) -> None:
    disk = Disk()
    user = open_window(Services(open_dataset=disk.open))
    user.open(folder)
    user.draw(60, 60)
    user.until_saved()
    disk.full = True
    user.draw(200, 60)
    user.until(lambda: "The disk is full." in user.message_text)
    user.draw(60, 180)
    assert len(user.annotations) == 3, "the work goes on"
    user.until(lambda: user.window.status.saved_field.text() == "Not saved")
    assert len(lines(folder / "0.png").lines) == 1
    disk.full = False
    user.press("Try again")
    user.until_saved()
    assert len(lines(folder / "0.png").lines) == 3
    assert user.window.status.saved_field.text() == "Saved"
    user.until(lambda: "The disk is full." not in user.message_text)


def test_closing_asks_when_something_could_not_be_saved(open_window: OpenWindow, folder: Path) -> None:
    disk = Disk()
    user = open_window(Services(open_dataset=disk.open))
    user.open(folder)
    disk.full = True
    user.draw(60, 60)
    user.until(lambda: "The disk is full." in user.message_text)
    user.answers.confirm = False
    user.window.close()
    assert user.window.isVisible()
    user.answers.asked.clear()
    user.window.recent_chosen.emit(folder)
    assert user.answers.asked, "another folder would lose it as well"
    assert len(user.annotations) == 1
    user.answers.confirm = True
    user.window.close()
    assert not user.window.isVisible()


def test_where_one_left_off_and_recent_folders(user: User, folder: Path, open_window: OpenWindow) -> None:
    user.go("2.png")
    user.close_window()
    later = open_window()
    assert [str(folder)] == [str(p) for p in later.desk.settings.recent()]
    later.window.recent_chosen.emit(folder)
    later.until(lambda: later.shown == "2.png")
