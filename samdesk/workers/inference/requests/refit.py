"""Request: predict the masks of objects whose shape is known, from their boxes or from box and mask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from samdesk.base.jobs import CancelToken
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.regions import iou
from samdesk.domain.geometry.types import Region
from samdesk.domain.prompts import BoxPrompt, MaskCandidate, PromptSet, region_prompt
from samdesk.engine.protocols import Predictor
from samdesk.workers.failure import Failure, describe
from samdesk.workers.inference.events import ImageEvent
from samdesk.workers.inference.model_in_use import NoModel
from samdesk.workers.inference.requests.kind import ImageRequest, RequestKind
from samdesk.workers.inference.requests.prompt import PredictedMask

if TYPE_CHECKING:
    from samdesk.workers.inference.loop import InferenceLoop

_BATCH_SIZE = 8
"""Boxes decoded at once; prompts of the user are answered between two batches."""


@dataclass(frozen=True, eq=False)
class RefitRequest(ImageRequest):
    """Predict one mask for each region.

    Attributes:
        key: The image.
        regions: Image pixels; none is empty.
        with_masks: Whether a region is the mask prompt, too, beside the box around it.
        cancel: Stops it between two batches.
    """

    key: ImageKey
    regions: tuple[Region, ...]
    with_masks: bool
    cancel: CancelToken

    @property
    def kind(self) -> RequestKind[RefitRequest]:
        return REFIT


@dataclass(frozen=True, eq=False)
class RefitProgress(ImageEvent):
    """The masks of the next regions of a request, in their order.

    Attributes:
        request: What it answers.
        masks: One for each region; it may be empty.
        overlaps: The IoU of each with its region, 0..1.
    """

    request: RefitRequest
    masks: tuple[PredictedMask, ...]
    overlaps: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class RefitDone(ImageEvent):
    """The end of a request: all its masks are there, it was cancelled, or the model failed."""

    request: RefitRequest
    failure: Failure | None = None


def refit(loop: InferenceLoop, request: RefitRequest) -> None:
    """Predicts the masks in batches; prompts and views are served between two of them."""
    failure = loop.views.failure
    try:
        if failure is None:
            for batch in _batches(request):
                if request.cancel.cancelled or loop.mailbox.closed or request.epoch != loop.mailbox.epoch:
                    break
                candidates = loop.model.run(partial(_decode, loop, request, batch))
                masks = tuple(map(PredictedMask.of, candidates))
                overlaps = tuple(iou(mask.region, region) for mask, region in zip(masks, batch, strict=True))
                loop.post(RefitProgress(request.epoch, request, masks, overlaps))
                loop.serve_waiting(request.cancel)
    except NoModel as error:
        failure = error.failure
    except Exception as error:  # noqa: BLE001 - reported as a value
        failure = describe(error, "fitting the mask", str(request.key))
    loop.post(RefitDone(request.epoch, request, None if failure is None else failure.about(key=request.key)))


def _batches(request: RefitRequest) -> Iterator[tuple[Region, ...]]:
    size = 1 if request.with_masks else _BATCH_SIZE
    for start in range(0, len(request.regions), size):
        yield request.regions[start : start + size]


def _decode(
    loop: InferenceLoop, request: RefitRequest, batch: tuple[Region, ...], predictor: Predictor
) -> list[MaskCandidate]:
    """Decodes each region on the closer look it lies in, else on the whole image."""
    loop.whole(predictor)
    placed = []
    for region in batch:
        box = BoxPrompt(*region.bounds)
        chosen = loop.views.choose(PromptSet(box=box))
        assert chosen is not None
        placed.append((chosen[0], region, box))
    masks: list[MaskCandidate] = []
    for _, group in groupby(placed, key=lambda one: id(one[0])):
        members = list(group)
        embedding = members[0][0]
        if request.with_masks:
            for _, region, box in members:
                prompts = PromptSet(box=box, mask=region_prompt(region, embedding.image_hw))
                masks += predictor.predict(embedding, prompts, multimask=False)
        else:
            boxes = np.array([box.xyxy for _, _, box in members], np.float32)
            masks += predictor.predict_boxes(embedding, boxes)
    return masks


REFIT = RequestKind("refit", refit)
