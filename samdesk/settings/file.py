"""The file behind the settings: a sparse JSON table that several programs may change."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from samdesk.base.atomic import write_text

ABSENT = object()
"""Stands for a key that is to leave the file."""


def read_table(path: Path) -> dict[str, Any] | None:
    """The table in a file: empty if there is no file, None if it holds something else.

    Raises:
        OSError: The file is there and cannot be read.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:  # bad JSON or bad UTF-8
        return None
    return stored if isinstance(stored, dict) else None


def merge_into(path: Path, changed: dict[str, Any]) -> None:
    """Writes some keys over the file as it is now; ``ABSENT`` removes one.

    Raises:
        OSError: The file could not be read or written; it is as it was.
    """
    stored = read_table(path) or {}
    stored.update(changed)
    kept = {key: value for key, value in stored.items() if value is not ABSENT}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(kept, indent=2, ensure_ascii=False, sort_keys=True) + "\n")


def keep_bad(path: Path) -> Path:
    """Moves a file that cannot be understood out of the way; the result is its new name."""
    bad = path.with_name(path.name + ".bad")
    with contextlib.suppress(OSError):
        path.replace(bad)
    return bad
