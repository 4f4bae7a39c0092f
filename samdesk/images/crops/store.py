"""CropStore: crops and their features on disk, in one SQLite file within a budget, the oldest evicted first.

Everything in it can be made again: a file that is damaged or that cannot be written is given up without a
question. Several processes may use it.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.domain.geometry.types import RgbImage
from samdesk.images.crops.view import View
from samdesk.images.stamp import ImageStamp

log = logging.getLogger(__name__)

CROPS_FILE = "crops.db"
"""Its name in the cache folder."""
BUDGET_BYTES = 512 << 20
_TRIMMED = 0.8
"""Share of the budget that is left after evicting."""
_QUALITY = 90
_PER_QUERY = 500
_TABLE = """
CREATE TABLE IF NOT EXISTS crops (key BLOB PRIMARY KEY, jpeg BLOB, feature BLOB, used INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS crops_by_use ON crops(used);
"""


def crop_key(path: Path, view: View, side: int) -> bytes | None:
    """Returns the key of a crop of an image file as it is now; None if there is no such file."""
    try:
        stamp = ImageStamp.of(path)
    except OSError:
        return None
    what = (*astuple(stamp), *view, side)
    return blake2b(repr(what).encode("utf-8", "surrogatepass"), digest_size=16).digest()


class CropStore:
    """Crops by ``crop_key``. Used by one thread at a time.

    Args:
        path: The file; created when a crop is kept.
        budget_bytes: Its size, at most.
    """

    def __init__(self, path: Path, budget_bytes: int = BUDGET_BYTES) -> None:
        self._path = path
        self._budget = budget_bytes
        self._connection: sqlite3.Connection | None = None
        self._given_up = False
        self._clock = 0

    def crops(self, keys: Sequence[bytes]) -> dict[bytes, RgbImage]:
        """Returns those of the crops that it has, (h, w, 3) uint8 RGB."""
        found: dict[bytes, RgbImage] = {}
        for key, data in self._read("jpeg", keys).items():
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
            if pixels is not None:
                found[key] = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
        return found

    def features(self, keys: Sequence[bytes], length: int) -> dict[bytes, NDArray[np.float32]]:
        """Returns those of the features, (length,) float32, that it has."""
        found = self._read("feature", keys)
        return {
            key: np.frombuffer(data, np.float16).astype(np.float32)
            for key, data in found.items()
            if len(data) == 2 * length
        }

    def keep(self, crops: Mapping[bytes, RgbImage]) -> None:
        """Keeps crops, (h, w, 3) uint8 RGB."""
        rows = []
        for key, pixels in crops.items():
            bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
            ok, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
            if ok:
                rows.append((key, data.tobytes()))
        self._write(
            "INSERT INTO crops (key, jpeg, used) VALUES (?1, ?2, ?3)"
            " ON CONFLICT(key) DO UPDATE SET jpeg=?2, used=?3",
            rows,
        )

    def keep_features(self, features: Mapping[bytes, NDArray[np.float32]]) -> None:
        """Keeps features, (length,) float32 in -1..1, at half precision."""
        rows = [(key, feature.astype(np.float16).tobytes()) for key, feature in features.items()]
        self._write(
            "INSERT INTO crops (key, feature, used) VALUES (?1, ?2, ?3)"
            " ON CONFLICT(key) DO UPDATE SET feature=?2, used=?3",
            rows,
        )

    def close(self) -> None:
        """Closes the file."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _read(self, column: str, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        connection = self._open(create=False)
        if connection is None:
            return {}
        found: dict[bytes, bytes] = {}
        try:
            for start in range(0, len(keys), _PER_QUERY):
                some = keys[start : start + _PER_QUERY]
                marks = ",".join("?" * len(some))
                sql = f"SELECT key, {column} FROM crops WHERE key IN ({marks}) AND {column} IS NOT NULL"
                rows = connection.execute(sql, some).fetchall()
                found.update((key, data) for key, data in rows if isinstance(data, bytes))
        except sqlite3.Error as error:
            self._fail(error)
        return found

    def _write(self, sql: str, rows: Sequence[tuple[bytes, bytes]]) -> None:
        connection = self._open(create=True) if rows else None
        if connection is None:
            return
        try:
            with connection:
                self._clock += 1
                connection.executemany(sql, [(*row, self._clock) for row in rows])
                self._trim(connection)
        except sqlite3.Error as error:
            self._fail(error)

    def _trim(self, connection: sqlite3.Connection) -> None:
        if self._used(connection) <= self._budget:
            return
        (count,) = connection.execute("SELECT count(*) FROM crops").fetchone()
        surplus = max(1, round(count * (1 - _TRIMMED)))
        connection.execute(
            "DELETE FROM crops WHERE key IN (SELECT key FROM crops ORDER BY used LIMIT ?)", (surplus,)
        )

    @staticmethod
    def _used(connection: sqlite3.Connection) -> int:
        pages, free, size = (
            int(connection.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size

    def _open(self, *, create: bool) -> sqlite3.Connection | None:
        if self._connection is not None or self._given_up or not (create or self._path.exists()):
            return self._connection
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = self._connected()
        except sqlite3.DatabaseError as error:
            self._fail(error)
        except OSError as error:
            self._given_up = True
            log.info("crops are not kept: %s", error)
        return self._connection

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=0.2)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=OFF")
            connection.executescript(_TABLE)
            row = connection.execute("SELECT max(used) FROM crops").fetchone()
            self._clock = int(row[0] or 0)
        except BaseException:
            connection.close()
            raise
        return connection

    def _fail(self, error: sqlite3.Error) -> None:
        """Gives up a file that is busy or cannot be written, and removes one that is damaged."""
        log.info("crops are not kept in %s: %s", self._path, error)
        self.close()
        damaged = isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
        if damaged and not self._given_up:
            with suppress(OSError):
                self._path.unlink()
        else:
            self._given_up = True


def clear_crops(path: Path) -> int:
    """Deletes the crops that are kept. Returns the bytes that were freed."""
    freed = 0
    for suffix in ("", "-wal", "-shm"):
        file = path.with_name(path.name + suffix)
        with suppress(OSError):
            freed += file.stat().st_size
            file.unlink()
    return freed
