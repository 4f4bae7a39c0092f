"""Any sequence of edits: undo all gives the start, redo all the end, on disk and in memory."""

from __future__ import annotations

import random
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from samdesk.dataset import queries
from samdesk.dataset.dataset import Dataset
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction, accept_image, add, by_user, relabel, remove
from samdesk.domain.review import AnnotationReview
from tests.dataset.dataset_kit import SQUARE, by_run, content, drawn, files, photos, region
from tests.helpers.make import reshape


def act(dataset: Dataset, rng: random.Random) -> None:
    """Performs one random action of a user, or a run."""
    key = rng.choice(dataset.keys)
    document = dataset.load(key)
    label = rng.choice(dataset.labels.labels).id
    some = list(document.annotations)
    rng.shuffle(some)
    kind = rng.randrange(9)
    if kind == 0 and some:
        edit = remove([a.id for a in some[: rng.randint(1, 3)]])
    elif kind == 1 and some:
        edit = reshape(some[0], region(rng.uniform(0, 40), rng.uniform(0, 30)))
    elif kind == 2 and some:
        edit = relabel(document, [a.id for a in some[:2]], label)
    elif kind == 3:
        edit = accept_image(document)
    elif kind == 4:
        return _labels(dataset, rng)
    elif kind == 5:
        return _run(dataset, rng)
    elif kind == 6:
        old, new = rng.choice(dataset.labels.labels).id, label
        dataset.commit(queries.plan_relabel(dataset, old, new))
        return None
    else:
        edit = add([drawn(label, rng.uniform(0, 40), review=AnnotationReview.PENDING)])
    dataset.commit(Transaction("Edit", ((key, by_user(edit, dataset.load(key))),)))
    return None


def _labels(dataset: Dataset, rng: random.Random) -> None:
    labels = dataset.labels
    one = rng.choice(labels.labels).id
    choice = rng.randrange(4)
    if choice == 0:
        after, plan = labels.add(f"new {rng.random()}"), None
    elif choice == 1:
        after, plan = labels.rename(one, f"name {rng.random()}"), None
    elif choice == 2 or len(labels) < 2:
        after, plan = labels.move(one, rng.randrange(len(labels))), None
    else:
        other = next(label.id for label in labels if label.id != one)
        after, plan = labels.remove(one), queries.plan_relabel(dataset, one, other)
        if any(label.id not in labels for label in dataset.labels):
            return  # planning read a file that brought labels: a user would plan again
    step = plan or Transaction("Labels")
    dataset.commit(replace(step, labels=after, labels_before=labels))


def _run(dataset: Dataset, rng: random.Random) -> None:
    run = dataset.begin_run("Run")
    for key in rng.sample(dataset.keys, 2):
        document = dataset.load(key)
        gone = [a.id for a in document.annotations if a.run_id is not None]
        new = by_run(rng.choice(dataset.labels.labels).id, run, rng.uniform(0, 40))
        dataset.commit_run(run, key, replace(add([new]), drop=tuple(gone)))
    dataset.end_run(run)


def state(folder: Path, dataset: Dataset) -> tuple[object, ...]:
    return [content(dataset.load(k)) for k in dataset.keys], dataset.labels, files(folder, ".txt")


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**9), st.integers(1, 12))
def test_undo_all_and_redo_all(seed: int, steps: int) -> None:
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos(folder, "images/a.png", "images/b.png", "images/c.png")
        (folder / "labels").mkdir()
        (folder / "labels/b.txt").write_text(f"1 {SQUARE}  \n\n0 0.5 0.5 0.2 0.3\r\n")
        (folder / "data.yaml").write_text("names: [one, two]\n")
        dataset = Dataset.open(folder)
        states = [state(folder, dataset)]
        for _ in range(steps):
            act(dataset, rng)
            if rng.random() < 0.2:
                dataset.close()
                dataset = Dataset.open(folder)
            if len(dataset.history()[0]) == len(states):
                states.append(state(folder, dataset))
        for expected in states[-2::-1]:
            assert dataset.undo() is not None
            assert state(folder, dataset) == expected
        assert dataset.undo() is None
        dataset.close()
        dataset = Dataset.open(folder)
        for expected in states[1:]:
            assert dataset.redo() is not None
            assert state(folder, dataset) == expected
        assert dataset.redo() is None
        assert dataset.conflicts == frozenset()
        dataset.close()


def test_the_actions_change_something(tmp_path: Path) -> None:
    """Otherwise the property above would hold for steps that do nothing."""
    photos(tmp_path, "a.png", "b.png", "c.png")
    (tmp_path / "data.yaml").write_text("names: [one, two]\n")
    dataset = Dataset.open(tmp_path)
    rng = random.Random(3)
    for _ in range(30):
        act(dataset, rng)
    texts = {entry.do.text for entry in dataset.history()[0]}
    assert {"Edit", "Labels", "Run"} <= texts
    assert any(s.count for s in queries.summaries(dataset))
    assert isinstance(dataset.keys[0], str)
    assert ImageKey("a.png") in dataset.keys
    dataset.close()
