"""Correcting by hand, without any model: as few gestures as in the best of other tools, one undo step each"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from samdesk.domain.annotation import Annotation
from samdesk.domain.geometry.regions import contains
from tests.helpers.desk import CONTROL, SHIFT, User, lines
from tests.helpers.gestures import Gestures, one_step

K = Qt.Key
ALT = Qt.KeyboardModifier.AltModifier
Correction = Callable[[Gestures], None]


def cut_a_leak_off(gestures: Gestures) -> None:
    """The right third is the leak."""
    gestures.click(100, 100)
    gestures.key(K.Key_B, SHIFT)
    gestures.drag((190, 40), (190, 120), (200, 170), modifiers=CONTROL)


def cut_a_leak_off_by_lasso(gestures: Gestures) -> None:
    gestures.click(100, 100)
    gestures.key(K.Key_P, SHIFT)
    gestures.drag((170, 40), (230, 40), (230, 180), (170, 180), (170, 50), modifiers=ALT)


def add_a_part(gestures: Gestures) -> None:
    gestures.click(100, 100)
    gestures.key(K.Key_B, SHIFT)
    gestures.drag((240, 100), (280, 100))


def add_a_part_by_polygon_freehand(gestures: Gestures) -> None:
    gestures.click(100, 100)
    gestures.key(K.Key_P)
    gestures.drag((230, 80), (290, 80), (290, 130), (230, 130), (230, 82), modifiers=SHIFT)


def split(gestures: Gestures) -> None:
    gestures.click(100, 100)
    gestures.key(K.Key_C)
    gestures.drag((130, 30), (130, 100), (135, 190))


def open_a_hole(gestures: Gestures) -> None:
    gestures.click(100, 100)
    gestures.key(K.Key_B, SHIFT)
    gestures.click(130, 120, modifiers=CONTROL)


CORRECTIONS: dict[Correction, Callable[[tuple[Annotation, ...]], bool]] = {
    cut_a_leak_off: lambda after: not contains(after[0].region, 190, 100) and len(after) == 1,
    cut_a_leak_off_by_lasso: lambda after: after[0].region.bounds[2] <= 171,
    add_a_part: lambda after: contains(after[0].region, 285, 100) and len(after[0].region.geoms) == 2,
    add_a_part_by_polygon_freehand: lambda after: contains(after[0].region, 260, 100),
    split: lambda after: len(after) == 2 and not contains(after[0].region, 100, 100),
    open_a_hole: lambda after: len(after[0].region.geoms[0].interiors) == 1,
}


@pytest.mark.parametrize("correct", CORRECTIONS, ids=lambda correct: correct.__name__)
def test_three_gestures_and_one_undo_step(user: User, folder: Path, correct: Correction) -> None:
    user.key(K.Key_R)
    user.mouse.drag((60, 60), (210, 160))
    user.key(K.Key_V)
    user.mouse.click(10, 10)
    user.desk.flows.tools.toolbox.tool("brush").set_size(40)  # type: ignore[attr-defined]
    gestures = Gestures(user)
    with one_step(user):
        correct(gestures)
        assert CORRECTIONS[correct](user.annotations)
    assert gestures.count == 3
    assert len(lines(folder / "0.png").lines) == len(user.annotations)


def test_a_new_annotation_by_brush_then_more_of_it_then_the_next(user: User) -> None:
    user.add_labels("cat", "dog")
    user.key(K.Key_1)
    user.key(K.Key_B)
    user.mouse.drag((60, 60), (100, 60))
    user.mouse.drag((100, 60), (100, 120))
    user.key(K.Key_Return)
    user.key(K.Key_2)
    user.mouse.drag((200, 60), (240, 60))
    assert user.names == ["cat", "dog"], "two strokes are one annotation until Enter"
    user.key(K.Key_N)
    assert user.desk.flows.tools.tool_id == "brush", "N walks them without leaving the brush"


def test_the_brush_goes_on_with_the_mask_that_is_shown(user: User) -> None:
    user.click(100, 120)
    user.key(K.Key_B)
    (masked,) = user.annotations
    user.mouse.drag((100, 120), (180, 120))
    (painted,) = user.annotations
    assert painted.id == masked.id
    assert contains(painted.region, 175, 120)
    user.key(K.Key_Z, CONTROL)
    assert user.annotations == (masked,), "the mask is a step of its own"


def test_the_brush_keeps_its_size_and_shows_it(user: User) -> None:
    user.key(K.Key_BracketRight)
    brush = user.desk.flows.tools.toolbox.tool("brush")
    assert brush.size == 32, "the keys work in the brush only"  # type: ignore[attr-defined]
    user.key(K.Key_B)
    user.key(K.Key_BracketRight)
    bar = next(child for child in user.canvas.children() if child.objectName() == "brush_bar")
    assert bar.value.text() == "37 px"  # type: ignore[attr-defined]
    assert bar.isVisible()  # type: ignore[attr-defined]
    user.key(K.Key_BracketLeft)
    assert bar.value.text() == "32 px"  # type: ignore[attr-defined]
    user.key(K.Key_V)
    assert not bar.isVisible()  # type: ignore[attr-defined]


def test_what_changes_nothing_is_said_in_the_message_bar(user: User) -> None:
    user.key(K.Key_C)
    user.mouse.drag((20, 20), (60, 60))
    user.until(lambda: "Nothing was cut" in user.message_text)
    assert user.annotations == ()
