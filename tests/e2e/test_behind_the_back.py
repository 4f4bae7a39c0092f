"""Files of the open folder that other programs change: the window follows, and stays where the user is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from samdesk.app import Services
from samdesk.domain.document import ImageKey
from samdesk.ui.images.model import ImageModel
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import SIZE, User, photos
from tests.helpers.make import photo

LINE = "0 0.1 0.1 0.3 0.1 0.3 0.4\n"


@pytest.fixture
def user(open_window: OpenWindow) -> User:
    """A user of a window without a folder, which looks at its folder only for F5."""
    return open_window()


@pytest.fixture
def watching(open_window: OpenWindow) -> User:
    """A user whose window looks at the folder all the time."""
    return open_window(Services(poll_s=0.02))


def rows(user: User) -> list[str]:
    """The images of the list."""
    model = user.desk.view.images.view.model()
    return [str(model.index(row, 0).data()) for row in range(model.rowCount())]


def tip(user: User, key: str) -> str:
    model = user.desk.view.images.view.model()
    assert isinstance(model, ImageModel)
    return str(model.index(model.row(ImageKey(key)), 0).data(Qt.ItemDataRole.ToolTipRole))


def rescan(user: User) -> str:
    """Presses F5 and returns what was found."""
    user.window.activateWindow()
    user.until(user.window.isActiveWindow)
    QTest.keyClick(user.window, Qt.Key.Key_F5)
    user.until(lambda: "Rescanning" not in user.message_text and user.message_text != "")
    return user.window.message_bar.texts()[-1]


def test_a_damaged_image_that_has_become_whole_loses_its_mark_when_it_is_shown(
    user: User, tmp_path: Path
) -> None:
    folder = photos(tmp_path / "photos", 2)
    whole = (folder / "1.png").read_bytes()
    (folder / "1.png").write_bytes(whole[: len(whole) // 3])
    user.open(folder)
    user.desk.flows.navigate.go("1.png")
    user.until(lambda: "truncated" in tip(user, "1.png"))
    user.go("0.png")
    (folder / "1.png").write_bytes(whole)
    user.go("1.png")
    user.until(lambda: tip(user, "1.png") == f"1.png\n{SIZE[0]} × {SIZE[1]}\nno annotations")


def test_a_damaged_image_on_screen_is_shown_when_it_is_whole(user: User, tmp_path: Path) -> None:
    folder = photos(tmp_path / "photos", 2)
    whole = (folder / "1.png").read_bytes()
    (folder / "1.png").write_bytes(whole[: len(whole) // 3])
    user.open(folder)
    user.desk.flows.navigate.go("1.png")
    user.until(lambda: "truncated" in tip(user, "1.png"))
    (folder / "1.png").write_bytes(whole)
    rescan(user)
    user.until(lambda: user.shown == "1.png")
    user.until(lambda: tip(user, "1.png") == f"1.png\n{SIZE[0]} × {SIZE[1]}\nno annotations")


def test_f5_finds_images_and_label_files_and_says_so(user: User, tmp_path: Path) -> None:
    folder = photos(tmp_path / "photos", 4)
    user.open(folder)
    user.go("1.png")
    user.draw(60, 60)
    user.until_saved()
    assert rescan(user) == "Nothing in the folder has changed."
    photo(folder / "1b.png", *SIZE, seed=9)
    photo(folder / "sub" / "x.png", *SIZE, seed=8)
    (folder / "3.png").unlink()
    (folder / "2.txt").write_text(LINE)
    (folder / "1.txt").write_bytes((folder / "1.txt").read_bytes().replace(b"\n", b"\r\n"))
    before = user.annotations
    assert rescan(user) == ("2 images added, 1 image removed, 1 label file changed by another program.")
    assert rows(user) == ["0.png", "1.png", "1b.png", "2.png", "x.png"]
    user.until(lambda: "1 annotation" in tip(user, "2.png"))
    assert user.shown == "1.png"
    assert user.annotations == before
    user.key(Qt.Key.Key_D)
    user.until(lambda: user.shown == "1b.png")
    user.draw(60, 60)
    user.until_saved()
    assert (folder / "1b.txt").is_file()


def test_the_image_on_screen_stays_when_its_file_is_gone(user: User, tmp_path: Path) -> None:
    folder = photos(tmp_path / "photos", 3)
    user.open(folder)
    user.go("1.png")
    (folder / "1.png").unlink()
    rescan(user)
    assert user.shown == "1.png"
    assert rows(user) == ["0.png", "1.png", "2.png"]
    user.key(Qt.Key.Key_D)
    user.until(lambda: user.shown == "2.png")
    assert "1 image removed" in rescan(user)
    assert rows(user) == ["0.png", "2.png"]


def test_a_changed_label_file_of_the_image_on_screen_is_shown_or_asked_about(
    user: User, tmp_path: Path
) -> None:
    folder = photos(tmp_path / "photos", 2)
    (folder / "data.yaml").write_text("train: .\nval: .\nnames: [cat]\n")
    user.open(folder)
    rescan(user)
    (folder / "0.txt").write_text(LINE)
    assert "1 label file changed" in rescan(user)
    user.until(lambda: user.names == ["cat"])
    user.draw(200, 150)
    user.until_saved()
    (folder / "0.txt").write_text(LINE)
    rescan(user)
    user.until(lambda: "Keep samdesk's annotations" in user.buttons)
    assert len(user.annotations) == 2


def test_the_watch_adds_images_and_leaves_the_user_alone(watching: User, tmp_path: Path) -> None:
    user = watching
    folder = photos(tmp_path / "photos", 3)
    user.open(folder)
    user.go("1.png")
    user.click(60, 60)  # a mask is proposed
    assert user.proposed_at(60, 60)
    entry = user.desk.view.labels.new_name
    entry.setFocus()
    QTest.keyClicks(entry, "half a na")
    photo(folder / "10.png", *SIZE, seed=9)
    photo(folder / "0a.png", *SIZE, seed=8)
    (folder / "2.png").unlink()
    user.until(lambda: rows(user) == ["0.png", "0a.png", "1.png", "10.png"])
    assert user.shown == "1.png"
    assert user.proposed_at(60, 60)
    assert QApplication.focusWidget() is entry
    assert entry.text() == "half a na"
    current = user.desk.view.images.view.currentIndex()
    assert current.data() == "1.png"


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes in folders")
def test_f5_finds_new_class_names_and_asks_about_them(user: User, tmp_path: Path) -> None:
    folder = photos(tmp_path / "photos", 2)
    user.open(folder)
    user.add_labels("cat", "dog")
    user.draw(60, 60)
    user.until_saved()
    assert rescan(user) == "Nothing in the folder has changed."
    names = folder / "data.yaml"
    names.write_text(names.read_text().replace("dog", "wolf"))
    rescan(user)
    assert "data.yaml changed by another program." in user.message_text
    user.until(lambda: "Use the file" in user.buttons)
    user.press("Use the file")
    user.until(lambda: user.desk.session.model.labels.names == ("cat", "wolf"))
    user.until_saved()
    assert rescan(user) == "Nothing in the folder has changed."


def test_a_named_pipe_among_the_images_stops_nothing(user: User, tmp_path: Path) -> None:
    folder = photos(tmp_path / "photos", 3)
    (folder / "1.png").unlink()
    os.mkfifo(folder / "1.png")
    user.open(folder)
    user.draw(60, 60)
    user.until_saved()
    assert (folder / "0.txt").is_file()
    user.until(lambda: "named pipe" in tip(user, "1.png"))
    user.desk.flows.navigate.go("1.png")
    user.go("2.png")
    user.draw(60, 60)
    user.until_saved()
    assert (folder / "2.txt").is_file()
    assert rescan(user) == "Nothing in the folder has changed."
