"""Tracks: what is known of them, and taking them apart, as one step that is undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from samdesk.dataset.dataset import Dataset
from samdesk.dataset.search import find_images
from samdesk.dataset.tracks.info import TrackInfo, members_of, shared_tracks, tracks_of
from samdesk.dataset.tracks.plans import leave_track, split_track
from samdesk.dataset.types import RefusedError
from samdesk.domain.annotation import Annotation, AnnotationId, TrackId
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction, add, reject, remove
from samdesk.domain.search import parse
from tests.dataset.dataset_kit import content, drawn, photos, user, with_labels

Correction = Callable[..., Transaction]
KEYS = [ImageKey(f"{n}.jpg") for n in (1, 2, 10, 11)]
"""In the order of the dataset."""


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[Dataset]:
    """One object on four images, and another one on each."""
    photos(tmp_path, *KEYS)
    opened = Dataset.open(tmp_path)
    (label,) = with_labels(opened, "cat")
    first = drawn(label.id)
    opened.commit(user(KEYS[0], add([first, drawn(label.id, 30)])))
    for key in KEYS[1:]:
        opened.commit(user(key, add([replace(drawn(label.id), track=first.track_of), drawn(label.id, 30)])))
    yield opened
    opened.close()


def cats(dataset: Dataset) -> list[Annotation]:
    """The annotations of the object."""
    return [dataset.load(key).annotations[0] for key in KEYS]


def found(dataset: Dataset, text: str) -> list[ImageKey]:
    return list(find_images(dataset, parse(text)))


def groups(dataset: Dataset) -> list[str]:
    """Which annotations of the object are of one track, by a letter for each of the images."""
    names = [a.track_of for a in cats(dataset)]
    return ["abcd"[list(dict.fromkeys(names)).index(name)] for name in names]


def test_an_annotation_knows_its_track(dataset: Dataset) -> None:
    every = cats(dataset)
    assert tracks_of(dataset, KEYS[2]) == {every[2].id: TrackInfo(TrackId(every[0].id), 4, 4)}
    assert tracks_of(dataset, KEYS[0]) == {every[0].id: TrackInfo(TrackId(every[0].id), 4, 4)}
    assert tracks_of(dataset, KEYS[0])[every[0].id].text == f"track {every[0].id[:8]} on 4 images"
    assert shared_tracks(dataset) == (every[0].track_of,)
    assert members_of(dataset, every[3].track_of) == tuple(
        (k, a.id) for k, a in zip(KEYS, every, strict=True)
    )
    assert found(dataset, f"track:{every[0].id[:9].upper()}") == KEYS
    assert found(dataset, "track:yes") == found(dataset, "track:no") == KEYS


def test_what_is_alone_is_in_no_track(dataset: Dataset) -> None:
    first, *others = cats(dataset)
    for key, other in zip(KEYS[1:3], others, strict=False):
        dataset.commit(user(key, remove([other.id])))
    dataset.commit(Transaction("Reject", ((KEYS[3], reject(dataset.load(KEYS[3]), [others[2].id])),)))
    assert [tracks_of(dataset, key) for key in (KEYS[0], KEYS[3])] == [{}, {}]
    assert (shared_tracks(dataset), found(dataset, "track:yes")) == ((), [])
    dataset.undo()
    assert found(dataset, "track:yes") == [KEYS[0], KEYS[3]]
    assert len(members_of(dataset, TrackId(first.id))) == 2


@pytest.mark.parametrize(
    ("plan", "at", "becomes"),
    [
        (split_track, 2, "aabb"),
        (split_track, 1, "abbb"),
        (split_track, 3, "aaab"),
        (leave_track, 0, "abbb"),
        (leave_track, 1, "abaa"),
        (leave_track, 3, "aaab"),
    ],
)
def test_a_track_is_taken_apart_and_one_undo_puts_it_together(
    dataset: Dataset, plan: Correction, at: int, becomes: str
) -> None:
    before = [content(dataset.load(key)) for key in KEYS]
    annotations = [dataset.load(key).annotations for key in KEYS]
    chosen = cats(dataset)[at].id
    dataset.commit_planned(partial(plan, key=KEYS[at], chosen=chosen, locked=frozenset(), text="Correct"))
    assert "".join(groups(dataset)) == becomes
    for key, was in zip(KEYS, annotations, strict=True):
        now = dataset.load(key).annotations
        assert [replace(a, track=b.track) for a, b in zip(now, was, strict=True)] == list(was)
    dataset.undo()
    assert [content(dataset.load(key)) for key in KEYS] == before


def test_what_cannot_be_taken_apart_is_refused_in_words(dataset: Dataset) -> None:
    first, alone = dataset.load(KEYS[0]).annotations

    def refused(plan: Correction, chosen: AnnotationId, locked: frozenset[AnnotationId] = frozenset()) -> str:
        with pytest.raises(RefusedError) as caught:
            plan(dataset, KEYS[0], chosen, locked, "Correct")
        return caught.value.what

    assert refused(split_track, first.id) == "Nothing is before this annotation in its track."
    assert refused(leave_track, alone.id) == "This annotation is alone in its track."
    assert refused(leave_track, AnnotationId("gone")) == "The annotation was deleted meanwhile."
    assert refused(leave_track, first.id, frozenset({cats(dataset)[2].id})) == (
        "An annotation of the track is locked."
    )
