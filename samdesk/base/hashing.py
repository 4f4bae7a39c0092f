"""Hashes of contents, as hexadecimal text."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from samdesk.base.regular import open_regular

_BLOCK = 1 << 20


class Digest(Protocol):
    """A hash object of ``hashlib``."""

    def update(self, data: memoryview, /) -> None:
        """Adds data to the hash."""

    def hexdigest(self) -> str:
        """Returns the hash of all data added."""


def hash_bytes(data: bytes) -> str:
    """Returns the SHA-256 of some bytes."""
    return hashlib.sha256(data).hexdigest()


def hash_file(path: Path, new: Callable[[], Digest] = hashlib.sha256) -> str:
    """Returns the hash of a file's content, read in blocks.

    Args:
        path: The file.
        new: Makes the hash object.

    Raises:
        OSError: The file cannot be read.
    """
    digest, buffer = new(), bytearray(_BLOCK)
    view = memoryview(buffer)
    with open_regular(path) as file:
        while count := file.readinto(buffer):
            digest.update(view[:count])
    return digest.hexdigest()
