"""Checks of image files."""

from __future__ import annotations

from collections.abc import Iterator

from samdesk.domain.review import ImageReview
from samdesk.exchange.check.facts import CheckFacts, ImageBatch
from samdesk.exchange.check.types import Finding

_TURNS = {
    2: "mirrored", 3: "upside down", 4: "upside down and mirrored", 5: "on its side and mirrored",
    6: "on its side", 7: "on its side and mirrored", 8: "on its side",
}  # fmt: skip


def unreadable(batch: ImageBatch, _facts: CheckFacts) -> Iterator[Finding]:
    """Images that cannot be read."""
    for image in batch.images:
        if image.problem:
            yield Finding(f"The image cannot be read: {image.problem}.", image.key)


def dropped(batch: ImageBatch, _facts: CheckFacts) -> Iterator[Finding]:
    """Images that the trainer drops although samdesk reads them."""
    for image in batch.images:
        if image.dropped:
            what = "annotated image" if image.count else "image"
            yield Finding(f"The trainer drops this {what}: {image.dropped}.", image.key)


def orientation(batch: ImageBatch, _facts: CheckFacts) -> Iterator[Finding]:
    """Images that some programs show turned."""
    for image in batch.images:
        if image.orientation != 1:
            turn = _TURNS.get(image.orientation, "turned")
            yield Finding(
                f"EXIF orientation {image.orientation}: programs that ignore it (a plain PIL.Image.open) "
                f"read the image {turn}. samdesk and the Ultralytics trainer rotate it.",
                image.key,
            )


def turned_since(batch: ImageBatch, _facts: CheckFacts) -> Iterator[Finding]:
    """Annotations made on the image as it lies in its file, which is shown turned."""
    for image in batch.images:
        old, new = image.annotated_size, image.size
        if old is None or new is None or old == new or not image.count:
            continue
        if old == new[::-1]:
            yield Finding(
                f"It was annotated as {old[0]} x {old[1]} pixels and is {new[0]} x {new[1]} now: it was "
                "turned, or its EXIF orientation was changed, so its annotations no longer fit.",
                image.key,
            )
        else:
            yield Finding(
                f"It was {old[0]} x {old[1]} pixels when it was annotated and is {new[0]} x {new[1]} now: "
                "its annotations are scaled when it is opened.",
                image.key,
            )


def empty_accepted(batch: ImageBatch, _facts: CheckFacts) -> Iterator[Finding]:
    """Accepted images without annotations: negatives, if that was meant."""
    for image in batch.images:
        if image.review == ImageReview.ACCEPTED.value and not image.count:
            yield Finding("Accepted without annotations: the trainer takes it for an image without objects.",
                          image.key)  # fmt: skip


def name_clashes(facts: CheckFacts) -> Iterator[Finding]:
    """Images that share a label file."""
    for key, owner in facts.shares.items():
        yield Finding(
            f"It shares a label file with {owner}, which has the labels: this image is trained on with them, "
            "too. Rename one of the two.",
            key,
        )
