"""Values of files as records take them: attributes, numbers, and the split that a file's name tells."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from samdesk.base.json_file import MAX_INTEGER
from samdesk.domain.annotation import Attributes, AttributeValue
from samdesk.domain.split import Split

MOST_ATTRIBUTES = 64
LONGEST_TEXT = 4_096
"""Characters of an attribute's value; what is longer is left out."""
_LONGEST_NAME = 256

_IMPOSSIBLE = re.compile("[\0\ud800-\udfff]")
_SPLIT = re.compile(
    r"(?:^|[/_\-. ])(train|val|valid|validation|test)(?:20\d\d)?(?=[/_\-. ]|$)", re.IGNORECASE
)
_SPLITS: Mapping[str, Split] = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}


def split_of(name: str) -> Split | None:
    """Returns the split that the name of a file or of one of its folders tells ("instances_val2017.json")."""
    found = _SPLIT.findall(name)
    return _SPLITS[found[-1].lower()] if found else None


def text_of(value: object) -> str:
    """Returns a text or a number as text that can be written anywhere; "" for all else."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    try:
        return _IMPOSSIBLE.sub("\ufffd", str(value))[:LONGEST_TEXT]
    except ValueError:  # an integer of thousands of digits
        return ""


def number_of(value: object) -> float | None:
    """Returns a finite number; None for all else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def integer_of(value: object) -> int | None:
    """Returns a whole number below 2 ** 63, also one that is written as 5.0; None for all else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= MAX_INTEGER:
        return None
    return value


def score_of(value: object) -> float | None:
    """Returns a confidence of 0 to 1; None for all else."""
    number = number_of(value)
    return number if number is not None and 0 <= number <= 1 else None


def attributes_of(values: Iterable[tuple[Any, Any]]) -> Attributes:
    """Returns what can be kept of names and values, sorted by name; lists and objects as JSON text."""
    kept: dict[str, AttributeValue] = {}
    for name, value in values:
        if len(kept) >= MOST_ATTRIBUTES:
            break
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or _IMPOSSIBLE.search(name):
            continue
        single = _attribute_value(value)
        if single is not None:
            kept[name] = single
    return tuple(sorted(kept.items()))


def _attribute_value(value: object) -> AttributeValue | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < MAX_INTEGER else None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (list, dict)):
        try:
            value = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        except (ValueError, RecursionError):
            return None
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or _IMPOSSIBLE.search(value):
        return None
    return value
