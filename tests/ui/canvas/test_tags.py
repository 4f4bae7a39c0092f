"""Name tags: readable on every label colour, and never on one another."""

from __future__ import annotations

from itertools import combinations
from time import perf_counter

import pytest
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QApplication
from shapely.geometry import MultiPolygon, box

from samdesk.domain.label_colors import label_color
from samdesk.ui.canvas.shapes import Shape
from samdesk.ui.canvas.style import ink_on
from samdesk.ui.canvas.tags import place_tags
from tests.helpers.color_difference import contrast


def test_text_is_readable_on_every_label_colour() -> None:
    for number in range(200):
        color = label_color(number)
        assert contrast(color, ink_on(QColor(color)).name()) >= 4.3, color


AREA = QRectF(0, 0, 800, 600)


def shape(name: str, x: float, y: float, side: float = 60) -> Shape:
    return Shape(name, MultiPolygon([box(x, y, x + side, y + side)]), QColor("#0072b2"), text=name)


def placed(shapes: list[Shape], zoom: float = 1.0) -> dict[str, QRectF]:
    """The tags by the ids of their shapes."""
    tags = place_tags(shapes, lambda x, y: QPointF(x * zoom, y * zoom), AREA, QFont())
    return {tag.shape.id: tag.rect for tag in tags}


@pytest.fixture(autouse=True)
def fonts(qapp: QApplication) -> None:
    """Text is measured."""


def test_a_tag_is_above_its_shape() -> None:
    rect = placed([shape("cat", 200, 200)])["cat"]
    assert rect.bottom() < 200 < rect.bottom() + 10
    assert abs(rect.left() - 200) <= 2


@pytest.mark.parametrize("zoom", [0.05, 0.3, 1.0, 3.0])
def test_tags_never_overlap_and_stay_on_the_canvas(zoom: float) -> None:
    crowd = [shape(f"object {i}", (i % 20) * 38, (i // 20) * 38) for i in range(300)]
    rects = placed(crowd, zoom)
    assert rects
    for one, other in combinations(rects.values(), 2):
        assert not one.intersects(other)
    assert all(AREA.contains(rect) for rect in rects.values())


def test_tags_of_shapes_on_one_another_are_all_shown_where_there_is_room() -> None:
    pile = [shape(f"object {i}", 300, 300, 100) for i in range(4)]
    assert len(placed(pile)) == 4


def test_the_last_shape_comes_first() -> None:
    crowd = [shape(f"object {i}", 300, 300, 2) for i in range(40)]
    rects = placed(crowd)
    assert len(rects) < 10
    assert "object 39" in rects
    assert rects["object 39"] == placed([crowd[39]])["object 39"], "at its best place"


def test_a_shape_larger_than_the_canvas_has_its_tag_inside() -> None:
    rects = placed([shape("sky", -100, -100, 2000)])
    assert AREA.contains(rects["sky"])


def test_three_hundred_tags_are_placed_within_a_frame() -> None:
    crowd = [shape(f"object {i}", (i % 20) * 38, (i // 20) * 38) for i in range(300)]
    placed(crowd)
    start = perf_counter()
    placed(crowd)
    assert perf_counter() - start < 0.1
