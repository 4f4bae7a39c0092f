"""Files of formats in memory: what a reader is given, and what a writer has written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from samdesk.formats.base import (
    EncodedImage,
    Format,
    ImageRecord,
    ReadItem,
    ReadProblem,
    WriteContext,
)
from samdesk.testing.memory import MemoryFiles, MemoryFolder


class WrittenOnce(MemoryFolder):
    """The folder of an export, no file of which is written twice."""

    def write(self, name: str, content: bytes) -> None:
        assert name not in self.files, f"{name} is written twice"
        super().write(name, content)


def write(
    row: Format, records: Iterable[ImageRecord], context: WriteContext | None = None
) -> tuple[dict[str, bytes], list[EncodedImage]]:
    """Writes images with a format; returns the files and what became of each image."""
    context = context or WriteContext(("a", "b"))
    folder = WrittenOnce()
    assert row.write is not None
    encoded = [row.write.encode(record, context) for record in records]
    row.write.assemble(iter(encoded), context, folder)
    return folder.files, encoded


def read(
    row: Format, content: Mapping[str, bytes], sizes: Mapping[str, tuple[int, int]] | None = None
) -> list[ReadItem]:
    """What a format's reader yields for files."""
    assert row.read is not None
    return list(row.read(MemoryFiles(content, sizes or {})))


def images(items: Iterable[ReadItem]) -> list[ImageRecord]:
    """The images of what was read, without a problem among them."""
    found = list(items)
    assert not [item for item in found if isinstance(item, ReadProblem)]
    return [item for item in found if isinstance(item, ImageRecord)]


def problems(items: Iterable[ReadItem]) -> list[ReadProblem]:
    """What was refused."""
    return [item for item in items if isinstance(item, ReadProblem)]
