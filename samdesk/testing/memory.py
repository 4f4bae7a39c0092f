"""Files and folders in memory, for trying a format without a disk."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import BinaryIO

import numpy as np
from PIL.PngImagePlugin import PngImageFile

from samdesk.formats.base import Raster


@dataclass
class MemoryFiles:
    """The files of a chosen folder, as a reader gets them (``samdesk.formats.base.ReadableFiles``).

    Attributes:
        files: Content by name.
        sizes: Width and height of the images of the dataset, by name.
        opened: The names that were asked for.
        chosen: The files to read; None: all.
    """

    files: Mapping[str, bytes]
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)
    chosen: Sequence[str] | None = None

    @property
    def names(self) -> Sequence[str]:
        """The files to read, sorted."""
        return sorted(self.files if self.chosen is None else self.chosen)

    def read(self, name: str, limit: int = 64 << 20) -> bytes:
        """Returns the content of a file; ``OSError`` if there is none or it is larger."""
        self.opened.append(name)
        if name not in self.files:
            raise FileNotFoundError(errno.ENOENT, "there is no such file in the chosen folder", name)
        data = self.files[name]
        if len(data) > limit:
            raise OSError(errno.EFBIG, f"it is larger than {limit >> 20} MB", name)
        return data

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Opens a file."""
        yield io.BytesIO(self.read(name, 1 << 62))

    def raster(self, name: str) -> Raster:
        """Returns the values of a PNG."""
        data = self.read(name)
        try:
            with PngImageFile(io.BytesIO(data)) as image:
                if image.width * image.height > 50_000_000:
                    raise OSError(errno.EFBIG, "it is too large", name)
                palette = image.getpalette() if image.mode == "P" else None
                values = np.asarray(
                    image if image.mode in ("P", "L", "I;16", "RGB") else image.convert("RGB")
                )
        except (OSError, SyntaxError, ValueError) as error:
            raise OSError(errno.EINVAL, "it is no image that can be read", name) from error
        colors = None if palette is None else np.array(palette, dtype=np.uint8).reshape(-1, 3)
        return Raster(values, colors)

    def image_size(self, name: str) -> tuple[int, int] | None:
        """Returns the size of an image of the dataset, also by its name without folder or suffix."""
        if name in self.sizes:
            return self.sizes[name]
        wanted = PurePosixPath(name)
        for path, size in self.sizes.items():
            known = PurePosixPath(path)
            if wanted.name in (known.name, known.stem):
                return size
        return None


@dataclass
class MemoryFolder:
    """What a writer has written (``samdesk.formats.base.WritableFolder``), by name."""

    files: dict[str, bytes] = field(default_factory=dict)

    def write(self, name: str, content: bytes) -> None:
        """Writes a file."""
        self.files[_inside(name)] = content

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Opens a file for writing."""
        file = io.BytesIO()
        yield file
        self.write(name, file.getvalue())


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or name in ("", "."):
        raise OSError(errno.EACCES, "it leads out of the folder", name)
    return str(path)
