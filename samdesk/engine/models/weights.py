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
from samdesk.engine.models.registry import spec
from samdesk.engine.models.trained import find_trained


def find(name_or_path: str | Path) -> Path | None:
    """The path of a checkpoint, or None.

    Text without a separator is a name and a ``Path`` is a path: a name is looked up in the weights folder and
    in Ultralytics' folder, never in the current one, where others may have put files. A name of the registry
    may lack its ".pt", and so may that of a model trained here. "flint" is always the built-in file.
    """
    if isinstance(name_or_path, Path) or is_path(name_or_path):
        given = places.expanded(name_or_path)
        return given.resolve() if is_file(given) else None
    known = spec(name_or_path)
    if known is not None and known.family == "flint":
        return _built_in()
    name = known.name if known else name_or_path
    found = next((f / name for f in folders() if is_file(f / name)), None) if name else None
    return found or find_trained(name)


def is_path(name_or_path: str) -> bool:
    """Whether text is the path of a file and not a model's name: it has a separator, or names a drive."""
    separators = [os.sep, *([os.altsep] if os.altsep else [])]
    return any(separator in name_or_path for separator in separators) or bool(Path(name_or_path).drive)


def overlooked(name: str) -> str:
    """A sentence about a file of this name in the current folder, which is not used; "" if there is none."""
    known = None if is_path(name) else spec(name)
    for file in dict.fromkeys((name, known.name if known else name)):
        if file and not is_path(file) and is_file(Path(file)):
            return f"The file {file} in the current folder was not used; write .{os.sep}{file} to use it."
    return ""


def _built_in() -> Path | None:
    path = flint_weights().resolve()
    return path if path.is_file() else None


def folders() -> Iterator[Path]:
    """The folders in which names are looked up, in this order; they need not exist."""
    yield places.weights()
    yield from _ultralytics_folders()


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
