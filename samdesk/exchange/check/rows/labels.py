"""Checks of label files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from samdesk.base.text import counted
from samdesk.exchange.check.facts import CheckedImage, CheckFacts, ImageBatch
from samdesk.exchange.check.types import Finding


def unreadable(batch: ImageBatch, _facts: CheckFacts) -> Iterator[Finding]:
    """Label files that cannot be read, and annotations of the store."""
    for image in batch.images:
        if image.text.problem:
            yield _of(image, f"The label file cannot be read: {image.text.problem}.")
        if image.damaged:
            annotations = counted(image.damaged, "annotation")
            yield Finding(
                f"{annotations} in the store cannot be read. Open the image and choose what to keep.",
                image.key,
            )


def bad_lines(batch: ImageBatch, _facts: CheckFacts) -> Iterator[Finding]:
    """Lines that are no label; the trainer drops the whole image for one of them."""
    for image in batch.images:
        for problem in image.text.problems:
            yield Finding(
                f"{problem.message[:1].upper()}{problem.message[1:]}.", image.key, file=image.text.path,
                record=f"line {problem.line}",
            )  # fmt: skip


def outside(batch: ImageBatch, _facts: CheckFacts) -> Iterator[Finding]:
    """Outlines with values outside the image."""
    for image in batch.images:
        if image.text.outside:
            yield _of(image, "Values lie outside 0..1 by up to 1% and are clipped.", image.text.outside)


def crossing(batch: ImageBatch, _facts: CheckFacts) -> Iterator[Finding]:
    """Outlines that cross themselves."""
    for image in batch.images:
        if image.text.crossing:
            yield _of(image, "The outline crosses itself, so that parts of it become holes.",
                      image.text.crossing)  # fmt: skip


def mixed(batch: ImageBatch, _facts: CheckFacts) -> Iterator[Finding]:
    """Label files with boxes and outlines: the trainer drops the image."""
    for image in batch.images:
        text = image.text
        if text.outlines and (text.boxes or text.keypoints):
            what = "Boxes" if text.boxes else "Keypoints"
            yield _of(image, f"{what} and outlines stand in one label file: the trainer drops the image.")


def boxes(facts: CheckFacts) -> Iterator[Finding]:
    """Label files with boxes in a dataset of outlines: the trainer drops all outlines."""
    if not facts.outlines:
        return
    for key in facts.boxes:
        yield Finding(
            "The label file has boxes, and others have outlines: while any has boxes, the trainer drops the "
            "outlines of all.",
            key,
        )


def class_ids(batch: ImageBatch, facts: CheckFacts) -> Iterator[Finding]:
    """Class ids for which there is no class."""
    if not facts.declared:
        return
    for image in batch.images:
        if image.text.highest >= facts.declared:
            classes = (
                f"{'is' if facts.declared == 1 else 'are'} {counted(facts.declared, 'class', 'classes')}"
            )
            yield _of(image, f"It uses class id {image.text.highest}, but there {classes}.")


def changed(batch: ImageBatch, _facts: CheckFacts) -> Iterator[Finding]:
    """Label files that do not say what samdesk has."""
    for image in batch.images:
        if image.text.changed and not image.text.problem and not image.text.problems:
            what = "was changed by another program" if image.text.exists else "is gone"
            yield _of(image, f"The label file {what}. Open the image and choose which annotations to keep.")


def orphans(facts: CheckFacts) -> Iterator[Finding]:
    """Label files without an image."""
    for path in facts.orphans:
        yield Finding("There is no image for this label file.", file=path)


def _of(image: CheckedImage, message: str, lines: Sequence[int] = ()) -> Finding:
    shown = ", ".join(map(str, lines[:5])) + (", ..." if len(lines) > 5 else "")
    record = "" if not lines else f"line{'s' if len(lines) > 1 else ''} {shown}"
    ids = tuple(image.text.ids[line] for line in lines if line in image.text.ids)
    return Finding(message, image.key, ids, image.text.path, record)
