"""Reads and writes JSON: one reader with bounds for every file, line and column that holds it.

What a damaged or crafted text may hold ends as ``JsonError``: no other exception leaves this module, and
what it returns can be copied, compared, printed and written again.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import re
from pathlib import Path
from typing import Any

from samdesk.base.atomic import write_bytes
from samdesk.base.regular import read_text

MAX_BYTES = 16 << 20
"""Default limit of a file: settings and records have some kB."""
MAX_DEPTH = 64
"""Default limit of lists and objects in each other; samdesk's own have less than 10."""
MAX_INTEGER = 1 << 63

_IMPOSSIBLE = re.compile("[\0\ud800-\udbff\udc00-\udc7f\udd00-\udfff]")
"""NUL, and halves of a pair of surrogates. U+DC80 to U+DCFF are bytes of file names that are not UTF-8."""


class JsonError(ValueError):
    """A text is not the JSON that was expected; the message says why, in words that follow "because"."""


def parse(
    text: str | bytes, depth: int = MAX_DEPTH, *, any_number: bool = False, unique_keys: bool = False
) -> Any:
    """Returns the value of a JSON text.

    Args:
        text: The text.
        depth: How deep it may be nested.
        any_number: Whether numbers may be infinite, NaN or beyond 64 bits: who reads them checks each.
        unique_keys: Whether an object must not have a key twice; otherwise the last one counts.

    Raises:
        JsonError: It is not JSON, is nested deeper than ``depth``, or holds a number that is infinite, NaN or
            an integer beyond 64 bits, or text that is not Unicode.
    """
    try:
        value = json.loads(text, object_pairs_hook=_unique if unique_keys else None)
    except JsonError:
        raise
    except UnicodeDecodeError as error:
        raise JsonError("it is not UTF-8 text") from error
    except json.JSONDecodeError as error:
        raise JsonError(f"it is not JSON: {error.msg} in line {error.lineno}") from error
    except RecursionError as error:
        raise JsonError("it is nested too deeply") from error
    except ValueError as error:  # an integer of thousands of digits
        raise JsonError("it has a number that is too large") from error
    check(value, depth, any_number=any_number)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise JsonError("it has a key twice in one object")
    return found


def parse_object(text: str | bytes, depth: int = MAX_DEPTH) -> dict[str, Any]:
    """Returns the JSON object in a text. Raises ``JsonError``."""
    return _object(parse(text, depth))


def parse_strings(text: str) -> list[str]:
    """Returns the strings of a JSON list; nothing if the text is anything else."""
    try:
        found = parse(text)
    except JsonError:
        return []
    return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []


def read(path: Path, limit: int = MAX_BYTES) -> Any:
    """Returns the value in a JSON file.

    Raises:
        OSError: It cannot be read, is no regular file, or is larger than ``limit`` bytes.
        JsonError: As ``parse``.
    """
    try:
        text = read_text(path, limit)
    except UnicodeDecodeError as error:
        raise JsonError("it is not UTF-8 text") from error
    return parse(text)


def read_object(path: Path, limit: int = MAX_BYTES) -> dict[str, Any]:
    """Returns the JSON object in a file. Raises as ``read``."""
    return _object(read(path, limit))


def to_bytes(value: object, *, indent: int | None = None, sort_keys: bool = False) -> bytes:
    """Returns a value as JSON in UTF-8, with a final newline.

    File names that are not UTF-8 are kept: their bytes become JSON escapes.
    """
    text = json.dumps(value, indent=indent, ensure_ascii=False, sort_keys=sort_keys)
    # Of a lone surrogate Python's "backslashreplace" makes \udcff, which is how JSON writes it.
    return text.encode("utf-8", "backslashreplace") + b"\n"


def write(path: Path, value: object, *, indent: int | None = None, sort_keys: bool = False) -> None:
    """Writes a JSON file atomically. Raises ``OSError``."""
    write_bytes(path, to_bytes(value, indent=indent, sort_keys=sort_keys))


def rename_bad(path: Path) -> Path | None:
    """Renames a file that cannot be parsed to ``NAME.bad`` or, if there is one already, ``NAME.bad-2``.

    Returns its new path; None if it cannot be renamed.
    """
    names = itertools.chain(("bad",), (f"bad-{number}" for number in range(2, 100)))
    bad = next((p for name in names if not (p := path.with_name(f"{path.name}.{name}")).exists()), None)
    if bad is not None:
        with contextlib.suppress(OSError):
            path.rename(bad)
            return bad
    return None


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise JsonError("it is not a JSON object")
    return value


def check(value: Any, depth: int = MAX_DEPTH, *, any_number: bool = False) -> None:
    """Checks a value that another parser has read. Arguments and errors: as ``parse``."""
    level = [value]
    for _ in range(depth + 1):
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(item)
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
            elif isinstance(item, str) or not any_number:
                _check_single(item)
        if not inner:
            return
        level = inner
    raise JsonError("it is nested too deeply")


def _check_single(value: Any) -> None:
    if isinstance(value, str):
        if _IMPOSSIBLE.search(value):
            raise JsonError("it has text that is not Unicode")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise JsonError("it has a number that is not finite")
    elif isinstance(value, int) and not -MAX_INTEGER <= value < MAX_INTEGER:
        raise JsonError("it has a number that is too large")
