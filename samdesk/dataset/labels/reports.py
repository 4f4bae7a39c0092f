"""What the user is told about labels that are saved but not written, or that are damaged."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from samdesk.base.errors import UserError, first_line, typed_line
from samdesk.dataset.types import Notice
from samdesk.domain.document import ImageDocument, ImageKey

log = logging.getLogger(__name__)


class UnwrittenReports:
    """Reports label files that could not be written, each failure once.

    Args:
        folder: The dataset.
        notify: Takes the notices.
    """

    def __init__(self, folder: Path, notify: Callable[[Notice], None]) -> None:
        self._folder = folder
        self._notify = notify
        self._reported: set[str] = set()

    def add(self, what: str, error: Exception, key: ImageKey | None = None) -> None:
        """Reports that something, of an image or of several, could not be written; a bug is logged."""
        known = isinstance(error, UserError)
        if not known:
            log.error("writing %s of %s", what, self._folder, exc_info=error)
        why = first_line(error) if known else f"unexpected error: {typed_line(error)}"
        text = f"{what} could not be written ({why}). The annotations are saved in samdesk's store."
        if text not in self._reported:
            self._reported.add(text)
            self._notify(Notice("save", text, str(self._folder), key=key))


def damaged_labels(store: Path, names_file: str, problem: str) -> Notice:
    """The notice that labels were restored, with names from data.yaml."""
    text = (
        f"The labels in {store} are damaged ({problem}). They were restored as far as possible, with "
        f"names from {names_file} where theirs are lost. Please check them in the panel Labels."
    )
    return Notice("damaged-store", text, str(store))


def damaged_history(store: Path, problem: str) -> Notice:
    """The notice that steps of the history cannot be read."""
    text = (
        f"The undo history in {store} is damaged ({problem}). Steps that cannot be read are left out; the "
        "annotations are not affected."
    )
    return Notice("damaged-store", text, str(store))


def scaled_annotations(before: ImageDocument, size: tuple[int, int], path: Path) -> Notice:
    """The notice that an image has got another size (width and height, pixels)."""
    text = (
        f"{before.key} was {before.width} x {before.height} pixels when it was annotated and is "
        f"{size[0]} x {size[1]} now: its annotations were scaled. Please check that they still fit."
    )
    return Notice("image", text, str(path), key=before.key)
