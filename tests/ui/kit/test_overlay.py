"""Overlays: where they float, and that a click on one that has just vanished does nothing else."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from samdesk.ui.kit.overlay import BelowOverlay, DodgingOverlay
from samdesk.ui.kit.shield import shield


@pytest.fixture
def host(qtbot: QtBot) -> QWidget:
    host = QWidget()
    qtbot.addWidget(host)
    host.setGeometry(0, 0, 800, 600)
    host.show()
    qtbot.waitExposed(host)
    QTest.mouseMove(host, QPoint(400, 300))
    return host


def strip() -> QWidget:
    widget = QWidget()
    widget.setMinimumSize(QSize(240, 90))
    return widget


def under(*objects: QRect) -> Callable[[QRectF], float]:
    """How much of some rectangles another one hides."""
    return lambda rect: sum(
        part.width() * part.height() for each in objects if not (part := QRectF(each) & rect).isEmpty()
    )


def test_it_appears_at_the_bottom_unless_the_object_is_there(host: QWidget) -> None:
    free = strip()
    DodgingOverlay(host, free, under())
    free.show()
    assert free.geometry().bottom() == 600 - 12 - 1
    assert abs(free.geometry().center().x() - 400) <= 1
    for seen in (QRect(300, 400, 200, 190), QRect(0, 300, 800, 300), QRect(260, 0, 280, 600)):
        widget = strip()
        DodgingOverlay(host, widget, under(seen))
        widget.show()
        assert not widget.geometry().intersects(seen), seen
        assert host.rect().contains(widget.geometry())


def test_it_dodges_an_object_that_comes_and_stays_where_it_hides_nothing(host: QWidget) -> None:
    objects = [QRect(0, 0, 10, 10)]
    widget = strip()
    overlay = DodgingOverlay(host, widget, lambda rect: under(*objects)(rect))
    widget.show()
    objects[0] = QRect(300, 450, 200, 150)
    overlay.dodge()
    moved = widget.geometry()
    assert not moved.intersects(objects[0])
    objects[0] = QRect(0, 0, 10, 10)
    overlay.dodge()
    assert widget.geometry() == moved, "it does not jump back"


def test_over_a_mask_that_is_everywhere_it_does_not_jump(host: QWidget) -> None:
    objects = [QRect(-100, -100, 1000, 900)]
    widget = strip()
    overlay = DodgingOverlay(host, widget, lambda rect: under(*objects)(rect))
    widget.show()
    before = widget.geometry()
    for shift in range(0, 120, 20):
        objects[0] = QRect(-100 + shift, -100, 1000, 900)
        overlay.dodge()
        assert widget.geometry() == before


def test_it_does_not_appear_under_the_mouse_nor_flee_from_it(host: QWidget, qtbot: QtBot) -> None:
    QTest.mouseMove(host, QPoint(400, 560))
    widget = strip()
    objects: list[QRect] = []
    overlay = DodgingOverlay(host, widget, lambda rect: under(*objects)(rect))
    widget.show()
    assert not widget.geometry().contains(QPoint(400, 560))
    place = widget.geometry()
    QTest.mouseMove(host, place.center())
    qtbot.waitUntil(widget.underMouse)
    objects.append(place)
    overlay.dodge()
    assert widget.geometry() == place


@pytest.mark.parametrize(("part_height", "top"), [(300, 600 - 90 - 2), (590, 600 - 90)])
def test_at_the_lower_edge_below_a_part_or_as_far_down_as_there_is_room(
    host: QWidget, part_height: int, top: int
) -> None:
    part = QWidget(host)
    part.setGeometry(100, 0, 500, part_height)
    part.show()
    widget = strip()
    BelowOverlay(host, widget, part, 400)
    assert widget.geometry() == QRect(150, top, 400, 90)
    part.setGeometry(100, 0, 300, part_height)
    assert widget.width() == 300 - 2 * 12


def note(clicks: list[str], button: QPushButton) -> None:
    clicks.append(button.text())


def test_a_click_on_what_has_just_vanished_does_nothing_else(host: QWidget, qtbot: QtBot) -> None:
    clicks: list[str] = []
    below, above = QPushButton("below", host), QPushButton("above", host)
    for button in (below, above):
        button.setGeometry(100, 100, 200, 60)
        button.clicked.connect(partial(note, clicks, button))
        button.show()
    window = host.windowHandle()
    shield(above)
    above.hide()
    QTest.mouseDClick(window, Qt.MouseButton.LeftButton, pos=QPoint(150, 130))
    assert clicks == []
    qtbot.waitUntil(lambda: host.childAt(150, 130) is below)
    QTest.mouseClick(window, Qt.MouseButton.LeftButton, pos=QPoint(150, 130))
    assert clicks == ["below"]


def test_what_vanishes_between_press_and_release(host: QWidget) -> None:
    clicks: list[str] = []
    below, above = QPushButton("below", host), QPushButton("above", host)
    for button in (below, above):
        button.setGeometry(100, 100, 200, 60)
        button.clicked.connect(partial(note, clicks, button))
        button.show()
    window = host.windowHandle()
    QTest.mousePress(window, Qt.MouseButton.LeftButton, pos=QPoint(150, 130))
    shield(above)
    above.hide()
    QTest.mouseRelease(window, Qt.MouseButton.LeftButton, pos=QPoint(150, 130))
    QTest.mouseClick(window, Qt.MouseButton.LeftButton, pos=QPoint(150, 130))
    assert clicks == []
