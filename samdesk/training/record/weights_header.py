"""Reads the safetensors header of a file of Flint weights; no tensor is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from samdesk.base import json_file
from samdesk.base.errors import UserError, reason
from samdesk.engine.checkpoints.sealed import MAX_BYTES, DamagedWeights, check_file

_FORMAT = "flint-1"
MAX_WEIGHTS_BYTES = MAX_BYTES


class TaughtError(UserError):
    """Taught weights cannot be read or written."""

    code = "taught"


def kind_of(path: Path) -> Literal["masks", "detector"]:
    """The kind of weights in a file. Raises ``TaughtError`` if they are not Flint's."""
    header = check_weights(path)
    return "masks" if any(key.startswith("head.") for key in header) else "detector"


def names_of(path: Path) -> tuple[str, ...]:
    """The class names of a detector; empty if the file has none. Raises ``TaughtError``."""
    try:
        names = json_file.parse(check_weights(path)["__metadata__"].get("names", "[]"))
    except ValueError:
        return ()
    return tuple(str(name) for name in names) if isinstance(names, list) else ()


def check_weights(path: Path) -> dict[str, Any]:
    """The header of a complete file of Flint weights. Raises ``TaughtError``."""
    try:
        header = check_file(path)
    except FileNotFoundError as error:
        raise TaughtError(f"File not found: {path}.") from error
    except OSError as error:
        raise TaughtError(f"{path} cannot be read: {reason(error)}.") from error
    except DamagedWeights as error:
        raise TaughtError(
            f"{path} does not contain Flint weights ({error}). Choose a file exported by samdesk."
        ) from error
    version = header["__metadata__"].get("format")
    if version is None:
        raise TaughtError(f"{path} does not contain Flint weights. Choose a file exported by samdesk.")
    if version != _FORMAT:
        raise TaughtError(
            f"{path} was made for another version of Flint ({version!r}; expected {_FORMAT!r})."
        )
    return header
