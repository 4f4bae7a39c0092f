"""What floats over the window is never on the object in work, and takes its own clicks only."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from samdesk.batch.report import BatchSummary
from samdesk.ui.commands.popup import context_menu
from tests.helpers.desk import User

K = Qt.Key


def center(user: User, widget: QWidget) -> QPoint:
    """The middle of a widget, window pixels."""
    return widget.mapTo(user.window, widget.rect().center())


def strip_center(user: User) -> QPoint:
    """The middle of the candidate strip, window pixels."""
    return center(user, user.desk.view.strip)


def click(user: User, place: QPoint) -> None:
    """Clicks what is there in the window."""
    handle = user.window.windowHandle()
    assert handle is not None
    QTest.mouseClick(handle, Qt.MouseButton.LeftButton, pos=place)


def test_the_strip_dodges_the_mask(user: User) -> None:
    strip, canvas = user.desk.view.strip, user.canvas
    for x, y in ((160, 225), (160, 15), (40, 220), (280, 30), (160, 120)):
        user.click(x, y)
        assert strip.isVisible()
        assert canvas.work_under(QRectF(canvas.rect())) > 0
        assert canvas.work_under(QRectF(strip.geometry())) == 0, (x, y)
        user.key(K.Key_Escape)
        assert not strip.isVisible()


def test_the_strip_dodges_the_mask_while_zooming(user: User) -> None:
    strip, canvas = user.desk.view.strip, user.canvas
    user.click(160, 120)
    before = strip.geometry()
    user.mouse.wheel(160, 120, 2)
    while canvas.to_widget(160, 120).y() < canvas.height() - 40:
        canvas.pan_by(0, 20)
        assert canvas.work_under(QRectF(strip.geometry())) == 0
    assert strip.geometry() != before


def test_a_click_on_the_strip_that_has_just_gone_is_no_prompt(user: User) -> None:
    user.click(60, 60)
    place = strip_center(user)
    QTest.mouseMove(user.window, place)
    user.until(user.desk.view.strip.underMouse)
    user.key(K.Key_Return)
    assert len(user.annotations) == 1
    assert not user.desk.view.strip.isVisible()
    click(user, place)
    assert not user.desk.flows.annotate.has_prompts
    user.until(lambda: user.window.findChild(QWidget, "shield") is None)
    click(user, place)
    assert user.desk.flows.annotate.has_prompts


def test_a_press_on_the_strip_and_a_release_after_it_has_gone_is_no_prompt(user: User) -> None:
    user.click(60, 60)
    place = strip_center(user)
    handle = user.window.windowHandle()
    assert handle is not None
    QTest.mousePress(handle, Qt.MouseButton.LeftButton, pos=place)
    prompts = user.desk.flows.annotate.has_prompts
    user.key(K.Key_Escape)
    QTest.mouseRelease(handle, Qt.MouseButton.LeftButton, pos=place)
    assert prompts
    assert not user.desk.flows.annotate.has_prompts


def test_messages_are_not_over_the_canvas_and_warnings_go_with_the_next_image(user: User) -> None:
    user.desk.view.messages.warn("The outline is simplified.", key="outline")
    user.desk.view.messages.warn("Not saved.", key="save", actions=[("Try again", lambda: None)])
    bar = user.window.message_bar
    user.until(lambda: bar.height() > 60)
    canvas = user.canvas.rect().translated(user.canvas.mapTo(user.window, QPoint(0, 0)))
    assert not bar.geometry().intersects(canvas)
    user.key(K.Key_D)
    assert bar.texts() == ["Not saved."]


def test_the_second_click_on_what_has_gone_is_no_prompt(user: User) -> None:
    """A double click on the Close of a job, the close button of a panel, or a folder of the welcome page."""
    bar = user.desk.view.batch_bar
    bar.set_summary(BatchSummary())
    user.until(lambda: user.window.childAt(center(user, bar.stop)) is bar.stop)
    place = center(user, bar.stop)
    click(user, place)
    user.until(lambda: user.canvas.mapFrom(user.window, place).y() > 0)
    click(user, place)
    user.window.show_welcome()
    folder = user.window.welcome.recent_buttons[0]
    user.until(lambda: user.window.childAt(center(user, folder)) is folder)
    place = center(user, folder)
    user.window.show_canvas()
    click(user, place)
    assert not user.desk.flows.annotate.has_prompts


def test_the_click_that_closes_a_menu_is_not_sent_again(user: User) -> None:
    actions = user.desk.view.actions
    context, bar = context_menu(actions, ("view.fit",), user.canvas), user.window.menus.menu("view")
    for menu in (context, bar):
        replayed: list[bool] = []
        menu.aboutToHide.connect(
            lambda m=menu, r=replayed: r.append(not m.testAttribute(Qt.WidgetAttribute.WA_NoMouseReplay))
        )
        menu.popup(user.canvas.mapToGlobal(QPoint(200, 200)))
        handle = menu.windowHandle()
        assert handle is not None
        QTest.mousePress(handle, Qt.MouseButton.LeftButton, pos=QPoint(-60, -60))
        QTest.mouseRelease(user.window.windowHandle(), Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
        assert replayed == [False]
