"""The contact sheet in the real window: crops of what is found, and decisions about many at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtTest import QTest

from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, AnnotationId, RunId, Source
from samdesk.domain.edits import Transaction
from samdesk.domain.geometry.regions import from_box
from samdesk.domain.review import AnnotationReview
from samdesk.ui.sheet.controller import SheetController
from samdesk.ui.sheet.grid import SheetGrid
from samdesk.ui.sheet.model import Cell
from tests.helpers.desk import CONTROL, SHIFT, User, lines

K = Qt.Key
NONE = Qt.KeyboardModifier.NoModifier
SCORES = {"0.png": (0.9, 0.5), "1.png": (0.3, 0.8, 0.6)}
"""Detector scores by image; the most doubtful first: 1a 0b 1c 1b 0a."""


@pytest.fixture
def found(user: User) -> User:
    """Five proposals of a run on two of three images, and the labels cat and dog."""
    user.add_labels("cat", "dog")
    label = user.desk.session.model.labels.labels[0].id
    for key, scores in SCORES.items():
        user.go(key)
        made = [
            Annotation(
                AnnotationId(f"{key[0]}{letter}"), label, from_box(20 + 90 * n, 20, 80 + 90 * n, 70),
                Source.YOLO_SAM, review=AnnotationReview.PENDING, detector_score=score, mask_score=0.9,
                run_id=RunId("run"),
            )
            for n, (letter, score) in enumerate(zip("abc", scores, strict=False))
        ]  # fmt: skip
        applied = user.desk.session.model.apply(edits.add(made))
        do = Transaction("Auto-annotate", ((user.document.key, applied.edit),))
        back = Transaction(do.text, ((user.document.key, applied.back),))
        user.desk.session.history.commit(do, back, applied)
    user.until_saved()
    return user


def sheet(user: User) -> SheetController:
    return user.desk.flows.sheet


def grid(user: User) -> SheetGrid:
    return sheet(user).panel.grid


def shown(user: User) -> str:
    return " ".join(f.id for f in sheet(user).panel.model.found)


def states(user: User) -> str:
    return " ".join(f"{f.id}:{f.review.value}" for f in sheet(user).panel.model.found)


def has_crops(user: User) -> bool:
    model = sheet(user).panel.model
    return all(model.cell(row).pixmap is not None for row in range(model.rowCount()))


def open_sheet(user: User, rows: int = 5) -> None:
    user.key(K.Key_G)
    user.until(lambda: sheet(user).panel.model.rowCount() == rows and has_crops(user))


def click(user: User, row: int, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    place = grid(user).visualRect(sheet(user).panel.model.index(row, 0)).center()
    QTest.mouseClick(grid(user).viewport(), Qt.MouseButton.LeftButton, modifiers, place)


def press(user: User, key: Qt.Key) -> None:
    QTest.keyClick(grid(user), key)
    user.until_saved()


def chosen(user: User) -> str:
    return " ".join(f.id for f in sheet(user).selected)


def test_many_are_rejected_by_one_key_as_one_step(found: User, folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.rglob("*.txt")}
    open_sheet(found)
    assert shown(found) == "1a 0b 1c 1b 0a"
    assert not found.desk.view.canvas.isVisible()
    click(found, 0)
    click(found, 2, SHIFT)
    assert chosen(found) == "1a 0b 1c"
    press(found, K.Key_X)
    assert found.desk.session.history.texts[-1] == "Reject 3 annotations"
    assert states(found).split()[:3] == ["1a:rejected", "0b:rejected", "1c:rejected"]
    assert [len(lines(path).lines) for path in sorted(folder.rglob("[01].png"))] == [1, 1]
    assert chosen(found) == "1b"  # and so on
    found.key(K.Key_Z, CONTROL)
    found.until(lambda: "rejected" not in states(found))
    found.until_saved()
    assert {path.name: path.read_bytes() for path in folder.rglob("*.txt")} == before


def test_keys_accept_flag_and_relabel_the_selection(found: User) -> None:
    open_sheet(found)
    click(found, 0)
    press(found, K.Key_E)
    press(found, K.Key_F)
    press(found, K.Key_2)
    assert found.desk.session.history.texts[-3:] == (
        "Accept 1 annotation", "Flag 1 annotation", "Relabel 1 annotation to dog",
    )  # fmt: skip
    found.until(lambda: states(found).startswith("1a:accepted 0b:flagged 1c:corrected"))
    cells = [sheet(found).panel.model.cell(row) for row in range(5)]
    assert [cell.label for cell in cells] == ["cat", "cat", "dog", "cat", "cat"]


def test_a_frame_selects_what_it_touches(found: User) -> None:
    open_sheet(found)
    port = grid(found).viewport()
    first, last = (grid(found).visualRect(sheet(found).panel.model.index(row, 0)) for row in (1, 3))
    QTest.mousePress(port, Qt.MouseButton.LeftButton, pos=first.center())
    QTest.mouseMove(port, first.center() + QPoint(30, 5))
    QTest.mouseMove(port, last.center())
    QTest.mouseRelease(port, Qt.MouseButton.LeftButton, pos=last.center())
    assert chosen(found) == "0b 1c 1b"
    QTest.keyClick(grid(found), K.Key_Escape)
    assert chosen(found) == ""
    assert sheet(found).is_open
    QTest.keyClick(grid(found), K.Key_Escape)
    assert not sheet(found).is_open
    assert found.desk.view.canvas.hasFocus()


def test_every_row_can_be_scrolled_to(found: User) -> None:
    open_sheet(found)
    sheet(found).panel.slider.setValue(320)
    bar = grid(found).verticalScrollBar()
    found.until(lambda: bar.maximum() > 0)
    assert 4 not in grid(found).visible_rows()
    QTest.keyClick(grid(found), K.Key_End)
    assert chosen(found) == "0a"
    assert 4 in grid(found).visible_rows()
    assert grid(found).viewport().rect().contains(grid(found).visualRect(grid(found).currentIndex()))


def test_double_click_opens_the_annotation_in_its_image(found: User) -> None:
    found.go("2.png")
    open_sheet(found)
    place = grid(found).visualRect(sheet(found).panel.model.index(1, 0)).center()
    QTest.mouseDClick(grid(found).viewport(), Qt.MouseButton.LeftButton, pos=place)
    found.until(lambda: found.shown == "0.png")
    assert not sheet(found).is_open
    found.key(K.Key_G)
    assert shown(found) == "1a 0b 1c 1b 0a"  # as it was left


def test_the_image_is_found_as_it_was_left(found: User) -> None:
    canvas, bar = found.desk.view.canvas, found.window.status
    canvas.zoom_to_rect(QRectF(20, 20, 30, 30))
    view, hint = canvas.viewport, bar.hint.hint
    assert hint
    open_sheet(found)
    assert not bar.hint.hint, "the tool's hint is for the canvas"
    found.key(K.Key_G)
    QTest.qWait(1)  # for the layout
    assert canvas.viewport == view
    assert bar.hint.hint == hint


def test_like_beside_like_begins_with_the_selected(found: User) -> None:
    open_sheet(found)
    click(found, 3)
    QTest.keyClick(grid(found), K.Key_L)
    found.until(lambda: shown(found).startswith("1b"))
    assert sorted(shown(found).split()) == ["0a", "0b", "1a", "1b", "1c"]
    assert chosen(found) == "1b"
    assert sheet(found).panel.progress.isHidden()


def _is_settled(cell: Cell) -> bool:
    return cell.pixmap is not None or bool(cell.problem)


def test_a_broken_image_is_named_and_keeps_nothing_else(found: User, folder: Path) -> None:
    (path,) = folder.rglob("1.png")
    path.write_bytes(b"no image")
    found.key(K.Key_G)
    model = sheet(found).panel.model
    found.until(
        lambda: (
            model.rowCount() == 5 and all(not model.lacks_crop(r) and model.cell(r).outline for r in range(5))
        )
    )
    assert [bool(model.cell(row).problem) for row in range(5)] == [True, False, True, True, False]
    assert "1.png" in model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole)


def test_without_annotations_it_says_what_to_do(user: User) -> None:
    user.key(K.Key_G)
    user.until(lambda: "no annotations yet" in grid(user).hint)
    click(user, 0)
    QTest.keyClick(grid(user), K.Key_X)
    assert user.desk.session.history.texts == ()


def test_the_image_it_covers_is_not_changed_by_keys(found: User) -> None:
    found.go("0.png")
    found.desk.flows.tools.select(frozenset({found.annotations[0].id}))
    before = found.document
    open_sheet(found)
    unseen = (
        (K.Key_Plus, NONE), (K.Key_D, CONTROL), (K.Key_X, CONTROL), (K.Key_O, NONE), (K.Key_T, NONE),
        (K.Key_K, CONTROL | SHIFT), (K.Key_D, CONTROL | SHIFT), (K.Key_V, CONTROL), (K.Key_Right, SHIFT),
        (K.Key_Return, CONTROL),
    )  # fmt: skip
    for key, modifiers in unseen:
        QTest.keyClick(grid(found), key, modifiers)
    assert found.document == before
    assert not found.desk.session.run_text
    assert "contact sheet" in found.desk.view.actions.action("edit.duplicate").toolTip()
    found.key(K.Key_G)
    found.key(K.Key_D, CONTROL)
    assert len(found.annotations) == len(before.annotations) + 1


def test_it_ends_a_preview_and_a_preview_ends_it(found: User) -> None:
    found.go("0.png")
    found.desk.flows.tools.select(frozenset({found.annotations[0].id}))
    outline, before = found.desk.flows.outline, found.document
    found.key(K.Key_S, CONTROL | Qt.KeyboardModifier.AltModifier)
    assert outline.active
    open_sheet(found)
    assert not outline.active
    assert found.document == before
    outline.open()  # "Change area" in a message
    assert found.desk.view.canvas.isVisible()
    found.key(K.Key_Escape)
    assert not outline.active
