"""Finds the class ids that label files use, whether or not their images were ever loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import monotonic

from samdesk.dataset.labels.files import LabelFiles
from samdesk.dataset.labels.lines import says
from samdesk.domain.document import ImageKey
from samdesk.domain.labels import LabelSet

SCANNED_ON_OPENING = 5000
"""Images of a dataset whose label files are looked at before it is shown; those of a larger one follow."""
_SOME = 16
"""Label files read between two looks at the clock."""
_LISTED = 2000
"""Images whose label files are looked for between two looks at the clock."""


class ClassScan:
    """The highest class id in the label files of a dataset, found a bounded part at a time.

    Files that say what the store says are left out: their labels are in the label set. Only the first word of
    each line is looked at, so 100,000 files take five to ten seconds; in a dataset of this size data.yaml may
    be written that much later.

    Args:
        files: The label files.
        keys: The images of the dataset.
        hashes: Returns the hashes of the label files as the store knows them.
        counts: Returns the lines per class of a label file that is not in the store, and remembers them, so
            that the counts of the label list do not read it again.

    Attributes:
        highest: The highest class id so far that no label stands for; -1: none.
        pending: ``advance`` has not read all files.
    """

    def __init__(
        self,
        files: LabelFiles,
        keys: Sequence[ImageKey],
        hashes: Callable[[], Mapping[ImageKey, str | None]],
        counts: Callable[[ImageKey], Counter[int]],
    ) -> None:
        self._files, self._keys, self._hashes, self._counts = files, keys, hashes, counts
        self.restart()

    def restart(self) -> None:
        """Begins anew: class ids stand for other labels, and label files were rewritten."""
        self._unlisted = 0
        """Place of the first image whose label file was not looked for."""
        self._folders: dict[str, set[str]] = {}
        self._left: list[ImageKey] = []
        self._known: Mapping[ImageKey, str | None] | None = None
        self.highest = -1
        self.pending = True

    def advance(self, labels: LabelSet, seconds: float) -> bool:
        """Reads label files for about this long, a few at least. Returns whether all are read."""
        end = monotonic() + seconds
        while self._unlisted < len(self._keys):
            some = self._keys[self._unlisted : self._unlisted + _LISTED]
            self._left += self._files.existing(some, self._folders)
            self._unlisted += _LISTED
            if self._unlisted < len(self._keys) and monotonic() >= end:
                return False
        self._folders.clear()
        limit = self._files.class_id_limit(labels)
        while self._left:
            for key in self._left[-_SOME:]:
                self._read(key, len(labels), limit)
            del self._left[-_SOME:]
            if monotonic() >= end:
                break
        self.pending = bool(self._left)
        return not self.pending

    def _read(self, key: ImageKey, count: int, limit: int) -> None:
        if self._known is None:
            self._known = self._hashes()
        if key not in self._known:
            self.highest = max(self.highest, _highest(self._counts(key), count, limit))
            return
        try:
            data = self._files.read(key)
        except OSError:
            return
        used = _highest(self._files.count_classes(data), count, limit)
        if used > self.highest and not says(data, self._known[key]):
            self.highest = used


def _highest(used: Iterable[int], count: int, limit: int) -> int:
    """The highest class id below a limit if no label stands for it; else -1."""
    highest = max((class_id for class_id in used if class_id < limit), default=-1)
    return highest if highest >= count else -1
