"""The markers of a JPEG file: how it was encoded, and where its scans are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_SCAN, _APP1 = 0xDA, 0xE1
_END = b"\xff\xd9"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_MAX_MARKERS = 20_000
_MOST_EXIF = 1 << 20
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
    components, progressive = 0, False
    for marker, length in _segments(file):
        if marker in _FRAMES:
            body = file.read(length)
            components, progressive = (body[5] if len(body) > 5 else 0), marker in _PROGRESSIVE
        elif marker == _SCAN:
            in_scan = (file.read(1) or b"\0")[0]
            first = file.seek(length - 1, 1)
            return JpegScans(components, progressive, progressive or in_scan < components, first)
    return None


def exif_segments(file: BinaryIO) -> bytes:
    """The marker segments before the first scan that may hold EXIF, as they are in the file."""
    found = b""
    for marker, length in _segments(file):
        if marker == _SCAN or len(found) > _MOST_EXIF:
            break
        if marker == _APP1:
            body = file.read(length)
            if len(body) == length and body.startswith(b"Exif"):
                found += bytes((0xFF, marker)) + (length + 2).to_bytes(2, "big") + body
    return found


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


def _segments(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Markers and the lengths of their segments, at which the file is; the caller may read on from there."""
    file.seek(0)
    if file.read(2) != b"\xff\xd8":
        return
    for _ in range(_MAX_MARKERS):
        marker = _next_marker(file)
        if marker is None:
            return
        if marker in _ALONE:
            continue
        head = file.read(2)
        length = max(0, int.from_bytes(head, "big") - 2)  # decoders take a length that is too small as 0
        if len(head) < 2:
            return
        end = file.tell() + length
        yield marker, length
        file.seek(end)


def _next_marker(file: BinaryIO) -> int | None:
    byte = file.read(1)
    while byte:
        while byte and byte != b"\xff":  # bytes between two segments are skipped, as decoders do
            byte = file.read(1)
        while byte == b"\xff":
            byte = file.read(1)
        if byte != b"\0":  # which is not a marker
            break
    return byte[0] if byte else None
