"""Reads the safetensors header of a file of Flint weights; no tensor is loaded."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, Literal

from samdesk.base import json_file
from samdesk.base.errors import UserError
from samdesk.base.json_file import JsonError
from samdesk.base.regular import open_regular

_FORMAT = "flint-1"
_MAX_HEADER = 16 << 20
MAX_WEIGHTS_BYTES = 1 << 30
"""A larger file is none of Flint's weights (11 MB)."""


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
    except (ValueError, TypeError, AttributeError):
        return ()
    return tuple(str(name) for name in names) if isinstance(names, list) else ()


def check_weights(path: Path) -> dict[str, Any]:
    """The header of a complete file of Flint weights. Raises ``TaughtError``."""
    try:
        size = path.stat().st_size
        with open_regular(path) as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(_MAX_HEADER, size):
                raise ValueError("it has no header")
            header = json_file.parse_object(file.read(length))
        end = max(part["data_offsets"][1] for key, part in header.items() if key != "__metadata__")
        if size != 8 + length + end:
            raise ValueError("its size does not match its header: it is truncated or damaged")
        version = header["__metadata__"]["format"]
    except FileNotFoundError as error:
        raise TaughtError(f"File not found: {path}.") from error
    except OSError as error:
        raise TaughtError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, LookupError, TypeError, AttributeError, struct.error) as error:
        why = str(error) if isinstance(error, ValueError) and not isinstance(error, JsonError) else ""
        raise TaughtError(
            f"{path} does not contain Flint weights{f' ({why})' if why else ''}. "
            "Choose a file exported by samdesk."
        ) from error
    if version != _FORMAT:
        raise TaughtError(
            f"{path} was made for another version of Flint ({version!r}; expected {_FORMAT!r})."
        )
    return dict(header)
