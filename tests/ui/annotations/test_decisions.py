"""Decisions about the selected annotations, in the real window: rejected, flagged, brought back, undone."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, AnnotationId, RunId, Source
from samdesk.domain.edits import Transaction
from samdesk.domain.geometry.regions import from_box
from samdesk.domain.review import AnnotationReview, ImageReview
from samdesk.ui.editing.marks import draw_review
from samdesk.ui.images.film_delegate import draw_state
from samdesk.ui.images.model import ImageState
from tests.helpers.desk import CONTROL, SHIFT, User, lines

K = Qt.Key
ALT = Qt.KeyboardModifier.AltModifier


@pytest.fixture
def user_with_proposals(user: User) -> User:
    """Three proposals of a run and one annotation by hand, the label cat."""
    user.add_labels("cat")
    label = user.desk.session.model.labels.labels[0].id
    made = [
        Annotation(
            AnnotationId(f"a{i}"), label, from_box(20 + 70 * i, 20, 70 + 70 * i, 80), Source.YOLO_SAM,
            review=AnnotationReview.PENDING, detector_score=0.5, run_id=RunId("run"),
        )
        for i in range(3)
    ]  # fmt: skip
    made.append(Annotation(AnnotationId("by hand"), label, from_box(20, 120, 70, 180)))
    applied = user.desk.session.model.apply(edits.add(made))
    do = Transaction("Auto-annotate", ((user.document.key, applied.edit),))
    user.desk.session.history.commit(do, Transaction(do.text, ((user.document.key, applied.back),)), applied)
    user.until_saved()
    return user


def choose(user: User, *ids: str) -> None:
    user.desk.flows.tools.select(frozenset(map(AnnotationId, ids)))


def shown(user: User) -> list[str]:
    return [a.id for a in user.annotations]


def rejected(user: User) -> list[str]:
    return [a.id for a in user.document.rejected]


def test_x_rejects_and_undo_brings_back_and_redo_restores_the_label_file(
    user_with_proposals: User, folder: Path
) -> None:
    user = user_with_proposals
    choose(user, "a1")
    user.key(K.Key_X)
    assert (shown(user), rejected(user)) == (["a0", "a2", "by hand"], ["a1"])
    user.until_saved()
    before = (folder / "0.txt").read_bytes()
    assert len(lines(folder / "0.png").lines) == 3
    user.key(K.Key_Z, CONTROL)
    assert (shown(user), rejected(user)) == (["a0", "a1", "a2", "by hand"], [])
    user.key(K.Key_Z, CONTROL | SHIFT)
    user.until_saved()
    assert (folder / "0.txt").read_bytes() == before


def test_del_rejects_proposals_and_deletes_what_the_user_made(user_with_proposals: User) -> None:
    user = user_with_proposals
    choose(user, "a0", "by hand")
    user.key(K.Key_Delete)
    assert (shown(user), rejected(user)) == (["a1", "a2"], ["a0"])
    user.key(K.Key_Z, CONTROL)
    assert (shown(user), rejected(user)) == (["a0", "a1", "a2", "by hand"], [])


def test_rejected_ones_are_listed_outlined_and_brought_back(user_with_proposals: User) -> None:
    user = user_with_proposals
    section = user.desk.view.annotations.rejected
    assert not section.isVisible()
    assert not user.is_enabled("annotation.restore")
    choose(user, "a0", "a1")
    user.key(K.Key_X)
    assert section.isVisible()
    assert section.header.text() == "2 rejected annotations"
    place = user.canvas.to_widget(20, 50).toPoint()
    user.canvas.settle()
    plain = user.canvas.grab().toImage()
    user.key(K.Key_X, SHIFT)
    assert section.view.model().rowCount() == 2
    outlined = user.canvas.grab().toImage()
    spots = [(place.x() + dx, place.y() + dy) for dx in range(-3, 4) for dy in range(-6, 7)]
    assert any(plain.pixel(*at) != outlined.pixel(*at) for at in spots), "an outline where it was"
    user.key(K.Key_X, CONTROL | SHIFT)
    assert rejected(user) == ["a0"], "the last one first"
    assert user.document.find(AnnotationId("a1")).review is AnnotationReview.PENDING  # type: ignore[union-attr]
    index = section.view.model().index(0, 0)
    user.qtbot.mouseClick(
        section.view.viewport(), Qt.MouseButton.LeftButton, pos=section.view.visualRect(index).center()
    )
    user.qtbot.mouseClick(section.restore, Qt.MouseButton.LeftButton)
    assert rejected(user) == []
    user.key(K.Key_Z, CONTROL)
    assert rejected(user) == ["a0"]


def test_a_flag_is_set_and_taken_back_by_the_same_key(user_with_proposals: User) -> None:
    user = user_with_proposals
    for review in (AnnotationReview.FLAGGED, AnnotationReview.PENDING):
        choose(user, "a0")
        user.key(K.Key_F, CONTROL | SHIFT)
        assert user.document.find(AnnotationId("a0")).review is review  # type: ignore[union-attr]
    user.key(K.Key_F, CONTROL | SHIFT)
    choose(user, "a0")
    user.key(K.Key_E, SHIFT)
    assert user.document.find(AnnotationId("a0")).review is AnnotationReview.ACCEPTED  # type: ignore[union-attr]


def test_an_image_is_flagged_and_made_not_done_again(user: User) -> None:
    user.key(K.Key_F, CONTROL | ALT)
    assert user.document.review is ImageReview.FLAGGED
    user.key(K.Key_Return, CONTROL | SHIFT)
    assert user.document.review is ImageReview.EDITED
    user.key(K.Key_F, CONTROL | ALT)
    user.key(K.Key_F, CONTROL | ALT)
    assert user.document.review is ImageReview.EDITED
    user.key(K.Key_Z, CONTROL)
    assert user.document.review is ImageReview.FLAGGED


def test_states_differ_in_shape_not_only_in_colour(user: User) -> None:
    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QImage, QPainter

    def inked(draw: object, state: object) -> bytes:
        image = QImage(24, 24, QImage.Format.Format_ARGB32)
        image.fill(0)
        painter = QPainter(image)
        draw(painter, QPointF(12, 12), state, user.window.palette())  # type: ignore[operator]
        painter.end()
        return bytes(image.pixelColor(x, y).alpha() > 100 for y in range(24) for x in range(24))

    assert len({inked(draw_review, review) for review in AnnotationReview}) == len(AnnotationReview)
    assert len({inked(draw_state, state) for state in ImageState}) == len(ImageState)
