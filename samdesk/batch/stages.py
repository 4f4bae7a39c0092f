"""The stages of a run as functions of images: read, find the objects, draw their masks, make regions of them.

Each takes and returns values. A failure is part of the value: the image passes the other stages untouched.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from samdesk.base.errors import UserError, typed_line
from samdesk.base.jobs import Cancelled, Pause
from samdesk.batch.find import DetectedBox, FoundObject
from samdesk.batch.models import Annotator, MaskWorker, is_out_of_memory
from samdesk.batch.overlap import Limits, Stage
from samdesk.batch.sources.base import SourceImage
from samdesk.batch.targets.base import RunStopped
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.prompts import MaskCandidate
from samdesk.engine.runtime.device import cores

log = logging.getLogger(__name__)

A = TypeVar("A")
B = TypeVar("B")

MAX_BYTES = 512 << 20
"""Images are read ahead until those in the pipeline take this much memory, bytes."""
_MOST_READERS = 4


@dataclass(frozen=True)
class ImageWork:
    """An image on its way through the stages.

    Attributes:
        key: The image.
        document: What it is annotated with, if the source of objects needs that.
        image: Its pixels, from the first stage until the masks are drawn.
        hw: Its height and width, pixels.
        boxes: The objects found.
        masks: The masks of the boxes, see ``find.draw_masks``.
        found: The result of the last stage.
        problem: Why the image failed, for the user; "" if it has not.
    """

    key: ImageKey
    document: ImageDocument | None = None
    image: SourceImage | None = None
    hw: tuple[int, int] = (0, 0)
    boxes: Sequence[DetectedBox] = ()
    masks: Sequence[MaskCandidate | None] = ()
    found: Sequence[FoundObject] = ()
    problem: str = ""


def stages(
    annotator: Annotator, read: Callable[[ImageKey], RgbImage], pause: Pause
) -> tuple[Stage[ImageWork], ...]:
    """The stages of a run, for ``overlapped``.

    Args:
        annotator: The models.
        read: Reads an image, in several threads; raises ``UserError``.
        pause: Called between two layers of an encode.
    """
    on_cpu = all(info.device.startswith("cpu") for info in annotator.infos)
    readers = 1 if on_cpu else min(cores(), _MOST_READERS)
    return (
        Stage("read", [partial(read_images, read)] * readers),
        Stage("find", [partial(find_boxes, annotator)], annotator.batch_size),
        Stage("masks", [partial(draw, one, pause) for one in annotator.mask_workers()], drains=True),
        Stage("regions", [partial(make_regions, annotator)], drains=True),
    )


def limits(annotator: Annotator) -> Limits[ImageWork]:
    """How many images, and how much of them, are in the pipeline at once."""
    workers = annotator.concurrency.workers
    return Limits(2 * annotator.batch_size + 2 * workers + 2, MAX_BYTES, _size, at_least=workers + 1)


def read_images(read: Callable[[ImageKey], RgbImage], works: Sequence[ImageWork]) -> list[ImageWork]:
    """Reads the pixels."""

    def step(work: ImageWork) -> ImageWork:
        pixels = read(work.key)
        return replace(
            work, image=SourceImage(work.key, pixels, work.document), hw=(pixels.shape[0], pixels.shape[1])
        )

    return [_attempt(step, work) for work in works]


def find_boxes(annotator: Annotator, works: Sequence[ImageWork]) -> list[ImageWork]:
    """Finds the objects, on all images of the batch at once."""
    images = [work.image for work in works if work.image is not None]
    results = iter(each_of(annotator.find_boxes, images))
    return [work if work.image is None else _with_boxes(work, next(results)) for work in works]


def draw(worker: MaskWorker, pause: Pause, works: Sequence[ImageWork]) -> list[ImageWork]:
    """Draws the masks; the pixels are not needed after that."""

    def step(work: ImageWork) -> ImageWork:
        assert work.image is not None
        masks = worker.draw(work.image.pixels, work.boxes, pause) if work.boxes else ()
        return replace(work, image=None, masks=masks)

    return [_attempt(step, work) for work in works]


def make_regions(annotator: Annotator, works: Sequence[ImageWork]) -> list[ImageWork]:
    """Makes regions of the masks."""

    def step(work: ImageWork) -> ImageWork:
        return replace(work, boxes=(), masks=(), found=annotator.regions(work.boxes, work.masks))

    return [_attempt(step, work) for work in works]


def each_of(work: Callable[[Sequence[A]], Sequence[B]], items: Sequence[A]) -> list[B | Exception]:
    """The result of each item, or why it failed. A batch that fails is repeated in smaller ones.

    A batch that does not fit in memory is halved; one that fails otherwise is repeated item by item.

    Raises:
        Cancelled: The work was cancelled.
        RunStopped: No other item can be processed.
    """
    if not items:
        return []
    try:
        return list(work(items))
    except (Cancelled, RunStopped):
        raise
    except Exception as error:  # noqa: BLE001 - it is the result, or the batch is repeated
        if len(items) == 1:
            return [error]
        step = (len(items) + 1) // 2 if is_out_of_memory(error) else 1
    # Outside the handler: the traceback would keep the failed attempt's tensors alive.
    return [r for start in range(0, len(items), step) for r in each_of(work, items[start : start + step])]


def _attempt(step: Callable[[ImageWork], ImageWork], work: ImageWork) -> ImageWork:
    if work.problem:
        return work
    [result] = each_of(lambda works: [step(works[0])], [work])
    return _failed(work, result) if isinstance(result, Exception) else result


def _with_boxes(work: ImageWork, result: list[DetectedBox] | Exception) -> ImageWork:
    return _failed(work, result) if isinstance(result, Exception) else replace(work, boxes=result)


def _failed(work: ImageWork, error: Exception) -> ImageWork:
    """The image without its pixels, with what went wrong in words."""
    if not isinstance(error, UserError):
        log.error("auto-annotate failed on %s", work.key, exc_info=error)
    problem = str(error) if isinstance(error, UserError) else typed_line(error)
    return ImageWork(work.key, problem=problem or typed_line(error))


def _size(work: ImageWork) -> int:
    return 0 if work.image is None else work.image.pixels.nbytes
