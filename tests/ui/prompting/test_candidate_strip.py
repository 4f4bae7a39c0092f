"""The candidate strip: what it shows and what a click emits."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot
from shapely.geometry import MultiPolygon, Point

from samdesk.domain.geometry.regions import clean
from samdesk.domain.geometry.types import Region
from samdesk.ui.canvas.proposal import ScoredRegion
from samdesk.ui.prompting.candidate_strip import CandidateStrip

COLOR = "#0072b2"


def disc(radius: float, hole: float = 0.0) -> Region:
    shape = Point(300, 200).buffer(radius)
    return clean(shape.difference(Point(300, 200).buffer(hole)) if hole else shape)


CANDIDATES = [
    ScoredRegion(disc(100), 0.97),
    ScoredRegion(disc(100, hole=60), 0.91),
    ScoredRegion(disc(20), 0.4),
]


@pytest.fixture
def strip(qtbot: QtBot) -> CandidateStrip:
    strip = CandidateStrip()
    qtbot.addWidget(strip)
    strip.set_candidates(CANDIDATES, 1, COLOR)
    qtbot.waitExposed(strip)
    return strip


def middle(strip: CandidateStrip, number: int) -> QPoint:
    tile = strip.tile(number)
    return QPoint(tile.center().x(), tile.top() + 28)


def test_it_shows_while_there_is_a_choice(strip: CandidateStrip) -> None:
    assert strip.isVisible()
    strip.set_candidates(CANDIDATES[:1], 0, COLOR)
    assert not strip.isVisible()
    strip.set_candidates(CANDIDATES[:2], 0, COLOR)
    assert strip.isVisible()
    strip.set_candidates([], 0, "")
    assert not strip.isVisible()


def test_a_click_chooses(strip: CandidateStrip, qtbot: QtBot) -> None:
    for number in range(3):
        with qtbot.waitSignal(strip.chosen) as emitted:
            qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=middle(strip, number))
        assert emitted.args == [number]
    with qtbot.assertNotEmitted(strip.chosen):
        qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(2, 2))
        qtbot.mouseClick(strip, Qt.MouseButton.RightButton, pos=middle(strip, 0))


def test_shapes_are_drawn_on_one_scale_with_their_holes(strip: CandidateStrip) -> None:
    picture = strip.grab().toImage()

    def blue(number: int, dx: int) -> bool:
        color = picture.pixelColor(middle(strip, number) + QPoint(dx, 0))
        return color.blue() > color.red() + 40

    assert [blue(number, 0) for number in range(3)] == [True, False, True], "the second has a hole"
    assert [blue(number, 18) for number in range(3)] == [True, True, False], "the third is small"


def test_the_current_one_is_framed(strip: CandidateStrip) -> None:
    accent = strip.palette().highlight().color()

    def framed(number: int) -> bool:
        tile = strip.tile(number)
        picture = strip.grab().toImage()
        return picture.pixelColor(tile.left() - 1, tile.top() + 28) == accent

    assert [framed(i) for i in range(3)] == [False, True, False]
    strip.set_candidates(CANDIDATES, 2, COLOR)
    assert [framed(i) for i in range(3)] == [False, False, True]


def test_it_never_takes_keyboard_focus(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    layout = QVBoxLayout(window)
    editor, strip = QLineEdit(window), CandidateStrip(window)
    layout.addWidget(editor)
    layout.addWidget(strip)
    strip.set_candidates(CANDIDATES, 0, COLOR)
    with qtbot.waitExposed(window):
        window.show()
    editor.setFocus()
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=middle(strip, 2))
    assert window.focusWidget() is editor


def test_one_candidate_makes_a_small_strip_and_four_show_three(strip: CandidateStrip) -> None:
    wide = strip.width()
    strip.set_candidates(CANDIDATES[:1], 0, COLOR)
    assert strip.width() < wide / 2
    strip.set_candidates([*CANDIDATES, ScoredRegion(disc(5), 0.1)], 0, COLOR)
    assert strip.width() == wide


def test_an_empty_mask_can_be_painted(strip: CandidateStrip) -> None:
    strip.set_candidates([ScoredRegion(MultiPolygon(), 0.2)], 0, COLOR)
    assert not strip.grab().isNull()
