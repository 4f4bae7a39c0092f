"""What was read of files and fits images of the dataset, on disk until it is imported.

Records of an image may be anywhere in the files, and a million of them do not fit in memory. The database is
a nameless file of the system, which goes with the process.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import shapely

from samdesk.domain.document import ImageKey
from samdesk.domain.geometry import regions
from samdesk.domain.review import AnnotationReview
from samdesk.domain.split import SPLITS, Split
from samdesk.exchange.importing.placing import RecordPlacement
from samdesk.formats.base import ImageRecord, InstanceRecord

_TABLES = """
CREATE TABLE records (n INTEGER PRIMARY KEY, image TEXT, name TEXT, rank INT, count INT, body BLOB);
CREATE INDEX records_image ON records(image);
"""


@dataclass(frozen=True)
class SpooledImage:
    """What is to be imported on one image.

    Attributes:
        instances: On the upright image, as far as they lie on it; not empty.
        outside: Number of those that do not.
        split: The split that the files state; None: none.
        accepted: Whether the files say that the image is done.
    """

    instances: tuple[InstanceRecord, ...]
    outside: int = 0
    split: Split | None = None
    accepted: bool | None = None


class Spool:
    """Keeps records by image. One thread at a time may use it; ``close`` frees its file."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._connection.executescript(f"PRAGMA journal_mode=OFF; PRAGMA cache_size=-16384; {_TABLES}")
        self._connection.execute("BEGIN")

    def add(self, key: ImageKey, record: ImageRecord, rank: int, placement: RecordPlacement) -> None:
        """Adds a record of an image."""
        body = [
            [placement.orientation, placement.width, placement.height,
             placement.to_width, placement.to_height],
            record.split, record.accepted, [_packed(instance) for instance in record.instances],
        ]  # fmt: skip
        data = zlib.compress(json.dumps(body, separators=(",", ":")).encode("ascii"), 1)
        self._connection.execute(
            "INSERT INTO records (image, name, rank, count, body) VALUES (?,?,?,?,?)",
            (_text(key), _text(record.name), rank, len(record.instances), data),
        )

    def rivals(self) -> Iterator[tuple[ImageKey, list[str]]]:
        """Removes records that several names have brought to one image, and yields the image and names.

        The name that fits best stays, if there is one.
        """
        sql = (
            "SELECT image, name, max(rank) FROM records WHERE image IN"
            " (SELECT image FROM records GROUP BY image HAVING count(DISTINCT name) > 1)"
            " GROUP BY image, name ORDER BY image, 3 DESC"
        )
        found: dict[str, list[tuple[str, int]]] = {}
        for image, name, rank in self._connection.execute(sql).fetchall():
            found.setdefault(image, []).append((name, rank))
        for image, names in found.items():
            best = [name for name, rank in names if rank == names[0][1]]
            kept = best[0] if len(best) == 1 else None
            gone = [name for name, _ in names if name != kept]
            for name in gone:
                self._connection.execute("DELETE FROM records WHERE image=? AND name=?", (image, name))
            yield ImageKey(_name(image)), [_name(name) for name in gone]

    def keys(self) -> set[ImageKey]:
        """Returns the images that have records."""
        rows = self._connection.execute("SELECT DISTINCT image FROM records")
        return {ImageKey(_name(image)) for (image,) in rows}

    def instance_count(self, key: ImageKey) -> int:
        """Returns the number of instances of an image, those outside it included."""
        row = self._connection.execute("SELECT sum(count) FROM records WHERE image=?", (_text(key),))
        return int(row.fetchone()[0] or 0)

    def image(self, key: ImageKey, orientation: int | None = None) -> SpooledImage:
        """Returns what is to be imported on an image.

        Args:
            key: The image.
            orientation: Of EXIF, if its coordinates are to be rotated that did not show to be (180° and
                mirrored); None: they stay.
        """
        instances, outside = list[InstanceRecord](), 0
        split, accepted = None, None
        rows = self._connection.execute("SELECT body FROM records WHERE image=? ORDER BY n", (_text(key),))
        for (data,) in rows.fetchall():
            place, part, done, packed = json.loads(zlib.decompress(data))
            if orientation is not None and place[0] == 1:
                place[0] = orientation
            placement = RecordPlacement(*place)
            for values in packed:
                found = _instance(values, placement)
                if found is None:
                    outside += 1
                else:
                    instances.append(found)
            split = part if part in SPLITS else split
            accepted = done if done is not None else accepted
        return SpooledImage(tuple(instances), outside, split, accepted)

    def close(self) -> None:
        """Frees the disk."""
        self._connection.close()


def _packed(instance: InstanceRecord) -> list[object]:
    review = None if instance.review is None else instance.review.value
    wkb = shapely.to_wkb(instance.region).hex()
    return [wkb, instance.label, instance.record, instance.shape, instance.score, review, instance.note,
            instance.attributes, instance.track]  # fmt: skip


def _instance(values: list[Any], placement: RecordPlacement) -> InstanceRecord | None:
    wkb, label, record, shape, score, review, note, attributes, track = values
    region = placement.place(shapely.from_wkb(bytes.fromhex(str(wkb))))
    if not regions.is_drawable(region):
        return None
    pairs = tuple((str(name), value) for name, value in attributes)
    known = None if review is None else AnnotationReview(review)
    return InstanceRecord(
        str(label),
        region,
        str(record),
        shape,
        score,
        known,
        str(note),
        pairs,
        track=str(track),
    )


def _text(name: str) -> str:
    """Names may hold bytes that are no text (halves of surrogate pairs), which SQLite does not take."""
    return json.dumps(name)


def _name(text: str) -> str:
    return str(json.loads(text))
