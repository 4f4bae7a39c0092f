"""Commands on images: first and last, not accepted again, path and file manager, the context menu."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QPoint, Qt, QUrl, Slot
from PySide6.QtGui import QContextMenuEvent, QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from samdesk.dataset.dataset import Dataset
from samdesk.domain.document import ImageKey
from samdesk.domain.review import ImageReview
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import CONTROL, SHIFT, User, photos

K = Qt.Key


def film_menu(user: User, row: int) -> QMenu:
    """Right-clicks an image of the film strip and returns the menu."""
    view = user.desk.view.images.view
    place = view.visualRect(view.model().index(row, 0)).center()
    user.qtbot.mouseClick(view.viewport(), Qt.MouseButton.RightButton, pos=place)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, view.viewport().mapToGlobal(place))
    QApplication.sendEvent(view.viewport(), event)
    popup = QApplication.activePopupWidget()
    assert isinstance(popup, QMenu)
    return popup


def titles(menu: QMenu) -> list[str]:
    return [action.text() for action in menu.actions() if not action.isSeparator()]


def test_home_and_end_go_to_the_first_and_the_last_image(user: User) -> None:
    user.key(K.Key_End)
    user.until(lambda: user.shown == "2.png")
    user.key(K.Key_Home)
    user.until(lambda: user.shown == "0.png")


def test_an_accepted_image_is_made_not_accepted_again(user: User, folder: Path) -> None:
    drawn = user.draw(100, 120)
    assert not user.is_enabled("image.unaccept")
    user.key(K.Key_Return, CONTROL)
    user.until(lambda: user.shown == "1.png")
    user.go("0.png")
    assert user.document.review is ImageReview.ACCEPTED
    user.key(K.Key_Return, CONTROL | SHIFT)
    assert user.document.review is ImageReview.EDITED
    assert user.annotations == (drawn,)
    user.until(lambda: user.desk.view.images.progress.text() == "0 / 3 accepted")
    user.until_saved()
    user.key(K.Key_Z, CONTROL)
    assert user.document.review is ImageReview.ACCEPTED
    user.key(K.Key_Z, CONTROL | SHIFT)
    user.until_saved()
    user.close_window()
    dataset = Dataset.open(folder)
    assert dataset.load(ImageKey("0.png")).review is ImageReview.EDITED
    dataset.close()


def test_the_menu_of_the_film_strip_is_that_of_the_image_under_the_mouse(user: User, folder: Path) -> None:
    menu = film_menu(user, 2)
    user.until(lambda: user.shown == "2.png")
    assert titles(menu) == [
        "Accept image and go to next",
        "Flag image",
        "Mark image as not done",
        "Use for training",
        "Use for validation",
        "Use for testing",
        "Use for no split",
        "Show in file manager",
        "Copy path",
    ]
    enabled = [action.isEnabled() for action in menu.actions() if not action.isSeparator()]
    assert enabled == [True, True, False, *(True,) * 6]
    menu.actions()[-1].trigger()
    assert QGuiApplication.clipboard().text() == str(folder / "2.png")
    menu.close()


def test_the_menu_key_opens_the_menu_of_the_current_image(user: User) -> None:
    view = user.desk.view.images.view
    view.setFocus()
    far = QPoint(view.viewport().width() - 2, 5)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, far, view.viewport().mapToGlobal(far))
    QApplication.sendEvent(view.viewport(), event)
    popup = QApplication.activePopupWidget()
    assert isinstance(popup, QMenu)
    popup.close()
    assert user.shown == "0.png"


class OpenedUrls(QObject):
    """Receives what would be opened in the file manager."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[QUrl] = []

    @Slot(QUrl)
    def open(self, url: QUrl) -> None:
        self.urls.append(url)


@pytest.fixture
def opened_urls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[OpenedUrls]:
    """A desktop without D-Bus: the folder is opened."""
    monkeypatch.setenv("PATH", str(tmp_path))
    receiver = OpenedUrls()
    QDesktopServices.setUrlHandler("file", receiver, "open")
    yield receiver
    QDesktopServices.unsetUrlHandler("file")


@pytest.mark.skipif("sys.platform != 'linux'", reason="other desktops select the file by a program")
def test_a_desktop_that_cannot_select_the_file_shows_its_folder(
    user: User, opened_urls: OpenedUrls, folder: Path
) -> None:
    user.key(K.Key_O, CONTROL | SHIFT)
    user.until(lambda: bool(opened_urls.urls))
    assert [Path(url.toLocalFile()) for url in opened_urls.urls] == [folder]


def test_the_title_names_image_and_dataset_and_says_read_only(
    open_window: OpenWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = photos(tmp_path / "set [*] one")
    first = open_window()
    first.open(folder)
    assert first.window.windowTitle().replace("[*][*]", "[*]") == "0.png - set [*] one - samdesk"
    first.key(K.Key_D)
    assert first.window.windowTitle().startswith("1.png - "), "at once, not when it is read"
    second = open_window()
    second.open(folder)
    qtbot.waitUntil(lambda: "(read-only)" in second.window.windowTitle())
