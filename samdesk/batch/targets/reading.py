"""Reads the images of a run, and notices those that change before their objects are stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from samdesk.base.errors import reason
from samdesk.batch.concepts import PlannedExample
from samdesk.batch.targets.base import ImageProblem
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.engine.concepts.concept import Exemplar, ExemplarImage
from samdesk.images.reader import read_image, read_size
from samdesk.images.stamp import ContentHashes, ImageStamp

_ROUNDED = 1.0
"""Pixels that a box of whole pixels may lie outside of its image."""
REPLACED = "the file was replaced during the run: annotate it again"


class ImageReads:
    """Reads images in any thread; the file that was read must still be there when its objects are stored.

    Args:
        folder: The images are relative to it.
        read_file: Reads a file; raises ``ImageError``.
    """

    def __init__(self, folder: Path, read_file: Callable[[Path], RgbImage] = read_image) -> None:
        self._folder, self._read_file = folder, read_file
        self._read: dict[ImageKey, tuple[int, ...]] = {}
        self._hashes = ContentHashes()

    def read(self, key: ImageKey) -> RgbImage:
        """Reads an image. Raises ``ImageError``."""
        try:
            self._read[key] = self._stamp(key)
        except OSError:  # said in words by the reader
            self._read.pop(key, None)
        return self._read_file(self._folder / key)

    def check(self, key: ImageKey) -> None:
        """Checks that an image is the one that was read. Raises ``ImageProblem``."""
        before = self._read.pop(key, None)
        try:
            now = self._stamp(key)
        except FileNotFoundError:
            raise ImageProblem(f"{key}: the file no longer exists") from None
        except OSError as error:
            raise ImageProblem(f"{key}: it cannot be read: {reason(error)}") from error
        if before not in (None, now):
            raise ImageProblem(f"{key}: {REPLACED}")

    def example(self, example: PlannedExample) -> Exemplar:
        """The exemplar of a plan's example; its image is read when it is needed.

        Raises:
            ImageError: The image cannot be read.
            ImageProblem: It is another one than the example was on.
        """
        path = self._folder / example.key
        width, height = read_size(path)
        x0, y0, x1, y1 = example.box
        if x0 < -_ROUNDED or y0 < -_ROUNDED or x1 > width + _ROUNDED or y1 > height + _ROUNDED:
            raise ImageProblem(f"{example.key}: the image has changed and no longer has the example")
        try:
            content = self._hashes.of(ImageStamp.of(path))
        except OSError as error:
            raise ImageProblem(f"{example.key}: it cannot be read: {reason(error)}") from error
        image = ExemplarImage(example.key, content, lambda: self._read_file(path))
        return Exemplar(image, (max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height))))

    def _stamp(self, key: ImageKey) -> tuple[int, ...]:
        found = (self._folder / key).stat()
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
