"""Reads JSON files and their fields: what a file holds ends as a value that was asked for, or as words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, TypeAlias

from samdesk.base import json_file
from samdesk.base.errors import reason
from samdesk.base.json_file import JsonError
from samdesk.formats.base import ReadableFiles, ReadItem, ReadProblem
from samdesk.formats.shapes.convert import ShapeError

Object: TypeAlias = Mapping[str, Any]

MOST_BYTES = 64 << 20
"""Of a file: labelme's may hold the image."""
MOST_VALUES = 6_000_000
"""Of a file, about; 100 to 400 bytes of memory each while it is read."""
MOST_TEXT = 1000
"""Characters of a name."""


class RecordError(ValueError):
    """A file or a record is not what its format says; the message is for the user."""


def load(files: ReadableFiles, name: str) -> Any:
    """Returns the value of a JSON file. Raises ``RecordError``."""
    try:
        data = files.read(name, MOST_BYTES)
    except OSError as error:
        raise RecordError(f"It cannot be read: {reason(error)}.") from error
    if data.count(b",") + data.count(b"[") + data.count(b"{") > MOST_VALUES:
        raise RecordError(f"It cannot be read: it has more than {MOST_VALUES:,} values.")
    try:
        return json_file.parse(data, any_number=True, unique_keys=True)
    except JsonError as error:
        raise RecordError(f"It cannot be read: {error}.") from error


def each_file(
    files: ReadableFiles, read: Callable[[ReadableFiles, str, Any], Iterator[ReadItem]]
) -> Iterator[ReadItem]:
    """Reads the JSON files one after another; a file that cannot be read is a ``ReadProblem``.

    Args:
        files: All files.
        read: Yields what the value of a file holds. It may raise ``RecordError`` and ``ShapeError``.
    """
    for name in files.names:
        if PurePosixPath(name).suffix.lower() != ".json":
            continue
        try:
            yield from read(files, name, load(files, name))
        except (RecordError, ShapeError) as error:
            yield ReadProblem(name, "", sentence(error))


def sentence(error: Exception) -> str:
    """The message of an error as a sentence."""
    text = str(error)
    return text if text.endswith(".") else f"{text[:1].upper()}{text[1:]}."


def as_object(value: Any, what: str = "it") -> Object:
    """Returns a JSON object. Raises ``RecordError``."""
    if not isinstance(value, dict):
        raise RecordError(f"{what} is not a JSON object")
    return value


def as_list(value: Any, what: str) -> list[Any]:
    """Returns a JSON list; none for null. Raises ``RecordError``."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise RecordError(f"{what} is not a list")
    return value


def label_name(value: Any) -> str:
    """Returns the name of a class. Raises ``RecordError``."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise RecordError("it has no label")
    text = str(value).strip() if not isinstance(value, int) or abs(value) < 1 << 63 else ""
    if not text:
        raise RecordError("it has no label")
    if len(text) > MOST_TEXT:
        raise RecordError("its label is too long")
    return text


def text(value: Any, most: int = 64 * MOST_TEXT) -> str:
    """Returns a text of a file, shortened to ``most`` characters; "" for anything else."""
    return value[:most] if isinstance(value, str) else ""


def share(value: Any) -> float | None:
    """Returns a number in 0..1; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return None
    return float(value)


def image_name(value: Any) -> str:
    """Returns the path of an image with forward slashes. Raises ``RecordError`` if there is none."""
    name = text(value, 4 * MOST_TEXT).replace("\\", "/")
    if not PurePosixPath(name).name:
        raise RecordError("It does not name its image.")
    return name


def size(files: ReadableFiles, name: str, width: Any, height: Any) -> tuple[int, int]:
    """Returns width and height of an image as its file has them, else of the image itself.

    Raises:
        RecordError: Neither is known.
    """
    if type(width) is int and type(height) is int and 0 < width <= 1 << 20 and 0 < height <= 1 << 20:
        return width, height
    found = files.image_size(name)
    if found is None:
        raise RecordError(f"It does not say the size of its image, and there is no image {name}.")
    return found
