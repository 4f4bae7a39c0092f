"""What the monkey does at the window: each function is one event, sent as Qt's own."""

from __future__ import annotations

import random
from collections.abc import Callable

from PySide6.QtCore import QPoint
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton

from samdesk.batch.plan import AutoAnnotatePlan
from tests.e2e.monkey import correcting
from tests.e2e.monkey.correcting import ALT, CONTROL, LEFT, NONE, RIGHT, SHIFT, K, point, press
from tests.e2e.monkey.outside import change
from tests.e2e.monkey.window import Window

KEYS = (
    *((key, NONE) for key in (K.Key_V, K.Key_S, K.Key_P, K.Key_R, K.Key_Z, K.Key_Tab, K.Key_N, K.Key_F)),
    *((key, NONE) for key in (K.Key_E, K.Key_Return, K.Key_Escape, K.Key_Delete, K.Key_H, K.Key_L)),
    *((key, NONE) for key in (K.Key_D, K.Key_A, K.Key_Home, K.Key_End, K.Key_Space, K.Key_F9, K.Key_F5)),
    *((K(K.Key_1 + i), NONE) for i in range(4)),
    *((key, CONTROL) for key in (K.Key_A, K.Key_D, K.Key_Plus, K.Key_Minus, K.Key_0, K.Key_Return)),
    *((key, CONTROL) for key in (K.Key_S, K.Key_E, K.Key_Period)),
    *((key, SHIFT) for key in (K.Key_S, K.Key_E, K.Key_N, K.Key_L, K.Key_F)),
    *((key, ALT) for key in (K.Key_Up, K.Key_Down)),
    (K.Key_Return, CONTROL | SHIFT),
)  # fmt: skip


def random_key(window: Window, rng: random.Random) -> str:
    return press(window, *rng.choice(KEYS))


def undo(window: Window, rng: random.Random) -> str:
    return press(window, K.Key_Z, rng.choice((CONTROL, CONTROL, CONTROL | SHIFT)))


def page(window: Window, rng: random.Random) -> str:
    return press(window, rng.choice((K.Key_D, K.Key_D, K.Key_A)))


def accept(window: Window, rng: random.Random) -> str:
    return press(window, K.Key_Return, rng.choice((NONE, NONE, CONTROL)))


def click(window: Window, rng: random.Random) -> str:
    at, button = point(rng), rng.choice((LEFT, LEFT, LEFT, RIGHT))
    modifiers = rng.choice((NONE, NONE, NONE, SHIFT, CONTROL))
    window.mouse.click(*at, button, modifiers)
    return f"click {button.name} {modifiers.name or ''} {at}"


def double_click(window: Window, rng: random.Random) -> str:
    at = point(rng)
    window.mouse.double_click(*at)
    return f"double click {at}"


def drag(window: Window, rng: random.Random) -> str:
    start, end = point(rng), point(rng)
    window.mouse.drag(start, end, steps=rng.randrange(1, 6))
    return f"drag {start} {end}"


def move(window: Window, rng: random.Random) -> str:
    at = point(rng)
    window.mouse.move(*at)
    return f"move {at}"


def wheel(window: Window, rng: random.Random) -> str:
    at, notches = point(rng), rng.choice((-2, -1, 1, 2))
    window.mouse.wheel(*at, notches)
    return f"wheel {notches} {at}"


def rectangle(window: Window, rng: random.Random) -> str:
    press(window, K.Key_R)
    return "rectangle: " + drag(window, rng)


def polygon(window: Window, rng: random.Random) -> str:
    press(window, K.Key_P)
    corners = [point(rng) for _ in range(rng.randrange(3, 9))]
    for corner in corners:
        window.mouse.click(*corner)
    press(window, rng.choice((K.Key_Return, K.Key_Return, K.Key_Escape, K.Key_Z)))
    return f"polygon {corners}"


def segment(window: Window, rng: random.Random) -> str:
    press(window, K.Key_S)
    return "segment: " + rng.choice((click, drag))(window, rng)


def edit_vertices(window: Window, rng: random.Random) -> str:
    """Selects an annotation and drags, inserts or deletes one of its vertices."""
    document = window.document
    if document is None or not document.annotations:
        return "nothing to edit"
    annotation = rng.choice(document.annotations)
    press(window, K.Key_V)
    inside = annotation.region.representative_point()
    window.mouse.click(inside.x, inside.y)
    ring = rng.choice(annotation.region.geoms).exterior.coords
    vertex = rng.choice(ring)
    gesture = rng.choice(("drag", "drag", "double", "control", "menu"))
    if gesture == "drag":
        window.mouse.drag((vertex[0], vertex[1]), point(rng))
    elif gesture == "double":
        window.mouse.double_click(vertex[0], vertex[1])
    elif gesture == "control":
        window.mouse.click(vertex[0], vertex[1], LEFT, CONTROL)
    else:
        window.mouse.click(vertex[0], vertex[1], RIGHT)
    return f"vertex {gesture} {vertex} of {annotation.id}"


def add_label(window: Window, rng: random.Random) -> str:
    entry, name = (
        window.desk.view.labels.new_name,
        rng.choice(("cat", "dog", "Ärger", "a b", "bus", "x" * 30)),
    )
    entry.setFocus()
    entry.clear()
    QTest.keyClicks(entry, name)
    QTest.keyClick(entry, K.Key_Return)
    window.canvas.setFocus()
    return f"add label {name}"


def change_labels(window: Window, rng: random.Random) -> str:
    """Renames, recolours, moves or deletes a label, as the panel asks for it."""
    if not len(window.labels):
        return "no label"
    panel, label = window.desk.view.labels, rng.choice(window.labels.labels)
    what = rng.choice(("rename", "recolour", "move", "delete", "delete"))
    if what == "rename":
        panel.rename_requested.emit(label.id, f"name{rng.randrange(20)}")
    elif what == "recolour":
        panel.recolor_requested.emit(label.id)
    elif what == "move":
        panel.move_requested.emit(label.id, rng.randrange(len(window.labels)))
    else:
        panel.remove_requested.emit(label.id)
    return f"{what} label {label.name}"


def relabel(window: Window, rng: random.Random) -> str:
    press(window, K.Key_V)
    press(window, K.Key_A, CONTROL)
    return "relabel all: " + press(window, K(K.Key_1 + rng.randrange(4)))


def choose_image(window: Window, rng: random.Random) -> str:
    view, model = window.desk.view.images.view, window.desk.view.images.view.model()
    if not model.rowCount():
        return "no image to choose"
    row = rng.randrange(model.rowCount())
    view.scrollTo(model.index(row, 0))
    where = view.visualRect(model.index(row, 0)).center()
    QTest.mouseClick(view.viewport(), LEFT, NONE, QPoint(where))
    return f"choose image {row}"


def press_message_button(window: Window, rng: random.Random) -> str:
    buttons: list[QAbstractButton] = [b for row in window.window.message_bar.rows for b in row.buttons]
    buttons = [b for b in buttons if "Download" not in b.text() and b.isVisible()]
    if not buttons:
        return "no button"
    button = rng.choice(buttons)
    text = button.text()
    QTest.mouseClick(button, LEFT)
    return f"button {text}"


def run(window: Window, rng: random.Random) -> str:
    """Starts an auto-annotate run, which goes on while the monkey does."""
    window.desk.flows.batch.start(AutoAnnotatePlan(det_model="colour.pt", sam_model="inner.pt"))
    return "auto-annotate"


def ask_auto_annotate(window: Window, rng: random.Random) -> str:
    """Opens the dialog of auto-annotate and closes it."""
    text = press(window, K.Key_B, CONTROL)
    window.process()
    return text


def process(window: Window, rng: random.Random) -> str:
    window.process()
    return "wait"


EVENTS: dict[Callable[[Window, random.Random], str], float] = {
    random_key: 14, undo: 9, page: 8, accept: 8, click: 8, double_click: 3, drag: 4, move: 4, wheel: 3,
    rectangle: 7, polygon: 4, segment: 7, edit_vertices: 7, add_label: 3, change_labels: 4, relabel: 3,
    choose_image: 3, press_message_button: 3, run: 0.7, ask_auto_annotate: 0.7, process: 8,
    change: 4,
    correcting.by_tool: 7, correcting.by_polygon: 2, correcting.by_vertices: 2, correcting.scribble: 3,
    correcting.shape: 6, correcting.nudge: 3, correcting.decide: 6, correcting.arrange: 4,
    correcting.clipboard: 5, correcting.snap: 4, correcting.see: 5, correcting.adjust: 3,
    correcting.done_or_not: 2, correcting.search: 4, correcting.palette: 3, correcting.review: 7,
    correcting.flag_in_review: 2, correcting.sheet: 6, correcting.statistics: 0.7,
}  # fmt: skip
"""How often each event comes, relative to the others."""

DRAWING: dict[Callable[[Window, random.Random], str], float] = {
    rectangle: 6, polygon: 3, edit_vertices: 6, relabel: 2, move: 1, wheel: 1, process: 4, add_label: 1,
    correcting.by_tool: 4, correcting.by_polygon: 2, correcting.by_vertices: 2, correcting.shape: 4,
    correcting.nudge: 2, correcting.decide: 3, correcting.arrange: 2, correcting.clipboard: 3,
    correcting.adjust: 2,
}  # fmt: skip
"""Events whose result is on the screen at once: saving must not change it."""

ANYWHERE = frozenset(
    {
        random_key, undo, page, accept, add_label, change_labels, choose_image, press_message_button, run,
        ask_auto_annotate, process, change, correcting.see, correcting.done_or_not, correcting.search,
        correcting.review, correcting.sheet, correcting.statistics,
    }
)  # fmt: skip
"""Events that need no canvas: the contact sheet may cover it."""
