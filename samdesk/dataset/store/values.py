"""Checks the values of the store's columns as they are read, and makes their digests.

SQLite keeps whatever is in a column whatever its type says, and a file may be damaged or crafted: a value is
used only after it went through here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

MAX_SIDE = 1_000_000
"""Width and height of an image, pixels; images are limited to fewer."""
MOST_ID = 200
"""Characters of an id."""
MOST_TEXT = 64 << 20
"""Characters of a text."""
_MOST_INTEGER = (1 << 63) - 1


def text(value: Any, name: str, most: int = MOST_TEXT) -> str:
    """Returns a text that can be written to a file. Raises ``ValueError``."""
    if type(value) is not str:
        raise ValueError(f"its {name} is not text")
    if len(value) > most:
        raise ValueError(f"its {name} is too long")
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError(f"its {name} is not Unicode text") from error
    return value


def identifier(value: Any, name: str) -> str:
    """Returns an id: a short text that is not empty. Raises ``ValueError``."""
    found = text(value, name, MOST_ID)
    if not found:
        raise ValueError(f"its {name} is empty")
    return found


def optional_identifier(value: Any, name: str) -> str | None:
    """As ``identifier``, or None."""
    return None if value is None else identifier(value, name)


def integer(value: Any, name: str, least: int = 0, most: int = _MOST_INTEGER) -> int:
    """Returns an integer in a range. Raises ``ValueError``."""
    if type(value) is not int:
        raise ValueError(f"its {name} is not an integer")
    if not least <= value <= most:
        raise ValueError(f"its {name} is {value}")
    return value


def number(value: Any, name: str) -> float:
    """Returns a finite number. Raises ``ValueError``."""
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"its {name} is not a number")
    return float(value)


def optional_number(value: Any, name: str) -> float | None:
    """As ``number``, or None."""
    return None if value is None else number(value, name)


def stored_number(value: float | None) -> float | None:
    """Returns a number as SQLite gives it back: NaN becomes NULL, and minus zero zero."""
    return None if value is None or value != value else float(value) + 0.0


def digest_of(values: Iterable[Any]) -> int:
    """Returns a digest of the values of a row, in order, as a signed integer of 64 bits.

    It tells a damaged row from one that was written; it does not protect against a forged one.
    """
    parts: list[bytes] = []
    for value in values:
        if type(value) is str:
            data = value.encode("utf-8", "surrogatepass")
            parts.append(b"t%d:" % len(data))
            parts.append(data)
        elif type(value) is bytes:
            parts.append(b"b%d:" % len(value))
            parts.append(value)
        else:
            parts.append(repr(value).encode())
            parts.append(b";")
    return int.from_bytes(blake2b(b"".join(parts), digest_size=8).digest(), "little", signed=True)
