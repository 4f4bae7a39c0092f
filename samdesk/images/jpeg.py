"""The markers of a JPEG file: how it was encoded, and where its scans are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

_SCAN = 0xDA
_END = b"\xff\xd9"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_MAX_MARKERS = 20_000
_CHUNK = 1 << 20


@dataclass(frozen=True)
class JpegScans:
    """How the pixels are stored.

    Attributes:
        components: Number of colour components.
        progressive: The image is refined from scan to scan.
        whole: All of its coefficients are in memory while it is decoded, as it has several scans.
        first: Position of the data of the first scan in the file, bytes.
    """

    components: int
    progressive: bool
    whole: bool
    first: int


def read_scans(file: BinaryIO) -> JpegScans | None:
    """Reads the markers up to the first scan; None if there is none."""
    file.seek(0)
    if file.read(2) != b"\xff\xd8":
        return None
    components, progressive = 0, False
    for _ in range(_MAX_MARKERS):
        marker = _next_marker(file)
        if marker is None:
            return None
        if marker in _ALONE:
            continue
        head = file.read(2)
        length = int.from_bytes(head, "big") - 2
        if len(head) < 2 or length < 0:
            return None
        if marker in _FRAMES:
            body = file.read(length)
            components, progressive = (body[5] if len(body) > 5 else 0), marker in _PROGRESSIVE
        elif marker == _SCAN:
            in_scan = (file.read(1) or b"\0")[0]
            first = file.seek(length - 1, 1)
            return JpegScans(components, progressive, progressive or in_scan < components, first)
        else:
            file.seek(length, 1)
    return None


def has_end(file: BinaryIO, scans: JpegScans | None) -> bool:
    """Whether the end marker follows the first scan: other bytes may come after it, but none is missing."""
    file.seek(-2, 2)
    if file.read(2) == _END:
        return True
    return find(file, _END, scans.first if scans is not None else 2) >= 0


def first_scan(file: BinaryIO, scans: JpegScans) -> bytes:
    """The file up to its second scan: a complete, coarse image if it is progressive; b"" if it has only one.

    The first scan of a progressive file has the mean of every 8 by 8 pixels, in about a tenth of the bytes.
    """
    second = find(file, b"\xff\xda", scans.first)
    if second < 0:
        return b""
    file.seek(0)
    return file.read(second) + _END


def find(file: BinaryIO, what: bytes, start: int) -> int:
    """Position of the first of two bytes from ``start`` on; -1 if they do not occur."""
    at, last = file.seek(start), b""
    while chunk := file.read(_CHUNK):
        found = (last + chunk).find(what)
        if found >= 0:
            return at - len(last) + found
        at += len(chunk)
        last = chunk[-1:]
    return -1


def _next_marker(file: BinaryIO) -> int | None:
    byte = file.read(1)
    while byte and byte != b"\xff":  # bytes between two segments are skipped, as decoders do
        byte = file.read(1)
    while byte == b"\xff":
        byte = file.read(1)
    return byte[0] if byte else None
