"""Reads the images of a run, and notices those that another program changes before their objects are stored."""

from __future__ import annotations

from samdesk.base.errors import reason
from samdesk.batch.targets.base import ImageProblem
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.images.reader import read_image
from samdesk.images.sources import ImageSet


class ImageReads:
    """Reads images in any thread; the file that was read must still be there when its objects are stored.

    Args:
        images: The images.
    """

    def __init__(self, images: ImageSet) -> None:
        self._images = images
        self._read: dict[ImageKey, tuple[int, ...]] = {}

    def read(self, key: ImageKey) -> RgbImage:
        """Reads an image. Raises ``ImageError``."""
        try:
            self._read[key] = self._stamp(key)
        except OSError:  # said in words by the reader
            self._read.pop(key, None)
        return read_image(self._images.path(key))

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
            raise ImageProblem(f"{key}: the file was replaced during the run: annotate it again")

    def _stamp(self, key: ImageKey) -> tuple[int, ...]:
        found = self._images.path(key).stat()
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
