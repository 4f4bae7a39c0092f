"""The changes of splits that the steps of the history consist of.

They are kept apart from the steps, compressed and in parts: assigning the splits of 100,000 images is one
step, and listing the history must not read all of them.
"""

from __future__ import annotations

import contextlib
import json
import zlib
from collections.abc import Sequence
from typing import Any

from samdesk.base import json_file
from samdesk.base.bulk import in_parts
from samdesk.dataset.store import values
from samdesk.dataset.store.database import Store
from samdesk.dataset.store.values import digest_of
from samdesk.domain.document import ImageKey
from samdesk.domain.split import SPLITS, Split, SplitChange

_PART = 2000
"""Images of one row."""
_MOST_BYTES = 32 << 20
"""Of one row as JSON."""
_TOO_FEW = "it has not as many splits as were saved"
_SPLITS: dict[Any, Split | None] = {None: None, **{split: split for split in SPLITS}}


class SplitLog:
    """Reads and writes ``log_splits``. The caller opens transactions."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def write(self, owner: str, changes: Sequence[SplitChange]) -> None:
        """Writes the changes of a step."""
        for n, part in enumerate(in_parts(changes, _PART)):
            text = json.dumps(part, ensure_ascii=True, separators=(",", ":"))
            row = (owner, n, zlib.compress(text.encode("ascii"), 1))
            self._store.execute(
                "INSERT INTO log_splits (owner, n, changes, digest) VALUES (?,?,?,?)", (*row, digest_of(row))
            )

    def add(self, owner: str, changes: Sequence[SplitChange]) -> tuple[SplitChange, ...]:
        """Adds changes to those of a step, as of a run that was resumed. Returns all of them.

        Those that are damaged are replaced.
        """
        rows = self._store.rows(
            "SELECT owner, n, changes, digest FROM log_splits WHERE owner=? ORDER BY n", (owner,)
        )
        whole: dict[ImageKey, SplitChange] = {}
        with contextlib.suppress(ValueError):
            whole = {change.key: change for row in rows for change in _changes(row)}
        for change in changes:
            before = whole[change.key].before if change.key in whole else change.before
            whole[change.key] = SplitChange(change.key, before, change.after)
        self._store.execute("DELETE FROM log_splits WHERE owner=?", (owner,))
        self.write(owner, tuple(whole.values()))
        return tuple(whole.values())

    def read(self, owner: str, count: int) -> tuple[SplitChange, ...]:
        """Returns the changes of a step.

        Args:
            owner: The step.
            count: How many it has.

        Raises:
            ValueError: They are damaged.
        """
        sql = "SELECT owner, n, changes, digest FROM log_splits WHERE owner=? ORDER BY n"
        found = tuple(change for row in self._store.rows(sql, (owner,)) for change in _changes(row))
        if len(found) != count:
            raise ValueError(_TOO_FEW)
        return found

    def head(self, owner: str, count: int) -> tuple[SplitChange, ...]:
        """Returns the first changes of a step, at most 2,000. Arguments and errors as for ``read``."""
        sql = "SELECT owner, n, changes, digest FROM log_splits WHERE owner=? AND n=0"
        row = self._store.row(sql, (owner,))
        found = () if row is None else _changes(row)
        if len(found) != min(count, _PART):
            raise ValueError(_TOO_FEW)
        return found

    def delete_undone(self) -> None:
        """Deletes the changes of all steps that are undone."""
        self._store.execute(
            "DELETE FROM log_splits WHERE owner IN (SELECT owner FROM log WHERE undone=1 AND splits NOT NULL)"
        )


def _changes(row: tuple[Any, ...]) -> tuple[SplitChange, ...]:
    """The changes of a row. Raises ``ValueError`` if it is damaged."""
    if row[3] != digest_of(row[:3]) or not isinstance(row[2], bytes):
        raise ValueError("its splits are not what was saved")
    try:
        unpacked = zlib.decompressobj()
        text = unpacked.decompress(row[2], _MOST_BYTES)
        found = json_file.parse(text.decode("ascii"))
        return tuple(
            SplitChange(ImageKey(values.text(key, "image")), _SPLITS[before], _SPLITS[after])
            for key, before, after in found
        )
    except (zlib.error, TypeError, KeyError) as error:
        raise ValueError("its splits are damaged") from error
