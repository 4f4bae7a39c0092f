"""What the monkey does to find, review and correct: each function is one event, sent as Qt's own."""

from __future__ import annotations

import random

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from tests.e2e.monkey.outside import SIZE
from tests.e2e.monkey.window import Window

K = Qt.Key
NONE, CONTROL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
SHIFT, ALT = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier
LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
Key = tuple[Qt.Key, Qt.KeyboardModifier]

SEARCHES = (
    "class:cat", "class:dog", "state:pending", "state:rejected", "state:accepted,corrected", "is:flagged",
    "score:<0.7", "mask:>0.5", "area:<400", "count:>1", "is:touching-border", "name:new", "name:1",
    "source:auto", "run:last", "image:done", "-class:cat", "doubt:>0.3", "note:odd", "nonsense:", "clas:cat",
    '"', "",
)  # fmt: skip
NOTES = ("", "odd", "50%", "Ärger")
NUDGES: tuple[Key, ...] = tuple(
    (key, modifiers) for key in (K.Key_Left, K.Key_Right, K.Key_Up, K.Key_Down) for modifiers in (NONE, SHIFT)
)
SHAPING: tuple[Key, ...] = (
    (K.Key_M, NONE), (K.Key_M, SHIFT), (K.Key_M, CONTROL | SHIFT), (K.Key_O, NONE), (K.Key_Plus, NONE),
    (K.Key_Minus, NONE), (K.Key_Minus, NONE),
)  # fmt: skip
DECIDING: tuple[Key, ...] = ((K.Key_X, NONE), (K.Key_E, SHIFT), (K.Key_F, CONTROL | SHIFT))
ARRANGING: tuple[Key, ...] = (
    (K.Key_K, CONTROL | SHIFT), (K.Key_O, SHIFT), (K.Key_BracketRight, CONTROL), (K.Key_BracketLeft, CONTROL),
    (K.Key_BraceRight, CONTROL | SHIFT), (K.Key_BraceLeft, CONTROL | SHIFT),
)  # fmt: skip
CLIPBOARD: tuple[Key, ...] = (
    (K.Key_X, CONTROL), (K.Key_C, CONTROL), (K.Key_V, CONTROL), (K.Key_V, CONTROL | SHIFT),
    (K.Key_V, CONTROL),
)  # fmt: skip
SNAPPING: tuple[Key, ...] = (
    (K.Key_T, NONE), (K.Key_V, CONTROL | ALT), (K.Key_D, ALT | SHIFT), (K.Key_D, CONTROL | SHIFT),
)  # fmt: skip
SEEING: tuple[Key, ...] = (
    (K.Key_U, NONE), (K.Key_I, NONE), (K.Key_T, SHIFT), (K.Key_F12, NONE), (K.Key_B, CONTROL | SHIFT),
    (K.Key_X, SHIFT), (K.Key_X, CONTROL | SHIFT), (K.Key_F, CONTROL | ALT), (K.Key_F11, NONE),
    (K.Key_BracketLeft, NONE), (K.Key_BracketRight, NONE), (K.Key_F3, NONE), (K.Key_F3, SHIFT),
    (K.Key_H, CONTROL | SHIFT),
)  # fmt: skip
REVIEWING: tuple[Key, ...] = (
    (K.Key_E, NONE), (K.Key_Space, NONE), (K.Key_X, NONE), (K.Key_N, NONE), (K.Key_Backspace, NONE),
    (K.Key_D, NONE), (K.Key_1, NONE), (K.Key_2, NONE), (K.Key_3, NONE), (K.Key_T, NONE), (K.Key_Z, CONTROL),
    (K.Key_Z, CONTROL | SHIFT), (K.Key_Delete, NONE), (K.Key_Escape, NONE), (K.Key_Return, CONTROL),
    (K.Key_R, SHIFT), (K.Key_Plus, NONE), (K.Key_U, NONE),
)  # fmt: skip
SHEET: tuple[Key, ...] = (
    (K.Key_E, NONE), (K.Key_X, NONE), (K.Key_F, NONE), (K.Key_1, NONE), (K.Key_2, NONE), (K.Key_A, CONTROL),
    (K.Key_Right, NONE), (K.Key_Down, SHIFT), (K.Key_End, NONE), (K.Key_L, NONE), (K.Key_Z, CONTROL),
    (K.Key_Z, CONTROL | SHIFT), (K.Key_Return, NONE), (K.Key_Escape, NONE), (K.Key_Delete, NONE),
    (K.Key_K, NONE), (K.Key_G, NONE), (K.Key_R, CONTROL),
)  # fmt: skip


def point(rng: random.Random) -> tuple[float, float]:
    """A point of the image, at times just outside it."""
    return round(rng.uniform(-4, SIZE[0] + 4), 1), round(rng.uniform(-4, SIZE[1] + 4), 1)


def press(window: Window, key: Qt.Key, modifiers: Qt.KeyboardModifier = NONE) -> str:
    """Presses a key on the canvas, or on the contact sheet if that covers it."""
    target: QWidget = window.desk.view.sheet.grid if window.desk.flows.sheet.is_open else window.canvas
    target.setFocus()
    QTest.keyClick(target, key, modifiers)
    return f"key {modifiers.name or ''} {key.name}"


def keys(window: Window, rng: random.Random, row: tuple[Key, ...], most: int = 1) -> str:
    """Presses some of these keys."""
    return ", ".join(press(window, *rng.choice(row)) for _ in range(rng.randint(1, most)))


def select(window: Window, rng: random.Random) -> str:
    """Selects one annotation, several, or all."""
    document = window.document
    press(window, K.Key_V)
    if document is None or not document.annotations or rng.random() < 0.3:
        return "select: " + press(window, K.Key_A, CONTROL)
    chosen = rng.sample(document.annotations, min(len(document.annotations), rng.randint(1, 3)))
    for i, annotation in enumerate(chosen):
        inside = annotation.region.representative_point()
        window.mouse.click(inside.x, inside.y, LEFT, SHIFT if i else NONE)
    return f"select {len(chosen)}"


def stroke(window: Window, rng: random.Random, modifiers: Qt.KeyboardModifier = NONE) -> str:
    """Presses, drags along some points, and releases, or takes it back with Esc."""
    button = RIGHT if rng.random() < 0.1 else LEFT
    points = [point(rng) for _ in range(rng.randint(1, 6))]
    window.mouse.move(*points[0], modifiers)
    window.mouse.press(*points[0], button, modifiers)
    for x, y in points[1:]:
        window.mouse.move(x, y, modifiers)
    escaped = rng.random() < 0.1
    if escaped:
        press(window, K.Key_Escape)
    window.mouse.release(*points[-1], button, modifiers)
    return f"stroke {button.name} {modifiers.name or ''} {points}{' Esc' if escaped else ''}"


def by_tool(window: Window, rng: random.Random) -> str:
    """Brush, lasso or cut, with or without a modifier."""
    start = select(window, rng) + ": " if rng.random() < 0.6 else ""
    key = rng.choice(((K.Key_B, NONE), (K.Key_B, SHIFT), (K.Key_P, SHIFT), (K.Key_C, NONE)))
    text = start + press(window, *key)
    for _ in range(rng.randint(1, 2)):
        text += ": " + stroke(window, rng, rng.choice((NONE, NONE, NONE, CONTROL, SHIFT)))
    return text


def by_polygon(window: Window, rng: random.Random) -> str:
    """Adds a polygon to the selection, or takes one away."""
    text = select(window, rng) + ": " + press(window, K.Key_P)
    modifiers = rng.choice((SHIFT, CONTROL))
    corners = [point(rng) for _ in range(rng.randint(2, 5))]
    for corner in corners:
        window.mouse.click(*corner, LEFT, modifiers)
    end = press(window, rng.choice((K.Key_Return, K.Key_Escape)), rng.choice((NONE, NONE, modifiers)))
    return f"{text} {modifiers.name} {corners} {end}"


def by_vertices(window: Window, rng: random.Random) -> str:
    """Drags with a modifier: vertices by rubber band, soft, snapping, or a new stretch of outline."""
    return select(window, rng) + ": " + stroke(window, rng, rng.choice((CONTROL, SHIFT, ALT)))


def scribble(window: Window, rng: random.Random) -> str:
    """A stroke as prompts."""
    return press(window, K.Key_S) + ": " + stroke(window, rng, CONTROL)


def shape(window: Window, rng: random.Random) -> str:
    return select(window, rng) + ": " + keys(window, rng, SHAPING, 3)


def nudge(window: Window, rng: random.Random) -> str:
    return select(window, rng) + ": " + keys(window, rng, NUDGES, 6)


def decide(window: Window, rng: random.Random) -> str:
    return select(window, rng) + ": " + keys(window, rng, DECIDING, 2)


def arrange(window: Window, rng: random.Random) -> str:
    return select(window, rng) + ": " + keys(window, rng, ARRANGING, 2)


def clipboard(window: Window, rng: random.Random) -> str:
    return select(window, rng) + ": " + keys(window, rng, CLIPBOARD, 2)


def snap(window: Window, rng: random.Random) -> str:
    return select(window, rng) + ": " + keys(window, rng, SNAPPING)


def see(window: Window, rng: random.Random) -> str:
    return keys(window, rng, SEEING)


def adjust(window: Window, rng: random.Random) -> str:
    """Smooths or simplifies with the bar."""
    text = select(window, rng) + ": " + press(window, K.Key_S, CONTROL | ALT)
    row: tuple[Key, ...] = (
        (K.Key_Right, NONE),
        (K.Key_Left, NONE),
        *((K(K.Key_1 + i), NONE) for i in range(5)),
    )
    text += ": " + keys(window, rng, row, 5)
    end: tuple[Key, ...] = ((K.Key_Return, NONE), (K.Key_Return, NONE), (K.Key_Escape, NONE), (K.Key_D, NONE))
    return f"{text}: {keys(window, rng, end)}"


def done_or_not(window: Window, rng: random.Random) -> str:
    return press(window, K.Key_Return, rng.choice((CONTROL, CONTROL | SHIFT)))


def type_into(field: QWidget, text: str, rng: random.Random) -> None:
    """Types, and leaves by Enter or Esc, or goes elsewhere."""
    QTest.keyClicks(field, text)
    if rng.random() < 0.2:
        QTest.keyClick(field, K.Key_Down)
    end = rng.choice((K.Key_Return, K.Key_Return, K.Key_Return, K.Key_Escape, None))
    if end is not None:
        QTest.keyClick(field, end)


def search(window: Window, rng: random.Random) -> str:
    """Types a search, or clears it."""
    press(window, K.Key_F, CONTROL)
    field = window.desk.view.search.field
    text = " ".join(rng.sample(SEARCHES, rng.randint(1, 2))) if rng.random() < 0.6 else ""
    field.selectAll()
    QTest.keyClick(field, K.Key_Delete)
    type_into(field, text, rng)
    if rng.random() < 0.3:
        field.clear()
        QTest.keyClick(field, K.Key_Return)
    return f"search {text!r}"


def palette(window: Window, rng: random.Random) -> str:
    """Gives the selection a label by the palette."""
    if rng.random() < 0.5:
        select(window, rng)
    press(window, K.Key_K)
    popup = QApplication.activePopupWidget()
    if popup is None:
        return "no palette"
    text = rng.choice(("ca", "d", "zebra", "", "Ä"))
    type_into(popup.findChild(QLineEdit) or popup, text, rng)
    return f"palette {text!r}"


def review(window: Window, rng: random.Random) -> str:
    """Starts the review, and decides about some."""
    text = "" if window.desk.flows.review.active else press(window, K.Key_R, CONTROL) + ": "
    for _ in range(rng.randint(1, 5)):
        window.process()
        text += keys(window, rng, REVIEWING) + ", "
    return "review " + text


def flag_in_review(window: Window, rng: random.Random) -> str:
    """Flags with a note."""
    if not window.desk.flows.review.active:
        press(window, K.Key_R, CONTROL)
        window.process()
    press(window, K.Key_F)
    field = window.app.focusWidget()
    note = rng.choice(NOTES)
    if isinstance(field, QLineEdit):
        type_into(field, note, rng)
    return f"flag in review {note!r}"


def sheet(window: Window, rng: random.Random) -> str:
    """Opens the contact sheet, selects some and decides about them."""
    text = "" if window.desk.flows.sheet.is_open else press(window, K.Key_G) + ": "
    for _ in range(rng.randint(1, 4)):
        window.process()
        if not window.desk.flows.sheet.is_open:
            break
        text += (on_sheet(window, rng) if rng.random() < 0.4 else keys(window, rng, SHEET)) + ", "
    if window.desk.flows.sheet.is_open and rng.random() < 0.5:
        text += press(window, K.Key_G)
    return "sheet " + text


def on_sheet(window: Window, rng: random.Random) -> str:
    """Clicks a cell of the contact sheet, drags over some, or turns the wheel."""
    grid = window.desk.view.sheet.grid
    view, rows = grid.viewport(), grid.model().rowCount()
    if not rows:
        return "empty sheet"
    places = [grid.visualRect(grid.model().index(rng.randrange(rows), 0)).center() for _ in range(2)]
    places = [place for place in places if QRect(QPoint(), view.size()).contains(place)] or [QPoint(5, 5)]
    modifiers = rng.choice((NONE, CONTROL, SHIFT))
    if rng.random() < 0.2:
        QTest.mouseDClick(view, LEFT, NONE, places[0])
    elif rng.random() < 0.3:
        QTest.mousePress(view, LEFT, modifiers, places[0] + QPoint(1, 1))
        QTest.mouseMove(view, places[-1] + QPoint(30, 30))
        QTest.mouseRelease(view, LEFT, modifiers, places[-1] + QPoint(30, 30))
    else:
        QTest.mouseClick(view, LEFT, modifiers, places[0])
    return f"on sheet {modifiers.name or ''} {[place.toTuple() for place in places]}"


def statistics(window: Window, rng: random.Random) -> str:
    """Opens the statistics, at times takes a search from them, and closes them."""
    press(window, K.Key_I, CONTROL | SHIFT)
    shown = window.desk.flows.statistics.window
    window.process()
    if rng.random() < 0.5:
        shown.search_requested.emit(rng.choice(SEARCHES[:5]))
    shown.close()
    window.window.activateWindow()
    return "statistics"
