"""How well a prompted model finds labels: examples from training images, measured on held-out ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from samdesk.base.jobs import Cancelled, CancelToken
from samdesk.domain.geometry.regions import from_box
from samdesk.training.evaluate.concepts import FindMaterial, evaluate_concepts, find_table
from samdesk.training.samples import Instance, TrainingImage
from tests.helpers.concepts import ColourConcepts
from tests.helpers.make import photo

RED, BLUE = (32.0, 48.0, 129.0, 169.0), (176.0, 72.0, 273.0, 193.0)
"""Where the ellipse and the rectangle are found."""
SHIFTED = (176.0, 90.0, 273.0, 193.0)
"""IoU 0.85 with the rectangle."""


@pytest.fixture
def material(tmp_path: Path) -> FindMaterial:
    images = []
    for number in range(5):
        path = photo(tmp_path / f"{number}.png", seed=number)
        blue = SHIFTED if number > 2 else BLUE
        instances = (Instance(from_box(*RED), 0), Instance(from_box(*blue), 1), Instance(from_box(*RED), 2))
        images.append(TrainingImage(path.name, path, (240, 320), instances))
    train = [*images[:2], replace(images[2], instances=images[2].instances[:1])]
    train = [replace(image, instances=image.instances[:2]) for image in train]
    return FindMaterial(("red", "blue", "rare"), tuple(train), tuple(images[3:]))


def test_words_and_1_5_and_20_examples_are_measured_on_held_out_images(material: FindMaterial) -> None:
    model = ColourConcepts()
    found = evaluate_concepts(model, material, imgsz=640, cancel=CancelToken(), on_image=lambda *_: None)
    assert [one.way for one in found] == ["words", "1 example", "5 examples", "20 examples"]
    assert material.measured[1] == ("rare",)
    for one in found:
        red, blue = one.labels
        assert (red.label, red.ap50, red.ap) == ("red", 1.0, 1.0)
        assert (blue.label, blue.ap50, blue.ap) == ("blue", 1.0, pytest.approx(0.8)), (
            "IoU 0.5 to 0.85 of 0.95"
        )
        assert (one.ap50, one.ap) == (1.0, pytest.approx(0.9))
    assert [[one.examples for one in way.labels] for way in found] == [[0, 0], [1, 1], [3, 2], [3, 2]]
    held_out = {image.key for image in material.held_out}
    shown = {e.image.name for asked in model.asked for c in asked for e in c.exemplars}
    assert len(shown) == 3
    assert not shown & held_out
    assert [bool(c.texts) for asked in model.asked for c in asked] == [True, True] + [False] * 6
    assert "| 5 examples | 0.900 | 1.000 | 2.5 |" in find_table(found)


def test_without_words_the_examples_are_measured(material: FindMaterial) -> None:
    words, one, *_ = evaluate_concepts(
        ColourConcepts(texts=False), material, imgsz=640, cancel=CancelToken(), on_image=lambda *_: None
    )
    assert (words.labels, one.ap50) == ((), 1.0)
    assert "Not measured with words: Words need the file words.ts" in find_table([words, one])


def test_it_can_be_cancelled_between_two_images(material: FindMaterial) -> None:
    cancel = CancelToken()
    with pytest.raises(Cancelled):
        evaluate_concepts(
            ColourConcepts(), material, imgsz=640, cancel=cancel, on_image=lambda *_: cancel.cancel()
        )
