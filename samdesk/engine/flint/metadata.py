"""What a file of Flint weights says of itself, read without torch."""

from __future__ import annotations

import json
from pathlib import Path

from samdesk.engine.protocols import EngineError

SUFFIX = ".safetensors"
"""How a file of Flint weights is told from a checkpoint."""


def is_flint(path: Path) -> bool:
    """Whether a file is one of Flint weights, by its name."""
    return path.suffix.lower() == SUFFIX


def read_metadata(path: Path) -> dict[str, str]:
    """The words in the head of a file; no tensor is read. Raises ``EngineError``."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        line = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise EngineError(
            f"{path} cannot be read as Flint weights: {line[:200].rstrip('.')}. It may be cut short. "
            "Choose a file of Flint weights."
        ) from error


def class_names(path: Path) -> tuple[str, ...]:
    """What a file's detector finds, by class id; empty where it does not say. Raises ``EngineError``."""
    try:
        names = json.loads(read_metadata(path).get("names", "[]"))
    except ValueError:
        return ()
    return tuple(map(str, names)) if isinstance(names, list) else ()


def title(path: Path, otherwise: str) -> str:
    """What users call the file's model. Raises ``EngineError``."""
    return read_metadata(path).get("title") or otherwise
