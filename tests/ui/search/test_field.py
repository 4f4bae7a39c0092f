"""The search field: completion, keys, errors in words, chips, with real events."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from samdesk.domain.search import SearchError, parse
from samdesk.domain.search_words import completions
from samdesk.ui.search.bar import SearchBar
from samdesk.ui.search.chips import CHIPS, PROBLEMS, label_chip, short_count

K = Qt.Key
CLASSES = ("person", "traffic light", "bus")


@pytest.fixture
def bar(qtbot: QtBot) -> SearchBar:
    bar = SearchBar()
    qtbot.addWidget(bar)
    bar.resize(900, 36)
    bar.field.set_complete(lambda text, position: completions(text, position, CLASSES))
    bar.chips.set_chips(CHIPS)
    with qtbot.waitActive(bar):
        bar.show()
        bar.activateWindow()
    bar.field.setFocus()
    return bar


def test_words_are_completed_then_their_values(bar: SearchBar) -> None:
    QTest.keyClicks(bar.field, "cl")
    assert bar.field.completions.labels == ["class:"]
    QTest.keyClick(bar.field, K.Key_Tab)
    assert bar.text == "class:"
    assert bar.field.completions.labels == list(CLASSES), "names of labels come next"
    QTest.keyClick(bar.field, K.Key_Down)
    QTest.keyClick(bar.field, K.Key_Down)
    QTest.keyClick(bar.field, K.Key_Return)
    assert bar.text == 'class:"traffic light" '
    QTest.keyClicks(bar.field, "st")
    list_ = bar.field.completions
    row = list_.labels.index("state:")
    place = list_.visualRect(list_.model().index(row, 0)).center()
    QTest.mouseClick(list_.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert bar.text == 'class:"traffic light" state:', "with the mouse, too"
    assert bar.field.completions.labels[0] == "pending"


def test_enter_searches_and_leaves_unless_a_completion_is_selected(bar: SearchBar, qtbot: QtBot) -> None:
    QTest.keyClicks(bar.field, "sta")
    with qtbot.waitSignal(bar.searched), qtbot.waitSignal(bar.field.left):
        QTest.keyClick(bar.field, K.Key_Return)
    assert bar.text == "sta"
    assert not bar.field.is_completing


def test_esc_clears_and_leaves_unless_a_completion_is_selected(bar: SearchBar, qtbot: QtBot) -> None:
    QTest.keyClicks(bar.field, "sta")
    QTest.keyClick(bar.field, K.Key_Down)
    with qtbot.assertNotEmitted(bar.field.left):
        QTest.keyClick(bar.field, K.Key_Escape)
    assert bar.text == "sta"
    with qtbot.waitSignal(bar.field.left), qtbot.waitSignal(bar.edited) as emitted:
        QTest.keyClick(bar.field, K.Key_Escape)
    assert emitted.args == [""]
    assert bar.text == ""


def test_down_goes_on_to_what_was_found(bar: SearchBar, qtbot: QtBot) -> None:
    QTest.keyClicks(bar.field, "IMG")
    assert not bar.field.is_completing
    with qtbot.waitSignal(bar.field.list_requested):
        QTest.keyClick(bar.field, K.Key_Down)


def test_an_error_is_shown_in_words_with_a_suggestion_to_click(bar: SearchBar, qtbot: QtBot) -> None:
    bar.field.setText("clas:person")
    with pytest.raises(SearchError) as caught:
        parse(bar.text)
    bar.show_error(caught.value)
    assert bar.error.isVisible()
    assert "clas:" in bar.error.text()
    assert bar.found.text() == "Not filtered"
    with qtbot.waitSignal(bar.searched):
        QTest.mouseClick(bar.suggestion, Qt.MouseButton.LeftButton)
    assert bar.text == "class:person"
    bar.set_search(parse(bar.text), [])
    assert bar.chips.isVisible()


def test_an_error_without_a_suggestion_says_what_to_do(bar: SearchBar) -> None:
    with pytest.raises(SearchError) as caught:
        parse("score:abc")
    bar.show_error(caught.value)
    assert bar.error.text() == "score: takes a number, 'abc' is none. For example score:<0.5."
    assert not bar.suggestion.isVisible()


@pytest.mark.parametrize("width", [1600, 700, 320])
def test_chips_without_room_are_in_a_menu(bar: SearchBar, width: int, qtbot: QtBot) -> None:
    bar.resize(width, 36)
    for number, chip in enumerate(CHIPS):
        bar.chips.set_count(chip, 12_345 * number, number)
    QTest.qWait(0)
    row = bar.chips
    shown = [chip for chip in CHIPS if row.button(chip.id).isVisible()]
    assert shown == list(CHIPS[: len(shown)])
    assert all(row.rect().contains(row.button(chip.id).geometry()) for chip in shown)
    assert row._more.isVisible() == (len(shown) < len(CHIPS))
    assert not row._more.isVisible() or row.rect().contains(row._more.geometry())


def test_a_chip_shows_its_count_and_is_switched(bar: SearchBar, qtbot: QtBot) -> None:
    chip = CHIPS[0]
    bar.chips.set_count(chip, 1234, 56)
    button = bar.chips.button(chip.id)
    assert button.text() == "To review  1,234"
    assert "1,234 annotations in 56 images" in button.toolTip()
    with qtbot.waitSignal(bar.chips.toggled) as emitted:
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert emitted.args == [chip, True]
    bar.set_search(chip.search, [chip.id])
    assert button.isChecked()


def test_every_chip_is_a_search() -> None:
    for chip in (*CHIPS, label_chip('a "b" c'), label_chip("x" * 100)):
        assert chip.search.terms, chip.id
    assert PROBLEMS.search.is_empty
    assert [short_count(n) for n in (0, 9999, 10_000, 1_234_567)] == ["0", "9,999", "10k", "1.2M"]
