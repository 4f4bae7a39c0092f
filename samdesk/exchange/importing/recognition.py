"""Recognises the formats of what the user has chosen: files, or a folder with all below it."""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from json import JSONDecodeError
from pathlib import Path

from samdesk.base import json_file
from samdesk.base.json_file import JsonError
from samdesk.base.text import counted
from samdesk.exchange.importing.errors import ImportRefusedError
from samdesk.exchange.importing.files import ChosenFiles
from samdesk.formats.base import Format

MOST_FILES = 1_000_000
_MOST_LEVELS = 64
_MOST_LOOKED_AT = 20

FileProgress = Callable[[int, int], None]
"""Called with (done, total); it may raise ``Cancelled``."""


@dataclass(frozen=True)
class Recognised:
    """Files of one format among those that were chosen.

    Attributes:
        format: The format.
        root: The folder that ``names`` are relative to.
        names: The files.
        folders: Folders whose files, with all below them, the reader may open.
        chosen: The files and folders that the user has chosen.
    """

    format: Format
    root: Path
    names: tuple[str, ...]
    folders: tuple[Path, ...]
    chosen: tuple[Path, ...] = ()

    @property
    def text(self) -> str:
        """The format and the number of files, for the user."""
        return f"{self.format.title} ({counted(len(self.names), 'file')})"


def recognise(
    paths: Sequence[Path], formats: Sequence[Format], progress: FileProgress = lambda _done, _total: None
) -> tuple[Recognised, ...]:
    """Finds the files of each format in files and folders, the likeliest format first.

    Label images count only where nothing else was recognised, as images are ones too.

    Raises:
        ImportRefusedError: There is no such file.
    """
    chosen = choose(paths)
    readable = [row for row in formats if row.read is not None]
    suffixes = {suffix for row in readable for suffix in row.suffixes}
    named = [name for name in chosen.names if Path(name).suffix.lower() in suffixes]
    found: defaultdict[str, list[str]] = defaultdict(list)
    for done, name in enumerate(named):
        progress(done, len(named))
        row = _format_of(name, chosen, readable)
        if row is not None:
            found[row.id].append(name)
    rows = [row for row in readable if row.id in found]
    if any(row.scope != "raster" for row in rows):
        rows = [row for row in rows if row.scope != "raster"]
    rows.sort(key=lambda row: (row.rank, len(found[row.id])), reverse=True)
    given = tuple(Path(os.path.abspath(path)) for path in paths)  # noqa: PTH100
    return tuple(Recognised(row, chosen.root, tuple(found[row.id]), chosen.folders, given) for row in rows)


def only_one(found: Sequence[Recognised], paths: Sequence[Path]) -> Recognised:
    """Returns the one format that was recognised.

    Raises:
        ImportRefusedError: None was, or several, of which the user has to choose one.
    """
    if len(found) == 1:
        return found[0]
    where = ", ".join(str(path) for path in paths[:3]) + (" and others" if len(paths) > 3 else "")
    if not found:
        damaged = damaged_json(paths)
        if damaged:
            raise ImportRefusedError(damaged, next="Export it again from the program that wrote it.")
        raise ImportRefusedError(
            f"No annotations of a known format were found in {where}.",
            next="'samdesk formats' lists the formats.",
        )
    several = ", ".join(f"{row.text}: {row.format.id}" for row in found)
    raise ImportRefusedError(f"{where} has several formats ({several}).", next="Choose one of them.")


def damaged_json(paths: Sequence[Path]) -> str:
    """Names what is no JSON, although its name ends so, in files and folders of no known format.

    Returns a sentence; "" if there is no such file among the first ``_MOST_LOOKED_AT``.

    Raises:
        ImportRefusedError: There is no such file.
    """
    chosen, damaged = choose(paths), []
    files = ChosenFiles(chosen.root, chosen.names, chosen.folders)
    named = [name for name in chosen.names if name.lower().endswith(".json")]
    for name in named[:_MOST_LOOKED_AT]:
        try:
            json_file.parse(files.read(name, json_file.MAX_BYTES), any_number=True)
        except JsonError as error:
            if isinstance(error.__cause__, JSONDecodeError | UnicodeDecodeError):
                damaged.append(f"{name} is damaged: {error}")
        except OSError:
            continue
    more = f", and {counted(len(damaged) - 1, 'other file')} as well" if len(damaged) > 1 else ""
    return f"{damaged[0]}{more}." if damaged else ""


def of_format(
    paths: Sequence[Path], row: Format, progress: FileProgress = lambda _done, _total: None
) -> Recognised:
    """Returns the files of a format that the user has chosen. Those chosen by name are taken as they are.

    Raises:
        ImportRefusedError: There are none.
    """
    if row.read is None:
        raise ImportRefusedError(f"{row.title} can be exported, but not imported.")
    named = [path for path in paths if path.is_file()]
    if len(named) == len(paths) and paths:
        chosen = choose(paths)
        given = tuple(Path(os.path.abspath(path)) for path in paths)  # noqa: PTH100
        return Recognised(row, chosen.root, chosen.names, chosen.folders, given)
    found = recognise(paths, [row], progress)
    if not found:
        raise ImportRefusedError(f"There are no files of the format {row.title} in {paths[0]}.")
    return found[0]


@dataclass(frozen=True)
class ChosenNames:
    """What the user has chosen.

    Attributes:
        root: The folder that ``names`` are relative to.
        names: The files, those in folders included; sorted.
        folders: The folders that were chosen, or that the chosen files are in.
    """

    root: Path
    names: tuple[str, ...]
    folders: tuple[Path, ...]


def choose(paths: Sequence[Path]) -> ChosenNames:
    """Lists the files that were chosen. Hidden ones, and links to folders, are left out.

    Raises:
        ImportRefusedError: One does not exist.
    """
    real = [Path(os.path.realpath(path)) for path in paths]
    for given, path in zip(paths, real, strict=True):
        if not path.exists():
            raise ImportRefusedError(f"There is no file or folder {given}.")
    folders = tuple(dict.fromkeys(path if path.is_dir() else path.parent for path in real))
    if not folders:
        raise ImportRefusedError("No files were chosen.")
    try:
        root = Path(os.path.commonpath(folders))
    except ValueError as error:  # on two drives
        raise ImportRefusedError(
            "The files are on different drives.", next="Import them one after the other."
        ) from error
    names: dict[str, None] = {}
    for path in real:
        for name in _files_below(path) if path.is_dir() else (path,):
            names[name.relative_to(root).as_posix()] = None
            if len(names) > MOST_FILES:
                raise ImportRefusedError(
                    f"{path} has more than {MOST_FILES:,} files.", next="Import its folders one by one."
                )
    return ChosenNames(root, tuple(sorted(names)), folders)


def _format_of(name: str, chosen: ChosenNames, formats: Sequence[Format]) -> Format | None:
    suffix = Path(name).suffix.lower()
    rows = [row for row in formats if suffix in row.suffixes]
    with contextlib.suppress(OSError):  # the reader reports it, if it is one of a format
        head = ChosenFiles(chosen.root, (name,), chosen.folders).head(name)
        matching = [row for row in rows if row.recognise(name, head)]
        return max(matching, key=lambda row: row.rank, default=None)
    return None


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        depth = len(Path(parent).relative_to(folder).parts)
        visible = sorted(name for name in folders if not name.startswith("."))
        folders[:] = visible if depth < _MOST_LEVELS else []
        for name in files:
            if not name.startswith("."):
                yield Path(parent, name)
