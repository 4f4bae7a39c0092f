"""The frame around the view."""

from __future__ import annotations

import pytest

from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import Frame
from samdesk.ui.canvas.view_frame import ViewFrame
from tests.ui.canvas.conftest import Stage, photo

VIEW = Frame(100, 80, 128)


def edge(stage: Stage, x: float, y: float, *, dx: float = 0, dy: float = 0, count: int = 40) -> list[int]:
    """The lightness of the image along a line, in image pixels."""
    image = stage.screenshot()
    at = [stage.canvas.to_widget(x + dx * i + 0.5, y + dy * i + 0.5) for i in range(count)]
    return [image.pixelColor(int(p.x()), int(p.y())).lightness() for p in at]


def is_dashed(light: list[int], grey: int) -> bool:
    return max(light) - min(light) > 60 and len(set(light)) == 2 and min(light) < grey


@pytest.mark.parametrize("grey", [40, 128, 215])
def test_it_shows_on_any_image(stage: Stage, grey: int) -> None:
    stage.canvas.set_image(ImageKey("a.jpg"), photo(grey=grey))
    stage.canvas.set_view_frame(ViewFrame(VIEW))
    for side in (
        edge(stage, 110, 80, dx=1),
        edge(stage, 110, 208, dx=1),
        edge(stage, 100, 90, dy=1),
        edge(stage, 228, 90, dy=1),
    ):
        assert is_dashed(side, grey)
    assert set(edge(stage, 120, 120, dx=1)) == {grey}, "nothing inside"
    stage.canvas.set_view_frame(None)
    assert set(edge(stage, 110, 80, dx=1)) == {grey}


def test_it_is_fainter_while_it_is_encoded(stage: Stage) -> None:
    stage.canvas.set_view_frame(ViewFrame(VIEW))
    ready = max(edge(stage, 110, 80, dx=1))
    stage.canvas.set_view_frame(ViewFrame(VIEW, ready=False))
    assert 128 < max(edge(stage, 110, 80, dx=1)) < ready


def test_no_line_where_the_image_ends(stage: Stage) -> None:
    stage.canvas.set_view_frame(ViewFrame(Frame(272, 0, 128)))
    assert is_dashed(edge(stage, 272, 10, dy=1), 128)
    assert is_dashed(edge(stage, 290, 128, dx=1), 128)
    assert not is_dashed(edge(stage, 290, 0, dx=1), 128)
    assert not is_dashed(edge(stage, 399, 10, dy=1), 128)
    stage.canvas.set_view_frame(ViewFrame(Frame(0, 0, 320)))  # cut off at the image's height
    assert is_dashed(edge(stage, 320, 250, dy=1), 128)
    assert not is_dashed(edge(stage, 10, 299, dx=1), 128)


def test_dashes_stay_where_they_are_while_the_image_is_moved(stage: Stage) -> None:
    stage.canvas.set_view_frame(ViewFrame(VIEW))
    before = edge(stage, 190, 80, dx=1, count=30)
    for step in (-3, -70, -101, -1, -1, -1, -1):  # the left end leaves the screen
        stage.canvas.pan_by(step, 0)
        assert edge(stage, 190, 80, dx=1, count=30) == before


def test_close_up_only_what_is_seen_is_painted(stage: Stage) -> None:
    stage.canvas.set_image(ImageKey("b.jpg"), photo(20_000, 60))
    stage.canvas.set_view_frame(ViewFrame(Frame(0, 20, 20_000)))
    stage.canvas.zoom_at(1e6, stage.canvas.to_widget(10_000, 20))
    assert stage.canvas.zoom == 64
    place = stage.canvas.to_widget(10_000, 20)
    image = stage.screenshot()
    assert is_dashed([image.pixelColor(x, int(place.y())).lightness() for x in range(100, 140)], 128)
