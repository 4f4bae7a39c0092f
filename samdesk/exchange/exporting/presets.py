"""Presets: plans of exports, remembered by name on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from samdesk.base import json_file, places
from samdesk.exchange.exporting.errors import ExportError
from samdesk.exchange.exporting.plan import ExportPlan

_FILE = "export-presets.json"
_LIMIT = 1 << 20


def presets() -> dict[str, ExportPlan]:
    """Returns the presets by name; a file that cannot be read holds none."""
    values: Mapping[str, object] = {}
    with suppress(OSError, json_file.JsonError):
        values = json_file.read_object(_path(), _LIMIT)
    return {
        name: ExportPlan.from_json(value) for name, value in sorted(values.items()) if isinstance(value, dict)
    }


def preset(name: str) -> ExportPlan:
    """Returns a preset. Raises ``ExportError`` if there is none of this name."""
    known = presets()
    if name not in known:
        names = ", ".join(known) or "none yet"
        raise ExportError(f"There is no preset {name!r}.", next=f"There are: {names}.")
    return known[name]


def save_preset(name: str, plan: ExportPlan) -> None:
    """Remembers a plan under a name; images named one by one are not part of it.

    Raises:
        ExportError: The name is blank, or the file cannot be written.
    """
    name = " ".join(name.split())
    if not name:
        raise ExportError("A preset needs a name.")
    if plan.scope == "keys":
        plan = replace(plan, scope="all", keys=())
    _write({**presets(), name: plan})


def delete_preset(name: str) -> None:
    """Forgets a preset. Raises ``ExportError`` if the file cannot be written."""
    _write({known: plan for known, plan in presets().items() if known != name})


def _write(found: Mapping[str, ExportPlan]) -> None:
    values = {name: plan.to_json() for name, plan in sorted(found.items())}
    try:
        json_file.write(_path(), values, indent=1)
    except OSError as error:
        raise ExportError(f"The presets cannot be saved: {error.strerror or error}.") from error


def _path() -> Path:
    return places.config() / _FILE
