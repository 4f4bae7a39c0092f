"""Examples of a label: accepted, large enough, whole, no crowd, of different images, always the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from samdesk.dataset.dataset import Dataset
from samdesk.dataset.examples.choosing import Candidate, chosen
from samdesk.dataset.examples.examples import LabelExample, example_of, examples
from samdesk.domain.annotation import CROWD, Annotation, RunId
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction, add, by_user
from samdesk.domain.labels import LabelId
from samdesk.domain.review import AnnotationReview
from samdesk.images.sources import survey
from tests.dataset.dataset_kit import SQUARE, by_run, drawn, photos, region, with_labels


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[Dataset]:
    photos(tmp_path, *(f"{number:02}.png" for number in range(12)))
    with closing(Dataset.open(tmp_path)) as opened:
        with_labels(opened, "x", "y")
        yield opened


def draw(dataset: Dataset, name: str, *annotations: Annotation) -> None:
    key = ImageKey(name)
    dataset.commit(Transaction("Draw", ((key, by_user(add(annotations), dataset.load(key))),)))


def label(dataset: Dataset, number: int = 0) -> LabelId:
    return dataset.labels.labels[number].id


def names(found: tuple[LabelExample, ...]) -> list[str]:
    return [example.image for example in found]


def test_what_is_no_good_example_is_not_chosen(dataset: Dataset) -> None:
    x = label(dataset)
    good = replace(drawn(x), review=AnnotationReview.CORRECTED)
    draw(dataset, "00.png", drawn(x, attributes=((CROWD, True),)))
    proposed = add([by_run(x, RunId("r"))])
    dataset.commit(Transaction("Propose", ((ImageKey("01.png"), proposed),)))
    draw(dataset, "02.png", replace(drawn(x), review=AnnotationReview.FLAGGED))
    draw(dataset, "04.png", drawn(label(dataset, 1)))
    draw(dataset, "05.png", good)
    draw(dataset, "06.png", replace(drawn(x), region=region(0, 8)))
    found = examples(dataset, [x, label(dataset, 1)], 9)
    assert names(found[x]) == ["05.png", "06.png"], "what the border cuts comes last"
    assert names(found[label(dataset, 1)]) == ["04.png"]
    assert found[x][0] == example_of(ImageKey("05.png"), good)
    assert found[x][0].box == (10, 8, 30, 23)
    assert examples(dataset, [x], 0) == {x: ()}
    assert examples(dataset, [LabelId("none")], 3) == {LabelId("none"): ()}


def test_examples_are_of_different_images_far_apart_and_the_same_every_time(dataset: Dataset) -> None:
    x = label(dataset)
    for number in range(12):
        draw(dataset, f"{number:02}.png", drawn(x, 5), drawn(x, 33), drawn(x, 5, 27))
    five, all_of_them = (examples(dataset, [x], count)[x] for count in (5, 100))
    assert names(five)[:2] == ["00.png", "11.png"]
    assert len({*names(five)}) == 5
    assert all_of_them[:5] == five, "a larger choice begins with a smaller one"
    assert len({*names(all_of_them[:12])}) == 12
    assert len(all_of_them) == 36
    assert examples(dataset, [x], 5)[x] == five


def test_label_files_that_were_not_read_yet_count_once_they_are_indexed(tmp_path: Path) -> None:
    photos(tmp_path, "a.png", "b.png")
    (tmp_path / "a.txt").write_text(f"0 {SQUARE}\n")
    with closing(Dataset.open(tmp_path)) as opened:
        (x,) = [found.id for found in opened.labels]
        examples(opened, [x], 3)
        while opened.unfinished:
            opened.advance(1)
        assert names(examples(opened, [x], 3)[x]) == ["a.png"]
        (tmp_path / "a.png").unlink()
        opened.set_survey(survey(tmp_path))
        assert examples(opened, [x], 3)[x] == ()


def test_size_counts_until_an_object_is_large_enough() -> None:
    def candidate(name: str, side: float, **more: object) -> Candidate:
        return Candidate(name, (10, 10, 10 + side, 10 + side), (1000, 800), name=name, **more)  # type: ignore[arg-type]

    some = [candidate("tiny", 10), candidate("small", 20), candidate("fair", 60), candidate("large", 300)]
    alone, piled = candidate("alone", 300, place=0.9), candidate("piled", 300, overlap=0.9)
    assert [c.image for c in chosen([*some, alone, piled])] == [
        "large", "alone", "fair", "piled", "small",
    ]  # fmt: skip
