"""Which line of a label file belongs to which annotation, so that unchanged annotations keep their lines.

The store keeps, for the file an image was imported from and for the file last written, one key of 8 bytes
for each line that is not blank. The text itself is read from the file.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from samdesk.base.hashing import hash_bytes
from samdesk.dataset.store.serial import regions_to_bytes
from samdesk.domain.annotation import Annotation, AnnotationId

KEY_BYTES = 8
NO_KEY = bytes(KEY_BYTES)
"""The key of a line that could not be read."""

_REMEMBERED = 64
"""Contents whose hash is remembered."""

_SAYS = "says:"
"""Starts the hash of what a file says; a store before version 3 holds hashes of the files' bytes."""


def numbered_lines(data: bytes) -> list[tuple[int, str]]:
    """Returns the lines of a label file that are not blank, without their ends, and their numbers from 1."""
    text = data.decode("utf-8", errors="replace").removeprefix("\ufeff")
    lines = enumerate(text.splitlines(), start=1)
    return [(number, line) for number, line in lines if line and not line.isspace()]


def line_end(data: bytes) -> str:
    """Returns the line end of a file: that of its first line."""
    first = data.find(b"\n")
    return "\r\n" if first > 0 and data[first - 1 : first] == b"\r" else "\n"


def line_keys(annotations: Sequence[Annotation], regions: Sequence[bytes] | None = None) -> list[bytes]:
    """Returns the keys of the lines of annotations, in order: one changes whenever its region does.

    Args:
        annotations: The annotations.
        regions: What ``regions_to_bytes`` makes of their regions, if the caller has it.
    """
    if regions is None:
        regions = regions_to_bytes(annotation.region for annotation in annotations)
    return [
        hashlib.blake2b(annotation.id.encode() + region, digest_size=KEY_BYTES).digest()
        for annotation, region in zip(annotations, regions, strict=True)
    ]


def kept_lines(
    annotations: Mapping[bytes, AnnotationId], data: bytes | None, keys: bytes | None
) -> dict[AnnotationId, str]:
    """Returns the lines of the annotations that are unchanged since a file was read or written.

    Args:
        annotations: By their ``line_key``.
        data: The content of the file; None: there is none.
        keys: The keys of its lines; None: unknown.
    """
    if data is None or not keys:
        return {}
    lines = numbered_lines(data)
    if len(keys) != len(lines) * KEY_BYTES:
        return {}
    result: dict[AnnotationId, str] = {}
    for number, (_, line) in enumerate(lines):
        owner = annotations.get(keys[number * KEY_BYTES : (number + 1) * KEY_BYTES])
        if owner is not None:
            result[owner] = line
    return result


def rekeyed(keys: bytes | None, before: Sequence[Annotation], after: Sequence[Annotation]) -> bytes | None:
    """Returns the keys of a file whose lines have the same text after the annotations were all scaled."""
    if keys is None:
        return None
    new = dict(zip(line_keys(before), line_keys(after), strict=True))
    each = (keys[i : i + KEY_BYTES] for i in range(0, len(keys), KEY_BYTES))
    return b"".join(new.get(key, NO_KEY) for key in each)


def content_hash(data: bytes | None) -> str | None:
    """Returns a hash of what a label file says; None for no file.

    Line ends, blank lines, a byte order mark, spaces and the way numbers are written make no difference.
    """
    return None if data is None else _hash(data, {})[0]


def _hash(data: bytes, known: Mapping[str, bytes]) -> tuple[str, dict[str, bytes]]:
    """Returns ``content_hash`` and what each line says; ``known``: what lines say that were read before."""
    digest, contents = hashlib.sha256(), {}
    for _, line in numbered_lines(data):
        content = known.get(line)
        contents[line] = content = _line_content(line) if content is None else content
        digest.update(content)
    return _SAYS + digest.hexdigest(), contents


def _line_content(line: str) -> bytes:
    """What a line says: its numbers, or its words where they are none."""
    words = line.split()
    try:
        return array("d", map(float, words)).tobytes() + b"\n"
    except ValueError:
        return " ".join(words).encode("utf-8", "replace") + b"\n"


class KnownContents:
    """The hashes of what the newest contents say, by a hash of their bytes.

    The same content is asked for several times: when it is written, and when it is compared before the next
    writing. Most lines of the next one are the same. Reading the numbers of 5,000 lines takes 30 ms, hashing
    their bytes 1 ms.
    """

    def __init__(self) -> None:
        self._hashes: OrderedDict[bytes, str] = OrderedDict()
        self._lines: dict[str, bytes] = {}
        """What the lines of the newest content say."""

    def hash_of(self, data: bytes | None) -> str | None:
        """Returns ``content_hash``."""
        if data is None:
            return None
        raw = hashlib.blake2b(data, digest_size=32).digest()
        if raw not in self._hashes:
            self._hashes[raw], self._lines = _hash(data, self._lines)
            if len(self._hashes) > _REMEMBERED:
                self._hashes.popitem(last=False)
        return self._hashes[raw]


def says(
    data: bytes | None,
    known: str | None,
    hash_of: Callable[[bytes | None], str | None] = content_hash,
) -> bool:
    """Returns whether a file says what one with this hash said; both may be None: there is no file.

    Args:
        data: The content of the file.
        known: The hash.
        hash_of: ``content_hash``, or one that remembers.
    """
    if data is None or known is None:
        return data is None and known is None
    if known.startswith(_SAYS):
        return hash_of(data) == known
    tidy = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    return known in (hash_bytes(data), hash_bytes(tidy))
