"""A dataset looked at while a samdesk may be working on it: nothing is locked, nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from samdesk.dataset import resizing
from samdesk.dataset.core import Core
from samdesk.dataset.lock import DatasetLock
from samdesk.dataset.open import Opened, folder_error, store_place
from samdesk.dataset.store.database import Store, StoreError
from samdesk.dataset.store.rows import StoredImage
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.labels import LabelId
from samdesk.images.reader import MAX_PIXELS
from samdesk.images.sources import is_text, scan


@dataclass(frozen=True)
class Peek:
    """The dataset as it was when it was opened; what is read later is as new as it is then.

    Attributes:
        folder: Absolute, with links resolved.
        keys: The images, in natural order.
    """

    folder: Path
    keys: tuple[ImageKey, ...]
    _core: Core

    @property
    def names(self) -> tuple[str, ...]:
        """Class names by class id; reading a document may add some ("class_7")."""
        return self._core.documents.labels.names

    def images(self) -> dict[ImageKey, StoredImage]:
        """Returns those of its images that the store knows."""
        known = set(self.keys)
        return {key: image for key, image in self._core.rows.images(None).items() if key in known}

    def only_in_files(self) -> list[ImageKey]:
        """The images that the store does not know and that have a label file."""
        return self._core.documents.only_in_files(self.keys)

    def class_id(self, label_id: LabelId) -> int:
        """The class id of a label; ``KeyError`` if there is none."""
        return self._core.documents.labels.index(label_id)

    def document(self, key: ImageKey) -> ImageDocument:
        """The annotations of an image, in the pixels that its file has now.

        Raises:
            ImageError: The image cannot be read.
            StoreError: The store or the label file cannot be read.
        """
        width, height = self._core.documents.size(key)
        document = self._core.documents.get(key)
        if (document.width, document.height) != (width, height):
            return resizing.resized(document, width, height)
        return document


@contextmanager
def peek(folder: Path, *, max_pixels: int = MAX_PIXELS) -> Iterator[Peek]:
    """Opens a dataset to read.

    Raises:
        StoreError: There is no such folder, or its store is damaged or made by a newer samdesk.
    """
    error = folder_error(folder)
    if error is not None:
        raise error
    folder = folder.resolve()
    place = store_place(folder)
    opened = Opened(_store(place), place, DatasetLock(folder), read_only=True)
    try:
        keys = tuple(key for key in scan(folder) if is_text(key))
        core = Core(folder, keys, opened, max_pixels, lambda _notice: None)
        core.start()
        yield Peek(folder, keys, core)
    finally:
        opened.store.close()


def _store(place: Path) -> Store:
    if not place.exists():
        return Store.in_memory()
    try:
        return Store.open(place, read_only=True)
    except StoreError:
        # In a folder where nothing can be written SQLite cannot make the file it shares with a writer.
        return Store.copy_of(place)
