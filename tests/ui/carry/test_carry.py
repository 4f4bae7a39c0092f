"""Carrying annotations to the next image in the real window: the document, the label files, the bar, undo."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from samdesk.domain.annotation import Annotation, Source
from samdesk.domain.geometry.regions import iou, translate
from samdesk.domain.review import AnnotationReview, ImageReview
from samdesk.ui.canvas.style import Mark
from tests.helpers.desk import CONTROL, SHIFT, User
from tests.helpers.gestures import Gestures, saved
from tests.helpers.moving import pan

K = Qt.Key
STEP = 9
"""The camera moves this far from image to image, pixels."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four images of a camera that moves to the right and a little down."""
    return pan(tmp_path / "walk", [(STEP * i, 2 * i) for i in range(4)])


def moved(annotation: Annotation, steps: int = 1) -> Annotation:
    """Where an annotation of the first image really is, some images later."""
    return Annotation(
        annotation.id, annotation.label_id, translate(annotation.region, -STEP * steps, -2.0 * steps)
    )


class Carrying:
    """A user who carries objects along."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.carry = user.desk.flows.data.carry

    def go_on(self) -> None:
        self.user.key(K.Key_D, CONTROL | SHIFT)

    def until_settled(self) -> None:
        self.user.until(lambda: not self.carry.carrying and self.carry._redrawing is None)

    def carry_on(self) -> None:
        self.go_on()
        self.until_settled()

    def carry_few(self) -> None:
        self.user.desk.view.actions.action("carry.few").trigger()
        self.until_settled()

    @property
    def said(self) -> str:
        """What the bar says."""
        bar = self.carry._bar
        return f"{bar.heading.text()}. {bar.detail.text()}" if bar.isVisible() else ""

    @property
    def reviews(self) -> list[AnnotationReview]:
        return [a.review for a in self.user.annotations]

    def mark(self, annotation: Annotation) -> Mark:
        shape = self.user.canvas.shape(annotation.id)
        assert shape is not None
        return shape.mark


@pytest.fixture
def two(user: User) -> Carrying:
    """A user with a cat and a dog on the first image."""
    user.add_labels("cat", "dog")
    user.draw(120, 100, K.Key_1)
    user.draw(230, 150, K.Key_2)
    user.until_saved()
    return Carrying(user)


PENDING, ACCEPTED, REJECTED = AnnotationReview.PENDING, AnnotationReview.ACCEPTED, AnnotationReview.REJECTED


def test_the_next_image_has_the_objects_where_they_are_now_and_enter_accepts_them(
    two: Carrying, folder: Path
) -> None:
    user, (cat, dog) = two.user, two.user.annotations
    before, first = (folder / "0.txt").read_bytes(), user.document
    two.carry_on()
    assert user.shown == "1.png"
    assert user.names == ["cat", "dog"]
    assert two.reviews == [PENDING, PENDING]
    for source, now in zip((cat, dog), user.annotations, strict=True):
        assert iou(now.region, moved(source).region) > 0.93
        assert (now.source, now.track, now.label_id) == (Source.CARRIED, source.id, source.label_id)
        assert now.run_id is not None
        assert two.mark(now) is Mark.PENDING
    assert two.said == "2 objects carried from 0.png. "
    assert user.document.review is ImageReview.UNREVIEWED
    user.key(K.Key_Return)
    assert two.reviews == [ACCEPTED, ACCEPTED]
    assert two.said == "2 objects carried from 0.png: 2 accepted. "
    gestures = Gestures(user)
    gestures.key(K.Key_D, CONTROL | SHIFT)
    user.until(lambda: user.shown == "2.png" and len(user.annotations) == 2)
    gestures.key(K.Key_Return)
    assert two.reviews == [ACCEPTED, ACCEPTED]
    assert gestures.count == 2
    assert [a.track for a in user.annotations] == [cat.id, dog.id]
    assert iou(user.annotations[0].region, moved(cat, 2).region) > 0.9
    user.until_saved()
    assert (folder / "0.txt").read_bytes() == before
    user.go("0.png")
    assert user.document == first


def test_one_undo_takes_it_back_and_one_redo_brings_it_back(two: Carrying, folder: Path) -> None:
    user = two.user
    before = saved(user)
    two.carry_on()
    after = saved(user)
    assert len(after[0]) == len(before[0]) + 3, "two annotations, and the row of the image"
    user.key(K.Key_Z, CONTROL)
    user.until(lambda: user.annotations == ())
    user.until_saved()
    assert not (folder / "1.txt").exists()
    assert [row for row in saved(user)[0] if "1.png" not in row] == before[0]
    assert saved(user)[1] == before[1]
    assert two.said == ""
    user.key(K.Key_Z, CONTROL | SHIFT)
    user.until(lambda: len(user.annotations) == 2)
    assert saved(user) == after
    assert two.said == "2 objects carried from 0.png. "


def test_tab_swaps_the_outlines_of_all_or_of_the_selection_and_they_stay_pending(two: Carrying) -> None:
    user = two.user
    user.predictor.radius = 25.0
    two.carry_on()
    first = [a.region for a in user.annotations]
    user.key(K.Key_Tab)
    redrawn = [a.region for a in user.annotations]
    assert [round(r.area) for r in redrawn] == [pytest.approx(3.14 * 25**2, rel=0.03)] * 2
    assert two.reviews == [PENDING, PENDING]
    assert [a.mask_score for a in user.annotations] == [0.9, 0.9]
    user.key(K.Key_Tab)
    assert [a.region for a in user.annotations] == first
    user.select(user.annotations[1])
    user.key(K.Key_Tab)
    assert [a.region for a in user.annotations] == [first[0], redrawn[1]]
    user.until_saved()
    user.key(K.Key_Z, CONTROL)
    assert [a.region for a in user.annotations] == first
    user.until_saved()
    user.key(K.Key_Z, CONTROL)
    assert [a.region for a in user.annotations] == redrawn
    assert two.reviews == [PENDING, PENDING]


def test_what_is_doubtful_comes_first_stands_out_and_is_decided_one_by_one(two: Carrying) -> None:
    user = two.user
    user.predictor.radius = 8.0
    two.carry_on()
    cat, dog = user.annotations
    assert user.canvas.selection == {cat.id}
    assert two.mark(dog) is Mark.DOUBTFUL
    assert "2 doubtful: cat, dog – the mask model draws another outline here" in two.said
    assert any(tag.text.startswith("dog") for tag in user.canvas.tags())
    user.key(K.Key_X)
    user.until(lambda: user.canvas.selection == {dog.id})
    assert [a.id for a in user.document.rejected] == [cat.id]
    assert "1 doubtful: dog" in two.said
    user.key(K.Key_Escape)
    assert user.canvas.selection == frozenset()
    user.key(K.Key_Escape)
    assert user.annotations == ()
    assert two.said.startswith("2 objects carried from 0.png: 2 rejected")
    user.key(K.Key_Z, CONTROL)
    assert two.reviews == [PENDING]
