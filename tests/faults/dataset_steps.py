"""What is done to a dataset, step by step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from samdesk.dataset import plans
from samdesk.dataset.dataset import Dataset
from samdesk.domain import edits
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction, accept_image
from tests.dataset.dataset_kit import by_run, draw, drawn, photos, region, user, with_labels
from tests.helpers.make import reshape

KEYS = tuple(ImageKey(f"images/{name}.png") for name in "abc")

Step = Callable[[Dataset], object]


def make_images(folder: Path) -> None:
    photos(folder, *KEYS)


def labelled(folder: Path) -> None:
    """Two labels, annotations on each image, one image accepted, one undone step."""
    dataset = Dataset.open(folder)
    with_labels(dataset, "person", "bus")
    for place, key in enumerate(KEYS):
        draw(dataset, key, 5 + place)
        draw(dataset, key, 20 + place, label=1)
    dataset.commit(user(KEYS[0], accept_image(dataset.load(KEYS[0]))))
    draw(dataset, KEYS[1], 30)
    dataset.undo()
    dataset.close()


def label_files(folder: Path) -> None:
    """Label files and names made elsewhere; one class id has no name."""
    (folder / "data.yaml").write_text("names: [person, bus]\n")
    (folder / "labels").mkdir()
    for place, key in enumerate(KEYS):
        line = f"{place} 0.{place + 1} 0.1 0.5 0.1 0.5 0.5 0.{place + 1} 0.5\n"
        (folder / "labels" / f"{Path(key).stem}.txt").write_text(line * 2)


def changed_outside(folder: Path) -> None:
    """A label file and data.yaml that were changed behind samdesk's back: two conflicts."""
    labelled(folder)
    path = folder / "labels" / "a.txt"
    path.write_text(path.read_text() + "0 0.5 0.5 0.9 0.5 0.9 0.9\n")
    names = folder / "data.yaml"
    names.write_text(names.read_text().replace("bus", "tram"))


def draw_on(key: ImageKey, x: float) -> Step:
    return lambda dataset: draw(dataset, key, x)


def edit_first(dataset: Dataset) -> None:
    annotation = dataset.load(KEYS[0]).annotations[0]
    dataset.commit(user(KEYS[0], reshape(annotation, region(33, 20))))


def remove_first(dataset: Dataset) -> None:
    annotation = dataset.load(KEYS[1]).annotations[0]
    dataset.commit(user(KEYS[1], edits.remove([annotation.id])))


def accept(dataset: Dataset) -> None:
    dataset.commit(user(KEYS[2], accept_image(dataset.load(KEYS[2]))))


def add_label(dataset: Dataset) -> None:
    with_labels(dataset, f"label {len(dataset.labels)}")


def move_label(dataset: Dataset) -> None:
    labels = dataset.labels
    dataset.commit(Transaction("Move", labels=labels.move(labels.labels[0].id, 1), labels_before=labels))


def rename_label(dataset: Dataset) -> None:
    labels = dataset.labels
    renamed = labels.rename(labels.labels[0].id, "pedestrian")
    dataset.commit(Transaction("Rename", labels=renamed, labels_before=labels))


def replace_label(dataset: Dataset) -> None:
    """Deletes a label in favour of another, on all images."""
    old, new = dataset.labels.labels[1].id, dataset.labels.labels[0].id
    dataset.commit_planned(partial(plans.replace_label, old=old, new=new))


def run(dataset: Dataset) -> None:
    """As auto-annotate does: a run that fails is ended too."""
    run = dataset.begin_run("Auto-annotate")
    try:
        for place, key in enumerate(KEYS):
            dataset.commit_run(run, key, edits.add([by_run(dataset.labels.labels[0].id, run, 10 + place)]))
    finally:
        dataset.end_run(run)


def read_all(dataset: Dataset) -> None:
    for key in KEYS:
        dataset.load(key)


def resolve(key: ImageKey, choice: str) -> Step:
    return lambda dataset: dataset.resolve(key, choice)


def undo(dataset: Dataset) -> None:
    dataset.undo()


def redo(dataset: Dataset) -> None:
    dataset.redo()


def two_images(dataset: Dataset) -> None:
    label = dataset.labels.labels[0].id
    both = tuple((key, edits.add([drawn(label, 12)])) for key in KEYS[:2])
    dataset.commit(Transaction("Both", both))
