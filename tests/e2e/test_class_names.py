"""data.yaml in the window: questions about hand edits and unreadable names, asked again after a restart."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import User, photos


def buttons(user: User, text: str) -> list[str]:
    """The words on the buttons of a message."""
    (row,) = [row for row in user.window.message_bar.rows if text in row.text]
    return [button.text() for button in row.buttons]


def test_a_hand_edit_is_asked_about_until_it_is_answered(open_window: OpenWindow, tmp_path: Path) -> None:
    folder = photos(tmp_path / "set")
    (folder / "data.yaml").write_text("train: .\nval: .\nnames: [cat, dog]\n")
    user = open_window()
    user.open(folder)
    user.draw(100, 100)
    user.until_saved()
    user.close_window()
    theirs = "train: .\nval: .\nnames: [cat, wolf]  # better\n"
    (folder / "data.yaml").write_text(theirs)
    for again in (False, True):
        if again:
            user.close_window()  # without an answer
        user = open_window()
        user.open(folder)
        user.until(lambda user=user: "its class names differ from samdesk's" in user.message_text)
        assert buttons(user, "class names differ") == ["Keep samdesk's labels", "Use the file"]
        assert (folder / "data.yaml").read_text() == theirs
    user.press("Use the file")
    user.until(lambda: user.desk.session.model.labels.names == ("cat", "wolf"))
    user.until_saved()
    assert (folder / "data.yaml").read_text() == theirs


def test_names_that_cannot_be_read_are_asked_about(open_window: OpenWindow, tmp_path: Path) -> None:
    folder = photos(tmp_path / "set")
    text = "train: .\nval: .\nnames: obj.names\n"
    (folder / "data.yaml").write_text(text)
    user = open_window()
    user.open(folder)
    user.until(lambda: "obj.names, which cannot be read" in user.message_text)
    user.add_labels("cat")
    user.draw(100, 100)
    user.until_saved()
    assert (folder / "data.yaml").read_text() == text
    user.press("Reload the file")
    user.until(lambda: "Correct the file first" in user.message_text)
    (folder / "obj.names").write_text("bear\ncat\n")
    user.until(lambda: "The class names in" in user.message_text)
    user.press("Reload the file")
    user.until(lambda: user.desk.session.model.labels.names == ("bear", "cat"))
    assert (folder / "data.yaml").read_text() == text
