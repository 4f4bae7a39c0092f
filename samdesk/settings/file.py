"""The settings file: a JSON object that several running instances may change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from samdesk.base import json_file
from samdesk.base.disk import temporaries
from samdesk.base.json_file import JsonError, rename_bad

ABSENT = object()
"""The value of a key that is to be removed from the file."""


def read_table(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file: empty if there is no file, None if it is not a JSON object.

    Raises:
        OSError: The file exists and cannot be read.
    """
    try:
        return json_file.read_object(path)
    except FileNotFoundError:
        return {}
    except JsonError:
        return None


def merge_into(path: Path, changed: dict[str, Any]) -> None:
    """Merges some keys into the file; ``ABSENT`` removes one. A file that cannot be parsed is kept beside it.

    Raises:
        OSError: The file could not be read or written; it is unchanged.
    """
    stored = read_table(path)
    if stored is None:  # damaged since it was read
        rename_bad(path)
        stored = {}
    stored.update(changed)
    kept = {key: value for key, value in stored.items() if value is not ABSENT}
    json_file.write(path, kept, indent=2, sort_keys=True)
    temporaries.clear(path.parent)
