"""Reads a dataset that another samdesk may have open: takes no lock and writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from samdesk.base.boundary import LeadsOutsideError
from samdesk.dataset import resizing
from samdesk.dataset.core import DatasetCore
from samdesk.dataset.links import check_store_place
from samdesk.dataset.lock import DatasetLock, lock_path
from samdesk.dataset.open import OpenedStore, folder_error, locate_store
from samdesk.dataset.store.database import Store
from samdesk.dataset.store.errors import DamagedRowsError, StoreError
from samdesk.dataset.store.rows import StoredImage
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.labels import LabelId
from samdesk.images.errors import ImageError
from samdesk.images.header import MAX_PIXELS
from samdesk.images.sources import is_text, scan


@dataclass(frozen=True)
class ReadOnlyDataset:
    """A dataset opened for reading. Each read sees what is saved by then.

    Attributes:
        folder: Absolute, with links resolved.
        keys: The images, in natural order.
    """

    folder: Path
    keys: tuple[ImageKey, ...]
    _core: DatasetCore

    @property
    def names(self) -> tuple[str, ...]:
        """Class names by class id; reading a document may append some ("class_7")."""
        return self._core.documents.labels.names

    @property
    def data_yaml(self) -> Path:
        """The file with its class names and splits, which need not exist."""
        return self._core.names.path

    def setting(self, key: str) -> str | None:
        """A value stored with the dataset; None if there is none."""
        return self._core.setting(key)

    def images(self) -> dict[ImageKey, StoredImage]:
        """Returns those of its images that the store knows."""
        known = set(self.keys)
        return {key: image for key, image in self._core.rows.images(None).items() if key in known}

    def only_in_files(self) -> list[ImageKey]:
        """Returns the images that are not in the store and have a label file."""
        return self._core.documents.only_in_files(self.keys)

    def count_in_file(self, key: ImageKey) -> int:
        """Returns the number of annotations in the label file of an image, which is read."""
        return sum(self._core.documents.class_counts(key).values())

    def class_id(self, label_id: LabelId) -> int:
        """Returns the class id of a label. Raises ``KeyError`` for an unknown one."""
        return self._core.documents.labels.index(label_id)

    def document(self, key: ImageKey) -> ImageDocument:
        """Returns the annotations of an image, scaled to the current size of its file.

        Raises:
            ImageError: The image, or what the store has of it, cannot be read.
            StoreError: The store or the label file cannot be read.
        """
        width, height = self._core.documents.size(key)
        try:
            document = self._core.documents.get(key)
        except DamagedRowsError as error:
            raise ImageError(self.folder / key, "its annotations in the store are damaged") from error
        if (document.width, document.height) != (width, height):
            return resizing.resized(document, width, height)
        return document


@contextmanager
def open_read_only(folder: Path, *, max_pixels: int = MAX_PIXELS) -> Iterator[ReadOnlyDataset]:
    """Opens a dataset for reading, for the time of the ``with`` block.

    Raises:
        StoreError: There is no such folder, or its store is damaged or was made by a newer samdesk.
    """
    error = folder_error(folder)
    if error is not None:
        raise error
    folder = folder.resolve()
    path = locate_store(folder)
    opened = OpenedStore(_store(folder, path), path, DatasetLock(folder, lock_path(path)), read_only=True)
    try:
        keys = tuple(key for key in scan(folder) if is_text(key))
        core = DatasetCore(folder, keys, opened, max_pixels, lambda _notice: None)
        core.start()
        yield ReadOnlyDataset(folder, keys, core)
    finally:
        opened.store.close()


def _store(folder: Path, path: Path) -> Store:
    if not path.exists():
        return Store.in_memory()
    try:
        check_store_place(folder, path)
    except LeadsOutsideError as error:
        raise StoreError(f"{path} is left alone: {error.strerror}.") from error
    try:
        return Store.open(path, read_only=True)
    except StoreError:
        # In a read-only folder SQLite cannot create the -shm file that it shares with a writer.
        return Store.copy_of(path)
