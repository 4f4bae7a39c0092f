"""Documents of a dataset: from the store, else from label files, and the label set they share."""

from __future__ import annotations

import contextlib
from collections import Counter, OrderedDict
from collections.abc import Iterable
from pathlib import Path

from samdesk.dataset.labels.files import Imported, LabelFiles
from samdesk.dataset.labels.projection import Projection
from samdesk.dataset.store.rows import Rows
from samdesk.dataset.types import ImageError, StoreError
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.labels import LabelSet
from samdesk.images.reader import read_size

_KEPT = 64


class Documents:
    """Reads documents, the newest from memory.

    Attributes:
        labels: The label set; it grows when a label file has class ids without a name.
        grown: The store does not have all of ``labels`` yet.
        sizes: Width and height of images looked at.
        problems: Why images cannot be shown, as far as it is known.
        shared: Another process writes to the store, so nothing is remembered.
    """

    def __init__(
        self, folder: Path, files: LabelFiles, rows: Rows, projection: Projection, max_pixels: int
    ) -> None:
        self.rows = rows
        self.labels = LabelSet()
        self.grown = False
        self.sizes: dict[ImageKey, tuple[int, int]] = {}
        self.problems: dict[ImageKey, str] = {}
        self.shared = False
        self._folder = folder
        self._files = files
        self._projection = projection
        self._max_pixels = max_pixels
        self._kept: OrderedDict[ImageKey, ImageDocument] = OrderedDict()
        self._imports: OrderedDict[ImageKey, Imported] = OrderedDict()
        self._counts: dict[ImageKey, Counter[int]] = {}

    def size(self, key: ImageKey) -> tuple[int, int]:
        """Width and height of an image, pixels, looked up anew. Raises ``ImageError``."""
        try:
            size = read_size(self._folder / key, max_pixels=self._max_pixels)
        except ImageError as error:
            self.problems[key] = error.reason
            raise
        self.problems.pop(key, None)
        self.sizes[key] = size
        return size

    def get(self, key: ImageKey) -> ImageDocument:
        """The document of an image. Raises ``ImageError`` or ``StoreError``."""
        document = self._kept.get(key) or self.rows.read(key)
        if document is None:
            return self.imported(key).document
        self.keep(document)
        return document

    def imported(self, key: ImageKey) -> Imported:
        """The document of an image that the store does not know yet."""
        found = self._imports.get(key)
        size = None if found is None else (found.document.width, found.document.height)
        if found is None or self.sizes.get(key, size) != size:
            path = self._files.path(key)
            size = self.size(key)
            try:
                data = self._files.read(key)
            except OSError as error:
                raise StoreError(f"{path} cannot be read: {error.strerror or error}") from error
            found = self._files.parse(key, size, data, self.labels)
            self._grow(found.labels)
            self._counts[key] = self._files.count_classes(data)
            self._projection.note_import(found)
            self._imports[key] = found
            while len(self._imports) > _KEPT:
                self._imports.popitem(last=False)
        return found

    def from_file(self, key: ImageKey) -> Imported:
        """What an image's label file says now, whatever the store says."""
        try:
            data = self._files.read(key)
        except OSError as error:
            raise StoreError(f"{self._files.path(key)} cannot be read: {error.strerror or error}") from error
        found = self._files.parse(key, self.size(key), data, self.labels)
        self._grow(found.labels)
        return found

    def ensure_row(self, key: ImageKey) -> None:
        """Puts an imported document into the store, inside the caller's transaction."""
        if self.rows.file(key) is None:
            found = self.imported(key)
            self.rows.insert(found.document, found.file)

    def keep(self, document: ImageDocument) -> None:
        """Remembers the newest state of a document that the store has."""
        self._imports.pop(document.key, None)
        if not self.shared:
            self._kept[document.key] = document
            self._kept.move_to_end(document.key)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

    def forget_imports(self) -> None:
        """Class ids mean other labels now: what was read from label files is read anew."""
        self._imports.clear()
        self._counts.clear()

    def glance(self, key: ImageKey) -> None:
        """Looks at an image that is not in the store: its size, and how much its label file holds."""
        if key not in self.sizes and key not in self.problems:
            with contextlib.suppress(ImageError):
                self.size(key)
        self.classes(key)

    def only_in_files(self, keys: Iterable[ImageKey]) -> list[ImageKey]:
        """Those images whose annotations are in a label file, and not in the store."""
        known = set(self.rows.keys())
        return self._files.existing(k for k in keys if k not in known)

    def classes(self, key: ImageKey) -> Counter[int]:
        """How many lines of each class the label file of an image has, read once."""
        found = self._counts.get(key)
        if found is None:
            try:
                found = self._files.count_classes(self._files.read(key))
            except OSError:
                found = Counter()
            self._counts[key] = found
        return found

    def counted(self, key: ImageKey) -> int:
        """Annotations of an image that is not in the store, as far as they were counted."""
        found = self._counts.get(key)
        return 0 if found is None else found.total()

    def _grow(self, labels: LabelSet) -> None:
        if len(labels) > len(self.labels):
            self.labels = labels
            self.grown = True
