"""Charts: each bar is pressed with the mouse or the keyboard; what is painted is where it is pressed."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from samdesk.ui.statistics.charts import Bar, BarChart, BarPart, Chart, ColumnChart, HeatMap

BARS = tuple(
    Bar(f"class {i}", (BarPart(value, "#d02020"),), f"class:c{i}") for i, value in enumerate((40, 10, 0, 100))
)


@pytest.mark.parametrize("kind", [BarChart, ColumnChart])
def test_a_press_on_a_bar_is_a_search(qtbot: QtBot, kind: type[Chart]) -> None:
    chart = kind("Classes")
    qtbot.addWidget(chart)
    chart.set_bars([*BARS, Bar("without", (BarPart(5),))])
    chart.resize(500, chart.sizeHint().height())
    with qtbot.waitActive(chart):
        chart.show()
        chart.activateWindow()
    for index, bar in enumerate(BARS):
        with qtbot.waitSignal(chart.search_requested) as emitted:
            qtbot.mouseClick(chart, Qt.MouseButton.LeftButton, pos=chart.rect_of(index).center())
        assert emitted.args == [bar.search]
    with qtbot.assertNotEmitted(chart.search_requested):
        qtbot.mouseClick(chart, Qt.MouseButton.LeftButton, pos=chart.rect_of(4).center())
    chart.setFocus()
    QTest.keyClick(chart, Qt.Key.Key_Up)
    QTest.keyClick(chart, Qt.Key.Key_Left)
    with qtbot.waitSignal(chart.search_requested) as emitted:
        QTest.keyClick(chart, Qt.Key.Key_Return)
    assert emitted.args == ["class:c2"]
    assert chart.accessibleDescription() == "class 2: 0"


@pytest.mark.parametrize("kind", [BarChart, ColumnChart])
def test_the_length_of_a_bar_is_its_value(qtbot: QtBot, kind: type[Chart]) -> None:
    chart = kind("Classes")
    qtbot.addWidget(chart)
    chart.set_bars(BARS)
    chart.resize(600, chart.sizeHint().height())
    picture, red = chart.grab().toImage(), QColor("#d02020")

    def length(index: int) -> int:
        rect = chart.rect_of(index)
        line = (
            [(x, rect.center().y()) for x in range(chart.width())]
            if kind is BarChart
            else [(rect.center().x(), y) for y in range(rect.height())]
        )
        return sum(picture.pixelColor(x, y) == red for x, y in line)

    full = length(3)
    assert full > 60
    assert [round(length(i) / full, 1) for i in range(4)] == [0.4, 0.1, 0.0, 1.0]


def test_the_heat_map_is_brightest_where_most_are(qtbot: QtBot) -> None:
    chart = HeatMap("Positions")
    qtbot.addWidget(chart)
    chart.resize(300, chart.height())
    chart.set_cells([[0, 1], [4, 0]])
    picture, accent = chart.grab().toImage(), chart.palette().color(QPalette.ColorRole.Highlight)
    area = chart._area()
    colors = [
        [picture.pixelColor(round(area.left() + area.width() * x), round(area.top() + area.height() * y))
         for x in (0.25, 0.75)]
        for y in (0.25, 0.75)
    ]  # fmt: skip
    assert colors[1][0] == accent
    assert colors[0][0] == colors[1][1] != colors[0][1]
