"""What is known of tracks."""

from __future__ import annotations

from dataclasses import dataclass

from samdesk.dataset.dataset import Dataset
from samdesk.dataset.store.facts import REJECTED, id_from, stored_id
from samdesk.dataset.tracks.conditions import SHARED
from samdesk.domain.annotation import TrackId

_OF_TRACK = (
    f"SELECT image FROM facts WHERE track=:track AND review <> {REJECTED}"
    f" UNION ALL SELECT image FROM facts WHERE id=:track AND track IS NULL AND review <> {REJECTED}"
)


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


def track_info(dataset: Dataset, track: TrackId) -> TrackInfo:
    """Returns what is known of a track. Raises ``StoreError``."""
    store = dataset.core.rows.store
    (annotations, images) = store.row(
        f"SELECT count(*), count(DISTINCT image) FROM ({_OF_TRACK.replace(':track', '?')})",
        (stored_id(track), stored_id(track)),
    ) or (0, 0)
    return TrackInfo(track, annotations, images)


def shared_tracks(dataset: Dataset) -> tuple[TrackId, ...]:
    """Returns the tracks of several annotations, in order of their ids. Raises ``StoreError``."""
    found = dataset.core.rows.store.rows(SHARED)
    return tuple(sorted(TrackId(id_from(track)) for (track,) in found))
