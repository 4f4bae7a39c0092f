"""The brush, by real mouse, key and pen events."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QColor, QPointingDevice, QTabletEvent
from PySide6.QtWidgets import QApplication

from samdesk.domain.annotation import Annotation
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region
from samdesk.ui.canvas.tools.brush import BrushTool
from samdesk.ui.canvas.tools.combine import OUTSIDE
from tests.ui.canvas.conftest import BIG, RIGHT, RING, SMALL, Editor, Stage

ALT, SHIFT = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ShiftModifier
CONTROL, NONE = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.NoModifier
RIGHT_BUTTON = Qt.MouseButton.RightButton


@pytest.fixture
def brush(stage: Stage) -> BrushTool:
    tool = BrushTool(stage.canvas)
    tool.set_size(20)
    stage.canvas.set_tool(tool)
    return tool


@pytest.fixture
def editor(stage: Stage, brush: BrushTool) -> Editor:
    stage.show([BIG, SMALL, RIGHT])
    return Editor(stage, brush)


def select(stage: Stage, *annotations: Annotation) -> None:
    stage.canvas.set_selection({a.id for a in annotations})


def test_a_stroke_paints_on_the_selected_annotation_in_one_edit(stage: Stage, editor: Editor) -> None:
    select(stage, RIGHT)
    stage.mouse.drag((350, 130), (390, 130))
    assert editor.texts == ["Paint annotation"]
    assert regions.contains(editor.region("right"), 395, 130), "the end is round"
    assert editor.region("right").area == pytest.approx(60 * 60 + 30 * 20 + 157, rel=0.01)


@pytest.mark.parametrize(
    ("modifiers", "button"),
    [(ALT, Qt.MouseButton.LeftButton), (CONTROL, Qt.MouseButton.LeftButton), (NONE, RIGHT_BUTTON)],
)
def test_alt_ctrl_and_the_right_button_erase(
    stage: Stage, editor: Editor, modifiers: Qt.KeyboardModifier, button: Qt.MouseButton
) -> None:
    select(stage, RIGHT)
    stage.mouse.drag((330, 90), (330, 170), modifiers=modifiers, button=button)
    assert editor.texts == ["Erase from annotation"]
    assert len(editor.region("right").geoms) == 2, "it is in two parts, and one annotation"
    assert editor.region("right").area == pytest.approx(60 * 40, rel=0.01)


def test_a_dab_opens_a_hole_and_painting_over_it_fills_it(stage: Stage, editor: Editor) -> None:
    select(stage, BIG)
    stage.mouse.click(200, 200, modifiers=ALT)
    assert len(editor.region("big").geoms[0].interiors) == 1
    stage.mouse.drag((190, 200), (210, 200))
    assert editor.region("big").equals(BIG.region)


def test_a_hole_elsewhere_stays(stage: Stage, brush: BrushTool) -> None:
    stage.show([RING])
    editor = Editor(stage, brush)
    select(stage, RING)
    stage.mouse.drag((240, 60), (270, 60))
    assert len(editor.region("ring").geoms[0].interiors) == 1


def test_with_nothing_selected_a_stroke_is_a_new_annotation(stage: Stage, editor: Editor) -> None:
    stage.mouse.drag((280, 20), (320, 20))
    assert editor.texts == []
    (drawn,) = editor.drawn
    assert drawn.area == pytest.approx(40 * 20 + 314, rel=0.02)


def test_erasing_with_nothing_selected_is_about_the_annotation_it_begins_on(
    stage: Stage, editor: Editor
) -> None:
    stage.mouse.drag((120, 120), (170, 120), modifiers=ALT)
    assert editor.texts == ["Erase from annotation"]
    assert editor.region("small").area < SMALL.region.area
    assert editor.region("big").equals(BIG.region)


def test_erasing_from_several_at_once_leaves_the_others(stage: Stage, editor: Editor) -> None:
    select(stage, BIG, RIGHT)
    stage.mouse.drag((230, 120), (320, 120), modifiers=ALT)
    assert editor.texts == ["Erase from 2 annotations"]
    assert editor.region("small").equals(SMALL.region)


def test_erasing_all_of_it_deletes_the_annotation_and_says_so(
    stage: Stage, editor: Editor, brush: BrushTool
) -> None:
    select(stage, SMALL)
    brush.set_size(200)
    stage.mouse.click(125, 125, modifiers=ALT)
    assert editor.texts == ["Delete annotation"]
    assert [a.id for a in editor.annotations] == ["big", "right"]
    assert editor.notices == ["Nothing is left of the annotation: deleted. Undo brings it back."]


def test_a_stroke_that_changes_nothing_says_why(stage: Stage, editor: Editor) -> None:
    stage.mouse.drag((-60, -60), (-40, -60))
    select(stage, BIG)
    stage.mouse.drag((80, 80), (90, 90))
    stage.mouse.drag((280, 280), (290, 280), modifiers=ALT)
    select(stage)
    stage.mouse.drag((280, 280), (290, 280), modifiers=ALT)
    assert editor.notices[0] == OUTSIDE
    assert [text.split(":")[0] for text in editor.notices[1:3]] == ["Nothing changed"] * 2
    assert editor.notices[3] == "Select the annotation to take away from first, or begin on it."
    assert editor.texts == []
    assert editor.drawn == []


def test_escape_cancels_the_stroke_then_ends_the_selection(
    stage: Stage, editor: Editor, brush: BrushTool
) -> None:
    select(stage, BIG)
    stage.mouse.press(240, 240)
    stage.mouse.move(300, 280)
    assert brush.undo_name == "stroke"
    stage.mouse.key(Qt.Key.Key_Escape)
    stage.mouse.release(300, 280)
    assert editor.texts == []
    assert stage.canvas.selection == {BIG.id}
    stage.mouse.key(Qt.Key.Key_Return)
    assert not stage.canvas.selection


def test_another_edit_of_the_annotation_cancels_the_stroke(
    stage: Stage, editor: Editor, brush: BrushTool
) -> None:
    select(stage, BIG)
    stage.mouse.press(240, 240)
    stage.show([SMALL])
    assert brush.is_idle
    stage.mouse.release(240, 240)
    assert editor.texts == []


def test_the_size_follows_keys_and_the_wheel_within_bounds(stage: Stage, brush: BrushTool) -> None:
    zoom = stage.canvas.zoom
    stage.mouse.wheel(100, 100, 1, SHIFT)
    assert (brush.size, stage.canvas.zoom) == (23, zoom)
    stage.mouse.wheel(100, 100, 1)
    assert brush.size == 23
    assert stage.canvas.zoom > zoom
    brush.set_size(1)
    brush.step_size(-1)
    assert brush.size == 1
    brush.step_size(1)
    assert brush.size == 2, "a pixel at least"
    brush.set_size(1e9)
    assert brush.size == 2000


def test_the_stroke_shows_live_what_it_will_make(stage: Stage, editor: Editor) -> None:
    select(stage, RIGHT)
    bare, inside = stage.pixel(385, 130), stage.pixel(330, 130)
    stage.mouse.press(350, 130)
    stage.mouse.move(388, 130)
    assert near(stage.pixel(375, 130), inside)
    assert near(stage.pixel(330, 130), inside)
    stage.mouse.release(388, 130)
    assert near(stage.pixel(375, 130), inside)
    stage.mouse.press(385, 130, modifiers=ALT)
    stage.mouse.move(360, 130, ALT)
    assert near(stage.pixel(378, 130), bare)
    stage.canvas.zoom_at(1.5, stage.canvas.to_widget(378, 130))  # in mid-stroke: painted again as it was
    assert near(stage.pixel(378, 130), bare)
    stage.mouse.release(360, 130, modifiers=ALT)
    assert near(stage.pixel(378, 130), bare)


def test_the_stroke_does_not_flicker_until_the_canvas_is_painted(stage: Stage, editor: Editor) -> None:
    select(stage, RIGHT)
    inside = stage.pixel(330, 130)
    stage.mouse.drag((350, 130), (388, 130))
    assert stage.canvas.shapes_pending
    place = stage.canvas.to_widget(375, 130)
    assert near(stage.canvas.grab().toImage().pixelColor(int(place.x()), int(place.y())), inside)


def test_the_cursor_is_a_ring_as_large_as_the_brush(stage: Stage, editor: Editor) -> None:
    grey = stage.pixel(300, 50)
    stage.mouse.move(300, 60)
    assert stage.pixel(300, 60) == grey
    assert stage.pixel(300, 50).lightness() > 200
    stage.canvas.leaveEvent(QEvent(QEvent.Type.Leave))
    assert stage.pixel(300, 50) == grey


def test_a_pen_paints_by_its_pressure_and_erases_with_its_other_end(stage: Stage, editor: Editor) -> None:
    pen(stage, [(280, 30, 0.5), (340, 30, 0.5)])
    light = editor.drawn[-1]
    pen(stage, [(280, 30, 1.0), (340, 30, 1.0)])
    assert height(light) == pytest.approx(10, abs=0.5)
    assert height(editor.drawn[-1]) == pytest.approx(20, abs=0.5)
    select(stage, RIGHT)
    pen(stage, [(330, 90, 1.0), (330, 170, 1.0)], eraser=True)
    assert editor.texts == ["Erase from annotation"]


def near(one: QColor, other: QColor) -> bool:
    return all(abs(a - b) <= 6 for a, b in zip(one.getRgb(), other.getRgb(), strict=True))


def height(region: Region) -> float:
    return float(region.bounds[3] - region.bounds[1])


def pen(stage: Stage, path: list[tuple[float, float, float]], *, eraser: bool = False) -> None:
    """Sends a stroke of a pen: x, y in image pixels, and its pressure."""
    kind = QPointingDevice.PointerType.Eraser if eraser else QPointingDevice.PointerType.Pen
    device = QPointingDevice(
        "pen", 1, QPointingDevice.DeviceType.Stylus, kind, QPointingDevice.Capability.Pressure, 1, 1
    )
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    steps = [
        (QEvent.Type.TabletPress, path[0], left, left),
        *((QEvent.Type.TabletMove, point, none, left) for point in path),
        (QEvent.Type.TabletRelease, path[-1], left, none),
    ]
    for event_type, (x, y, pressure), button, buttons in steps:
        place: QPointF = stage.canvas.to_widget(x, y)
        there = stage.canvas.mapToGlobal(place)
        event = QTabletEvent(event_type, device, place, there, pressure, 0, 0, 0, 0, 0, NONE, button, buttons)
        QApplication.sendEvent(stage.canvas, event)
