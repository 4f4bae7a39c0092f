"""The order of the images a sorted search finds, and where their annotations are."""

from __future__ import annotations

from pathlib import Path

import pytest

from samdesk.dataset.dataset import Dataset
from samdesk.dataset.search import find_annotations, find_images, positions
from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, Source, new_annotation_id
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction
from samdesk.domain.labels import LabelSet
from samdesk.domain.search import parse
from samdesk.domain.search_words import SortKey
from tests.helpers.desk import photos
from tests.helpers.make import square

SQUARES = {
    "0.png": [("b", 0.6, 12), ("a", 0.5, 40)],
    "1.png": [("c", 0.9, 30), ("b", None, 21)],
    "2.png": [("a", 0.2, 25), ("c", 0.7, 14), ("b", 0.8, 50)],
}
"""Label, score and side of the squares on each image; 3.png has none."""


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    made = Dataset.open(photos(tmp_path, 4))
    labels = LabelSet.from_names("abc")
    made.commit(Transaction("labels", labels=labels, labels_before=made.labels))
    ids = {label.name: label.id for label in labels}
    for key, squares in SQUARES.items():
        drawn = [
            Annotation(
                new_annotation_id(), ids[name], square(20, 30, side), Source.YOLO_SAM, detector_score=score,
                mask_score=score,
            )
            for name, score, side in squares
        ]  # fmt: skip
        made.commit(Transaction("squares", ((ImageKey(key), edits.add(drawn)),)))
    find_images(made, parse(""))  # label files are read once a search is used
    while made.indexing.progress is not None or made.indexing.pending:
        made.advance(1.0)
    return made


@pytest.mark.parametrize("reverse", ["", "-"])
@pytest.mark.parametrize("key", [k for k in SortKey if k is not SortKey.RANDOM], ids=lambda k: k.value)
@pytest.mark.parametrize("words", ["", "class:b,c"])
def test_images_come_in_the_order_of_their_first_annotation(
    dataset: Dataset, key: SortKey, reverse: str, words: str
) -> None:
    search = parse(f"{words} sort:{reverse}{key.value}")
    images = find_images(dataset, search, by_sort=True)
    page = find_annotations(dataset, search)
    nullable = key in (SortKey.SCORE, SortKey.MASK)
    known = [f for f in page.annotations if f.detector_score is not None or not nullable]
    first = list(dict.fromkeys(f.image for f in known))
    with_some = [image for image in images if image in SQUARES]
    assert with_some == first
    assert set(images) == set(find_images(dataset, search))
    if key is not SortKey.NAME and not words:
        assert images[-1] == "3.png", "what has no annotation comes last"
    dataset.close()


def test_a_random_order_is_the_same_each_time_and_another_for_another_seed(dataset: Dataset) -> None:
    def order(seed: int) -> tuple[ImageKey, ...]:
        return find_images(dataset, parse(f"sort:random({seed})"), by_sort=True)

    assert order(3) == order(3)
    assert len({order(seed) for seed in range(1, 20)}) > 3
    dataset.close()


def test_centres_are_counted_by_cells(dataset: Dataset) -> None:
    cells = positions(dataset, parse("class:b"), (4, 3))  # cells of 80 pixels
    assert sum(map(sum, cells)) == 3
    assert cells[0][0] == 3, "26, 30.5 and 45 from the left, 36 to 55 from the top"
    assert positions(dataset, parse("name:3"), (4, 3)) == ((0,) * 4,) * 3
    dataset.close()
