"""Vertices in the select tool, by real mouse and key events: several at once, soft, redrawn, snapped."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import shapely
from PySide6.QtCore import Qt

from samdesk.domain.geometry import regions
from samdesk.ui.canvas.tools.select import SelectTool
from tests.ui.canvas.conftest import BIG, RIGHT, RING, SMALL, Editor, Stage, annotation

ALT, SHIFT = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ShiftModifier
CONTROL = Qt.KeyboardModifier.ControlModifier
ROUND = replace(
    BIG,
    region=regions.from_ring(
        [
            (150 + 80 * math.cos(i / 100 * math.tau), 150 + 80 * math.sin(i / 100 * math.tau))
            for i in range(100)
        ]
    ),
)
"""A hundred vertices, too near to each other for handles."""
LEFT_HALF, RIGHT_HALF = annotation("left", (50, 50, 150, 250)), annotation("near", (156, 40, 300, 260), 1)


@pytest.fixture
def select(stage: Stage) -> SelectTool:
    tool = SelectTool(stage.canvas)
    stage.canvas.set_tool(tool)
    return tool


def show(stage: Stage, select: SelectTool, *annotations: object) -> Editor:
    stage.show(annotations)  # type: ignore[arg-type]
    stage.canvas.set_selection({annotations[0].id})  # type: ignore[attr-defined]
    return Editor(stage, select)


class TestSeveral:
    def test_a_rubber_band_picks_vertices_which_one_drag_moves(
        self, stage: Stage, select: SelectTool
    ) -> None:
        editor = show(stage, select, BIG, RIGHT)
        stage.mouse.drag((20, 20), (270, 80))
        assert len(select.picked) == 2
        stage.mouse.drag((50, 50), (60, 20))
        assert editor.texts == ["Move 2 vertices"]
        assert regions.iou(
            editor.region("big"), regions.from_ring([(60, 20), (260, 20), (250, 250), (50, 250)])
        ) == pytest.approx(1)
        assert len(select.picked) == 2, "to be moved again"

    def test_shift_picks_more_and_del_deletes_them_all(self, stage: Stage, select: SelectTool) -> None:
        editor = show(stage, select, ROUND)
        stage.mouse.drag((60, 60), (240, 90))
        top = len(select.picked)
        stage.mouse.drag((60, 210), (240, 240), modifiers=SHIFT)
        assert len(select.picked) == 2 * top
        stage.mouse.key(Qt.Key.Key_Delete)
        assert editor.texts == [f"Delete {2 * top} vertices"]
        assert editor.region("big").bounds[1] > 85
        assert not select.picked

    def test_ctrl_picks_them_from_inside_of_annotations_too(self, stage: Stage, select: SelectTool) -> None:
        show(stage, select, SMALL, BIG)
        stage.mouse.drag((220, 220), (160, 60), modifiers=CONTROL)
        assert not select.picked, "it has none there"
        stage.mouse.drag((180, 180), (140, 90), modifiers=CONTROL)
        assert len(select.picked) == 2
        assert stage.canvas.selection == {SMALL.id}

    def test_escape_lets_them_go_and_keeps_the_selection(self, stage: Stage, select: SelectTool) -> None:
        show(stage, select, BIG)
        stage.mouse.drag((20, 20), (270, 80))
        stage.mouse.key(Qt.Key.Key_Escape)
        assert not select.picked
        assert stage.canvas.selection == {BIG.id}

    def test_a_rubber_band_around_annotations_selects_those(self, stage: Stage, select: SelectTool) -> None:
        show(stage, select, BIG, SMALL, RIGHT)
        stage.mouse.drag((280, 80), (380, 180))
        assert stage.canvas.selection == {RIGHT.id}
        assert not select.picked

    def test_deleting_all_but_two_deletes_the_annotation_and_says_so(
        self, stage: Stage, select: SelectTool
    ) -> None:
        editor = show(stage, select, BIG)
        stage.mouse.drag((20, 20), (270, 80))
        stage.mouse.key(Qt.Key.Key_Delete)
        assert (editor.texts, editor.annotations) == (["Delete annotation"], ())
        assert "Undo" in editor.notices[0]

    def test_vertices_of_a_hole(self, stage: Stage, select: SelectTool) -> None:
        editor = show(stage, select, RING)
        stage.mouse.drag((165, 165), (110, 110))  # an empty area, too
        assert len(select.picked) == 1
        stage.mouse.drag((120, 120), (150, 150))
        assert editor.region("ring").area == pytest.approx(RING.region.area + 1800)


def test_what_was_dragged_does_not_flicker_until_the_canvas_is_painted(
    stage: Stage, select: SelectTool
) -> None:
    show(stage, select, BIG)
    inside = stage.pixel(200, 100)
    for start, end in [((50, 50), (60, 60)), ((100, 200), (110, 205))]:  # a vertex, the annotation
        stage.mouse.press(*start)
        stage.mouse.move(*end)
        stage.canvas.settle()
        stage.mouse.release(*end)
        assert stage.canvas.shapes_pending
        place = stage.canvas.to_widget(200, 100)
        color = stage.canvas.grab().toImage().pixelColor(int(place.x()), int(place.y()))
        assert max(abs(a - b) for a, b in zip(color.getRgb(), inside.getRgb(), strict=True)) <= 6


def test_a_soft_drag_takes_the_outline_beside_the_vertex_along(stage: Stage, select: SelectTool) -> None:
    editor = show(stage, select, BIG)
    stage.mouse.drag((50, 50), (20, 20), modifiers=SHIFT)
    region = editor.region("big")
    assert regions.contains(region, 25, 25)
    assert regions.contains(region, 48, 80), "it follows, ever less"
    assert not regions.contains(region, 48, 200), "and not at all from far"
    assert len(region.geoms[0].exterior.coords) > 15


def test_the_wheel_changes_how_far_a_soft_drag_reaches(stage: Stage, select: SelectTool) -> None:
    editor = show(stage, select, BIG)
    stage.mouse.press(50, 50, modifiers=SHIFT)
    stage.mouse.move(20, 20, SHIFT)
    zoom = stage.canvas.zoom
    stage.mouse.wheel(20, 20, 3)
    assert stage.canvas.zoom == zoom
    stage.mouse.release(20, 20)
    assert regions.contains(editor.region("big"), 46, 110)


@pytest.mark.parametrize("keys", [ALT, CONTROL])
def test_a_line_from_the_outline_to_the_outline_replaces_that_stretch(
    stage: Stage, select: SelectTool, keys: Qt.KeyboardModifier
) -> None:
    editor = show(stage, select, BIG)
    path = [(250, 100), (270, 110), (280, 150), (270, 190), (250, 200)]
    stage.mouse.press(*path[0], modifiers=keys)
    for x, y in path[1:]:
        stage.mouse.move(x, y, keys)
    stage.mouse.release(*path[-1], modifiers=keys)
    assert editor.texts == ["Redraw outline"]
    assert editor.region("big").area == pytest.approx(200 * 200 + shapely.Polygon(path).area, rel=0.01)


def test_a_line_that_ends_nowhere_says_so_and_changes_nothing(stage: Stage, select: SelectTool) -> None:
    editor = show(stage, select, BIG)
    stage.mouse.drag((250, 100), (300, 150), modifiers=CONTROL)
    assert editor.texts == []
    assert editor.notices == ["Nothing changed: end the line on the outline on which it began."]


class TestSnap:
    def test_ctrl_snaps_a_vertex_to_a_neighbour_without_gap_or_overlap(
        self, stage: Stage, select: SelectTool
    ) -> None:
        editor = show(stage, select, LEFT_HALF, RIGHT_HALF)
        stage.mouse.press(150, 50)
        stage.mouse.move(170, 60)
        stage.mouse.move(160, 50, CONTROL)
        stage.mouse.release(160, 50, modifiers=CONTROL)
        left = editor.region("left")
        assert left.intersection(RIGHT_HALF.region).area == pytest.approx(0, abs=1e-6)
        seam = left.boundary.intersection(RIGHT_HALF.region.boundary).length
        assert seam > 150, "it has most of its edge in common with the neighbour"

    def test_the_setting_snaps_and_ctrl_then_does_not(self, stage: Stage, select: SelectTool) -> None:
        editor = show(stage, select, LEFT_HALF, RIGHT_HALF)
        select.set_snaps(True)
        stage.mouse.press(150, 50)
        stage.mouse.move(165, 40, CONTROL)
        stage.mouse.release(165, 40, modifiers=CONTROL)
        assert editor.region("left").intersection(RIGHT_HALF.region).area > 1
        editor = show(stage, select, LEFT_HALF, RIGHT_HALF)
        stage.mouse.drag((150, 50), (160, 50))
        assert editor.region("left").intersection(RIGHT_HALF.region).area == pytest.approx(0, abs=1e-6)

    def test_with_nobody_near_it_is_an_ordinary_drag(self, stage: Stage, select: SelectTool) -> None:
        editor = show(stage, select, LEFT_HALF)
        select.set_snaps(True)
        stage.mouse.drag((150, 50), (170, 30))
        assert regions.contains(editor.region("left"), 168, 33)
