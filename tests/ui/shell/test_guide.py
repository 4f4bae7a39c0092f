"""The guide of the demo: three steps, done by doing them."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt

from samdesk.ui.shell.guide import ACCEPT, DONE, NEXT, POINT
from tests.helpers.desk import User

K = Qt.Key


def test_the_guide_follows_what_the_user_does(user: User) -> None:
    guide = user.window.guide
    assert not guide.isVisible()
    user.go("1.png")
    user.go("0.png")
    guide.begin()
    assert guide.step == POINT
    user.until(lambda: guide.isVisible() and guide.height() > 20)
    bottom = guide.mapTo(user.window, QPoint(0, guide.height())).y()
    user.until(lambda: user.canvas.mapTo(user.window, QPoint(0, 0)).y() >= bottom), "not over the image"
    user.click(100, 120)
    assert guide.step == ACCEPT
    user.key(K.Key_Return)
    assert guide.step == NEXT
    assert guide.isVisible()
    user.key(K.Key_D)
    user.until(lambda: guide.step == DONE)
    assert not guide.isVisible()


def test_the_guide_names_the_keys_of_the_user(user: User) -> None:
    guide = user.window.guide
    guide.begin()
    assert "Enter" in guide.steps[1].text()
    user.desk.view.actions.rebind("image.next", ["G"])
    assert "G goes to the next image" in guide.steps[2].text()


def test_the_guide_can_be_closed(user: User) -> None:
    guide = user.window.guide
    guide.begin()
    user.qtbot.mouseClick(guide.close_button, Qt.MouseButton.LeftButton)
    assert not guide.isVisible()
    user.draw(100, 120)
    assert not guide.isVisible()


def test_the_demo_begins_with_the_guide(user: User) -> None:
    user.desk.flows.files.open_demo()
    user.until(lambda: user.shown == "bus.jpg")
    assert user.window.guide.isVisible()
    assert user.window.guide.step == POINT
