"""Makes records of documents and has a format encode them; runs in the processes of an export."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from samdesk.base.errors import typed_line
from samdesk.dataset.resizing import resized as resized_document
from samdesk.domain.annotation import CROWD, Annotation
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.geometry.types import Region
from samdesk.domain.labels import LabelId
from samdesk.domain.review import ImageReview
from samdesk.domain.split import Split
from samdesk.exchange.exporting.pieces import Piece, on_piece, pieces
from samdesk.exchange.exporting.plan import ExportPlan
from samdesk.formats.base import (
    EncodedImage,
    ImageRecord,
    InstanceRecord,
    Loss,
    WriteContext,
    Writer,
    WrittenInstance,
)
from samdesk.images.errors import ImageError
from samdesk.images.reader import read_size

_log = logging.getLogger(__name__)

_WHOLE = 1 - 1e-6
"""Of its area an annotation has in a tile that does not cut it."""


@dataclass(frozen=True)
class ExportWork:
    """What is the same for all images of an export.

    Attributes:
        folder: Of the dataset.
        plan: The plan.
        targets: Name in the export of each label that is exported.
        writer: Of the format.
        context: For the writer; its tracks are those of several annotations, others are not exported.
        keeps_tracks: Whether the format has a place for them.
    """

    folder: Path
    plan: ExportPlan
    targets: Mapping[LabelId, str]
    writer: Writer
    context: WriteContext
    keeps_tracks: bool = True

    def answer(self, questions: Sequence[ImageTask]) -> list[EncodedTask]:
        """Encodes images; one that cannot be encoded is reported, the others are."""
        return [_guarded(self, task) for task in questions]


@dataclass(frozen=True)
class ImageTask:
    """An image to be encoded.

    Attributes:
        document: Its annotations.
        names: Of the images it becomes in the export: one, or one a tile.
        split: The split it is in, if that is kept.
    """

    document: ImageDocument
    names: tuple[str, ...]
    split: Split | None = None


@dataclass(frozen=True)
class EncodedPiece:
    """An image of the export.

    Attributes:
        piece: What it is of the image of the dataset.
        image: As the format has it.
    """

    piece: Piece
    image: EncodedImage


@dataclass(frozen=True)
class EncodedTask:
    """What became of an image.

    Attributes:
        key: The image.
        pieces: The images it becomes.
        left_out: Annotations that are in none of them.
        instances: Number of annotations it has.
        is_open: It has not been accepted as a whole.
        size: Its width and height, pixels.
        problem: Why it cannot be exported, for the user; "": it can.
    """

    key: ImageKey
    pieces: tuple[EncodedPiece, ...] = ()
    left_out: tuple[WrittenInstance, ...] = ()
    instances: int = 0
    is_open: bool = False
    size: tuple[int, int] = (0, 0)
    problem: str = ""


@dataclass
class _Chosen:
    """An annotation that is exported, if a piece has enough of it."""

    annotation: Annotation
    target: str
    region: Region
    why: Loss = field(default_factory=lambda: Loss("empty"))
    placed: bool = False


def _guarded(job: ExportWork, task: ImageTask) -> EncodedTask:
    key = task.document.key
    try:
        return _encoded(job, task)
    except ImageError as error:
        return EncodedTask(key, problem=error.reason)
    except Exception as error:  # noqa: BLE001 - of a plug-in; logged and reported
        _log.exception("%s cannot be encoded as %s", key, job.plan.format_id)
        return EncodedTask(key, problem=f"it cannot be encoded ({typed_line(error)})")


def _encoded(job: ExportWork, task: ImageTask) -> EncodedTask:
    document = task.document
    if not job.plan.tile:  # those to be cut were measured before: their size tells how many tiles there are
        size = read_size(job.folder / document.key)
        if size != (document.width, document.height):
            document = resized_document(document, *size)
    size = document.width, document.height
    chosen, left_out = _choose(job, document)
    found = []
    for piece, name in zip(pieces(job.plan, *size), task.names, strict=True):
        image = _piece(job, document, chosen, piece, name, task.split)
        if any(instance.written for instance in image.instances) or job.plan.empty == "keep":
            found.append(EncodedPiece(piece, image))
        else:
            left_out += [instance for instance in image.instances if not instance.written]
    left_out += [_written(c.annotation, c.target, c.region, c.why) for c in chosen if not c.placed]
    is_open = document.review is not ImageReview.ACCEPTED
    count = len(document.annotations)
    return EncodedTask(document.key, tuple(found), tuple(left_out), count, is_open, size)


def _choose(job: ExportWork, document: ImageDocument) -> tuple[list[_Chosen], list[WrittenInstance]]:
    chosen, left_out = [], []
    for annotation in document.annotations:
        target = job.targets.get(annotation.label_id)
        loss = _loss(job, annotation, target)
        if loss is None and target is not None:
            chosen.append(_Chosen(annotation, target, annotation.region))
        elif loss is not None:
            left_out.append(_written(annotation, target or "", annotation.region, loss))
    return chosen, left_out


def _loss(job: ExportWork, annotation: Annotation, target: str | None) -> Loss | None:
    """Why an annotation is left out; None: it is not."""
    if job.plan.states == "accepted" and not annotation.review.is_accepted:
        return Loss("state")
    if target is None:
        return Loss("label")
    crowd = dict(annotation.attributes).get(CROWD) is True
    return Loss("crowd") if crowd and job.plan.crowds == "drop" else None


def _piece(
    job: ExportWork,
    document: ImageDocument,
    chosen: Sequence[_Chosen],
    piece: Piece,
    name: str,
    split: Split | None,
) -> EncodedImage:
    placed = list(_placed(job, (document.width, document.height), chosen, piece))
    tracked = set() if job.keeps_tracks else {i.annotation_id for i, _ in placed if i.track}
    record = ImageRecord(
        name,
        piece.width,
        piece.height,
        tuple(instance for instance, _ in placed),
        split,
        document.review is ImageReview.ACCEPTED,
    )
    leave = job.plan.images == "leave"
    path = (job.folder / document.key).as_posix() if leave else job.writer.image_path(record)
    record = replace(record, path=path)
    image = job.writer.encode(record, job.context)
    cut = {instance.annotation_id for instance, is_cut in placed if is_cut}
    if not cut and not tracked:
        return image
    marked = []
    for found in image.instances:
        before = (Loss("cut"),) if found.annotation_id in cut else ()
        after = (Loss("track"),) if found.annotation_id in tracked and found.written else ()
        marked.append(replace(found, losses=(*before, *found.losses, *after)))
    return replace(image, instances=tuple(marked))


def _placed(
    job: ExportWork, size: tuple[int, int], chosen: Sequence[_Chosen], piece: Piece
) -> Iterator[tuple[InstanceRecord, bool]]:
    """The annotations that a piece has enough of, and whether it cuts them."""
    plan = job.plan
    times = (piece.whole[0] / size[0]) * (piece.whole[1] / size[1])
    for choice in chosen:
        region = on_piece(choice.region, size, piece)
        if region.is_empty:
            continue
        share = region.area / (choice.region.area * times) if piece.is_tile else 1.0
        if share < _WHOLE and share < plan.min_share:
            choice.why = Loss("cut", f"Every tile has less than {plan.min_share:.0%} of it.")
            continue
        if region.area < plan.min_area:
            choice.why = Loss("small")
            continue
        choice.placed = True
        yield _instance(choice, region, job.context.tracks), share < _WHOLE


def _instance(choice: _Chosen, region: Region, tracks: Mapping[str, int]) -> InstanceRecord:
    annotation = choice.annotation
    track = annotation.track_of
    return InstanceRecord(
        choice.target,
        region,
        score=annotation.score,
        review=annotation.review,
        note=annotation.note,
        attributes=annotation.attributes,
        annotation_id=annotation.id,
        track=track if track in tracks else "",
    )


def _written(annotation: Annotation, target: str, region: Region, loss: Loss) -> WrittenInstance:
    """An annotation that is left out."""
    x0, y0, x1, y1 = region.bounds
    return WrittenInstance(
        annotation.id, target, written=False, losses=(loss,), box=(x0, y0, x1, y1), area=region.area
    )
