"""Fills the facts that searches need, a bit at a time while nothing else is to be done.

Images of a store that an older samdesk made come first; label files that were not read yet follow once a
search is used. New weights of the doubt reach all annotations the same way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from time import monotonic

from samdesk.base.bulk import BulkProgress
from samdesk.base.errors import UserError
from samdesk.dataset.background.results import Results
from samdesk.dataset.core import DatasetCore
from samdesk.dataset.store.errors import DamagedRowsError, StoreError
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.doubt import Calibration
from samdesk.images.snapshot import stamp_of

_NO_FILE = -1
_WITHOUT_FACTS = "key NOT IN (SELECT key FROM fact_images WHERE stamp IS NULL)"


class Indexing:
    """Brings the facts of a dataset up to date with its store and its label files.

    Attributes:
        pending: Whether there is something to do.
        results: What searches have found.
    """

    def __init__(self, core: DatasetCore, keys: tuple[ImageKey, ...]) -> None:
        self._core = core
        self.results = Results()
        self._keys = keys
        self._wanted = False
        self._left: deque[ImageKey] | None = None
        self._stamps: dict[str, int | None] = {}
        self._skipped: set[ImageKey] = set()
        self._total = 0
        self.pending = not core.read_only

    @property
    def progress(self) -> BulkProgress | None:
        """How far it is; None: all annotations can be found."""
        if self._core.read_only:
            return None
        if self._left is None:
            done, total = self._core.rows.facts.image_count, len(self._keys)
        else:
            done, total = self._total - len(self._left), self._total
        return BulkProgress("Indexing annotations", done, total) if done < total else None

    def want(self) -> None:
        """A search is used: label files that were not read yet are read, too."""
        if not self._wanted and not self._core.read_only:
            self._wanted = True
            self._restart()

    def set_images(self, keys: tuple[ImageKey, ...]) -> None:
        """Replaces the list of images after the folder was looked at again."""
        self._keys = keys
        self._skipped.clear()
        self._restart()

    def recheck(self, keys: Iterable[ImageKey]) -> None:
        """Looks again at label files that have changed."""
        if self._wanted and self._left is not None and not self._core.read_only:
            self._left.extend(keys)
            self._skipped.difference_update(keys)
            self._total = max(self._total, len(self._left))
            self.pending = bool(self._left)

    def recalibrate(self, calibration: Calibration | None) -> None:
        """Sets the weights of the doubt. Raises ``StoreError``."""
        self._core.transact(lambda: self._core.rows.facts.set_calibration(calibration))
        self.pending = not self._core.read_only

    def _restart(self) -> None:
        self._left = None
        self.pending = not self._core.read_only

    def advance(self, seconds: float) -> None:
        """Goes on for about this long."""
        if not self.pending:
            return
        try:
            if self._left is None:
                self._list()
            if self._left:
                self._core.transact(lambda: self._fill(monotonic() + seconds))
            elif self._core.rows.facts.recalibrated is not None:
                self._core.transact(lambda: self._recalibrate(monotonic() + seconds))
            self.pending = bool(self._left) or self._core.rows.facts.recalibrated is not None
            if not self._left:
                self._stamps.clear()
        except StoreError:
            self._left = None  # listed again with the next search; the next change reports the store
            self.pending = self._wanted = False

    def _list(self) -> None:
        """Finds what is to be done; 100,000 images take 0.2 s if they are not in the store."""
        rows, self._left = self._core.rows, deque()
        if rows.lack_facts():
            self._left.extend(sorted(rows.keys(_WITHOUT_FACTS)))
        if self._wanted:
            self._stamps = rows.facts.images()
            self._left.extend(key for key in self._keys if self._stamps.get(key, _NO_FILE) is not None)
        self._total = len(self._left)

    def _fill(self, end: float) -> None:
        left = self._left
        while left:
            key = left.popleft()
            if key in self._skipped:
                continue
            if self._core.rows.is_stored(key):
                self._fill_stored(key)
            elif self._wanted:
                path = str(self._core.files.path(key))
                stamp = stamp_of(path)
                if self._stamps.get(key, 0) != stamp:
                    self._fill_from_file(key, stamp)
            if monotonic() >= end:
                break

    def _fill_stored(self, key: ImageKey) -> None:
        try:
            document = self._core.rows.read(key)
        except DamagedRowsError:
            self._skipped.add(key)  # written when the user has chosen what to keep of it
            return
        if document is not None and self._core.rows.facts.stamp(key) != (None,):
            self._core.rows.facts.write(document)

    def _fill_from_file(self, key: ImageKey, stamp: int) -> None:
        self._stamps[key] = stamp
        if stamp == _NO_FILE:
            self._core.rows.facts.write(ImageDocument(key, 0, 0), stamp)
            return
        try:
            document = self._core.documents.parsed(key)
        except (UserError, OSError):
            self._skipped.add(key)  # shown when the image is
            return
        self._core.rows.facts.write(document, stamp)

    def _recalibrate(self, end: float) -> None:
        while not self._core.rows.facts.recalibrate() and monotonic() < end:
            pass
