"""The file of one embedding on the disk: its name and its bytes (a safetensors file).

The name is a hash of all that the content follows from: the photo's bytes, the model with its
checkpoint, the view, and ``FORMAT``. Device and precision are none of it: fp16 serves them all.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samdesk.domain.geometry.types import Frame

FORMAT = 1
"""One more whenever the same photo and model give other features than before (in this program)."""

SUFFIX = ".safetensors"
_INFINITE = 0x7C00  # the exponent bits of a half float that is infinite or no number


class BadEntry(ValueError):  # noqa: N818 - never an error for the user
    """A file that is cut off, damaged, or of something else; says why."""


@dataclass(frozen=True, eq=False)
class Entry:
    """What is kept of an embedding.

    Attributes:
        arrays: As ``Storable.to_arrays`` makes them.
        image_hw: Height and width of the image, pixels.
        frame: What the model looked at.
    """

    arrays: tuple[NDArray[np.float16], ...]
    image_hw: tuple[int, int]
    frame: Frame


def entry_name(content: str, model: str, view: Frame | None) -> str:
    """The name of an embedding's file, without its suffix: 40 hex digits.

    Args:
        content: Hash of the image file's bytes.
        model: ``ModelInfo.key``.
        view: What was asked for; None: the whole image.
    """
    shown = None if view is None else [float(v) for v in (view.x0, view.y0, view.width, view.height)]
    return _digest(json.dumps([FORMAT, content, model, shown]), 20)


def folder_name(model: str) -> str:
    """The name of a model's folder: a hash of its key, and of its name what any file system takes."""
    name = model.rpartition(":")[0] or model
    return f"{_digest(json.dumps(model), 8)}-{plain_name(name)}"


def plain_name(model_name: str) -> str:
    """A model's name as it stands in its folder's name."""
    return re.sub(r"[^\w.+-]", "_", model_name)[:40].rstrip(".")


def packed(name: str, entry: Entry) -> bytes:
    """The bytes of an embedding's file; ``unpacked`` with the same name gives it back."""
    from safetensors.numpy import save

    arrays = [np.ascontiguousarray(array, np.float16) for array in entry.arrays]
    frame = entry.frame
    about = {
        "entry": name,
        "image_hw": json.dumps(entry.image_hw),
        "frame": json.dumps([frame.x0, frame.y0, frame.side, frame.tall]),
        "crc32": str(_crc(arrays)),
    }
    return save({str(i): array for i, array in enumerate(arrays)}, about)


def unpacked(name: str, data: bytes) -> Entry:
    """The embedding in a file's bytes. Raises ``BadEntry`` for all that ``packed`` did not make so."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        about = _header(data)["__metadata__"]
        if about["entry"] != name:
            raise BadEntry("it is another embedding")
        tensors = load(data)
        arrays = tuple(tensors[str(i)] for i in range(len(tensors)))
        height, width = json.loads(about["image_hw"])
        x0, y0, side, tall = json.loads(about["frame"])
        _check(arrays, int(about["crc32"]))
        return Entry(arrays, (int(height), int(width)), Frame(x0, y0, side, tall))
    except BadEntry:
        raise
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadEntry(f"it cannot be understood ({error})") from error


def _header(data: bytes) -> Any:
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length])


def _check(arrays: Sequence[NDArray[Any]], crc: int) -> None:
    if not arrays or any(array.dtype != np.float16 for array in arrays):
        raise BadEntry("it does not hold half floats")
    if _crc(arrays) != crc:
        raise BadEntry("it is damaged")
    if any(((a.view(np.uint16) & _INFINITE) == _INFINITE).any() for a in arrays):
        raise BadEntry("it holds something that is no number")


def _crc(arrays: Sequence[NDArray[Any]]) -> int:
    crc = 0
    for array in arrays:
        crc = zlib.crc32(array, crc)  # type: ignore[arg-type]
    return crc


def _digest(text: str, size: int) -> str:
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()
