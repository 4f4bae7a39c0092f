"""Files with the metadata of Flint's weights, without a network."""

from __future__ import annotations

import json
import struct
from pathlib import Path


def weights_file(
    path: Path, *tensors: str, names: tuple[str, ...] = ("part",), form: str = "flint-1"
) -> Path:
    """Writes a safetensors file with one byte per tensor and Flint's metadata."""
    header: dict[str, object] = {"__metadata__": {"format": form, "names": json.dumps(names)}}
    for i, name in enumerate(tensors or ("yolo.a",)):
        header[name] = {"dtype": "U8", "shape": [1], "data_offsets": [i, i + 1]}
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(len(tensors) or 1))
    return path
