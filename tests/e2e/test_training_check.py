"""What the trainer would make of a folder is reported when it is open, in one message, with a fix."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton

from samdesk.dataset.dataset import Dataset
from tests.dataset.trainer_reader import trained
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import User, photos

SQUARE = "0.2 0.2 0.6 0.2 0.6 0.7 0.2 0.7"
REFUSED = "The trainer refuses data.yaml: it has no val folder."


@pytest.fixture
def untrainable(tmp_path: Path) -> Path:
    """Two labelled images, one that is not, and a data.yaml without a val key."""
    folder = tmp_path / "set"
    photos(folder / "images")
    (folder / "labels").mkdir()
    for name in ("0", "1"):
        (folder / f"labels/{name}.txt").write_text(f"0 {SQUARE}\n", "utf-8")
    (folder / "data.yaml").write_text("train: images  # all\nnames: [cat]\n", "utf-8")
    return folder


def checked(user: User) -> None:
    """Waits until the training of the open dataset is checked."""
    user.until(lambda: user.desk.flows.training.report is not None)


def dismiss(user: User, text: str) -> None:
    """Closes a message with its close button."""
    (row,) = [row for row in user.window.message_bar.rows if text in row.text]
    (button,) = row.findChildren(QToolButton)
    user.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_one_message_with_all_findings_and_a_fix(open_window: OpenWindow, untrainable: Path) -> None:
    user = open_window()
    user.open(untrainable)
    user.until(lambda: REFUSED in user.message_text)
    assert len(user.window.message_bar.rows) == 1
    assert user.message_text == (
        f"• {REFUSED}\n• 1 image has no annotations and was not accepted yet: the trainer takes such images "
        "for images without objects."
    )
    user.press("Fix data.yaml")
    user.until(lambda: user.message_text == "data.yaml was changed: val: images.")
    assert (untrainable / "data.yaml").read_text(
        "utf-8"
    ) == "train: images  # all\nnames: [cat]\nval: images\n"
    assert trained(untrainable / "data.yaml", "val").classes == {
        "images/0.png": [0],
        "images/1.png": [0],
        "images/2.png": [],
    }
    user.draw(270, 60)
    user.until_saved()
    assert trained(untrainable / "data.yaml").error == ""


def test_a_dismissed_message_comes_back_only_if_something_changed(
    open_window: OpenWindow, untrainable: Path
) -> None:
    user = open_window()
    user.open(untrainable)
    user.until(lambda: REFUSED in user.message_text)
    dismiss(user, REFUSED)
    user.close_window()
    user = open_window()
    user.open(untrainable)
    checked(user)
    assert user.message_text == ""
    (untrainable / "data.yaml").write_text("train: images\nval: nowhere\nnames: [cat]\n", "utf-8")
    user.open(untrainable)
    user.until(lambda: "its val folder does not exist (nowhere)" in user.message_text)


def test_information_is_given_once(open_window: OpenWindow, untrainable: Path) -> None:
    (untrainable / "data.yaml").write_text("train: images\nval: images\nnames: [cat]\n", "utf-8")
    user = open_window()
    user.open(untrainable)
    user.until(lambda: "1 image has no annotations" in user.message_text)
    user.close_window()
    user = open_window()
    user.open(untrainable)
    checked(user)
    assert user.message_text == ""


def test_a_good_folder_and_a_new_one_give_no_message(user: User) -> None:
    checked(user)
    assert user.message_text == ""


def test_a_read_only_dataset_has_no_fix(open_window: OpenWindow, untrainable: Path) -> None:
    other = Dataset.open(untrainable)
    user = open_window()
    user.open(untrainable)
    user.until(lambda: REFUSED in user.message_text)
    assert "Fix data.yaml" not in user.buttons
    other.close()


def test_a_data_yaml_that_cannot_be_written_is_an_error_in_words(
    open_window: OpenWindow, untrainable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = open_window()
    user.open(untrainable)
    user.until(lambda: REFUSED in user.message_text)

    def full(*_args: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("samdesk.base.atomic.write_text", full)
    user.press("Fix data.yaml")
    user.until(lambda: "data.yaml cannot be written: No space left on device." in user.message_text)
    monkeypatch.undo()
    assert (untrainable / "data.yaml").read_text("utf-8") == "train: images  # all\nnames: [cat]\n"
