"""What is known of tracks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from samdesk.base.bulk import in_parts
from samdesk.base.text import counted
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.store.facts import REJECTED, id_from, stored_id
from samdesk.dataset.tracks.conditions import SHARED
from samdesk.domain.annotation import AnnotationId, TrackId
from samdesk.domain.document import ImageKey

_PART = 400
"""Tracks that are counted with one question."""
_SHOWN_ID = 8
"""Characters of an id that are shown."""


@dataclass(frozen=True)
class TrackInfo:
    """A track.

    Attributes:
        id: Its id.
        annotations: Number of its annotations, rejected ones not counted.
        images: Number of images that they are on.
    """

    id: TrackId
    annotations: int
    images: int

    @property
    def text(self) -> str:
        """What is said of it: "track 3f2a91b0 on 5 images"."""
        return f"track {self.id[:_SHOWN_ID]} on {counted(self.images, 'image')}"


def shared_tracks(dataset: Dataset) -> tuple[TrackId, ...]:
    """Returns the tracks of several annotations, in order of their ids. Raises ``StoreError``."""
    found = dataset.core.rows.store.rows(SHARED)
    return tuple(sorted(TrackId(id_from(track)) for (track,) in found))


def tracks_of(dataset: Dataset, key: ImageKey) -> dict[AnnotationId, TrackInfo]:
    """Returns the tracks of the annotations of an image, without those that are alone in theirs.

    Raises ``StoreError``.
    """
    store = dataset.core.rows.store
    rows = store.rows(
        "SELECT id, coalesce(track, id) FROM facts WHERE image = (SELECT id FROM fact_images WHERE key=?)",
        (key,),
    )
    found: dict[Any, tuple[int, set[int]]] = {}
    for part in in_parts({track for _, track in rows}, _PART):
        marks = ",".join("?" * len(part))
        members = store.rows(
            f"SELECT track, image FROM facts WHERE track IN ({marks}) AND review <> {REJECTED} UNION ALL"
            f" SELECT id, image FROM facts WHERE id IN ({marks}) AND track IS NULL AND review <> {REJECTED}",
            (*part, *part),
        )
        for track, image in members:
            count, images = found.get(track, (0, set()))
            found[track] = count + 1, images | {image}
    return {
        AnnotationId(id_from(name)): TrackInfo(TrackId(id_from(track)), found[track][0], len(found[track][1]))
        for name, track in rows
        if track in found and found[track][0] > 1
    }


def members_of(dataset: Dataset, track: TrackId) -> tuple[tuple[ImageKey, AnnotationId], ...]:
    """Returns the annotations of a track, rejected ones too, in the order of the images.

    Raises ``StoreError``.
    """
    rows = dataset.core.rows.store.rows(
        "SELECT key, f.id, position FROM facts f JOIN fact_images i ON i.id = f.image WHERE f.track=?"
        " UNION ALL SELECT key, f.id, position FROM facts f JOIN fact_images i ON i.id = f.image"
        " WHERE f.id=? AND f.track IS NULL",
        (stored_id(track), stored_id(track)),
    )
    places = {key: place for place, key in enumerate(dataset.keys)}
    known = [(places[ImageKey(key)], position, key, name) for key, name, position in rows if key in places]
    return tuple(
        (ImageKey(key), AnnotationId(id_from(name))) for _, _, key, name in sorted(known, key=_place)
    )


def _place(row: tuple[int, float, str, Any]) -> tuple[int, float]:
    return row[:2]
