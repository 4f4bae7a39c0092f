"""Metadata of Flint weight files, read without torch."""

from __future__ import annotations

from pathlib import Path

from samdesk.base import json_file
from samdesk.base.errors import first_line
from samdesk.engine.checkpoints.sealed import DamagedWeights, read_header
from samdesk.engine.protocols import EngineError

SUFFIX = ".safetensors"
"""File name suffix of Flint weights; PyTorch checkpoints have another."""


def is_flint(path: Path) -> bool:
    """Returns whether a file has Flint weights, by its suffix."""
    return path.suffix.lower() == SUFFIX


def read_metadata(path: Path) -> dict[str, str]:
    """Reads the metadata in a safetensors header, without the tensors. Raises ``EngineError``."""
    try:
        return dict(read_header(path)["__metadata__"])
    except FileNotFoundError as error:
        raise EngineError(f"The file {path} does not exist. Choose a Flint weights file.") from error
    except (OSError, DamagedWeights) as error:
        raise EngineError(
            f"{path} cannot be read as Flint weights: {first_line(error)}. It may be incomplete. "
            "Choose a Flint weights file."
        ) from error


def class_names(path: Path) -> tuple[str, ...]:
    """Returns the detector's class names by class id, () if the file has none. Raises ``EngineError``."""
    try:
        names = json_file.parse(read_metadata(path).get("names", "[]"))
    except ValueError:
        return ()
    return tuple(map(str, names)) if isinstance(names, list) else ()


def title(path: Path, default: str) -> str:
    """Returns the display name of the file's model. Raises ``EngineError``."""
    return read_metadata(path).get("title") or default
