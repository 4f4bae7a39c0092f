"""The tools, by real mouse and key events."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from samdesk.domain.geometry.regions import from_box, iou
from samdesk.domain.prompts import BoxPrompt, PointPrompt, PromptSet
from samdesk.ui.canvas.tools.polygon import PolygonTool
from samdesk.ui.canvas.tools.rectangle import RectangleTool
from samdesk.ui.canvas.tools.sam import SamTool
from samdesk.ui.canvas.tools.select import SelectTool
from samdesk.ui.canvas.view import CanvasView
from tests.helpers.mouse import InputDriver
from tests.ui.canvas.conftest import BIG, RIGHT, RING, SMALL, Editor, Stage, annotation

SHIFT = Qt.KeyboardModifier.ShiftModifier
ALT = Qt.KeyboardModifier.AltModifier
RIGHT_BUTTON = Qt.MouseButton.RightButton


def recorded(signal: object) -> list[object]:
    """The arguments of a signal, each time it is emitted from now on."""
    said: list[object] = []
    signal.connect(lambda *args: said.append(args[0] if len(args) == 1 else args))  # type: ignore[attr-defined]
    return said


@pytest.fixture
def sam(stage: Stage) -> SamTool:
    tool = SamTool(stage.canvas)
    stage.canvas.set_tool(tool)
    return tool


@pytest.fixture
def select(stage: Stage) -> SelectTool:
    tool = SelectTool(stage.canvas)
    stage.canvas.set_tool(tool)
    return tool


@pytest.fixture
def editor(stage: Stage, select: SelectTool) -> Editor:
    stage.show([BIG, SMALL, RIGHT])
    return Editor(stage, select)


def test_annotations_at_finds_what_is_too_thin_to_hit_among_thousands(stage: Stage) -> None:
    thin = annotation("thin", (30, 10, 30.5, 60))
    stage.show([thin, *(annotation(f"{i}", (200 + i % 50, 200, 201 + i % 50, 201)) for i in range(2000))])
    assert stage.canvas.annotations_at(33, 40) == ["thin"]
    assert stage.canvas.annotations_at(40, 40) == []
    assert stage.canvas.enclosed(QRectF(20, 5, 40, 60)) == {"thin"}


class TestSam:
    def test_left_is_positive_right_and_shift_are_negative(self, stage: Stage, sam: SamTool) -> None:
        said = recorded(sam.prompts_changed)
        stage.mouse.click(100, 80)
        stage.mouse.click(200, 90, RIGHT_BUTTON)
        stage.mouse.click(300, 100, modifiers=SHIFT)
        assert sam.prompts.points == (
            PointPrompt(100, 80, True),
            PointPrompt(200, 90, False),
            PointPrompt(300, 100, False),
        )
        assert [len(p.points) for p in said] == [1, 2, 3]

    def test_a_drag_is_a_box_shown_live_and_a_second_one_replaces_it(
        self, stage: Stage, sam: SamTool
    ) -> None:
        said = recorded(sam.prompts_changed)
        stage.mouse.click(150, 150)
        stage.mouse.drag((200, 180), (100, 100))
        assert sam.prompts == PromptSet((PointPrompt(150, 150),), BoxPrompt(100, 100, 200, 180))
        assert len(said) > 3  # live while dragging
        stage.mouse.drag((10, 10), (60, 50))
        assert sam.prompts.box == BoxPrompt(10, 10, 60, 50)
        assert len(sam.prompts.points) == 1

    def test_a_drag_under_four_pixels_is_a_click(self, stage: Stage, sam: SamTool) -> None:
        stage.mouse.drag((100, 100), (103, 103))
        assert sam.prompts == PromptSet((PointPrompt(100, 100),))

    def test_a_box_is_cut_to_the_image_and_clicks_outside_place_nothing(
        self, stage: Stage, sam: SamTool
    ) -> None:
        stage.mouse.click(-20, 50)
        assert not sam.prompts
        stage.mouse.drag((-20, -30), (100, 100))
        assert sam.prompts.box == BoxPrompt(0, 0, 100, 100)

    def test_a_placed_point_is_dragged_and_clicked_away(self, stage: Stage, sam: SamTool) -> None:
        stage.mouse.click(100, 100)
        stage.mouse.drag((102, 101), (150, 120))
        assert sam.prompts.points == (PointPrompt(150, 120),)
        stage.mouse.click(150, 120)
        assert not sam.prompts

    def test_a_double_click_leaves_one_point(self, stage: Stage, sam: SamTool) -> None:
        stage.mouse.double_click(100, 100)
        assert sam.prompts.points == (PointPrompt(100, 100),)

    def test_undo_reverts_every_kind_of_change(self, stage: Stage, sam: SamTool) -> None:
        states = [sam.prompts]
        for act in (
            lambda: stage.mouse.click(100, 100),
            lambda: stage.mouse.drag((10, 10), (60, 50)),
            lambda: stage.mouse.drag((20, 20), (80, 70)),
            lambda: stage.mouse.drag((100, 100), (120, 120)),
            lambda: stage.mouse.click(120, 120),
        ):
            act()
            states.append(sam.prompts)
        assert len(set(states)) == 6
        for state in reversed(states[:-1]):
            assert sam.undo_step()
            assert sam.prompts == state
        assert not sam.undo_step()

    def test_undo_removes_the_prompts_of_an_annotation_too(self, sam: SamTool) -> None:
        said = recorded(sam.prompts_changed)
        sam.show_prompts(PromptSet((PointPrompt(1, 2), PointPrompt(3, 4)), BoxPrompt(0, 0, 9, 9)))
        assert said == []
        sam.undo_step()
        assert sam.prompts == PromptSet((PointPrompt(1, 2),), BoxPrompt(0, 0, 9, 9))

    def test_escape_cancels_a_drag_and_the_release_does_nothing(self, stage: Stage, sam: SamTool) -> None:
        stage.mouse.click(100, 100)
        before = sam.prompts
        stage.mouse.press(200, 200)
        stage.mouse.move(250, 250)
        assert sam.prompts.box is not None
        stage.mouse.key(Qt.Key.Key_Escape)
        assert sam.prompts == before
        stage.mouse.release(250, 250)
        assert sam.prompts == before

    def test_hover_only_with_nothing_placed_or_pressed_and_over_the_image(
        self, stage: Stage, sam: SamTool
    ) -> None:
        hovered, left = recorded(sam.hovered), recorded(sam.hover_left)
        stage.mouse.move(100, 100)
        stage.mouse.move(110, 100)
        assert hovered == [(100, 100), (110, 100)]
        stage.mouse.move(-10, 100)
        assert len(left) == 1
        stage.mouse.move(100, 100)
        stage.mouse.press(100, 100)
        assert len(left) == 2
        stage.mouse.move(130, 130)
        stage.mouse.release(130, 130)
        stage.mouse.move(200, 200)
        assert len(hovered) == 3
        sam.clear()
        sam.set_hover_enabled(False)
        stage.mouse.move(210, 200)
        assert len(hovered) == 3

    def test_another_image_clears(self, stage: Stage, sam: SamTool) -> None:
        cleared = recorded(sam.prompts_changed)
        stage.mouse.click(100, 100)
        stage.canvas.set_image("b.jpg", None, "Loading")  # type: ignore[arg-type]
        assert cleared[-1] == PromptSet()
        assert not sam.undo_step()

    def test_tab_stays_on_the_canvas_and_steps(self, qtbot: QtBot) -> None:
        window = QWidget()
        qtbot.addWidget(window)
        row = QHBoxLayout(window)
        canvas = CanvasView()
        row.addWidget(canvas)
        row.addWidget(QPushButton("Next"))
        window.show()
        window.activateWindow()
        canvas.setFocus()
        qtbot.waitUntil(canvas.hasFocus)
        tool = SamTool(canvas)
        canvas.set_tool(tool)
        steps = recorded(tool.candidate_step)
        mouse = InputDriver(canvas)
        mouse.key(Qt.Key.Key_Tab)
        mouse.key(Qt.Key.Key_Backtab, SHIFT)
        assert steps == [1, -1]
        assert canvas.hasFocus()
        canvas.set_tool(SelectTool(canvas))
        mouse.key(Qt.Key.Key_Tab)
        assert not canvas.hasFocus()

    def test_points_look_the_same_at_any_zoom(self, stage: Stage, sam: SamTool) -> None:
        stage.mouse.click(200, 150)
        stage.mouse.move(0, 0)
        for factor in (1.0, 4.0, 0.25):
            stage.canvas.zoom_at(factor, stage.canvas.to_widget(200, 150))
            assert stage.pixel(200, 150).red() > 200  # the white +
            disc = stage.canvas.to_image(stage.canvas.to_widget(200, 150) - QPointF(4, 4))
            assert stage.pixel(*disc).green() > stage.pixel(*disc).red()  # the green disc


class TestKeys:
    def test_space_is_a_tap_or_a_pan(self, stage: Stage, sam: SamTool) -> None:
        taps = recorded(stage.canvas.space_tapped)
        shortcut = QAction(stage.canvas)
        shortcut.setShortcut("Space")
        stolen = recorded(shortcut.triggered)
        stage.canvas.addAction(shortcut)
        stage.mouse.key(Qt.Key.Key_Space)
        assert len(taps) == 1
        before = stage.canvas.to_widget(0, 0)
        stage.mouse.key_down(Qt.Key.Key_Space)
        stage.mouse.press(100, 100)
        stage.mouse.move(130, 110)
        moved = stage.canvas.to_widget(0, 0) - before
        stage.mouse.release(100, 100)
        stage.mouse.key_up(Qt.Key.Key_Space)
        assert (moved.x(), moved.y()) == (30, 10)
        assert len(taps) == 1
        assert not sam.prompts
        assert stolen == []

    def test_keys_that_no_tool_wants_reach_window_shortcuts(self, stage: Stage, sam: SamTool) -> None:
        received = []
        for key in ("Z", "D", "E", "Return"):
            action = QAction(stage.canvas)
            action.setShortcut(key)
            action.triggered.connect(lambda _=False, key=key: received.append(key))
            stage.canvas.addAction(action)
        stage.mouse.click(100, 100)
        for key in (Qt.Key.Key_Z, Qt.Key.Key_D, Qt.Key.Key_E, Qt.Key.Key_Return):
            stage.mouse.key(key)
        assert received == ["Z", "D", "E", "Return"]

    def test_a_polygon_being_drawn_gets_its_keys_before_shortcuts(self, stage: Stage) -> None:
        tool = PolygonTool(stage.canvas)
        stage.canvas.set_tool(tool)
        received = []
        action = QAction(stage.canvas)
        action.setShortcut("Z")
        action.triggered.connect(lambda: received.append("Z"))
        stage.canvas.addAction(action)
        stage.mouse.key(Qt.Key.Key_Z)
        assert received == ["Z"]
        stage.mouse.click(10, 10)
        stage.mouse.click(60, 10)
        stage.mouse.key(Qt.Key.Key_Z)
        assert received == ["Z"]
        assert tool.vertices == ((10, 10),)


class TestSelect:
    def test_a_click_selects_the_smallest_annotation_then_the_next(
        self, stage: Stage, editor: Editor
    ) -> None:
        stage.mouse.click(125, 125)
        assert stage.canvas.selection == {"small"}
        stage.mouse.click(125, 125)
        assert stage.canvas.selection == {"big"}
        stage.mouse.click(125, 125)
        assert stage.canvas.selection == {"small"}
        stage.mouse.click(10, 10)
        assert stage.canvas.selection == set()

    def test_shift_click_adds_and_removes(self, stage: Stage, editor: Editor) -> None:
        said = recorded(stage.canvas.selection_changed)
        stage.mouse.click(125, 125)
        stage.mouse.click(330, 130, modifiers=SHIFT)
        assert stage.canvas.selection == {"small", "right"}
        stage.mouse.click(125, 125, modifiers=SHIFT)
        assert stage.canvas.selection == {"right"}
        assert said == [{"small"}, {"small", "right"}, {"right"}]

    def test_a_hole_is_not_part_of_an_annotation(self, stage: Stage, select: SelectTool) -> None:
        stage.show([RING])
        stage.mouse.click(150, 150)
        assert stage.canvas.selection == set()
        stage.mouse.click(100, 100)
        assert stage.canvas.selection == {"ring"}

    def test_dragging_an_annotation_makes_one_edit(self, stage: Stage, editor: Editor) -> None:
        stage.mouse.drag((330, 130), (310, 150), steps=10)
        assert editor.texts == ["Move annotation"]
        assert editor.region("right").bounds == pytest.approx((280, 120, 340, 180))
        stage.mouse.drag((310, 150), (400, 150))
        assert editor.region("right").bounds == pytest.approx((370, 120, 400, 180))  # cut at the edge

    def test_moving_an_annotation_moves_its_prompts(self, stage: Stage, select: SelectTool) -> None:
        made = annotation("a", (100, 100, 150, 150), prompts=PromptSet((PointPrompt(120, 120),)))
        stage.show([made])
        editor = Editor(stage, select)
        stage.mouse.drag((125, 125), (145, 115))
        assert stage.canvas.document is not None
        assert editor.texts == ["Move annotation"]
        moved = stage.canvas.document.annotations[0]
        assert moved.prompts == PromptSet((PointPrompt(140, 110),))

    def test_several_are_moved_together(self, stage: Stage, editor: Editor) -> None:
        stage.mouse.click(125, 125)
        stage.mouse.click(330, 130, modifiers=SHIFT)
        stage.mouse.drag((330, 130), (330, 140))
        assert editor.texts == ["Move 2 annotations"]
        assert editor.region("small").bounds == pytest.approx((100, 110, 150, 160))
        assert editor.region("big") == BIG.region

    def test_escape_cancels_a_drag(self, stage: Stage, editor: Editor) -> None:
        before = stage.pixel(330, 130)
        stage.mouse.press(330, 130)
        stage.mouse.move(200, 280)
        stage.mouse.key(Qt.Key.Key_Escape)
        stage.mouse.release(200, 280)
        assert editor.texts == []
        stage.canvas.set_selection(())
        stage.mouse.move(5, 5)
        assert stage.pixel(330, 130) == before

    def test_a_vertex_is_dragged(self, stage: Stage, editor: Editor) -> None:
        stage.mouse.click(330, 130)
        stage.mouse.drag((360, 160), (380, 190))
        assert editor.texts == ["Move vertex"]
        assert editor.region("right").bounds == pytest.approx((300, 100, 380, 190))

    def test_a_vertex_dragged_across_an_edge_leaves_a_valid_region(
        self, stage: Stage, editor: Editor
    ) -> None:
        stage.mouse.click(330, 130)
        stage.mouse.drag((360, 160), (310, 60))
        assert editor.texts == ["Move vertex"]
        assert editor.region("right").is_valid
        assert len(editor.region("right").geoms) == 2

    def test_a_vertex_is_inserted_at_the_midpoint_or_by_a_double_click(
        self, stage: Stage, editor: Editor
    ) -> None:
        stage.mouse.click(330, 130)
        stage.mouse.drag((330, 100), (330, 80))  # the middle handle
        assert editor.texts == ["Insert vertex"]
        assert editor.region("right").area == pytest.approx(3600 + 600)
        stage.mouse.double_click(300, 145)
        assert editor.texts == ["Insert vertex"] * 2
        assert len(editor.region("right").geoms[0].exterior.coords) == 7
        assert editor.region("right").area == pytest.approx(3600 + 600)

    @pytest.mark.parametrize("key", [Qt.KeyboardModifier.ControlModifier, ALT], ids=["Ctrl", "Alt"])
    def test_a_vertex_is_deleted_by_a_click_with_a_key_and_by_del(
        self, stage: Stage, editor: Editor, key: Qt.KeyboardModifier
    ) -> None:
        stage.mouse.click(330, 130)
        stage.mouse.click(360, 160, modifiers=key)
        assert editor.texts == ["Delete vertex"]
        assert editor.region("right").area == pytest.approx(1800)
        received = []
        action = QAction(stage.canvas)
        action.setShortcut("Del")
        action.triggered.connect(lambda: received.append("Del"))
        stage.canvas.addAction(action)
        stage.mouse.move(360, 100)
        stage.mouse.key(Qt.Key.Key_Delete)
        assert editor.texts == ["Delete vertex", "Delete annotation"]  # a triangle has no inside without one
        stage.mouse.move(5, 5)
        stage.mouse.key(Qt.Key.Key_Delete)
        assert received == ["Del"]

    def test_a_double_click_requests_that_the_mask_is_edited(
        self, stage: Stage, select: SelectTool, editor: Editor
    ) -> None:
        opened = recorded(select.reopen_requested)
        stage.mouse.double_click(125, 125)
        assert opened == ["small"]
        stage.mouse.double_click(125, 125)  # it was selected before: still it, not the one below
        assert opened == ["small", "small"]

    def test_a_rubber_band_selects_the_annotations_in_it(self, stage: Stage, editor: Editor) -> None:
        stage.mouse.drag((290, 80), (390, 200))
        assert stage.canvas.selection == {"right"}
        stage.mouse.drag((10, 10), (390, 290), modifiers=SHIFT)
        assert stage.canvas.selection == {"big", "small", "right"}

    def test_hidden_annotations_cannot_be_selected(self, stage: Stage, editor: Editor) -> None:
        stage.canvas.set_hidden({"small"})
        stage.mouse.click(125, 125)
        assert stage.canvas.selection == {"big"}
        stage.canvas.set_annotations_visible(False)
        stage.mouse.click(330, 130)
        assert stage.canvas.selection == set()

    def test_the_context_menu_is_requested_for_the_annotation_under_the_cursor(
        self, stage: Stage, editor: Editor
    ) -> None:
        asked = recorded(stage.canvas.context_menu_requested)
        stage.mouse.click(330, 130, RIGHT_BUTTON)
        stage.mouse.click(5, 5, RIGHT_BUTTON)
        assert [target for target, _ in asked] == ["right", None]


class TestDrawing:
    def test_a_polygon_is_closed_at_its_first_vertex(self, stage: Stage) -> None:
        tool = PolygonTool(stage.canvas)
        stage.canvas.set_tool(tool)
        drawn = recorded(tool.region_drawn)
        for x, y in ((50, 50), (150, 50), (150, 150), (52, 51)):
            stage.mouse.click(x, y)
        assert [r.area for r in drawn] == [5000]
        assert tool.is_idle

    @pytest.mark.parametrize("how", ["double", "enter"])
    def test_a_polygon_is_closed_by_a_double_click_or_enter(self, stage: Stage, how: str) -> None:
        tool = PolygonTool(stage.canvas)
        stage.canvas.set_tool(tool)
        drawn = recorded(tool.region_drawn)
        for x, y in ((50, 50), (150, 50), (150, 150)):
            stage.mouse.click(x, y)
        if how == "double":
            stage.mouse.double_click(50, 150)
            assert [r.area for r in drawn] == [10000]
        else:
            stage.mouse.key(Qt.Key.Key_Return)
            assert [r.area for r in drawn] == [5000]

    def test_vertices_are_removed_one_by_one_or_all(self, stage: Stage) -> None:
        tool = PolygonTool(stage.canvas)
        stage.canvas.set_tool(tool)
        for x, y in ((50, 50), (150, 50), (150, 150)):
            stage.mouse.click(x, y)
        stage.mouse.key(Qt.Key.Key_Backspace)
        assert tool.vertices == ((50, 50), (150, 50))
        stage.mouse.key(Qt.Key.Key_Escape)
        assert tool.vertices == ()

    def test_a_bow_tie_becomes_valid_and_is_clipped_to_the_image(self, stage: Stage) -> None:
        tool = PolygonTool(stage.canvas)
        stage.canvas.set_tool(tool)
        drawn = recorded(tool.region_drawn)
        for x, y in ((300, 50), (450, 150), (450, 50), (300, 150)):
            stage.mouse.click(x, y)
        stage.mouse.key(Qt.Key.Key_Return)
        assert drawn[0].is_valid
        assert len(drawn[0].geoms) == 2
        assert drawn[0].bounds[2] <= 400

    def test_a_rectangle(self, stage: Stage) -> None:
        tool = RectangleTool(stage.canvas)
        stage.canvas.set_tool(tool)
        drawn = recorded(tool.region_drawn)
        stage.mouse.click(20, 20)
        assert drawn == []
        stage.mouse.drag((150, 120), (50, 40))
        assert iou(drawn[0], from_box(50, 40, 150, 120)) == pytest.approx(1.0)
        stage.mouse.press(150, 120)
        stage.mouse.move(200, 200)
        stage.mouse.key(Qt.Key.Key_Escape)
        stage.mouse.release(200, 200)
        assert len(drawn) == 1
