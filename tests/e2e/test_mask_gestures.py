"""Correcting with the mask model on a generated scene: real events, and the real Flint answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from PIL import Image, ImageDraw
from PySide6.QtCore import Qt

from samdesk.app import Services
from samdesk.domain.annotation import Annotation
from samdesk.domain.geometry.regions import clean, from_box, iou
from samdesk.domain.geometry.types import Region
from samdesk.domain.review import AnnotationReview
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import CONTROL, User
from tests.helpers.gestures import Gestures, one_step
from tests.ui.prompting.proposing import propose

K = Qt.Key
RIGHT = Qt.MouseButton.RightButton
FIRST = clean(shapely.affinity.scale(shapely.Point(120, 160).buffer(1, quad_segs=64), 80, 100))
SECOND = from_box(300, 90, 420, 250)


@pytest.fixture
def user(open_window: OpenWindow, real: Services, tmp_path: Path) -> User:
    """A user with an image of an orange ellipse and a green rectangle, and Flint."""
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(80, 140, (60, 80, 3), dtype=np.uint8)).resize((480, 360))
    draw = ImageDraw.Draw(image)
    draw.ellipse((40, 60, 200, 260), fill=(225, 120, 40))
    draw.rectangle((300, 90, 419, 249), fill=(60, 170, 80))
    (tmp_path / "scene").mkdir()
    image.save(tmp_path / "scene" / "0.png")
    user = open_window(real)
    user.open(tmp_path / "scene")
    user.add_labels("ball")
    return user


def answered(user: User) -> None:
    user.until(lambda: user.desk.flows.annotate.answered)


def corrected(user: User, made: Annotation, truth: Region) -> None:
    """Checks that an annotation is what is on the image now, and still itself."""
    now = user.document.find(made.id)
    assert now is not None
    assert iou(now.region, truth) > max(0.92, iou(made.region, truth) + 0.05)
    assert (now.label_id, now.model, now.run_id) == (made.label_id, made.model, made.run_id)
    assert now.review is AnnotationReview.CORRECTED
    assert None not in (now.mask_score, now.stability)
    assert (now.mask_score, now.stability) != (made.mask_score, made.stability)


LEAK = clean(FIRST.union(from_box(180, 130, 280, 190)))
"""The ellipse with a piece of the ground."""


def test_leaks_are_cut_off_and_parts_added_in_three_gestures(user: User) -> None:
    made = propose(user, LEAK)
    user.key(K.Key_V)
    leak = Gestures(user)
    with one_step(user):
        leak.double_click(120, 160)
        leak.click(240, 160, button=RIGHT)
        answered(user)
        leak.key(K.Key_Return)
        corrected(user, made, FIRST)
    assert leak.count == 3
    user.desk.flows.tools.select_all()
    user.key(K.Key_Delete)
    made = propose(user, clean(FIRST.intersection(from_box(0, 0, 130, 400))))
    user.key(K.Key_V)
    part = Gestures(user)
    with one_step(user):
        part.double_click(80, 160)
        part.click(170, 160)
        answered(user)
        part.key(K.Key_Return)
        corrected(user, made, FIRST)
    assert part.count == 3


def test_strokes_cut_and_add_as_clicks_do(user: User) -> None:
    half, leak = SECOND.intersection(from_box(0, 0, 480, 150)), from_box(220, 90, 310, 140)
    made = propose(user, clean(half.union(leak)))
    user.key(K.Key_V)
    gestures = Gestures(user)
    with one_step(user):
        gestures.double_click(360, 120)
        gestures.drag((235, 100), (255, 115), (280, 130), button=RIGHT, modifiers=CONTROL)
        gestures.drag((330, 200), (360, 225), (400, 230), modifiers=Qt.KeyboardModifier.AltModifier)
        answered(user)
        gestures.key(K.Key_Return)
        corrected(user, made, SECOND)
    assert gestures.count == 4
    made = propose(user, LEAK)
    user.key(K.Key_S)
    user.desk.flows.annotate.refine(made.id)  # as a review does
    with one_step(user):
        gestures.click(240, 160, button=RIGHT)
        answered(user)
        user.desk.flows.annotate.accept()
        corrected(user, made, FIRST)


def test_a_sloppy_outline_is_tightened_by_one_key(user: User) -> None:
    first = propose(user, clean(FIRST.convex_hull.simplify(30).buffer(18)))
    second = propose(user, from_box(285, 80, 440, 262))
    user.select(first)
    gestures = Gestures(user)
    done: list[object] = []
    user.desk.flows.corrections.tighten.finished.connect(done.append)
    with one_step(user):
        gestures.key(K.Key_T)
        user.until(lambda: len(done) == 1)
        corrected(user, first, FIRST)
    assert gestures.count == 1
    user.desk.flows.tools.select_all()
    with one_step(user):
        gestures.key(K.Key_T)
        user.until(lambda: len(done) == 2)
        corrected(user, second, SECOND)
    assert gestures.count == 2


def test_shapes_of_another_image_are_fitted_where_the_objects_are_now(user: User) -> None:
    label = propose(user, from_box(10, 300, 50, 340)).label_id
    moved = [from_box(55, 50, 215, 250), from_box(290, 105, 410, 265), from_box(215, 290, 290, 350)]
    done: list[object] = []
    with one_step(user):
        user.desk.flows.corrections.snap.snap([(shape, label) for shape in moved], "Paste", done.append)
        user.until(lambda: len(done) == 1)
        found = [a.region for a in user.annotations]
        assert iou(found[1], FIRST) > 0.9
        assert iou(found[2], SECOND) > 0.9
