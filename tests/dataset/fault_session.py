"""A scripted editing session for the kill test: reports each step as soon as it is saved.

``python fault_session.py FOLDER SEED`` prints "saved", the steps done and undone and a hash of
all documents after each step returned, for ever.
"""

from __future__ import annotations

import hashlib
import random
import sys
from pathlib import Path

from samdesk.dataset.dataset import Dataset
from samdesk.dataset.store.serial import edit_to_text
from samdesk.domain.edits import (
    Edit,
    Placed,
    Transaction,
    accept_image,
    add,
    by_user,
    remove,
)
from samdesk.domain.review import ReviewChange
from tests.dataset.dataset_kit import by_run, drawn, region
from tests.helpers.make import reshape


def fingerprint(dataset: Dataset) -> str:
    """A hash of all documents and labels; labels read from a file have other ids each time."""
    content = []
    for key in dataset.keys:
        document = dataset.load(key)
        put = tuple(Placed(a) for a in document.annotations)
        content.append(edit_to_text(Edit((), put, ReviewChange.to(document.review))))
    text = "\n".join([*content, repr(dataset.labels)])  # reading a document may add a label
    for label in dataset.labels.labels:
        text = text.replace(label.id, label.name)
    return hashlib.sha256(text.encode()).hexdigest()


def session(folder: Path, seed: int) -> None:
    rng = random.Random(seed)
    dataset = Dataset.open(folder)
    say("open", dataset)
    if len(dataset.labels) < 2:
        labels = dataset.labels.add("person").add("bus")
        dataset.commit(Transaction("Labels", labels=labels, labels_before=dataset.labels))
    while True:
        say("saved", dataset)
        step(dataset, rng)


def step(dataset: Dataset, rng: random.Random) -> None:
    key = rng.choice(dataset.keys)
    document = dataset.load(key)
    label = rng.choice(dataset.labels.labels).id
    kind = rng.randrange(10)
    if kind == 0 and len(dataset.history(10**6)[0]) > 1:
        dataset.undo()
    elif kind == 1:
        dataset.redo()
    elif kind == 2 and len(document.annotations) > 2:
        commit(dataset, key, remove([a.id for a in document.annotations[:2]]))
    elif kind == 3 and document.annotations:
        commit(dataset, key, reshape(document.annotations[0], region(rng.uniform(0, 40), rng.uniform(0, 30))))
    elif kind == 4:
        commit(dataset, key, accept_image(document))
    elif kind == 5:
        run = dataset.begin_run("Run")
        for other in dataset.keys:
            dataset.commit_run(run, other, add([by_run(label, run, rng.uniform(0, 40))]))
        dataset.end_run(run)
    elif kind == 6:
        labels = dataset.labels
        moved = labels.move(labels.labels[0].id, 1)
        dataset.commit(Transaction("Move", labels=moved, labels_before=labels))
    else:
        commit(dataset, key, add([drawn(label, rng.uniform(0, 40))]))


def commit(dataset: Dataset, key: object, edit: object) -> None:
    dataset.commit(Transaction("Edit", ((key, by_user(edit, dataset.load(key))),)))  # type: ignore[arg-type]


def say(word: str, dataset: Dataset) -> None:
    done, undone = dataset.history(10**6)
    print(word, len(done), len(undone), fingerprint(dataset), flush=True)


if __name__ == "__main__":
    session(Path(sys.argv[1]), int(sys.argv[2]))
