"""Request: segment everything on the image on screen."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from samdesk.base.jobs import Cancelled, CancelToken
from samdesk.domain.document import ImageKey
from samdesk.workers.failure import describe
from samdesk.workers.inference.events import ImageEvent, RequestFailed
from samdesk.workers.inference.requests.kind import ImageRequest, RequestKind
from samdesk.workers.inference.requests.prompt import PredictedMask

if TYPE_CHECKING:
    from samdesk.workers.inference.loop import InferenceLoop

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EverythingRequest(ImageRequest):
    """Propose masks for the whole image on screen."""

    key: ImageKey
    cancel: CancelToken

    @property
    def kind(self) -> RequestKind[EverythingRequest]:
        return EVERYTHING


@dataclass(frozen=True)
class EverythingProgress(ImageEvent):
    """Number of grid points decoded so far; ``total`` is 0 while unknown."""

    done: int
    total: int


@dataclass(frozen=True, eq=False)
class EverythingDone(ImageEvent):
    """The masks proposed, best first; none if it was cancelled or failed."""

    key: ImageKey
    masks: tuple[PredictedMask, ...] = ()


def segment_everything(loop: InferenceLoop, request: EverythingRequest) -> None:
    """Proposes masks; prompts and views are served between two points of the grid."""

    def progress(done: int, total: int) -> None:
        loop.post(EverythingProgress(request.epoch, done, total))
        loop.serve_waiting(request.cancel)

    masks: tuple[PredictedMask, ...] = ()
    try:
        if loop.views.failure is not None:
            loop.post(RequestFailed(request.epoch, loop.views.failure.about(key=request.key)))
        else:
            found = loop.model.run(
                lambda predictor: loop.engine.everything(
                    predictor, loop.whole(predictor), cancel=request.cancel, progress=progress
                )
            )
            masks = tuple(map(PredictedMask.of, found))
    except Cancelled:
        log.info("segment everything was cancelled")
    except Exception as error:  # noqa: BLE001 - reported as a value
        failure = describe(error, "segmenting the whole image", str(request.key))
        loop.post(RequestFailed(request.epoch, failure.about(key=request.key)))
    loop.post(EverythingDone(request.epoch, request.key, masks))


EVERYTHING = RequestKind("everything", segment_everything)
