"""Files of formats in memory: what a reader is given, and what a writer has written."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO

from samdesk.formats.base import (
    EncodedImage,
    Format,
    ImageRecord,
    Raster,
    ReadItem,
    ReadProblem,
    WriteContext,
)


class MemoryFiles:
    """The files of a chosen folder.

    Args:
        content: Content of each.
        sizes: Width and height of the images.
    """

    def __init__(
        self, content: Mapping[str, bytes], sizes: Mapping[str, tuple[int, int]] | None = None
    ) -> None:
        self._content = content
        self._sizes = sizes or {}

    @property
    def names(self) -> list[str]:
        return sorted(self._content)

    def read(self, name: str, limit: int = 64 << 20) -> bytes:
        if name not in self._content:
            raise FileNotFoundError(2, "there is no such file", name)
        if len(self._content[name]) > limit:
            raise OSError(27, "it is too large", name)
        return self._content[name]

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        yield io.BytesIO(self.read(name))

    def raster(self, name: str) -> Raster:
        raise OSError(22, "it is no image", name)

    def image_size(self, name: str) -> tuple[int, int] | None:
        return self._sizes.get(name)


class MemoryFolder:
    """The folder of an export; ``content`` has its files."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}

    def write(self, name: str, content: bytes) -> None:
        assert name not in self.content, f"{name} is written twice"
        self.content[name] = content

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        buffer = io.BytesIO()
        yield buffer
        self.write(name, buffer.getvalue())


def write(
    row: Format, records: Iterable[ImageRecord], context: WriteContext | None = None
) -> tuple[dict[str, bytes], list[EncodedImage]]:
    """Writes images with a format; returns the files and what became of each image."""
    context = context or WriteContext(("a", "b"))
    folder = MemoryFolder()
    assert row.write is not None
    encoded = [row.write.encode(record, context) for record in records]
    row.write.assemble(iter(encoded), context, folder)
    return folder.content, encoded


def read(
    row: Format, content: Mapping[str, bytes], sizes: Mapping[str, tuple[int, int]] | None = None
) -> list[ReadItem]:
    """What a format's reader yields for files."""
    assert row.read is not None
    return list(row.read(MemoryFiles(content, sizes)))


def images(items: Iterable[ReadItem]) -> list[ImageRecord]:
    """The images of what was read, without a problem among them."""
    found = list(items)
    assert not [item for item in found if isinstance(item, ReadProblem)]
    return [item for item in found if isinstance(item, ImageRecord)]


def problems(items: Iterable[ReadItem]) -> list[ReadProblem]:
    """What was refused."""
    return [item for item in items if isinstance(item, ReadProblem)]
