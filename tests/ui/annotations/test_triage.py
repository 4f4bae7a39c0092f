"""Triage by key in the real window: delete, accept and walk, without losing the place."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtWidgets import QAbstractItemView

from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, AnnotationId, Source
from samdesk.domain.edits import Transaction
from samdesk.domain.geometry.regions import from_box
from samdesk.domain.review import AnnotationReview
from samdesk.ui.canvas.shapes import bounds_of
from tests.helpers.desk import CONTROL, SHIFT, User

K = Qt.Key
SIDE = 8
COUNT = 60


@pytest.fixture
def reviewer(user: User) -> User:
    """60 annotations to review, in rows of ten; the list shows number 59 first."""
    user.add_labels("cat")
    label = user.desk.session.model.labels.labels[0].id
    boxes = [(10 + 30 * (i % 10), 10 + 38 * (i // 10)) for i in range(COUNT)]
    made = [
        Annotation(
            AnnotationId(f"a{i}"), label, from_box(x, y, x + SIDE, y + SIDE), Source.YOLO_SAM,
            review=AnnotationReview.PENDING,
        )
        for i, (x, y) in enumerate(boxes)
    ]  # fmt: skip
    key, session = user.document.key, user.desk.session
    applied = session.model.apply(edits.add(made))
    do = Transaction("Auto-annotate", ((key, applied.edit),))
    session.history.commit(do, Transaction(do.text, ((key, applied.back),)), applied)
    user.until_saved()
    user.window.resize(1200, 700)
    return user


def selected(user: User) -> list[int]:
    return sorted(int(i[1:]) for i in user.desk.flows.tools.selection)


def choose(user: User, number: int) -> None:
    """Clicks a row of the list; the keyboard goes back to the canvas with the next key."""
    view = user.desk.view.annotations.view
    index = view.model().index(user.desk.view.annotations._model.row(AnnotationId(f"a{number}")), 0)
    view.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)
    user.qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(index).center())
    assert selected(user) == [number]


def left(user: User) -> set[int]:
    return {int(a.id[1:]) for a in user.annotations}


def accepted(user: User) -> set[int]:
    return {int(a.id[1:]) for a in user.annotations if a.review is AnnotationReview.ACCEPTED}


def seen(user: User) -> QRectF:
    return user.canvas.visible_rect()


def bounds(user: User, number: int) -> QRectF:
    found = user.document.find(AnnotationId(f"a{number}"))
    assert found is not None
    return bounds_of(found.region)


def scrolled(user: User) -> int:
    return user.desk.view.annotations.view.verticalScrollBar().value()


def test_del_goes_on_to_the_next_and_the_list_stays(reviewer: User) -> None:
    choose(reviewer, 30)
    place = scrolled(reviewer)
    assert place > 0
    for number in (30, 29, 28):
        assert selected(reviewer) == [number]
        reviewer.key(K.Key_Delete)
    assert selected(reviewer) == [27]
    assert left(reviewer) == set(range(COUNT)) - {30, 29, 28}
    reviewer.qtbot.wait(1)
    assert scrolled(reviewer) == place
    assert reviewer.canvas.selection == reviewer.desk.view.annotations.selection == {AnnotationId("a27")}


def test_a_selection_is_told_once(reviewer: User) -> None:
    said: list[frozenset[AnnotationId]] = []
    reviewer.desk.flows.tools.selection_changed.connect(said.append)
    reviewer.key(K.Key_A, CONTROL)
    assert said == [frozenset(a.id for a in reviewer.annotations)]
    assert reviewer.desk.view.annotations.selection == reviewer.canvas.selection == said[0]


def test_del_at_the_end_of_the_list_goes_back_and_ends_with_none(reviewer: User) -> None:
    choose(reviewer, 0)
    reviewer.key(K.Key_Delete)
    assert selected(reviewer) == [1]
    reviewer.key(K.Key_A, CONTROL)
    reviewer.key(K.Key_Delete)
    assert reviewer.annotations == ()
    assert selected(reviewer) == []
    assert not reviewer.is_enabled("annotation.next")


def test_shift_e_accepts_and_goes_on(reviewer: User) -> None:
    choose(reviewer, 30)
    place = scrolled(reviewer)
    for _ in range(3):
        reviewer.key(K.Key_E, SHIFT)
    assert accepted(reviewer) == {30, 29, 28}
    assert selected(reviewer) == [27]
    assert scrolled(reviewer) == place
    choose(reviewer, 31)
    for _ in range(5):
        reviewer.key(K.Key_E, SHIFT)
    assert accepted(reviewer) == {31, 30, 29, 28, 27}, "it passes those that are accepted"
    choose(reviewer, 0)
    reviewer.key(K.Key_E, SHIFT)
    assert selected(reviewer) == [0], "the last of the list stays selected"
    assert 0 in accepted(reviewer)
    assert not reviewer.is_enabled("annotation.accept")


def test_undo_selects_what_it_brings_back_or_changes_back(reviewer: User) -> None:
    choose(reviewer, 30)
    reviewer.key(K.Key_Delete)
    reviewer.key(K.Key_E, SHIFT)
    assert selected(reviewer) == [28]
    reviewer.key(K.Key_Z, CONTROL)
    assert (selected(reviewer), accepted(reviewer)) == ([29], set())
    reviewer.key(K.Key_Z, CONTROL)
    assert selected(reviewer) == [30]
    reviewer.until_saved()
    assert reviewer.canvas.selection == reviewer.desk.view.annotations.selection == {AnnotationId("a30")}
    reviewer.key(K.Key_E, SHIFT)
    assert accepted(reviewer) == {30}, "the next key is for it"


def test_n_and_shift_n_walk_the_list_around(reviewer: User) -> None:
    reviewer.key(K.Key_N)
    assert selected(reviewer) == [59], "the first of the list"
    reviewer.key(K.Key_N)
    assert selected(reviewer) == [58]
    reviewer.key(K.Key_N, SHIFT)
    reviewer.key(K.Key_N, SHIFT)
    assert selected(reviewer) == [0]
    reviewer.key(K.Key_N)
    assert selected(reviewer) == [59]
    reviewer.key(K.Key_A, CONTROL)
    reviewer.key(K.Key_N)
    assert selected(reviewer) == [59]


def test_n_passes_hidden_annotations(reviewer: User) -> None:
    choose(reviewer, 58)
    reviewer.desk.view.actions.trigger("annotation.hide")
    choose(reviewer, 59)
    reviewer.key(K.Key_N)
    assert selected(reviewer) == [57]


def test_walking_moves_the_image_only_for_what_is_out_of_sight(reviewer: User) -> None:
    before = reviewer.canvas.viewport
    for _ in range(COUNT):
        reviewer.key(K.Key_N)
    assert reviewer.canvas.viewport == before, "everything is in sight"
    reviewer.mouse.wheel(14, 14, 10)
    zoom = reviewer.canvas.zoom
    assert not seen(reviewer).contains(bounds(reviewer, 59))
    for _ in range(COUNT):
        view = reviewer.canvas.viewport
        was_seen = seen(reviewer)
        reviewer.key(K.Key_N)
        (number,) = selected(reviewer)
        assert seen(reviewer).contains(bounds(reviewer, number))
        margin = reviewer.canvas.image_pixels(12) + 1
        if was_seen.contains(bounds(reviewer, number).adjusted(-margin, -margin, margin, margin)):
            assert reviewer.canvas.viewport == view
    assert reviewer.canvas.zoom == zoom


def test_walking_discards_nothing(reviewer: User) -> None:
    reviewer.key(K.Key_S)
    reviewer.click(240, 120)
    reviewer.key(K.Key_N)
    choose(reviewer, 58)
    assert reviewer.proposed_at(240, 120), "the mask is still there"
    reviewer.key(K.Key_Return)
    reviewer.until(lambda: len(reviewer.annotations) == COUNT + 1)


def test_shift_f_zooms_to_the_selection_and_back(reviewer: User) -> None:
    assert not reviewer.is_enabled("view.zoom_selected")
    fitted = reviewer.canvas.viewport
    choose(reviewer, 0)
    reviewer.key(K.Key_F, SHIFT)
    near = reviewer.canvas.viewport
    assert near.scale > 3 * fitted.scale
    assert seen(reviewer).contains(bounds(reviewer, 0))
    reviewer.key(K.Key_F, SHIFT)
    assert reviewer.canvas.viewport == fitted
    reviewer.window.resize(1100, 650)
    reviewer.until(lambda: reviewer.canvas.viewport != fitted)
    assert seen(reviewer).contains(QRectF(0, 0, 320, 240)), "it is fitted again, and stays so"


def test_another_selection_is_zoomed_to_instead_of_going_back(reviewer: User) -> None:
    choose(reviewer, 0)
    reviewer.key(K.Key_F, SHIFT)
    reviewer.key(K.Key_N, SHIFT)
    reviewer.key(K.Key_F, SHIFT)
    centre = seen(reviewer).center() - bounds(reviewer, 1).center()
    assert abs(centre.x()) + abs(centre.y()) < 1
    reviewer.go("1.png")
    reviewer.go("0.png")
    fitted = reviewer.canvas.viewport
    choose(reviewer, 1)
    reviewer.key(K.Key_F, SHIFT)
    assert reviewer.canvas.zoom > fitted.scale, "an earlier image's view is not gone back to"
