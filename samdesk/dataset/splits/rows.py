"""The table of splits: one row for each image that is in one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from samdesk.base.bulk import in_parts
from samdesk.dataset.store.database import Store
from samdesk.domain.document import ImageKey
from samdesk.domain.split import SPLITS, Split, SplitChange

_AT_ONCE = 500


class SplitRows:
    """Reads and writes the splits of images. The caller opens transactions.

    An image keeps its row when its file is gone: it is in the same split again when it comes back.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.version = 0
        """Changes with every change."""

    def all(self) -> dict[ImageKey, Split]:
        """Returns the split of every image that is in one; rows that are damaged are left out."""
        return _sound(self._store.rows("SELECT image, split FROM splits"))

    def of(self, keys: Sequence[ImageKey]) -> dict[ImageKey, Split]:
        """Returns the splits of those of some images that are in one."""
        found: dict[ImageKey, Split] = {}
        for part in in_parts(keys, _AT_ONCE):
            marks = ",".join("?" * len(part))
            found |= _sound(
                self._store.rows(f"SELECT image, split FROM splits WHERE image IN ({marks})", part)
            )
        return found

    def change(self, changes: Sequence[SplitChange]) -> tuple[SplitChange, ...]:
        """Writes changes. Returns those that change something, each with the split that its image had."""
        before = self.of([change.key for change in changes])
        last = {change.key: change.after for change in changes}
        made = [SplitChange(key, before.get(key), after) for key, after in last.items()]
        made = [change for change in made if change.before != change.after]
        self.version += bool(made)
        self._store.execute_many(
            "DELETE FROM splits WHERE image=?", [(c.key,) for c in made if c.after is None]
        )
        self._store.execute_many(
            "INSERT OR REPLACE INTO splits (image, split) VALUES (?,?)",
            [(c.key, c.after) for c in made if c.after is not None],
        )
        return tuple(made)


def _sound(rows: Iterable[tuple[object, ...]]) -> dict[ImageKey, Split]:
    known = {split: split for split in SPLITS}
    return {ImageKey(key): known[split] for key, split in rows if type(key) is str and split in known}
