"""Which line of a label file belongs to which annotation, so that unchanged annotations keep their lines.

The store keeps, for the file an image was imported from and for the file last written, one key of 8 bytes
for each line that is not blank. The text itself is read from the file.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Mapping, Sequence

from samdesk.base.hashing import hash_bytes
from samdesk.dataset.store.serial import region_to_bytes
from samdesk.domain.annotation import Annotation, AnnotationId

KEY_BYTES = 8
NO_KEY = bytes(KEY_BYTES)
"""The key of a line that could not be read."""

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


def line_key(annotation: Annotation) -> bytes:
    """Returns the key of the line of an annotation: it changes whenever the region does."""
    key = hashlib.blake2b(annotation.id.encode(), digest_size=KEY_BYTES)
    key.update(region_to_bytes(annotation.region))
    return key.digest()


def line_keys(annotations: Iterable[Annotation]) -> bytes:
    """Returns the keys of a file with one line for each annotation, in order."""
    return b"".join(line_key(annotation) for annotation in annotations)


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
    new = {line_key(old): line_key(scaled) for old, scaled in zip(before, after, strict=True)}
    each = (keys[i : i + KEY_BYTES] for i in range(0, len(keys), KEY_BYTES))
    return b"".join(new.get(key, NO_KEY) for key in each)


def content_hash(data: bytes | None) -> str | None:
    """Returns a hash of what a label file says; None for no file.

    Line ends, blank lines, a byte order mark, spaces and the way numbers are written make no difference.
    """
    if data is None:
        return None
    digest = hashlib.sha256()
    for _, line in numbered_lines(data):
        words = line.split()
        try:
            digest.update(array("d", map(float, words)))
        except ValueError:
            digest.update(" ".join(words).encode("utf-8", "replace"))
        digest.update(b"\n")
    return _SAYS + digest.hexdigest()


def says(data: bytes | None, known: str | None) -> bool:
    """Returns whether a file says what one with this hash said; both may be None: there is no file."""
    if data is None or known is None:
        return data is None and known is None
    if known.startswith(_SAYS):
        return content_hash(data) == known
    tidy = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    return known in (hash_bytes(data), hash_bytes(tidy))
