"""The settings file: a JSON object that several running instances may change."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from samdesk.base.atomic import write_text
from samdesk.base.regular import read_text

ABSENT = object()
"""The value of a key that is to be removed from the file."""


def read_table(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file: empty if there is no file, None if it is not a JSON object.

    Raises:
        OSError: The file exists and cannot be read.
    """
    try:
        stored = json.loads(read_text(path))
    except FileNotFoundError:
        return {}
    except ValueError:  # bad JSON or bad UTF-8
        return None
    return stored if isinstance(stored, dict) else None


def merge_into(path: Path, changed: dict[str, Any]) -> None:
    """Merges some keys into the file; ``ABSENT`` removes one.

    Raises:
        OSError: The file could not be read or written; it is unchanged.
    """
    stored = read_table(path) or {}
    stored.update(changed)
    kept = {key: value for key, value in stored.items() if value is not ABSENT}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(kept, indent=2, ensure_ascii=False, sort_keys=True) + "\n")


def rename_bad(path: Path) -> Path:
    """Renames a file that cannot be parsed to ``NAME.bad`` and returns its new path."""
    bad = path.with_name(path.name + ".bad")
    with contextlib.suppress(OSError):
        path.replace(bad)
    return bad
