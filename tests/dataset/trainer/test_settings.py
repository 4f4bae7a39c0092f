"""What label files hold: a choice of the dataset; annotations that are left out of a file are never lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from samdesk.dataset.dataset import Dataset
from samdesk.dataset.trainer.settings import (
    LabelFilesHold,
    TrainingSettings,
    change_training,
    training_settings,
)
from samdesk.domain.annotation import Annotation
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Edit, Placed, Transaction, flag, reject
from samdesk.domain.review import AnnotationReview
from tests.dataset.dataset_kit import drawn, photos, user, with_labels

HELD: dict[LabelFilesHold, set[str]] = {
    "all": {"accepted", "corrected", "pending", "flagged", "rejected"},
    "not-rejected": {"accepted", "corrected", "pending", "flagged"},
    "accepted": {"accepted", "corrected"},
}


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """An image with an annotation in each state; the left edge of each says which it is."""
    (key,) = photos(tmp_path, "a.png")
    dataset = Dataset.open(tmp_path)
    label = with_labels(dataset, "x").labels[0]
    made = [drawn(label.id, 2 + 8 * n, review=review) for n, review in enumerate(AnnotationReview)]
    put = tuple(Placed(a) for a in made if a.review is not AnnotationReview.REJECTED)
    dataset.commit(Transaction("Add", ((key, Edit(put=put)),)))
    rejected = next(a for a in made if a.review is AnnotationReview.REJECTED)
    dataset.commit(Transaction("Add", ((key, Edit(put=(Placed(rejected),))),)))
    return dataset


KEY = ImageKey("a.png")


def states(dataset: Dataset) -> dict[AnnotationReview, Annotation]:
    return {a.review: a for a in dataset.load(KEY).all_annotations}


def in_file(dataset: Dataset) -> set[str]:
    """The states of the annotations whose lines the label file has."""
    lefts = {a.region.bounds[0]: review.value for review, a in states(dataset).items()}
    lines = (dataset.folder / "a.txt").read_text().splitlines()
    found = [min(float(x) for x in line.split()[1::2]) * 64 for line in lines]
    return {min(lefts.items(), key=lambda item: abs(item[0] - left))[1] for left in found}


def settle(dataset: Dataset) -> None:
    while dataset.unfinished:
        dataset.advance(0.1)


@pytest.mark.parametrize("hold", HELD)
def test_label_files_hold_what_was_chosen_and_follow_a_change(dataset: Dataset, hold: LabelFilesHold) -> None:
    before = states(dataset)
    change_training(dataset, TrainingSettings(label_files_hold=hold))
    settle(dataset)
    assert in_file(dataset) == HELD[hold]
    assert states(dataset) == before
    dataset.close()
    dataset = Dataset.open(dataset.folder)
    assert training_settings(dataset.settings_get).label_files_hold == hold
    assert states(dataset) == before
    assert dataset.conflicts == frozenset()
    change_training(dataset, TrainingSettings())
    settle(dataset)
    assert in_file(dataset) == HELD["not-rejected"]
    dataset.close()


@pytest.mark.parametrize("hold", HELD)
def test_taking_the_file_of_another_program_loses_nothing_that_it_never_held(
    dataset: Dataset, hold: LabelFilesHold
) -> None:
    change_training(dataset, TrainingSettings(label_files_hold=hold))
    settle(dataset)
    before = dataset.load(KEY)
    file = dataset.folder / "a.txt"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[1:]))  # the first one that it holds is deleted there
    dataset.load(KEY)
    assert dataset.conflicts == {KEY}
    dataset.resolve(KEY, "file")
    gone = next(a for a in before.all_annotations if a.review.value in HELD[hold])
    after = dataset.load(KEY)
    assert [a.id for a in after.annotations] == [a.id for a in before.annotations if a.id != gone.id]
    assert after.rejected == before.rejected
    assert set(after.all_annotations) <= set(before.all_annotations)
    dataset.undo()
    assert dataset.load(KEY).annotations == before.annotations
    dataset.close()


def test_open_proposals_make_no_label_file_if_files_hold_accepted_ones(
    tmp_path: Path,
) -> None:
    (key,) = photos(tmp_path, "a.png")
    dataset = Dataset.open(tmp_path)
    label = with_labels(dataset, "x").labels[0]
    change_training(dataset, TrainingSettings(label_files_hold="accepted"))
    pending = drawn(label.id, review=AnnotationReview.PENDING)
    dataset.commit(Transaction("Propose", ((key, Edit(put=(Placed(pending),))),)))
    assert not (tmp_path / "a.txt").exists()  # an empty one would say that there is nothing
    dataset.commit(user(key, flag(dataset.load(key), [pending.id]), "Flag"))
    dataset.commit(user(key, reject(dataset.load(key), [pending.id]), "Reject"))
    assert (tmp_path / "a.txt").read_text() == ""
    dataset.close()


def test_damaged_settings_are_taken_for_the_usual_ones() -> None:
    odd = {"label_files_hold": "most", "lists_hold": "", "train_size": "1e9"}
    assert training_settings(odd.get) == TrainingSettings()
    assert training_settings({"train_size": "99999"}.get).train_size == 8192
