"""Inspects a file of weights without torch and without executing its pickle."""

from __future__ import annotations

import io
import pickletools
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from samdesk.base.regular import open_regular

_READ_BYTES = 64 << 20
"""The structure of a checkpoint is far smaller than this; its tensors' numbers are not read."""
_OLD_PICKLES = 5
"""PyTorch's format before 1.6: magic number, version, system, the object itself, the keys of its storages."""


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights, for a model family to recognise."""

    path: Path

    @property
    def suffix(self) -> str:
        """Lower case, with the dot (".pt")."""
        return self.path.suffix.lower()

    @cached_property
    def names(self) -> frozenset[str]:
        """All strings in a PyTorch checkpoint: names of tensors and "module class" of pickled objects.

        The pickle is disassembled (``pickletools``), never executed. Empty for a file that is none.
        """
        try:
            with open_regular(self.path) as file:
                if zipfile.is_zipfile(file):
                    return frozenset(_strings(io.BytesIO(_pickle_of_archive(file))))
                file.seek(0)
                stream = io.BytesIO(file.read(_READ_BYTES))
            return frozenset(s for _ in range(_OLD_PICKLES) for s in _strings(stream))
        except (OSError, ValueError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error, struct.error):
            return frozenset()


def _pickle_of_archive(archive_file: IO[bytes]) -> bytes:
    with zipfile.ZipFile(archive_file) as archive:
        member = next((name for name in archive.namelist() if name.endswith("/data.pkl")), "")
        if not member:
            raise ValueError("no data.pkl")
        with archive.open(member) as file:
            return file.read(_READ_BYTES)


def _strings(stream: IO[bytes]) -> Iterator[str]:
    return (argument for _, argument, _ in pickletools.genops(stream) if isinstance(argument, str))
