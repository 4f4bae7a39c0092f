"""Operations on the selection in a whole window: real events; the document, the store and the label file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import shapely
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, new_annotation_id
from samdesk.domain.geometry import boolean, morphology, regions
from samdesk.domain.geometry.types import Region
from samdesk.settings.table import SPECK_AREA
from samdesk.ui.editing.session import RUN_ENDS_MS
from samdesk.ui.operations import selection
from samdesk.ui.operations.outline_bar import OutlineBar
from tests.helpers.desk import CONTROL, SHIFT, User, lines
from tests.helpers.gated import Gate

K = Qt.Key
ALT = Qt.KeyboardModifier.AltModifier
CAT, DOG = regions.from_box(20, 20, 100, 100), regions.from_box(80, 40, 140, 80)
WAVY = regions.clean(shapely.buffer(shapely.points(220, 120), 60))
WAVY = boolean.union(WAVY, regions.from_box(270, 118, 290, 122), regions.from_box(10, 200, 14, 204))
WAVY = boolean.subtract(WAVY, regions.from_box(215, 115, 221, 121))


@pytest.fixture
def user(user: User) -> User:
    """A user with a cat, a dog that overlaps it, and a bird with a hole and a speck."""
    user.add_labels("cat", "dog", "bird")
    for name, region in (("cat", CAT), ("dog", DOG), ("bird", WAVY)):
        add(user, name, region)
    user.key(K.Key_V)
    return user


def add(user: User, label: str, region: Region) -> Annotation:
    found = user.desk.session.model.labels.find(label)
    assert found is not None
    made = Annotation(new_annotation_id(), found.id, region)
    assert user.desk.session.edit(f"Add {label}", edits.add([made]))
    return made


def named(user: User) -> dict[str, Region]:
    return dict(zip(user.names, (a.region for a in user.annotations), strict=True))


def select(user: User, *names: str) -> None:
    user.canvas.set_selection(
        [a.id for a, name in zip(user.annotations, user.names, strict=True) if name in names]
    )


def steps(user: User) -> int:
    return user.desk.workers.storage.history.index


def bar(user: User) -> OutlineBar:
    found = user.canvas.findChild(OutlineBar)
    assert isinstance(found, OutlineBar)
    return found


def stored(user: User, folder: Path) -> tuple[list[object], bytes]:
    """The rows of the image's annotations in the store, and its label file."""
    user.until_saved()
    with closing(sqlite3.connect(f"file:{folder}/.samdesk/dataset.db?mode=ro", uri=True)) as store:
        rows = store.execute(
            "SELECT id, label_id, region, source, review, detector_score, mask_score, prompts, run_id,"
            " stability, model, note FROM annotations WHERE image = '0.png' ORDER BY position"
        ).fetchall()
    return rows, (folder / "0.txt").read_bytes()


def is_one_step(user: User, folder: Path, act: Callable[[], None]) -> None:
    """One step of the history; undone and redone, store and label file are the same to the byte."""
    before, count = stored(user, folder), steps(user)
    act()
    user.desk.session.end_run()
    after = stored(user, folder)
    assert steps(user) == count + 1
    assert after != before
    user.key(K.Key_Z, CONTROL)
    assert stored(user, folder) == before
    user.key(K.Key_Z, CONTROL | SHIFT)
    assert stored(user, folder) == after


def test_two_halves_are_merged_in_three_gestures(user: User, folder: Path) -> None:
    def merge() -> None:
        user.mouse.click(30, 30)
        user.mouse.click(130, 60, modifiers=SHIFT)
        user.key(K.Key_M)

    is_one_step(user, folder, merge)
    assert sorted(named(user)) == ["bird", "cat"]
    assert named(user)["cat"].equals(shapely.union(CAT, DOG))
    assert len(lines(folder / "0.png").lines) == 2


def test_a_leak_a_part_a_hole_and_a_split_take_three_gestures_each(user: User, folder: Path) -> None:
    """Select it, choose the tool, one stroke or click; with the Select tool on, as in any other program."""
    middle = (60, 60)
    gestures: dict[str, tuple[Callable[[], None], ...]] = {
        "cut a leak": (
            lambda: user.mouse.click(*middle),
            lambda: user.key(K.Key_B),
            lambda: user.mouse.drag((20, 20), (20, 100), modifiers=CONTROL),
        ),
        "add a part": (
            lambda: user.mouse.click(*middle),
            lambda: user.key(K.Key_B),
            lambda: user.mouse.drag((60, 100), (60, 130)),
        ),
        "open a hole": (
            lambda: user.mouse.click(*middle),
            lambda: user.key(K.Key_B),
            lambda: user.mouse.click(50, 50, modifiers=CONTROL),
        ),
        "split": (
            lambda: user.mouse.click(*middle),
            lambda: user.key(K.Key_C),
            lambda: user.mouse.drag((10, 70), (110, 70)),
        ),
    }
    for name, acts in gestures.items():
        select(user)
        assert len(acts) == 3
        is_one_step(user, folder, lambda acts=acts: [act() for act in acts])  # type: ignore[misc]
        cats = [a.region for a, label in zip(user.annotations, user.names, strict=True) if label == "cat"]
        assert len(cats) == (2 if name == "split" else 1)
        assert morphology.hole_count(cats[0]) == (name == "open a hole")
        assert all(region.is_valid for region in cats)
        area = sum(region.area for region in cats)
        assert (area > CAT.area, area < CAT.area) == (
            name == "add a part",
            name in ("cut a leak", "open a hole"),
        )
        user.key(K.Key_Z, CONTROL)
        user.key(K.Key_V)


def test_the_selection_and_its_neighbours_give_way(user: User, folder: Path) -> None:
    def give_way() -> None:
        select(user, "cat")
        user.key(K.Key_M, SHIFT)

    is_one_step(user, folder, give_way)
    assert named(user)["cat"].equals(shapely.difference(CAT, DOG))
    user.key(K.Key_Z, CONTROL)

    def yield_to_it() -> None:
        select(user, "cat")
        user.key(K.Key_M, CONTROL | SHIFT)

    is_one_step(user, folder, yield_to_it)
    assert named(user)["dog"].equals(shapely.difference(DOG, CAT))
    assert named(user)["cat"].equals(CAT)
    user.key(K.Key_Z, CONTROL)
    select(user, "cat", "dog")
    is_one_step(user, folder, lambda: user.desk.view.actions.trigger("operation.intersect"))
    assert named(user)["cat"].equals(shapely.intersection(CAT, DOG))


def test_what_is_impossible_says_so_and_changes_nothing(user: User, folder: Path) -> None:
    before, count = stored(user, folder), steps(user)
    select(user)
    assert not user.is_enabled("operation.merge")
    assert "select an annotation first" in user.desk.view.actions.action("operation.merge").toolTip()
    for key, modifiers, words in (
        (K.Key_M, Qt.KeyboardModifier.NoModifier, "Select two or more; Shift+click adds to the selection."),
        (K.Key_M, SHIFT, "no other annotation overlaps the selected annotation"),
        (K.Key_M, CONTROL | SHIFT, "no other annotation overlaps the selected annotation"),
    ):
        select(user, "bird")
        user.key(key, modifiers)
        assert words in user.message_text
    select(user, "cat")
    user.key(K.Key_O)
    assert "There are no holes or specks of up to 64 square pixels." in user.message_text
    select(user, "cat", "bird")
    user.desk.view.actions.trigger("operation.intersect")
    assert "no area in common" in user.message_text
    assert (stored(user, folder), steps(user)) == (before, count)


def test_locked_annotations_and_hidden_neighbours_are_left_alone(user: User, folder: Path) -> None:
    count = steps(user)
    ids = {name: a.id for name, a in zip(user.names, user.annotations, strict=True)}
    user.desk.session.locks.set_locked([ids["dog"]], locked=True)
    select(user, "cat")
    user.key(K.Key_M, CONTROL | SHIFT)
    assert "no other annotation overlaps" in user.message_text
    select(user, "dog")
    for key in (K.Key_M, K.Key_O, K.Key_Plus):
        user.key(key)
        assert "This annotation is locked. Nothing was changed." in user.message_text
    user.key(K.Key_S, CONTROL | ALT)
    assert bar(user).isHidden()
    user.desk.session.locks.set_locked([ids["dog"]], locked=False)
    user.canvas.set_hidden([ids["dog"]])
    select(user, "cat")
    user.key(K.Key_M, SHIFT)
    assert steps(user) == count


def test_holes_and_specks_go_by_one_key_up_to_the_remembered_area(user: User, folder: Path) -> None:
    def tidy() -> None:
        select(user, "bird")
        user.key(K.Key_O)

    is_one_step(user, folder, tidy)
    assert "1 hole filled, 1 speck dropped." in user.message_text
    assert len(named(user)["bird"].geoms) == 1
    assert morphology.hole_count(named(user)["bird"]) == 0
    user.press("Change area")
    assert not bar(user).isHidden()
    assert bar(user).kinds["tidy"].isChecked()
    bar(user).slider.setValue(50)
    assert user.desk.settings.get(SPECK_AREA) == pytest.approx(316, abs=1)
    user.key(K.Key_Escape)


def test_presses_of_plus_and_minus_are_one_step(user: User, folder: Path) -> None:
    def grow() -> None:
        select(user, "cat")
        for key in (K.Key_Plus, K.Key_Plus, K.Key_Minus, K.Key_Equal):
            user.key(key)
            assert steps(user) == 3 + count, "nothing is saved before the run ends"
        user.until(lambda: steps(user) == 4 + count)  # by itself, after RUN_ENDS_MS

    assert RUN_ENDS_MS < 2000
    count = steps(user) - 3
    is_one_step(user, folder, grow)
    assert named(user)["cat"].bounds == pytest.approx((18, 18, 102, 102))
    assert user.desk.view.actions.action("edit.undo").text() == "Undo Grow by 2 px"
    user.key(K.Key_Z, CONTROL)
    now = steps(user)
    select(user, "cat")
    user.key(K.Key_Plus)
    user.key(K.Key_Minus)
    user.desk.session.end_run()
    assert named(user)["cat"].equals_exact(CAT)
    assert steps(user) == now, "growing and shrinking by as much is no step"
    select(user, "dog")
    for _ in range(30):
        user.key(K.Key_Minus)
    assert "would vanish: too small to shrink any more." in user.message_text
    assert named(user)["dog"].bounds == pytest.approx((99, 59, 121, 61), abs=0.1)


def test_the_bar_shows_live_and_changes_nothing_until_accepted(user: User, folder: Path) -> None:
    before, count = stored(user, folder), steps(user)
    select(user, "bird")
    user.key(K.Key_S, CONTROL | ALT)
    shown = bar(user)
    assert shown.slider.hasFocus()
    shown.kinds["simplify"].click()
    vertices = []
    for _ in range(4):
        QTest.keyClick(shown.slider, K.Key_Right)
        vertices.append(morphology.vertex_count(named(user)["bird"]))
        assert f"→ {vertices[-1]} vertices" in shown.detail.text()
        assert f"IoU {regions.iou(named(user)['bird'], WAVY):.3f}" in shown.detail.text()
    QTest.keyClick(shown.slider, K.Key_PageUp)
    assert morphology.vertex_count(named(user)["bird"]) < vertices[0]
    assert steps(user) == count
    QTest.keyClick(shown.slider, K.Key_Escape)
    assert shown.isHidden()
    assert (stored(user, folder), steps(user)) == (before, count)
    assert named(user)["bird"].equals_exact(WAVY)
    assert user.canvas.hasFocus()

    def simplify() -> None:
        select(user, "bird")
        user.key(K.Key_S, CONTROL | ALT)
        user.key(K.Key_2)
        user.key(K.Key_BracketRight)
        user.key(K.Key_Return)

    is_one_step(user, folder, simplify)
    assert shown.isHidden()
    assert morphology.vertex_count(named(user)["bird"]) < morphology.vertex_count(WAVY)


def test_the_bar_does_not_lie_on_that_of_the_brush(user: User) -> None:
    select(user, "bird")
    user.key(K.Key_B)
    brush = next(child for child in user.canvas.children() if child.objectName() == "brush_bar")
    user.key(K.Key_S, CONTROL | ALT)
    assert bar(user).isVisible()
    assert brush.isVisible()  # type: ignore[attr-defined]
    assert not bar(user).geometry().intersects(brush.geometry())  # type: ignore[attr-defined]


def test_a_preview_goes_with_ctrl_z_another_selection_or_image(user: User, folder: Path) -> None:
    before, count = stored(user, folder), steps(user)
    for leave in (
        lambda: user.key(K.Key_Z, CONTROL),
        lambda: user.mouse.click(30, 30),
        lambda: user.go("1.png"),
        lambda: bar(user).cancel_button.click(),
    ):
        select(user, "bird")
        user.key(K.Key_S, CONTROL | ALT)
        assert not named(user)["bird"].equals_exact(WAVY)
        leave()
        assert bar(user).isHidden()
        if user.shown != "0.png":
            user.go("0.png")
        assert named(user)["bird"].equals_exact(WAVY)
        assert (stored(user, folder), steps(user)) == (before, count)
    select(user, "bird")
    user.key(K.Key_S, CONTROL | ALT)
    smooth = named(user)["bird"]
    user.key(K.Key_9)  # a label that is not there
    user.desk.flows.tools.duplicate_selected()  # an edit that begins with what is on screen keeps it
    assert bar(user).isHidden()
    assert steps(user) == count + 2
    assert named(user)["bird"].area == pytest.approx(smooth.area)


def test_large_regions_are_computed_beside_the_window(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "AT_ONCE", 10)
    gate = Gate()

    def held(compute: Callable[..., object]) -> Callable[..., object]:
        def wait_then_compute(*args: object) -> object:
            gate.pass_through()
            return compute(*args)

        return wait_then_compute

    for name in ("grow", "smooth"):
        monkeypatch.setattr(morphology, name, held(getattr(morphology, name)))
    gate.close()
    select(user, "cat", "bird")
    for _ in range(3):
        user.key(K.Key_Plus)
        assert named(user)["cat"].equals_exact(CAT), "the window does not wait"
    gate.open()
    user.until(lambda: named(user)["cat"].bounds == pytest.approx((17, 17, 103, 103)))
    user.desk.session.end_run()
    gate.close()
    user.key(K.Key_S, CONTROL | ALT)
    user.key(K.Key_Return)
    assert not bar(user).isHidden()
    count = steps(user)
    gate.open()  # kept as soon as it is computed
    user.until(lambda: bar(user).isHidden())
    assert steps(user) == count + 1
    assert user.desk.view.actions.action("edit.undo").text() == "Undo Smooth"
