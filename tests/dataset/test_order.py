"""A step of one image is undone before newer steps of other images; everything else stays in its order."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from samdesk.dataset.dataset import Dataset, StoreError
from samdesk.dataset.types import LogEntry, OutOfOrderError
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import (
    MOST_OVERTAKEN,
    Edit,
    Transaction,
    accept_image,
    add,
    by_user,
    overtaken,
    remove,
)
from samdesk.domain.labels import LabelSet
from samdesk.domain.review import ImageReview
from tests.dataset.dataset_kit import by_run, content, draw, drawn, files, photos, region, with_labels
from tests.helpers.make import reshape

A, B, C = (ImageKey(f"{name}.png") for name in "abc")


def opened(folder: Path) -> Dataset:
    photos(folder, A, B, C)
    dataset = Dataset.open(folder)
    with_labels(dataset, "cat", "dog")
    return dataset


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[Dataset]:
    dataset = opened(tmp_path)
    yield dataset
    dataset.close()


def numbers(dataset: Dataset) -> tuple[list[int], list[int]]:
    """The steps done after the labels, and the steps undone, by their numbers in the order they were made."""
    done, undone = dataset.history()
    first = done[0].seq
    return [e.seq - first for e in done[1:]], [e.seq - first for e in undone]


def seq(dataset: Dataset, number: int) -> int:
    return dataset.history()[0][0].seq + number


def counts(dataset: Dataset) -> list[int]:
    return [len(dataset.load(key).annotations) for key in (A, B, C)]


def test_a_step_is_undone_and_redone_before_those_of_other_images(dataset: Dataset) -> None:
    for key in (A, B, A, C):
        draw(dataset, key)
    assert numbers(dataset) == ([1, 2, 3, 4], [])
    applied = dataset.undo(seq(dataset, 3))
    assert applied is not None
    assert applied.keys == (A,)
    assert (numbers(dataset), counts(dataset)) == (([1, 2, 4], [3]), [1, 1, 1])
    dataset.undo(seq(dataset, 1))
    assert (numbers(dataset), counts(dataset)) == (([2, 4], [1, 3]), [0, 1, 1])
    dataset.undo(seq(dataset, 2))
    assert (numbers(dataset), counts(dataset)) == (([4], [2, 1, 3]), [0, 0, 1])
    dataset.redo(seq(dataset, 1))
    assert (numbers(dataset), counts(dataset)) == (([4, 1], [2, 3]), [1, 0, 1])
    dataset.redo(seq(dataset, 3))
    assert (numbers(dataset), counts(dataset)) == (([4, 1, 3], [2]), [2, 0, 1])
    assert len(files(dataset.folder, ".txt")["a.txt"].splitlines()) == 2


def test_the_order_is_there_after_a_restart(tmp_path: Path) -> None:
    dataset = opened(tmp_path)
    for key in (A, B, C):
        draw(dataset, key)
    dataset.undo(seq(dataset, 1))
    dataset.undo(seq(dataset, 2))
    dataset.close()
    dataset = Dataset.open(tmp_path)
    assert numbers(dataset) == ([3], [2, 1])
    assert (dataset.newest_step, dataset.next_redo) == (seq(dataset, 3), seq(dataset, 2))
    dataset.redo()
    dataset.redo()
    assert (numbers(dataset), counts(dataset)) == (([3, 2, 1], []), [1, 1, 1])
    dataset.undo()
    draw(dataset, B)
    assert numbers(dataset) == ([3, 2, 4], []), "a new step is the last, and what was undone is gone"
    dataset.close()


def test_a_step_of_the_same_image_a_label_change_and_a_run_are_not_overtaken(dataset: Dataset) -> None:
    def refused(number: int) -> bool:
        before = numbers(dataset), counts(dataset)
        with pytest.raises(OutOfOrderError):
            dataset.undo(seq(dataset, number))
        return (numbers(dataset), counts(dataset)) == before

    draw(dataset, A)
    draw(dataset, A)
    assert refused(1)
    assert refused(5), "there is no such step"
    with_labels(dataset, "cow")
    assert refused(2)
    assert refused(3), "a label change is undone in its turn"
    dataset.undo()
    label = dataset.labels.labels[0].id
    run = dataset.begin_run("Run")
    dataset.commit_run(run, C, add([by_run(label, run)]))
    dataset.end_run(run)
    draw(dataset, B)
    assert refused(2)
    dataset.undo()
    dataset.undo()
    pair = Transaction("Both", tuple((k, by_user(add([drawn(label)]), dataset.load(k))) for k in (A, B)))
    dataset.commit(pair)
    assert refused(2)
    newest = numbers(dataset)[0][-1]
    assert refused(newest), "a step of two images is undone in its turn"
    draw(dataset, C)
    assert dataset.undo(seq(dataset, newest + 1)) is not None


def test_a_step_that_cannot_be_saved_stays_in_its_place(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(dataset, A)
    draw(dataset, B)
    mark = dataset.core.history.mark

    def fail(*args: object, **more: object) -> None:
        mark(*args, **more)  # type: ignore[arg-type]
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(dataset.core.history, "mark", fail)
        with pytest.raises(StoreError, match="full"):
            dataset.undo(seq(dataset, 1))
    assert (numbers(dataset), counts(dataset)) == (([1, 2], []), [1, 1, 0])


def test_which_steps_are_overtaken() -> None:
    def step(*keys: ImageKey) -> Transaction:
        return Transaction("", tuple((key, Edit()) for key in keys))

    labels = Transaction("", labels=LabelSet())
    assert overtaken(A, []) is None
    assert overtaken(A, [step(A)]) == 0
    assert overtaken(A, [step(B), step(B, C), step(A), step(A)]) == 2
    assert overtaken(A, [step(B), step(A, B), step(A)]) is None
    assert overtaken(A, [step(B), labels, step(A)]) is None
    assert overtaken(A, [replace(step(B), run_id="run"), step(A)]) is None  # type: ignore[arg-type]
    assert overtaken(A, [*[step(B)] * MOST_OVERTAKEN, step(A)]) == MOST_OVERTAKEN
    assert overtaken(A, [*[step(B)] * (MOST_OVERTAKEN + 1), step(A)]) is None


# Any sequence of steps


def done_steps(dataset: Dataset) -> list[LogEntry]:
    """The steps done after the one that added the labels."""
    return dataset.history()[0][1:]


@dataclass
class Replay:
    """The steps as they were made, and what they make of each image when all that are done are replayed."""

    start: dict[ImageKey, ImageDocument]
    labels: LabelSet
    steps: dict[int, Transaction] = field(default_factory=dict)

    def note(self, dataset: Dataset, step: Transaction) -> None:
        self.steps[dataset.newest_step] = step

    def check(self, dataset: Dataset) -> None:
        documents, labels = dict(self.start), self.labels
        for entry in done_steps(dataset):
            step = self.steps[entry.seq]
            for key, edit in step.edits:
                documents[key] = edit.apply(documents[key])[0]
            labels = step.labels or labels
        for key, expected in documents.items():
            assert content(dataset.load(key)) == content(expected)
        assert dataset.labels == labels
        assert dataset.conflicts == frozenset()


def change(dataset: Dataset, rng: random.Random, key: ImageKey, replay: Replay) -> None:
    document, labels = dataset.load(key), dataset.labels
    some = list(document.annotations)
    rng.shuffle(some)
    label, kind = rng.choice(labels.labels).id, rng.randrange(16)
    if kind == 0 and some:
        edit = remove([a.id for a in some[:2]])
    elif kind == 1 and some:
        edit = reshape(some[0], region(rng.uniform(0, 40), rng.uniform(0, 30)))
    elif kind == 2:
        edit = accept_image(document)
    elif kind == 3 and document.review is ImageReview.UNREVIEWED:
        run = dataset.begin_run("Run")
        edit = add([by_run(label, run)])
        dataset.commit_run(run, key, edit)
        assert dataset.end_run(run)
        return replay.note(dataset, Transaction("Run", ((key, edit),)))
    elif kind == 4:
        after = labels.add(f"new {rng.random()}") if rng.random() < 0.5 else labels.move(label, 0)
        step = Transaction("Labels", labels=after, labels_before=labels)
        dataset.commit(step)
        return replay.note(dataset, step)
    else:
        edit = add([drawn(label, rng.uniform(0, 40))])
    step = Transaction("Edit", ((key, by_user(edit, dataset.load(key))),))
    dataset.commit(step)
    return replay.note(dataset, step)


def take_step(dataset: Dataset, key: ImageKey, *, undo: bool) -> bool:
    """Undoes or redoes as with this image on screen. Returns whether another step was overtaken."""
    done, undone = done_steps(dataset), dataset.history()[1]
    steps = done[::-1] if undo else undone
    if not steps:
        return False
    over = overtaken(key, [entry.do for entry in steps])
    chosen = steps[over or 0]
    applied = (dataset.undo if undo else dataset.redo)(chosen.seq if over else None)
    assert applied is not None
    assert set(applied.keys) == set(chosen.do.keys)
    rest = [entry.seq for entry in steps if entry is not chosen]
    now_done, now_undone = (
        [entry.seq for entry in part] for part in (done_steps(dataset), dataset.history()[1])
    )
    left, other = (now_done[::-1], now_undone) if undo else (now_undone, now_done[::-1])
    assert left == rest
    assert other == [chosen.seq, *(entry.seq for entry in (undone if undo else done[::-1]))]
    return bool(over)


def run_example(seed: int, steps: int) -> int:
    """Returns how many steps overtook others."""
    rng, overtakes = random.Random(seed), 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dataset = opened(folder)
        replay = Replay({key: dataset.load(key) for key in (A, B, C)}, dataset.labels)
        for _ in range(steps):
            key, choice = rng.choice((A, B, C)), rng.random()
            if choice < 0.45:
                change(dataset, rng, key, replay)
            elif choice < 0.9:
                overtakes += take_step(dataset, key, undo=choice < 0.7)
            else:
                dataset.close()
                dataset = Dataset.open(folder)
            replay.check(dataset)
        while dataset.history()[1]:
            take_step(dataset, rng.choice((A, B, C)), undo=False)
        replay.check(dataset)
        end = files(folder, ".txt")
        while done_steps(dataset):
            overtakes += take_step(dataset, rng.choice((A, B, C)), undo=True)
        replay.check(dataset)
        assert files(folder, ".txt") == {}
        while dataset.history()[1]:
            overtakes += take_step(dataset, rng.choice((A, B, C)), undo=False)
        replay.check(dataset)
        assert files(folder, ".txt") == end
        dataset.close()
    return overtakes


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**9), st.integers(1, 25))
def test_every_image_is_the_replay_of_the_steps_that_are_done(seed: int, steps: int) -> None:
    run_example(seed, steps)


def test_the_examples_overtake() -> None:
    assert run_example(5, 40) > 5
