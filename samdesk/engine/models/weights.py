"""Finding checkpoints on disk."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from samdesk.base import json_file, places
from samdesk.base.json_file import JsonError
from samdesk.base.places import flint_weights
from samdesk.base.regular import is_file
from samdesk.engine.models.registry import FLINT, spec


def find(name_or_path: str | Path) -> Path | None:
    """The path of a checkpoint, or None.

    A path is used as it is; a name is looked up in the weights folder, in Ultralytics' folders and in the
    current folder. A name of the registry may lack its ".pt". "flint" is always the built-in file.
    """
    if str(name_or_path).lower() == FLINT:
        return _built_in()
    given = places.expanded(name_or_path)
    if is_file(given):
        return given.resolve()
    known = spec(str(name_or_path))
    if known is not None and known.family == "flint":
        return _built_in()
    name = known.name if known else given.name
    if not name or (given.parent != Path() and known is None):
        return None
    return next((f / name for f in _folders() if is_file(f / name)), None)


def _built_in() -> Path | None:
    path = flint_weights().resolve()
    return path if path.is_file() else None


def _folders() -> Iterator[Path]:
    yield places.weights()
    yield from _ultralytics_folders()
    yield Path.cwd()


def _ultralytics_folders() -> Iterator[Path]:
    """Ultralytics' ``weights_dir``, read from its settings file: importing it takes seconds."""
    for config in _ultralytics_configs():
        try:
            settings = json_file.read_object(config / "Ultralytics" / "settings.json")
            found = Path(str(settings["weights_dir"]))
        except (OSError, JsonError, KeyError):
            continue
        if found.is_absolute():
            yield found


def _ultralytics_configs() -> Iterator[Path]:
    if os.environ.get("YOLO_CONFIG_DIR"):
        yield places.expanded(os.environ["YOLO_CONFIG_DIR"])
    if platform.system() == "Linux":
        yield Path(os.environ.get("XDG_CONFIG_HOME", places.user_home() / ".config"))
    else:
        yield platformdirs.user_config_path(appauthor=False, roaming=True)
