"""The file format of a cached embedding: safetensors, named by a hash.

The hash is of everything that determines the content: the image file's bytes, the model with its
checkpoint, the view, and ``FORMAT``. Device and precision are left out: fp16 serves them all.
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

from samdesk.base import json_file
from samdesk.domain.geometry.types import Frame

FORMAT = 1
"""To be incremented whenever the same image and model give other features than before."""

SUFFIX = ".safetensors"
_INFINITE = 0x7C00  # the exponent bits of a half float that is infinite or NaN


class InvalidEmbeddingFile(ValueError):  # noqa: N818 - never shown to the user
    """A file is truncated, damaged, or holds something else; the message says which."""


@dataclass(frozen=True, eq=False)
class StoredEmbedding:
    """The content of an embedding's file.

    Attributes:
        arrays: From ``Storable.to_arrays``.
        image_hw: Height and width of the image, pixels.
        frame: The square of the image that was encoded, image pixels.
    """

    arrays: tuple[NDArray[np.float16], ...]
    image_hw: tuple[int, int]
    frame: Frame


def entry_name(content: str, model: str, view: Frame | None) -> str:
    """The name of an embedding's file, without its suffix: 40 hex digits.

    Args:
        content: Hash of the image file's bytes.
        model: ``ModelInfo.key``.
        view: The part of the image that was encoded; None: the whole image.
    """
    shown = None if view is None else [float(v) for v in (view.x0, view.y0, view.width, view.height)]
    return _digest(json.dumps([FORMAT, content, model, shown]), 20)


def folder_name(model: str) -> str:
    """The name of a model's folder: a hash of its key, then the model's name as any file system takes it."""
    name = model.rpartition(":")[0] or model
    return f"{_digest(json.dumps(model), 8)}-{plain_name(name)}"


def plain_name(model_name: str) -> str:
    """A model's name as it appears in its folder's name."""
    return re.sub(r"[^\w.+-]", "_", model_name)[:40].rstrip(".")


def serialize(name: str, entry: StoredEmbedding) -> bytes:
    """The bytes of an embedding's file; ``deserialize`` with the same name is its inverse."""
    from safetensors.numpy import save

    arrays = [np.ascontiguousarray(array, np.float16) for array in entry.arrays]
    frame = entry.frame
    metadata = {
        "entry": name,
        "image_hw": json.dumps(entry.image_hw),
        "frame": json.dumps([frame.x0, frame.y0, frame.side, frame.tall]),
        "crc32": str(_crc(arrays)),
    }
    return save({str(i): array for i, array in enumerate(arrays)}, metadata)


def deserialize(name: str, data: bytes) -> StoredEmbedding:
    """The embedding in a file's bytes. Raises ``InvalidEmbeddingFile`` unless ``serialize`` made them."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        metadata = _header(data)["__metadata__"]
        if metadata["entry"] != name:
            raise InvalidEmbeddingFile("it is another embedding")
        tensors = load(data)
        arrays = tuple(tensors[str(i)] for i in range(len(tensors)))
        height, width = json_file.parse(metadata["image_hw"])
        x0, y0, side, tall = json_file.parse(metadata["frame"])
        _check(arrays, int(metadata["crc32"]))
        return StoredEmbedding(arrays, (int(height), int(width)), Frame(x0, y0, side, tall))
    except InvalidEmbeddingFile:
        raise
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidEmbeddingFile(f"it cannot be parsed ({error})") from error


def _header(data: bytes) -> Any:
    length = int.from_bytes(data[:8], "little")
    return json_file.parse(data[8 : 8 + length])


def _check(arrays: Sequence[NDArray[Any]], crc: int) -> None:
    if not arrays or any(array.dtype != np.float16 for array in arrays):
        raise InvalidEmbeddingFile("it does not hold half floats")
    if _crc(arrays) != crc:
        raise InvalidEmbeddingFile("it is damaged")
    if any(((a.view(np.uint16) & _INFINITE) == _INFINITE).any() for a in arrays):
        raise InvalidEmbeddingFile("it holds infinities or NaN")


def _crc(arrays: Sequence[NDArray[Any]]) -> int:
    crc = 0
    for array in arrays:
        crc = zlib.crc32(array, crc)  # type: ignore[arg-type]
    return crc


def _digest(text: str, size: int) -> str:
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()
