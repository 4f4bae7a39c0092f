"""Loads image documents from the store, or from label files, and keeps the label set they share."""

from __future__ import annotations

import contextlib
from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path
from time import monotonic

from samdesk.base.boundary import LeadsOutsideError
from samdesk.dataset.labels.files import ImportedDocument, LabelFiles, with_classes
from samdesk.dataset.labels.projection import Projection
from samdesk.dataset.resizing import resized
from samdesk.dataset.store.rows import Rows
from samdesk.dataset.types import ImageError, RefusedError
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.labels import LabelSet
from samdesk.images.reader import read_size
from samdesk.images.snapshot import stamp_of

_CACHED = 64
_LISTED = 2000
"""Images whose label files are looked for between two looks at the clock."""


class Documents:
    """Loads image documents and caches the newest.

    Attributes:
        rows: The store they are loaded from.
        labels: The label set; class ids of label files that have no name are appended to it.
        labels_unsaved: Some of ``labels`` are not in the store yet.
        sizes: Width and height of images whose header was read, pixels.
        problems: Why images cannot be shown, as far as known.
        max_pixels: Larger images are not opened.
        shared: Another process may write to the store, so documents are not cached.
    """

    def __init__(
        self, folder: Path, files: LabelFiles, rows: Rows, projection: Projection, max_pixels: int
    ) -> None:
        self.rows = rows
        self.labels = LabelSet()
        self.labels_unsaved = False
        self.sizes: dict[ImageKey, tuple[int, int]] = {}
        self.problems: dict[ImageKey, str] = {}
        self.shared = False
        self._folder = folder
        self._files = files
        self._projection = projection
        self.max_pixels = max_pixels
        self._cache: OrderedDict[ImageKey, ImageDocument] = OrderedDict()
        self._imports: OrderedDict[ImageKey, ImportedDocument] = OrderedDict()
        self._counts: dict[ImageKey, Counter[int]] = {}
        self._uncounted: list[ImageKey] = []
        self._with_file: dict[ImageKey, None] = {}
        self._listed_of: Sequence[ImageKey] | None = None
        self._listed = 0
        """Number of images of ``_listed_of`` whose label files were looked for."""
        self._stamps: dict[ImageKey, int] = {}
        """Of the label files of ``_imports``."""

    def size(self, key: ImageKey) -> tuple[int, int]:
        """Reads width and height of an image, pixels, from its file. Raises ``ImageError``."""
        try:
            size = read_size(self._folder / key, max_pixels=self.max_pixels)
        except ImageError as error:
            self.problems[key] = error.reason
            raise
        self.problems.pop(key, None)
        self.sizes[key] = size
        return size

    def get(self, key: ImageKey) -> ImageDocument:
        """Returns the document of an image.

        Raises:
            ImageError: The image cannot be read.
            DamagedRowsError: The user has to choose first what to keep.
            StoreError: The store or the label file cannot be read.
        """
        self._files.check(key)
        document = self._cache.get(key) or self.rows.read(key)
        if document is None:
            return self.from_label_file(key).document
        self.cache(document)
        return document

    def get_once(self, key: ImageKey) -> ImageDocument:
        """Returns ``get`` for one of many images in turn: the cache is left to those that are worked on."""
        return self._cache.get(key) or self.rows.read(key) or self.from_label_file(key).document

    def without_prompts(self, key: ImageKey) -> ImageDocument:
        """Returns ``get_once``, perhaps without the prompts, which take a fifth of the time to read."""
        found = self._cache.get(key) or self.rows.read(key, prompts=False)
        return found or self.from_label_file(key).document

    def early(self, key: ImageKey, size: tuple[int, int]) -> ImageDocument | None:
        """Returns the document of an image of a size without remembering anything of it.

        None: its label file has class ids without a label. Raises ``StoreError`` and ``OSError``.
        """
        document = self._cache.get(key) or self.rows.read(key)
        if document is None:
            found = self._files.parse(key, size, self._files.read(key), self.labels)
            return found.document if found.labels is self.labels else None
        return document if (document.width, document.height) == size else resized(document, *size)

    def parsed(self, key: ImageKey) -> ImageDocument:
        """Returns the document of an image's label file; remembers and reports only new class ids.

        Raises ``ImageError`` and ``OSError``.
        """
        size = read_size(self._folder / key, max_pixels=self.max_pixels)
        found = self._files.parse(key, size, self._files.read(key), self.labels)
        self._set_labels(found.labels)
        return found.document

    def from_label_file(self, key: ImageKey) -> ImportedDocument:
        """Returns the document of an image that is not in the store. Raises as ``get``."""
        found = self._imports.get(key)
        size = None if found is None else (found.document.width, found.document.height)
        if found is None or self.sizes.get(key, size) != size:
            path = self._files.path(key)
            size = self._size_or_last(key)
            self._stamps[key] = stamp_of(str(path))
            data = self._read(key)
            found = self._files.parse(key, size, data, self.labels)
            self._set_labels(found.labels)
            self._counts[key] = self._files.count_classes(data)
            self._projection.report_import(found)
            self._imports[key] = found
            while len(self._imports) > _CACHED:
                dropped, _ = self._imports.popitem(last=False)
                self._stamps.pop(dropped, None)
        return found

    def _size_or_last(self, key: ImageKey) -> tuple[int, int]:
        """Reads the size of an image; if its file is gone, the size it had: its annotations can be saved."""
        last = self.sizes.get(key)
        try:
            return self.size(key)
        except ImageError:
            if last is None:
                raise
            return last

    def reread_label_file(self, key: ImageKey) -> ImportedDocument:
        """Reads an image's label file, whatever the store holds. Raises as ``get``."""
        found = self._files.parse(key, self.size(key), self._read(key), self.labels)
        self._set_labels(found.labels)
        return found

    def _read(self, key: ImageKey) -> bytes | None:
        try:
            return self._files.read(key)
        except OSError as error:
            if isinstance(error, LeadsOutsideError):
                self._projection.report_link(key, error)
            path = self._files.path(key)
            raise RefusedError(f"{path} cannot be read: {error.strerror or error}.") from error

    def add_classes(self, count: int) -> None:
        """Adds labels so that there are at least this many, named by class id."""
        self._set_labels(with_classes(self.labels, count))

    def forget_image(self, key: ImageKey) -> None:
        """Forgets the size of an image and why it cannot be shown; both are read again when needed."""
        self.sizes.pop(key, None)
        self.problems.pop(key, None)

    def forget_label_file(self, key: ImageKey) -> None:
        """Forgets what the label file of an image that is not in the store says."""
        self._with_file[key] = None  # there may be one now
        self._imports.pop(key, None)
        self._counts.pop(key, None)
        self._stamps.pop(key, None)

    def recheck_label_file(self, key: ImageKey) -> None:
        """Forgets what the label file of an image that is not in the store says if it has changed."""
        if key in self._imports and self._stamps.get(key) != stamp_of(str(self._files.path(key))):
            self.forget_label_file(key)

    def ensure_row(self, key: ImageKey) -> None:
        """Inserts the document of an image that is not in the store; the caller has a transaction open."""
        if self.rows.file(key) is None:
            self.rows.read(key)  # there may be annotations although the row of the image is lost
            found = self.from_label_file(key)
            self.rows.insert(found.document, found.file)

    def cache(self, document: ImageDocument) -> None:
        """Caches the newest state of a document of the store."""
        self._imports.pop(document.key, None)
        if not self.shared:
            self._cache[document.key] = document
            self._cache.move_to_end(document.key)
        while len(self._cache) > _CACHED:
            self._cache.popitem(last=False)

    def clear_imports(self) -> None:
        """Drops documents read from label files, because their class ids now stand for other labels."""
        self._imports.clear()
        self._counts.clear()

    def probe(self, key: ImageKey) -> None:
        """Reads the size of an image that is not in the store and counts the lines of its label file."""
        if key not in self.sizes and key not in self.problems:
            with contextlib.suppress(ImageError):
                self.size(key)
        self.class_counts(key)

    def only_in_files(self, keys: Iterable[ImageKey]) -> list[ImageKey]:
        """Returns those images that are not in the store and have a label file."""
        known = set(self.rows.keys())
        return self._files.existing(k for k in keys if k not in known)

    def class_counts(self, key: ImageKey) -> Counter[int]:
        """Returns the number of lines per class of an image's label file, which is read once."""
        found = self._counts.get(key)
        if found is None:
            try:
                found = self._files.count_classes(self._files.read(key))
            except OSError:
                found = Counter()
            self._counts[key] = found
        return found

    def count_more(self, keys: Sequence[ImageKey], seconds: float) -> bool:
        """Counts lines of label files that are not in the store for about this long; returns whether all."""
        end = monotonic() + seconds
        if self._listed_of is not keys:
            self._listed_of, self._listed, self._with_file, self._uncounted = keys, 0, {}, []
            self._folders: dict[str, set[str]] = {}
        while self._listed < len(keys):
            some = self._files.existing(keys[self._listed : self._listed + _LISTED], self._folders)
            stored = self.rows.images(some)
            self._with_file.update(dict.fromkeys(some))
            self._uncounted += [key for key in some if key not in stored and key not in self._counts]
            self._listed += _LISTED
            if self._listed < len(keys) and monotonic() >= end:
                return False
        self._folders.clear()
        while self._uncounted:
            self.class_counts(self._uncounted.pop())
            if monotonic() >= end:
                break
        return not self._uncounted

    def counted(self) -> list[ImageKey]:
        """Returns the images whose lines ``count_more`` has counted, as far as they are not stored by now."""
        known = set(self.rows.keys()) if self._with_file else ()
        return [key for key in self._with_file if key not in known]

    def line_count(self, key: ImageKey) -> int:
        """Returns the number of lines of an image's label file; 0 if they were not counted yet."""
        found = self._counts.get(key)
        return 0 if found is None else found.total()

    def _set_labels(self, labels: LabelSet) -> None:
        if len(labels) > len(self.labels):
            self.labels = labels
            self.labels_unsaved = True
