"""Removes the temporary files that a crash has left in the folders of a dataset, a bounded part at a time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from time import monotonic

from samdesk.base.boundary import LeadsOutsideError
from samdesk.base.disk import temporaries
from samdesk.dataset.labels.files import LabelFiles

_END = object()
_SOME = 256
"""Names looked at between two looks at the clock."""


class Leftovers:
    """The temporary files in the folders that a dataset writes to.

    Args:
        files: Its label files.
        store: The file of its store.
        names: The file of its class names.
        allowed: Whether it may be written to: this process holds its lock.

    Attributes:
        pending: ``advance`` has not looked everywhere.
    """

    def __init__(self, files: LabelFiles, store: Path, names: Path, *, allowed: bool) -> None:
        self._files = files
        self._others = (files.folder, names.parent, store.parent, store.with_name("replaced"))
        self._found: Iterator[Path | None] | None = None
        self.pending = allowed

    def advance(self, seconds: float) -> None:
        """Looks for about this long, at one name at least, and removes what is found."""
        end = monotonic() + seconds
        if self._found is None:
            self._found = self._find()
        while self.pending:
            path = next(self._found, _END)
            if isinstance(path, Path):
                temporaries.remove_abandoned(path)
            self.pending = path is not _END
            if monotonic() >= end:
                break

    def _find(self) -> Iterator[Path | None]:
        """Yields temporary files, and None now and then."""
        seen: set[Path] = set()
        for folder in chain(self._others, self._files.folders()):
            yield None
            try:
                real = self._files.boundary.real_path(folder)
            except LeadsOutsideError:
                continue
            if real not in seen:
                seen.add(real)
                yield from temporaries.found_in(real, pause_after=_SOME)
