"""Reads the document of an image from its rows, and finds out whether they are those that were written.

Each row of ``annotations`` has a digest of its values, and each row of ``images`` one of its own values and
of the digests of its annotations: a value that has changed and a row that has gone are both found. Rows
written before version 5 have none, until the image is edited.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import xor
from typing import Any

from samdesk.base.text import counted
from samdesk.dataset.store import serial, values, wkb
from samdesk.dataset.store.database import Store
from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.geometry.types import Region
from samdesk.domain.review import AnnotationReview, ImageReview

COLUMNS = (
    "id", "label_id", "region", "source", "review", "detector_score", "mask_score", "prompts", "run_id",
    "position", "image", "stability", "model", "note", "attributes", "track",
)  # fmt: skip
"""Of ``annotations``, without the digest, in the order in which the digest is made."""
_NAMES = ", ".join(COLUMNS)
_SELECT = (
    f"SELECT {_NAMES}, digest, label_id IN (SELECT id FROM labels) FROM annotations WHERE image=?"
    " ORDER BY position"
)
_OPTIONAL = 5
"""Columns at the end that the digest leaves out where they are NULL: older versions had none of them."""
_IMAGE = "key, width, height, review, revision, count, pending"


@dataclass(frozen=True)
class Examined:
    """What the store has of an image.

    Attributes:
        document: The annotations that can be read. Those that may have changed are pending, so that the user
            looks at them.
        problems: What is wrong, in words; () if all is as it was written.
        lost: Number of annotations that cannot be read, as far as known.
        doubtful: Number of annotations in the document that may have changed.
        rows: The rows as they are, of a damaged image.
    """

    document: ImageDocument
    problems: tuple[str, ...] = ()
    lost: int = 0
    doubtful: int = 0
    rows: tuple[tuple[Any, ...], ...] = field(default=(), repr=False)


def image_digest(row: Sequence[Any], annotations: Sequence[int]) -> int:
    """Returns the digest of an image: of its row (``_IMAGE``) and of those of its annotations."""
    return values.digest_of((*row, reduce(xor, annotations, 0)))


def row_digest(row: Sequence[Any]) -> int:
    """Returns the digest of a row of ``annotations``: of its ``COLUMNS``."""
    length = len(COLUMNS)
    while length > len(COLUMNS) - _OPTIONAL and row[length - 1] is None:
        length -= 1
    return values.digest_of(row[:length])


def examine(
    store: Store, key: ImageKey, size: tuple[int, int] | None = None, *, prompts: bool = True
) -> Examined | None:
    """Reads the document of an image.

    Args:
        store: The store.
        key: The image.
        size: Its width and height, pixels, for a row that cannot be read.
        prompts: Whether the annotations are to have their prompts; those of a damaged image have them.

    Returns:
        None: the store has neither the image nor annotations of it.

    Raises:
        StoreError: The store cannot be read.
    """
    row = store.row(f"SELECT {_IMAGE}, digest FROM images WHERE key=?", (key,))
    found = store.rows(_SELECT, (key,))
    if row is None and not found:
        return None
    empty, problem = _image(key, row, found, size)
    annotations = None if problem else _all(found, (empty.width, empty.height), prompts)
    if annotations is not None:
        return Examined(_document(empty, annotations))
    return _readable(empty, found, problem, None if row is None else row[5])


def read_annotation(
    store: Store, key: ImageKey, annotation_id: AnnotationId, size: tuple[int, int]
) -> Annotation | None:
    """Returns one annotation of an image; None if there is none, or its row is damaged.

    Args:
        store: The store.
        key: The image.
        annotation_id: The annotation.
        size: Width and height of the image, pixels.
    """
    row = store.row(f"SELECT {_NAMES}, digest FROM annotations WHERE image=? AND id=?", (key, annotation_id))
    if row is None or row[-1] not in (None, row_digest(row)):
        return None
    try:
        return _annotation(row, wkb.to_region(row[2], size))
    except ValueError:
        return None


def is_sound(store: Store, key: ImageKey) -> bool:
    """Returns whether the rows of an image are those that were written, by their digests if they have some.

    Raises ``StoreError``.
    """
    row = store.row(f"SELECT {_IMAGE}, digest FROM images WHERE key=?", (key,))
    found = store.rows(_SELECT, (key,))
    if any(r[-2] is None for r in found):
        examined = examine(store, key)
        return examined is None or not examined.problems
    _, problem = _image(key, row, found, None)
    return not problem and all(r[-2] == row_digest(r) for r in found)


def _image(
    key: ImageKey,
    row: tuple[Any, ...] | None,
    annotations: Sequence[tuple[Any, ...]],
    size: tuple[int, int] | None,
) -> tuple[ImageDocument, str]:
    """The document of an image row without its annotations, and what is wrong with the row."""
    digests = [r[-2] for r in annotations]
    width, height = size or (values.MAX_SIDE, values.MAX_SIDE)
    unknown = ImageDocument(key, width, height, review=ImageReview.EDITED)
    if row is None:
        return unknown, "the row of the image is missing"
    try:
        document = ImageDocument(
            ImageKey(key),
            values.integer(row[1], "width", 1, values.MAX_SIDE),
            values.integer(row[2], "height", 1, values.MAX_SIDE),
            review=ImageReview(row[3]),
            revision=values.integer(row[4], "revision"),
        )
        values.integer(row[6], "number of pending annotations")
        count = values.integer(row[5], "number of annotations")
    except ValueError as error:
        return unknown, f"the row of the image: {error}"
    if count != sum(not _is_rejected(r) for r in annotations):
        return document, f"it had {counted(count, 'annotation')}"
    if row[-1] is not None and (
        any(type(digest) is not int for digest in digests) or row[-1] != image_digest(row[:-1], digests)
    ):
        return document, "what was saved last is not what is there"
    return document, ""


def _all(rows: Sequence[tuple[Any, ...]], size: tuple[int, int], prompts: bool) -> list[Annotation] | None:
    """The annotations; None if any is damaged."""
    known = [(row, row[-2]) for row in rows if row[-2] is not None]
    if not all(row[-1] for row in rows) or any(digest != row_digest(r) for r, digest in known):
        return None
    verified = len(known) == len(rows)
    regions = wkb.to_regions([row[2] for row in rows], size, verified=verified)
    if regions is None:
        return None
    try:
        return [_annotation(row, region, prompts) for row, region in zip(rows, regions, strict=True)]
    except ValueError:
        return None


def _readable(empty: ImageDocument, rows: Sequence[tuple[Any, ...]], problem: str, count: Any) -> Examined:
    """What can be read of the rows of a damaged image."""
    problems = [problem] if problem else []
    annotations: dict[str, Annotation] = {}
    doubtful = 0
    for number, row in enumerate(rows, 1):
        try:
            if not row[-1]:
                raise ValueError("its label is not in the store")
            annotation = _annotation(row, wkb.to_region(row[2], (empty.width, empty.height)))
        except ValueError as error:
            problems.append(f"annotation {number}: {error}")
            continue
        if row[-2] is not None and row[-2] != row_digest(row):
            problems.append(f"annotation {number} may have changed")
            annotation = replace(annotation, review=AnnotationReview.PENDING)
            doubtful += 1
        annotations.setdefault(annotation.id, annotation)
    rejected = sum(_is_rejected(row) for row in rows)
    known = type(count) is int and len(rows) - rejected <= count < 1 << 31
    expected = count + rejected if known else len(rows)
    if not problems:  # of an older samdesk, and only repaired here: regions beyond the image
        return Examined(_document(empty, annotations.values()))
    review = ImageReview.EDITED if empty.review is ImageReview.UNREVIEWED else empty.review
    document = _document(replace(empty, review=review), annotations.values())
    return Examined(
        document, tuple(problems), expected - len(annotations), doubtful, tuple(row[:-1] for row in rows)
    )


def _document(empty: ImageDocument, annotations: Iterable[Annotation]) -> ImageDocument:
    shown: list[Annotation] = []
    rejected: list[Annotation] = []
    for annotation in annotations:
        (rejected if annotation.review is AnnotationReview.REJECTED else shown).append(annotation)
    return replace(empty, annotations=tuple(shown), rejected=tuple(rejected))


def _is_rejected(row: tuple[Any, ...]) -> bool:
    return bool(row[4] == AnnotationReview.REJECTED.value)


def _annotation(row: tuple[Any, ...], region: Region, prompts: bool = True) -> Annotation:
    values.number(row[9], "place")
    columns = dict(zip(COLUMNS, row, strict=False))
    columns["prompts"] = serial.prompts_from_text(row[7]) if prompts else None
    columns["attributes"] = serial.attributes_from_text(columns["attributes"])
    return serial.annotation_from(region, columns)
