"""Fields that a format has and samdesk has no place for, as attributes, and attributes as fields.

A number, a text and a truth value keep their name. The members of ``flags`` are "flags.NAME"; lists and
objects become JSON texts named "json:NAME", so that they are written again as they were.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from typing import Any

from samdesk.base import json_file
from samdesk.domain.annotation import Attributes, AttributeValue

FLAGS = "flags"
_JSON = "json:"
_MOST_FIELDS = 200
_MOST_NAME = 200
_MOST_TEXT = 10_000


def attributes(source: Mapping[str, Any], known: Collection[str]) -> tuple[Attributes, tuple[str, ...]]:
    """Returns the fields of a JSON object that are not ``known``, and the names of those left out.

    Empty fields (null, {}, []) are neither.
    """
    found: dict[str, AttributeValue] = {}
    left_out = []
    for name, value in source.items():
        if name in known or value is None or value in ({}, []):
            continue
        nested = _flags(value) if name == FLAGS else {name: _single(value)}
        for key, single in nested.items():
            if single is None or len(found) >= _MOST_FIELDS or len(key) > _MOST_NAME:
                left_out.append(key[:_MOST_NAME])
            elif isinstance(value, list | dict) and name != FLAGS:
                found[_JSON + key] = single
            else:
                found[key] = single
    return tuple(sorted(found.items())), tuple(left_out)


def _flags(value: Any) -> dict[str, AttributeValue | None]:
    if not isinstance(value, dict):
        return {FLAGS: None}
    return {f"{FLAGS}.{key}": flag if isinstance(flag, bool) else None for key, flag in value.items()}


def _single(value: Any) -> AttributeValue | None:
    """The value as an attribute; None if it is too long or no finite number of 64 bits."""
    if isinstance(value, list | dict):
        try:
            # Nothing but what can be read again: its numbers are checked here.
            found = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
            json_file.parse(found)
        except ValueError:
            return None
        return found if len(found) <= _MOST_TEXT else None
    if isinstance(value, str):
        return value if len(value) <= _MOST_TEXT else None
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -json_file.MAX_INTEGER <= value < json_file.MAX_INTEGER else None
    return value if isinstance(value, float) and math.isfinite(value) else None


def fields(found: Attributes, known: Collection[str] = ()) -> dict[str, Any]:
    """Returns attributes as fields of a JSON object; those whose name is ``known`` are left out."""
    result: dict[str, Any] = {}
    for name, value in found:
        if name in known or name.startswith(f"{FLAGS}."):
            continue
        if name.startswith(_JSON) and isinstance(value, str):
            key = name.removeprefix(_JSON)
            try:
                structure = json_file.parse(value)
            except json_file.JsonError:
                structure = None
            if isinstance(structure, list | dict) and key not in known:
                result[key] = structure
                continue
        result.setdefault(name, value)
    return result


def flags(found: Attributes) -> dict[str, bool]:
    """Returns the flags among attributes."""
    start = f"{FLAGS}."
    return {name.removeprefix(start): value is True for name, value in found if name.startswith(start)}


def merged(several: list[Attributes]) -> Attributes:
    """The attributes of one object that comes in several shapes: the first that has one counts."""
    found: dict[str, AttributeValue] = {}
    for each in several:
        for name, value in each:
            found.setdefault(name, value)
    return tuple(sorted(found.items()))


def with_value(found: Attributes, name: str, value: AttributeValue) -> Attributes:
    """The attributes with one more, or with another value of it."""
    return tuple(sorted({**dict(found), name: value}.items()))
