"""The record of the label files that runs wrote: of which image each is, and what it held then.

One file in the label folder, one line of JSON a label file, appended before the label file itself is written.
So a run that is killed leaves no label file that the record does not know, and nothing is written twice.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samdesk.base import json_file
from samdesk.base.atomic import make_folder, write_bytes
from samdesk.base.boundary import Boundary
from samdesk.base.errors import reason
from samdesk.base.json_file import JsonError, rename_bad
from samdesk.base.regular import check_replaceable, read_bytes

RECORD = ".samdesk-runs.jsonl"
"""In the label folder: a line of JSON for each label file that a run wrote."""
OLD_RECORD = ".samdesk-runs.json"
"""Its name until 0.1: one object, label file name -> SHA-256 of its content, without images."""

_MAX_BYTES = 1 << 30
_SPARE_LINES = 1000
"""Lines that later ones have replaced before the record is written anew."""
_APPEND = os.O_RDWR | os.O_CREAT | os.O_APPEND | sum(getattr(os, n, 0) for n in ("O_CLOEXEC", "O_BINARY"))


@dataclass(frozen=True)
class RecordedFile:
    """A label file that runs wrote.

    Attributes:
        image: Its image without its suffix, relative to the label folder; "" if that is not known.
        hashes: SHA-256 of what the last runs wrote: two, as a killed one may not have written its own.
    """

    image: str = ""
    hashes: tuple[str, ...] = ()


class WrittenFiles:
    """The record of one label folder; only the process that has locked the folder adds to it.

    Attributes:
        folder: The label folder.
        problem: Message for the user about a record that cannot be read; "" if there is none.
    """

    def __init__(self, folder: Path, boundary: Boundary) -> None:
        """Reads the record."""
        self.folder = folder
        self._boundary = boundary
        self._handle: int | None = None
        self.read()

    def read(self) -> None:
        """Reads the record again. Never raises: what cannot be read is a ``problem``."""
        self.problem = ""
        self._files: dict[str, RecordedFile] = {}
        self._lines, self._torn, self._old = 0, False, False
        self._bad: Path | None = None
        for name, take in ((OLD_RECORD, self._take_old), (RECORD, self._take_lines)):
            try:
                path = self._boundary.real_path(self.folder / name)
                take(read_bytes(path, _MAX_BYTES))
            except FileNotFoundError:
                continue
            except (OSError, JsonError) as error:
                # Safe: nothing that is not known is replaced.
                self._bad = self.folder / name
                self.problem = (
                    f"{self.folder / name} cannot be read ({reason(error)}), so the label files that it does "
                    f"not name count as edited by hand. It will be kept as {name}.bad."
                )

    def image(self, name: str) -> Path | None:
        """The image, without its suffix, whose labels a run wrote to a file; None if that is not known.

        Args:
            name: The label file, relative to the folder, with forward slashes.
        """
        found = self._files.get(name)
        return Path(os.path.normpath(self.folder / found.image)) if found and found.image else None

    def wrote(self, name: str, sha256: str) -> bool:
        """Whether a file holds what a run wrote."""
        return sha256 in self._files.get(name, RecordedFile()).hashes

    def add(self, name: str, image: Path, sha256: str) -> None:
        """Notes what is about to be written; if that fails, the file will count as edited by hand.

        Args:
            name: The label file, relative to the folder, with forward slashes.
            image: Its image, absolute.
            sha256: Of what it will hold; "": not only objects of runs.
        """
        row = {"file": name, "image": self._relative(image), "sha256": sha256}
        self._take(row)
        with suppress(OSError):
            self._append(row)

    def begin(self) -> None:
        """Prepares the record for new lines: one that is damaged is kept, one that is long is shortened.

        Raises:
            OSError: It cannot be written.
        """
        if self._bad is not None:
            rename_bad(self._bad)
            self._bad, self.problem = None, ""
            self._rewrite()
        elif self._torn or self._old or self._lines > len(self._files) + _SPARE_LINES:
            self._rewrite()

    def close(self) -> None:
        """Closes the file; the next ``add`` opens it again."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)

    def _take_old(self, data: bytes) -> None:
        self._old = True
        for name, sha256 in json_file.parse_object(data).items():
            if isinstance(sha256, str):
                self._files[name] = RecordedFile("", (sha256,))

    def _take_lines(self, data: bytes) -> None:
        *lines, rest = data.split(b"\n")
        self._torn = bool(rest)  # its run was killed before it wrote the label file
        self._lines = len(lines)
        damage: JsonError | None = None
        for line in lines:
            try:
                self._take(json_file.parse_object(line))
            except JsonError as error:
                damage = error
        if damage is not None:
            raise damage

    def _take(self, row: Mapping[str, Any]) -> None:
        name, image, sha256 = (row.get(key) for key in ("file", "image", "sha256"))
        if not (isinstance(name, str) and isinstance(image, str) and isinstance(sha256, str)):
            raise JsonError("a line names no file, image and SHA-256")
        before = self._files.get(name)
        self._files[name] = RecordedFile(image, (*before.hashes[-1:], sha256) if before else (sha256,))

    def _append(self, row: Mapping[str, str]) -> None:
        if self._handle is None:
            path = self._boundary.real_path(self.folder / RECORD)
            make_folder(path.parent)
            check_replaceable(path)
            self._handle = os.open(path, _APPEND, 0o666)
        data, end = json_file.to_bytes(row), os.fstat(self._handle).st_size
        try:
            whole = os.write(self._handle, data) == len(data)
        except OSError:
            whole = False
        if not whole:  # the disk is full
            os.ftruncate(self._handle, end)

    def _rewrite(self) -> None:
        rows = (
            json_file.to_bytes({"file": name, "image": file.image, "sha256": sha256})
            for name, file in sorted(self._files.items())
            for sha256 in file.hashes
        )
        self.close()
        write_bytes(self._boundary.real_path(self.folder / RECORD), b"".join(rows))
        with suppress(OSError):
            self._boundary.real_path(self.folder / OLD_RECORD).unlink(missing_ok=True)
        self._lines, self._torn, self._old = len(self._files), False, False

    def _relative(self, image: Path) -> str:
        stem = os.path.splitext(image)[0]  # noqa: PTH122 - with_suffix() refuses names such as ".."
        try:
            return os.path.relpath(stem, self.folder).replace(os.sep, "/")
        except ValueError:  # another drive
            return stem
