"""Splits in the window: the dialog with its preview, the film strip, and undo."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from samdesk.dataset import queries
from samdesk.domain.document import ImageKey
from samdesk.domain.split import Split
from samdesk.ui.splits.dialog import SplitDialog
from samdesk.ui.splits.settings_dialog import TrainingSettingsDialog
from tests.helpers.desk import User
from tests.ui.search.test_search import found

__all__ = ["found"]


def splits(user: User) -> dict[ImageKey, Split]:
    """What the store has, after all that was done."""
    answers: list[dict[ImageKey, Split]] = []
    user.desk.workers.storage.ask(queries.splits, answers.append, doing="testing")
    user.until(lambda: bool(answers))
    return answers[0]


def badges(user: User) -> list[Split | None]:
    model = user.desk.view.images._model
    return [model.split(model.key(row)) for row in range(model.rowCount())]


def act(user: User, command: str) -> None:
    user.desk.view.actions.action(command).trigger()


def test_the_selected_images_are_used_for_a_split_and_undo_takes_it_back(found: User) -> None:
    images = found.desk.view.images
    last = images.view.visualRect(images.view.model().index(3, 0)).center()
    port, shift = images.view.viewport(), Qt.KeyboardModifier.ShiftModifier
    QTest.mouseClick(port, Qt.MouseButton.LeftButton, shift, last)
    found.until(lambda: len(images.selected) == 4)
    act(found, "image.use_val")
    found.until(lambda: badges(found) == ["val"] * 4)
    assert set(splits(found).values()) == {"val"}
    folder = Path(found.desk.flows.files.info.folder)
    assert len((folder / "val.txt").read_text().splitlines()) == 4
    act(found, "edit.undo")
    found.until(lambda: badges(found) == [None] * 4)
    assert splits(found) == {}
    act(found, "edit.redo")
    found.until(lambda: badges(found) == ["val"] * 4)


def test_the_dialog_shows_what_each_split_gets_before_it_is_assigned(found: User) -> None:
    controller = found.desk.flows.data.splits
    act(found, "image.split")
    dialog = cast(SplitDialog, controller.dialog)
    found.until(lambda: dialog.now.text() == "Now: 4 in no split")
    assert not dialog.assign.isEnabled()
    dialog.shares["train"].setValue(50)
    dialog.shares["val"].setValue(50)
    dialog.alike.setChecked(False)
    QTest.mouseClick(dialog.preview, Qt.MouseButton.LeftButton)
    found.until(lambda: dialog.table.rowCount() == 3)
    assert [dialog.table.item(0, n).text().split(" / ")[0] for n in range(4)] == ["All", "2", "2", "0"]
    assert splits(found) == {}
    dialog.seed.setValue(3)  # what is shown would not follow from this
    assert not dialog.assign.isEnabled()
    QTest.mouseClick(dialog.preview, Qt.MouseButton.LeftButton)
    found.until(dialog.assign.isEnabled)
    QTest.mouseClick(dialog.assign, Qt.MouseButton.LeftButton)
    found.until(lambda: None not in badges(found))
    assert sorted(splits(found).values()) == ["train", "train", "val", "val"]
    act(found, "image.split")
    again = cast(SplitDialog, controller.dialog)
    again.alike.setChecked(False)
    QTest.mouseClick(again.preview, Qt.MouseButton.LeftButton)
    found.until(lambda: "Uncheck “Keep images in the splits they are in”" in again.outcome.text())
    assert not again.assign.isEnabled()
    again.reject()
    act(found, "edit.undo")
    found.until(lambda: badges(found) == [None] * 4)


def test_a_pattern_that_is_none_is_explained_in_the_dialog(found: User) -> None:
    act(found, "image.split")
    dialog = cast(SplitDialog, found.desk.flows.data.splits.dialog)
    dialog.alike.setChecked(False)
    dialog.group.setCurrentIndex(dialog.group.findData("pattern"))
    dialog.pattern.setText("(")
    QTest.mouseClick(dialog.preview, Qt.MouseButton.LeftButton)
    found.until(lambda: "not a regular expression" in dialog.outcome.text())
    assert not dialog.assign.isEnabled()
    dialog.close()


def test_what_trains_is_chosen_in_the_window(found: User) -> None:
    controller = found.desk.flows.data.splits
    act(found, "image.what_trains")
    found.until(lambda: controller.settings_dialog is not None)
    dialog = cast(TrainingSettingsDialog, controller.settings_dialog)
    dialog.label_files.setCurrentIndex(dialog.label_files.findData("accepted"))
    dialog.accept()
    answers: list[str | None] = []

    def settled() -> bool:
        storage = found.desk.workers.storage
        storage.ask(lambda ds: ds.settings_get("label_files_hold"), answers.append, doing="testing")
        return answers[-1:] == ["accepted"]

    found.until(settled)


def test_a_split_ends_the_warning_that_its_lists_are_missing(found: User) -> None:
    info = found.desk.flows.files.info
    folder = Path(info.folder)
    (folder / "data.yaml").write_text("train: train.txt\nval: val.txt\nnames: [a]\n")
    training = found.desk.flows.training
    training.check(info)
    found.until(lambda: training.report is not None and bool(training.report.findings))
    assert "train.txt" in training.report.findings[0].message
    images = found.desk.view.images
    first = images.view.visualRect(images.view.model().index(0, 0)).center()
    QTest.mouseClick(images.view.viewport(), Qt.MouseButton.LeftButton, pos=first)
    act(found, "image.use_val")
    act(found, "image.next")
    found.until(lambda: found.desk.view.images.selected == (info.keys[1],))
    act(found, "image.use_train")
    found.until(lambda: not any("train.txt" in f.message for f in training.report.findings))
