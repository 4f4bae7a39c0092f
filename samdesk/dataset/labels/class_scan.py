"""Finds the class ids that label files use, whether or not their images were ever loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import monotonic

from samdesk.dataset.labels.files import LabelFiles
from samdesk.dataset.labels.lines import says
from samdesk.domain.document import ImageKey

_SOME = 16
"""Label files read between two looks at the clock."""


class ClassScan:
    """The highest class id in the label files of a dataset, found a bounded part at a time.

    Files whose content is that of the store are left out: their labels are in the label set. 100,000 files
    take about ten seconds, so data.yaml may be written that much later in a dataset of this size.

    Args:
        files: The label files.
        keys: The images of the dataset.
        hashes: Returns the hashes of the label files as the store knows them.
        limit: Returns the class id from which on a line is a problem.
    """

    def __init__(
        self,
        files: LabelFiles,
        keys: Sequence[ImageKey],
        hashes: Callable[[], Mapping[ImageKey, str | None]],
        limit: Callable[[], int],
    ) -> None:
        self._files, self._keys = files, keys
        self._hashes, self._limit = hashes, limit
        self._left: list[ImageKey] | None = None
        self._known: Mapping[ImageKey, str | None] = {}
        self.highest = -1

    def restart(self) -> None:
        """Begins anew: class ids stand for other labels, and label files were rewritten."""
        self._left, self.highest = None, -1

    def advance(self, seconds: float) -> bool:
        """Reads label files for about this long, a few at least. Returns whether all are read."""
        end = monotonic() + seconds
        if self._left is None:
            self._left = self._files.existing(self._keys)
            self._known = self._hashes()
        while self._left:
            for key in self._left[-_SOME:]:
                self._read(key)
            del self._left[-_SOME:]
            if monotonic() >= end:
                break
        return not self._left

    def _read(self, key: ImageKey) -> None:
        try:
            data = self._files.read(key)
        except OSError:
            return
        if key in self._known and says(data, self._known[key]):
            return
        limit = self._limit()
        used = (class_id for class_id in self._files.count_classes(data) if class_id < limit)
        self.highest = max(self.highest, max(used, default=-1))
