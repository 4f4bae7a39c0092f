"""A small object in a large image: the whole image is too coarse for it, a closer look is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from PySide6.QtCore import Qt
from shapely.geometry import Point, Polygon
from shapely.geometry.base import BaseGeometry

from samdesk.app import Services
from samdesk.dataset.dataset import Dataset
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import Frame
from samdesk.domain.geometry.views import contains_rect
from samdesk.formats.yolo import segmentation
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import CONTROL, SHIFT, User
from tests.helpers.seeing import SeeingPredictor

K = Qt.Key
WIDTH, HEIGHT = 4000, 3000
SMALL = (3103.5, 877.5)
RADIUS = 9.5
TRUTH = Point(*SMALL).buffer(RADIUS)
LONG = Polygon([(1000, 1500), (3400, 1500), (3400, 1560), (1000, 1560)])


@pytest.fixture
def user(open_window: OpenWindow, tmp_path: Path) -> User:
    """A user with one image of 12 MP: a red dot and a long blue bar."""
    image = Image.new("RGB", (WIDTH, HEIGHT), (120, 130, 120))
    draw = ImageDraw.Draw(image)
    x, y = SMALL
    draw.ellipse((x - RADIUS, y - RADIUS, x + RADIUS - 1, y + RADIUS - 1), fill=(220, 60, 40))
    draw.rectangle((1000, 1500, 3399, 1559), fill=(40, 60, 220))
    (tmp_path / "photos").mkdir()
    image.save(tmp_path / "photos" / "a.png")
    predictor = SeeingPredictor()
    user = open_window(Services(load_predictor=lambda *_: predictor))
    user.open(tmp_path / "photos")
    user.add_labels("dot")
    return user


def iou(one: BaseGeometry, other: BaseGeometry) -> float:
    return float(one.intersection(other).area / one.union(other).area)


def proposed(user: User) -> BaseGeometry:
    proposal = user.desk.flows.annotate.proposal
    assert proposal is not None
    return proposal.region


def zoom_in(user: User, notches: int, at: tuple[float, float] = SMALL) -> Frame:
    for _ in range(notches):
        user.mouse.wheel(*at, 1)
    user.until(lambda: user.canvas.view_frame is not None and user.canvas.view_frame.ready)
    assert user.canvas.view_frame is not None
    return user.canvas.view_frame.view


def test_a_small_object_becomes_selectable(user: User) -> None:
    user.click(*SMALL)
    assert iou(proposed(user), TRUTH) < 0.7, "a cell of the whole photo is almost as large"
    user.key(K.Key_Escape)

    view = zoom_in(user, 20)
    assert contains_rect(view, TRUTH.bounds)
    user.click(*SMALL)
    assert iou(proposed(user), TRUTH) > 0.95
    user.key(K.Key_Return)
    (kept,) = user.annotations
    assert contains_rect(view, kept.region.bounds)
    user.until_saved()

    user.key(K.Key_Z, CONTROL)
    assert user.annotations == ()
    user.until_saved()
    user.key(K.Key_Z, CONTROL | SHIFT)
    user.key(K.Key_F)
    user.until_saved()
    user.until(lambda: user.canvas.view_frame is None)
    user.until(lambda: user.annotations == (kept,))  # where it was, zoomed out as well

    folder = user.desk.flows.navigate.folder
    text = (folder / "a.txt").read_text("utf-8")
    (line,) = segmentation.parse(text, WIDTH, HEIGHT).lines
    assert iou(line.region, TRUTH) > 0.9, "and in the label file"
    user.close_window()
    dataset = Dataset.open(folder)
    assert dataset.load(ImageKey("a.png")).annotations == (kept,)
    dataset.close()


def test_a_click_before_the_view_is_encoded_becomes_finer(user: User) -> None:
    for _ in range(20):
        user.mouse.wheel(*SMALL, 1)
    user.mouse.click(*SMALL)
    annotate = user.desk.flows.annotate
    user.until(lambda: annotate.answered and iou(proposed(user), TRUTH) > 0.95)


def test_an_object_larger_than_the_view_is_predicted_from_the_whole_image(user: User) -> None:
    zoom_in(user, 12, (2000, 1530))
    user.key(K.Key_L, SHIFT)
    user.key(K.Key_F)
    user.click(1200, 1530)
    assert iou(proposed(user), LONG) > 0.9


def test_an_annotation_of_a_view_is_reopened_unchanged(user: User) -> None:
    view = zoom_in(user, 20)
    kept = user.draw(*SMALL)
    user.select(kept)
    user.key(K.Key_S, SHIFT)
    assert iou(proposed(user), kept.region) == pytest.approx(1)
    user.click(SMALL[0] + 2, SMALL[1] + 1)
    assert iou(proposed(user), TRUTH) > 0.95
    user.key(K.Key_Return)
    (refined,) = user.annotations
    assert refined.id == kept.id
    assert contains_rect(view, refined.region.bounds)
