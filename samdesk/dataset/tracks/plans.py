"""Plans that correct tracks, where an object was carried to another one: see ``samdesk.dataset.plans``."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from samdesk.dataset.dataset import Dataset
from samdesk.dataset.tracks.info import members_of
from samdesk.dataset.types import RefusedError
from samdesk.domain.annotation import Annotation, AnnotationId, TrackId
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction, update

_Member = tuple[ImageKey, AnnotationId]


def split_track(
    dataset: Dataset, key: ImageKey, chosen: AnnotationId, locked: Collection[AnnotationId], text: str
) -> Transaction:
    """Gives an annotation, and those of its track on later images, a track of their own.

    Raises:
        RefusedError: It is the first of its track, or one of them is locked.
    """
    track, members = _track(dataset, key, chosen, locked)
    place = members.index((key, chosen))
    if not place:
        raise RefusedError("Nothing is before this annotation in its track.")
    return _step(dataset, [members[:place], members[place:]], track, text)


def leave_track(
    dataset: Dataset, key: ImageKey, chosen: AnnotationId, locked: Collection[AnnotationId], text: str
) -> Transaction:
    """Takes an annotation out of its track; the others stay together.

    Raises:
        RefusedError: It is alone in its track, or one of them is locked.
    """
    track, members = _track(dataset, key, chosen, locked)
    others = [member for member in members if member != (key, chosen)]
    if not others:
        raise RefusedError("This annotation is alone in its track.")
    return _step(dataset, [others, [(key, chosen)]], track, text)


def _track(
    dataset: Dataset, key: ImageKey, chosen: AnnotationId, locked: Collection[AnnotationId]
) -> tuple[TrackId, list[_Member]]:
    annotation = _find(dataset, key, chosen)
    members = [] if annotation is None else list(members_of(dataset, annotation.track_of))
    if annotation is None or (key, chosen) not in members:
        raise RefusedError("The annotation was deleted meanwhile.")
    if not frozenset(locked).isdisjoint(name for _, name in members):
        raise RefusedError("An annotation of the track is locked.", next="Unlock it first.")
    return annotation.track_of, members


def _step(dataset: Dataset, parts: Sequence[Sequence[_Member]], track: TrackId, text: str) -> Transaction:
    """The step that makes tracks of parts of one; the part that its name belongs to keeps that."""
    changed: dict[ImageKey, list[Annotation]] = {}
    owner = next((part for part in parts if any(TrackId(name) == track for _, name in part)), parts[0])
    for part in parts:
        for key, annotation in _named(dataset, part, None if part is owner else TrackId(part[0][1])):
            changed.setdefault(key, []).append(annotation)
    edits = tuple((key, update(found)) for key, found in changed.items())
    return Transaction(text, edits)


def _named(
    dataset: Dataset, part: Sequence[_Member], track: TrackId | None
) -> Iterator[tuple[ImageKey, Annotation]]:
    """The annotations of a part that get another track; None: they keep theirs."""
    for key, name in part if track is not None else ():
        annotation = _find(dataset, key, name)
        if annotation is not None and track is not None:
            yield key, replace(annotation, track=TrackId("") if TrackId(name) == track else track)


def _find(dataset: Dataset, key: ImageKey, name: AnnotationId) -> Annotation | None:
    found = dataset.core.documents.get(key).all_annotations
    return next((annotation for annotation in found if annotation.id == name), None)
