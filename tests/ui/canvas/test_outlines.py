"""Lasso, polygon and cut, by real mouse and key events: Shift adds, Alt or Ctrl takes away, Esc cancels."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt

from samdesk.domain.annotation import Annotation, RunId, Source
from samdesk.domain.geometry import regions
from samdesk.ui.canvas.tools.combine import EMPTY, OUTSIDE
from samdesk.ui.canvas.tools.cut import CutTool
from samdesk.ui.canvas.tools.lasso import LassoTool
from samdesk.ui.canvas.tools.polygon import PolygonTool
from tests.ui.canvas.conftest import BIG, RIGHT, RING, SMALL, Editor, Stage

ALT, SHIFT = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ShiftModifier
CONTROL, NONE = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.NoModifier
LEFT, RIGHT_BUTTON = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


def select(stage: Stage, *annotations: Annotation) -> None:
    stage.canvas.set_selection({a.id for a in annotations})


def around(
    stage: Stage,
    x: float,
    y: float,
    radius: float,
    modifiers: Qt.KeyboardModifier = NONE,
    button: Qt.MouseButton = LEFT,
) -> None:
    """Drags a circle around a point."""
    stage.mouse.press(x + radius, y, button, modifiers)
    for i in range(1, 60):
        angle = 2 * math.pi * i / 60
        stage.mouse.move(x + radius * math.cos(angle), y + radius * math.sin(angle), modifiers)
    stage.mouse.release(x + radius, y, button, modifiers)


class TestLasso:
    @pytest.fixture
    def editor(self, stage: Stage) -> Editor:
        tool = LassoTool(stage.canvas)
        stage.canvas.set_tool(tool)
        stage.show([BIG, SMALL, RIGHT])
        return Editor(stage, tool)

    def test_around_an_object_is_a_new_annotation(self, stage: Stage, editor: Editor) -> None:
        around(stage, 330, 240, 30)
        (drawn,) = editor.drawn
        assert drawn.area == pytest.approx(math.pi * 900, rel=0.03)
        assert len(drawn.geoms[0].exterior.coords) < 40, "of 60 points, those it needs"

    def test_shift_adds_to_the_selected_annotation(self, stage: Stage, editor: Editor) -> None:
        select(stage, RIGHT)
        around(stage, 330, 240, 30, SHIFT)
        assert editor.texts == ["Add to annotation"]
        assert len(editor.region("right").geoms) == 2, "a part of its own"

    @pytest.mark.parametrize(("keys", "button"), [(ALT, LEFT), (CONTROL, LEFT), (NONE, RIGHT_BUTTON)])
    def test_alt_ctrl_and_the_right_button_take_away(
        self, stage: Stage, editor: Editor, keys: Qt.KeyboardModifier, button: Qt.MouseButton
    ) -> None:
        select(stage, BIG)
        around(stage, 200, 200, 20, keys, button)
        assert editor.texts == ["Take from annotation"]
        assert len(editor.region("big").geoms[0].interiors) == 1

    def test_what_changes_nothing_says_why(self, stage: Stage, editor: Editor) -> None:
        stage.mouse.click(20, 20)
        around(stage, -60, -60, 10)
        around(stage, 20, 20, 10, SHIFT)
        select(stage, BIG)
        around(stage, 200, 200, 20, SHIFT)
        assert editor.notices[:2] == [EMPTY, OUTSIDE]
        assert editor.notices[2] == "Select the annotation to add to first."
        assert editor.notices[3].startswith("Nothing changed:")
        assert (editor.texts, editor.drawn) == ([], [])

    def test_escape_cancels(self, stage: Stage, editor: Editor) -> None:
        stage.mouse.press(300, 200)
        stage.mouse.move(350, 200)
        stage.mouse.move(350, 250)
        stage.mouse.key(Qt.Key.Key_Escape)
        stage.mouse.release(300, 250)
        assert editor.drawn == []


class TestPolygon:
    @pytest.fixture
    def polygon(self, stage: Stage) -> PolygonTool:
        tool = PolygonTool(stage.canvas)
        stage.canvas.set_tool(tool)
        stage.show([BIG, SMALL, RIGHT])
        return tool

    def test_a_drag_is_freehand_and_one_step(self, stage: Stage, polygon: PolygonTool) -> None:
        stage.mouse.click(260, 20)
        stage.mouse.press(300, 20)
        for i in range(40):
            stage.mouse.move(300 + i, 20 + 30 * math.sin(i / 6))
        stage.mouse.release(339, 20)
        assert len(polygon.vertices) > 6
        stage.mouse.click(339, 80)
        drawn = polygon.vertices
        polygon.undo_step()
        polygon.undo_step()
        assert polygon.vertices == ((260, 20),)
        polygon.redo_step()
        polygon.redo_step()
        assert polygon.vertices == drawn

    def test_a_drag_back_to_the_first_vertex_closes_it(self, stage: Stage, polygon: PolygonTool) -> None:
        editor = Editor(stage, polygon)
        around(stage, 330, 240, 30)
        assert editor.drawn[0].area == pytest.approx(math.pi * 900, rel=0.03)
        assert polygon.is_idle

    @pytest.mark.parametrize(("keys", "change"), [(SHIFT, 900), (ALT, -900), (CONTROL, -900)])
    def test_the_keys_at_a_click_decide_what_it_does(
        self, stage: Stage, polygon: PolygonTool, keys: Qt.KeyboardModifier, change: float
    ) -> None:
        editor = Editor(stage, polygon)
        select(stage, RIGHT)
        left = 345 if change > 0 else 315
        stage.mouse.click(left, 120, modifiers=keys)
        for x, y in ((left + 30, 120), (left + 30, 150), (left, 150)):
            stage.mouse.click(x, y)
        stage.mouse.key(Qt.Key.Key_Return)
        grown = editor.region("right").area - RIGHT.region.area
        assert grown == pytest.approx(change / 2 if change > 0 else change)

    def test_a_drag_along_the_outside_of_the_image_stays_on_its_edge(
        self, stage: Stage, polygon: PolygonTool
    ) -> None:
        stage.mouse.drag((-20, -20), (-40, -60))
        assert polygon.vertices == ((0, 0),)
        stage.mouse.drag((420, -20), (440, 60))
        assert {x for x, _ in polygon.vertices[1:]} == {400}

    def test_what_is_unfinished_is_gone_on_with(self, stage: Stage, polygon: PolygonTool) -> None:
        stage.mouse.click(260, 20, modifiers=SHIFT)
        stage.mouse.drag((300, 20), (330, 60))
        stage.mouse.click(280, 80)
        placed, work = polygon.vertices, polygon.take_unfinished()
        assert polygon.is_idle
        polygon.put_unfinished(work)
        assert polygon.vertices == placed
        assert polygon.take_unfinished() == work


class TestCut:
    @pytest.fixture
    def editor(self, stage: Stage) -> Editor:
        tool = CutTool(stage.canvas)
        stage.canvas.set_tool(tool)
        stage.show(
            [BIG, SMALL, replace(RIGHT, source=Source.YOLO_SAM, run_id=RunId("r"), model="m", mask_score=0.9)]
        )
        return Editor(stage, tool)

    def test_the_largest_piece_keeps_the_id_and_the_smaller_is_selected(
        self, stage: Stage, editor: Editor
    ) -> None:
        select(stage, RIGHT)
        stage.mouse.drag((340, 80), (340, 180))
        left, small = editor.annotations[2:]
        assert (left.id, left.region.area, small.region.area) == ("right", 40 * 60, 20 * 60)
        assert (small.label_id, small.source, small.model) == (RIGHT.label_id, Source.YOLO_SAM, "m")
        assert (left.run_id, small.run_id, left.mask_score, small.mask_score) == ("r", None, None, None)
        assert stage.canvas.selection == {small.id}
        assert editor.texts == ["Cut annotation"]

    def test_all_that_the_line_crosses_unless_something_is_selected(
        self, stage: Stage, editor: Editor
    ) -> None:
        stage.mouse.drag((20, 130), (390, 130))
        assert editor.texts == ["Cut 3 annotations"]
        assert len(editor.annotations) == 6
        assert [a.id for a in editor.annotations][::2] == ["big", "small", "right"], (
            "each piece on its own whole"
        )
        select(stage)

    def test_only_the_selected_one(self, stage: Stage, editor: Editor) -> None:
        select(stage, SMALL)
        stage.mouse.drag((20, 130), (390, 130))
        assert [a.region.area for a in editor.annotations if a.id in ("big", "right")] == [200 * 200, 60 * 60]

    def test_a_cut_that_misses_says_so_and_changes_nothing(self, stage: Stage, editor: Editor) -> None:
        stage.mouse.click(20, 20)
        stage.mouse.drag((20, 20), (40, 20))
        stage.mouse.drag((20, 240), (60, 240))
        select(stage, SMALL)
        stage.mouse.drag((290, 130), (390, 130))
        assert [text.split(":")[0] for text in editor.notices] == ["Nothing was cut"] * 4
        assert len(set(editor.notices)) == 4
        assert editor.texts == []

    def test_a_ring_cut_on_one_side_stays_whole(self, stage: Stage, editor: Editor) -> None:
        stage.show([RING])
        stage.mouse.drag((30, 150), (150, 150))
        assert editor.texts == []
        stage.mouse.drag((30, 150), (270, 150))
        assert len(editor.annotations) == 2
        assert sum(a.region.area for a in editor.annotations) == pytest.approx(RING.region.area)

    def test_escape_cancels_the_line_then_ends_the_selection(self, stage: Stage, editor: Editor) -> None:
        select(stage, RIGHT)
        stage.mouse.press(340, 80)
        stage.mouse.move(340, 180)
        stage.mouse.key(Qt.Key.Key_Escape)
        stage.mouse.release(340, 180)
        assert (editor.texts, stage.canvas.selection) == ([], {RIGHT.id})
        stage.mouse.key(Qt.Key.Key_Escape)
        assert not stage.canvas.selection

    def test_shift_makes_the_line_straight(self, stage: Stage, editor: Editor) -> None:
        stage.mouse.press(340, 80)
        stage.mouse.move(380, 130, SHIFT)
        stage.mouse.move(340, 180, SHIFT)
        stage.mouse.release(340, 180, modifiers=SHIFT)
        small = editor.annotations[-1].region
        assert regions.iou(small, regions.from_box(340, 100, 360, 160)) == pytest.approx(1)
