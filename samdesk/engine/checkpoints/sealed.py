"""The file of Flint weights as bytes: the bounds of its header, and a digest. No torch is needed.

``safetensors`` checks that tensors lie inside the file, not that their numbers are those that were written.
So the metadata has "digest", the SHA-256 of header and numbers. The built-in file, which is older than that,
is known by its own hash.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from pathlib import Path
from typing import IO, Any

from samdesk.base import json_file
from samdesk.base.hashing import hash_file
from samdesk.base.json_file import JsonError
from samdesk.base.places import flint_weights
from samdesk.base.regular import open_regular

MAX_BYTES = 1 << 30
"""A larger file is none of Flint's weights (10 MB)."""
BUILT_IN = "c73a8bf9f9ff94a3cb4a4eae693f0a49ae8f723319aa47dbe72eb49c2ae73ca2"
"""SHA-256 of the built-in file."""
_MAX_HEADER = 4 << 20
_BLOCK = 1 << 20
_DIGEST, _METADATA = "digest", "__metadata__"
_LENGTH = struct.Struct("<Q")


class DamagedWeights(ValueError):  # noqa: N818 - becomes an EngineError or a TaughtError
    """A file is not one of complete Flint weights; the message is the end of a sentence."""


def seal(data: bytes) -> bytes:
    """Returns the bytes of a safetensors file with "digest" in its metadata."""
    header, numbers = _split(data)
    metadata = {key: value for key, value in header.get(_METADATA, {}).items() if key != _DIGEST}
    header = {_METADATA: metadata, **{key: value for key, value in header.items() if key != _METADATA}}
    metadata[_DIGEST] = _digest(header, hashlib.sha256(numbers).hexdigest())
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return _LENGTH.pack(len(text)) + text + numbers


def read_header(path: Path) -> dict[str, Any]:
    """Returns the header of a file; its metadata is always there.

    Raises:
        DamagedWeights: It is not one, or the file has another size than it says.
        OSError: The file cannot be read.
    """
    with open_regular(path) as file:
        return _read_header(file)


def check_file(path: Path) -> dict[str, Any]:
    """Checks a file before ``safetensors`` reads it, and returns its header.

    Raises:
        DamagedWeights: As ``read_header``, or its digest is wrong.
        OSError: It cannot be read.
    """
    with open_regular(path) as file:
        header = _read_header(file)
        expected = header[_METADATA].get(_DIGEST)
        if expected is not None:
            numbers = hashlib.sha256()
            while block := file.read(_BLOCK):
                numbers.update(block)
            if expected != _digest(header, numbers.hexdigest()):
                raise DamagedWeights("its numbers are not those that were written")
    if path == flint_weights().resolve() and hash_file(path) != BUILT_IN:
        raise DamagedWeights("it is not the file that samdesk was installed with; install samdesk again")
    return header


def _read_header(file: IO[bytes]) -> dict[str, Any]:
    """The header of an open file, which is then at its first number."""
    size = file.seek(0, os.SEEK_END)
    if size > MAX_BYTES:
        raise DamagedWeights("it is too large")
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(_MAX_HEADER, size - 8):
        raise DamagedWeights("it has no header")
    header = _parsed(file.read(length))
    _check_size(header, size - 8 - length)
    return header


def _split(data: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = _LENGTH.unpack_from(data)
    return json_file.parse_object(data[8 : 8 + length]), data[8 + length :]


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        header = json_file.parse_object(text)
    except JsonError as error:
        raise DamagedWeights("its header is damaged") from error
    metadata = header.setdefault(_METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise DamagedWeights("its header is damaged")
    return header


def _check_size(header: dict[str, Any], size: int) -> None:
    try:
        ends = [part["data_offsets"][1] for key, part in header.items() if key != _METADATA]
        complete = all(type(end) is int for end in ends) and max(ends, default=0) == size
    except (TypeError, KeyError, IndexError) as error:
        raise DamagedWeights("its header is damaged") from error
    if not complete:
        raise DamagedWeights("its size does not match its header: it is truncated or damaged")


def _digest(header: dict[str, Any], numbers: str) -> str:
    metadata = {key: value for key, value in header[_METADATA].items() if key != _DIGEST}
    text = json.dumps({**header, _METADATA: metadata}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{text}{numbers}".encode()).hexdigest()
