"""Reads through a store that was not closed properly, a bit at a time while nothing else is to be done."""

from __future__ import annotations

from collections import deque
from time import monotonic

from samdesk.base.text import counted
from samdesk.dataset.core import DatasetCore
from samdesk.dataset.labels.lines import says
from samdesk.dataset.types import Notice
from samdesk.domain.document import ImageKey

DAMAGED_STORE = "damaged-store"
"""The kind of a notice about what the store has lost."""


class IntegrityCheck:
    """Finds the images whose rows are not those that were written.

    If changes were lost, those whose label file says something else than the store are found, too. The user
    is told how many there are; what to keep of an image is asked when it is shown.

    Attributes:
        pending: Whether there is something to do.
    """

    def __init__(self, core: DatasetCore) -> None:
        self._core = core
        self._damaged: list[ImageKey] = []
        self._differ: list[ImageKey] = []
        self._left: deque[ImageKey] | None = None
        self.lost_saves = core.lost_saves
        self.pending = (core.was_not_closed or self.lost_saves > 0) and not core.read_only

    def notices_at_opening(self) -> list[Notice]:
        """Returns what the user should know at once."""
        if not self.lost_saves:
            return []
        text = (
            f"{self._core.path} lacks the changes that were saved last: it was cut off, or an older copy "
            "took its place. Label files may hold more; where one differs, you are asked which to keep."
        )
        return [Notice(DAMAGED_STORE, text, str(self._core.path))]

    def advance(self, seconds: float) -> list[Notice]:
        """Goes on for about this long. Returns what the user should know once all is read."""
        end = monotonic() + seconds
        if self._left is None:
            self._left = deque(self._core.rows.keys())
        while self._left:
            self._check(self._left.popleft())
            if monotonic() >= end:
                return []
        self.pending = False
        return self._notices()

    def _check(self, key: ImageKey) -> None:
        if not self._core.rows.is_sound(key):
            self._damaged.append(key)
        elif self.lost_saves and not self._agrees(key):
            self._differ.append(key)

    def _agrees(self, key: ImageKey) -> bool:
        known = self._core.projection.known(key)
        try:
            return known is None or says(self._core.files.read(key), known or None)
        except OSError:
            return True

    def _notices(self) -> list[Notice]:
        texts = []
        if self._damaged:
            texts.append(
                f"The annotations of {_named(self._damaged)} in {self._core.path} are damaged. Show an image "
                "to choose what to keep of it; all others are as they were saved."
            )
        if self._differ:
            texts.append(
                f"The label files of {_named(self._differ)} say something else than {self._core.path}, which "
                "has lost changes. Show an image to choose which to keep."
            )
        return [Notice(DAMAGED_STORE, text, str(self._core.path)) for text in texts]


def _named(keys: list[ImageKey]) -> str:
    return keys[0] if len(keys) == 1 else f"{counted(len(keys), 'image')} ({keys[0]}, …)"
