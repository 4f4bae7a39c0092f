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
from tests.e2e.conftest import Arrive
from tests.helpers.desk import CONTROL, SHIFT, Person
from tests.helpers.seeing import SeeingPredictor

K = Qt.Key
WIDTH, HEIGHT = 4000, 3000
SMALL = (3103.5, 877.5)
RADIUS = 9.5
TRUTH = Point(*SMALL).buffer(RADIUS)
LONG = Polygon([(1000, 1500), (3400, 1500), (3400, 1560), (1000, 1560)])


@pytest.fixture
def person(arrive: Arrive, tmp_path: Path) -> Person:
    """A user with one image of 12 MP: a red dot and a long blue bar."""
    image = Image.new("RGB", (WIDTH, HEIGHT), (120, 130, 120))
    draw = ImageDraw.Draw(image)
    x, y = SMALL
    draw.ellipse((x - RADIUS, y - RADIUS, x + RADIUS - 1, y + RADIUS - 1), fill=(220, 60, 40))
    draw.rectangle((1000, 1500, 3399, 1559), fill=(40, 60, 220))
    (tmp_path / "photos").mkdir()
    image.save(tmp_path / "photos" / "a.png")
    predictor = SeeingPredictor()
    someone = arrive(Services(load_predictor=lambda *_: predictor))
    someone.open(tmp_path / "photos")
    someone.add_labels("dot")
    return someone


def iou(one: BaseGeometry, other: BaseGeometry) -> float:
    return float(one.intersection(other).area / one.union(other).area)


def proposed(person: Person) -> BaseGeometry:
    proposal = person.desk.flows.annotate.proposal
    assert proposal is not None
    return proposal.region


def zoom_in(person: Person, notches: int, at: tuple[float, float] = SMALL) -> Frame:
    for _ in range(notches):
        person.hands.wheel(*at, 1)
    person.until(lambda: person.canvas.view_frame is not None and person.canvas.view_frame.ready)
    assert person.canvas.view_frame is not None
    return person.canvas.view_frame.view


def test_a_small_object_becomes_selectable(person: Person) -> None:
    person.click(*SMALL)
    assert iou(proposed(person), TRUTH) < 0.7, "a cell of the whole photo is almost as large"
    person.key(K.Key_Escape)

    view = zoom_in(person, 20)
    assert contains_rect(view, TRUTH.bounds)
    person.click(*SMALL)
    assert iou(proposed(person), TRUTH) > 0.95
    person.key(K.Key_Return)
    (kept,) = person.annotations
    assert contains_rect(view, kept.region.bounds)
    person.until_saved()

    person.key(K.Key_Z, CONTROL)
    assert person.annotations == ()
    person.until_saved()
    person.key(K.Key_Z, CONTROL | SHIFT)
    person.key(K.Key_F)
    person.until_saved()
    person.until(lambda: person.canvas.view_frame is None)
    person.until(lambda: person.annotations == (kept,))  # where it was, zoomed out as well

    folder = person.desk.flows.navigate.folder
    text = (folder / "a.txt").read_text("utf-8")
    (line,) = segmentation.parse(text, WIDTH, HEIGHT).lines
    assert iou(line.region, TRUTH) > 0.9, "and in the label file"
    person.leave()
    dataset = Dataset.open(folder)
    assert dataset.load(ImageKey("a.png")).annotations == (kept,)
    dataset.close()


def test_a_click_before_the_view_is_encoded_becomes_finer(person: Person) -> None:
    for _ in range(20):
        person.hands.wheel(*SMALL, 1)
    person.hands.click(*SMALL)
    annotate = person.desk.flows.annotate
    person.until(lambda: annotate.answered and iou(proposed(person), TRUTH) > 0.95)


def test_an_object_larger_than_the_view_is_predicted_from_the_whole_image(person: Person) -> None:
    zoom_in(person, 12, (2000, 1530))
    person.key(K.Key_L, SHIFT)
    person.key(K.Key_F)
    person.click(1200, 1530)
    assert iou(proposed(person), LONG) > 0.9


def test_an_annotation_of_a_view_is_reopened_unchanged(person: Person) -> None:
    view = zoom_in(person, 20)
    kept = person.draw(*SMALL)
    person.select(kept)
    person.key(K.Key_S, SHIFT)
    assert iou(proposed(person), kept.region) == pytest.approx(1)
    person.click(SMALL[0] + 2, SMALL[1] + 1)
    assert iou(proposed(person), TRUTH) > 0.95
    person.key(K.Key_Return)
    (refined,) = person.annotations
    assert refined.id == kept.id
    assert contains_rect(view, refined.region.bounds)
