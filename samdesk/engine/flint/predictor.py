"""Flint behind the ``Predictor`` protocol: encode a photo once, look again at what is asked for.

A click is first looked for on the whole photo (640 pixels). What it may mean there is of several sizes:
the network looks again at a square of 1.5 times each (320 pixels), and the best masks of these looks,
drawn once more with themselves as the previous mask, are the candidates. A box is looked at directly. A
correction stays on the look of the mask it corrects, whose embedding is still there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.base.jobs import Pause, no_pause
from samdesk.domain.geometry.cells import LOGITS_SIDE
from samdesk.domain.geometry.contours import stability_score
from samdesk.domain.geometry.logits import bounds
from samdesk.domain.geometry.types import FloatArray, Frame, RgbImage
from samdesk.domain.prompts import BoxPrompt, MaskCandidate, MaskPrompt, PointPrompt, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.flint.candidates import SAME, Reading, bounds_around, distinct_looks, worth_showing
from samdesk.engine.flint.crops import (
    Pyramid,
    around,
    around_box,
    around_mask,
    cut_out,
    keeps,
    pyramid,
    square,
)
from samdesk.engine.flint.specks import without_crumbs
from samdesk.engine.protocols import EngineError, ModelInfo, checked_image, predict_each_point
from samdesk.engine.runtime.device import dtype_of, errors_in_words

if TYPE_CHECKING:
    import torch

    from samdesk.engine.flint.network import Answer, FlintNetwork

WHOLE, CLOSE = 640, 320
"""Sides of the look at the whole photo and of a closer one, pixels."""
_STEP, STRIDE = 32, 4
LOOKS = 2
"""Looks a lone click gets after the one at the whole photo."""
_KEPT_LOOKS = 6
_AT_ONCE = 8
_CLOSE_BYTES = 80 * 80 * 64 * 4 + 40 * 40 * 64 * 4 + 20 * 20 * 96 * 4 + 10 * 10 * 128 * 4


@dataclass(frozen=True, eq=False)
class Seen:
    """What an embedding holds.

    Attributes:
        photo: The photo, for closer looks.
        whole: The embedding of the whole photo.
        close: Embeddings of the latest closer looks, a memory that any prompt may lose.
    """

    photo: Pyramid
    whole: tuple[torch.Tensor, ...]
    close: OrderedDict[Frame, tuple[torch.Tensor, ...]] = field(default_factory=OrderedDict, init=False)


class FlintPredictor:
    """A ``Predictor`` around Flint's network. Used by one thread at a time."""

    def __init__(self, network: FlintNetwork, info: ModelInfo) -> None:
        self.network = network
        self._info = replace(info, views=False)  # each prompt gets closer looks of its own

    @property
    def info(self) -> ModelInfo:
        """What is true of this model."""
        return self._info

    @property
    def key(self) -> str:
        """What its embeddings are marked with."""
        return self._info.key

    def encode(self, image: RgbImage, *, view: Frame | None = None, pause: Pause = no_pause) -> Embedding:
        """Looks at the whole of an (H, W, 3) uint8 RGB photo; each prompt then gets closer looks anyway.

        Raises:
            OutOfMemory: The device is full.
            EngineError: The network failed, or this is no photo.
        """
        height, width = checked_image(image).shape[:2]
        photo = pyramid(image)
        frame = square(0.0, 0.0, float(max(height, width)))
        rows, columns = (max(_STEP, _up(n * WHOLE / frame.side)) for n in (height, width))
        look = cut_out(photo, frame, WHOLE)[:rows, :columns]
        with errors_in_words("Encoding the image", self._info.device):
            whole = self._embed(look[None])
        nbytes = photo.nbytes + _KEPT_LOOKS * _CLOSE_BYTES + sum(f.numel() * f.element_size() for f in whole)
        return Embedding(self.key, (height, width), frame, Seen(photo, whole), nbytes)

    def predict(
        self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True
    ) -> list[MaskCandidate]:
        """One object: for a lone click up to three readings, best predicted IoU first, else one mask.

        No prompt, no candidates. Raises ``OutOfMemory`` and ``EngineError``.
        """
        seen = self._seen(embedding)
        prompts = _meant(prompts)
        if not prompts:
            return []
        with errors_in_words("Decoding the mask", self._info.device):
            if _ambiguous(prompts):
                readings = self._readings(embedding, seen, prompts, LOOKS if multimask else 1)
                shown = readings[: None if multimask else 1]
                return [_candidate(r, embedding.image_hw, prompts.points) for r in shown]
            frame = self._frame(embedding, seen, prompts)
            drawn = self._draw(self._close(seen, [frame]), [prompts], [frame])
        return [_candidate(drawn[0][0], embedding.image_hw, prompts.points)]

    def predict_boxes(self, embedding: Embedding, boxes: FloatArray) -> list[MaskCandidate]:
        """(N, 4) xyxy boxes in image pixels: one candidate a box, in the boxes' order."""
        seen = self._seen(embedding)
        prompts = [PromptSet(box=BoxPrompt(*map(float, b))) for b in np.asarray(boxes).reshape(-1, 4)]
        found: list[MaskCandidate] = []
        for start in range(0, len(prompts), _AT_ONCE):
            part = prompts[start : start + _AT_ONCE]
            frames = [around_box(p) for p in part]
            with errors_in_words("Decoding the masks", self._info.device):
                drawn = self._draw(self._embed(_looks(seen, frames)), part, frames)
            found += [_candidate(masks[0], embedding.image_hw) for masks in drawn]
        return found

    def predict_points(self, embedding: Embedding, points: FloatArray) -> Iterator[list[MaskCandidate]]:
        """Decodes (N, 2) single positive points, each an object of its own: up to three candidates each."""
        return predict_each_point(self, embedding, points)

    def _seen(self, embedding: Embedding) -> Seen:
        if embedding.model != self.key or not isinstance(embedding.data, Seen):
            raise EngineError(
                f"This image was encoded by {embedding.model}, not by {self.key}. Encode it again."
            )
        return embedding.data

    # -- looking

    def _frame(self, embedding: Embedding, seen: Seen, prompts: PromptSet) -> Frame:
        """Where to look for the object that the prompts are about."""
        if prompts.mask is not None and keeps(prompts.mask.frame, embedding.frame, prompts):
            return prompts.mask.frame
        if prompts.mask is not None and (found := bounds(prompts.mask.logits, prompts.mask.frame)):
            return around_mask(found, prompts)
        if prompts.box is not None:
            return around_box(prompts)
        return self._glance(embedding, seen, prompts)[0]

    def _readings(self, embedding: Embedding, seen: Seen, prompts: PromptSet, looks: int) -> list[Reading]:
        """What a lone click may mean, the likeliest first."""
        frames = distinct_looks(self._glance(embedding, seen, prompts), looks)
        drawn = self._draw(self._close(seen, frames), [prompts] * len(frames), frames)
        shown = worth_showing([reading for masks in drawn for reading in masks])
        # Once more with the mask in hand it gets better. What it says of itself then is too good to be true.
        given = [PromptSet(prompts.points, mask=MaskPrompt(r.logits, r.frame)) for r in shown]
        places = [r.frame for r in shown]
        again = self._draw(self._close(seen, places), given, places)
        # Drawn again, two readings may have become one.
        better = [replace(m[0], score=r.score) for m, r in zip(again, shown, strict=True)]
        return worth_showing(better, SAME)

    def _glance(self, embedding: Embedding, seen: Seen, prompts: PromptSet) -> list[Frame]:
        """Where the whole photo says that the clicked object is: looks, the likeliest first."""
        clicks = PromptSet(prompts.points)
        answer = self._decode(seen.whole, [clicks], [embedding.frame], whole=True)
        logits, scores = _numbers(answer)
        rows, columns = logits.shape[2:]
        # The look is cut off where the photo ends; its cells are those of the whole square.
        cell = embedding.frame.side / (WHOLE // STRIDE)
        part = Frame(embedding.frame.x0, embedding.frame.y0, columns * cell, rows * cell)
        order = np.argsort(-scores[0], kind="stable") if _ambiguous(prompts) else [0]
        found = [bounds(logits[0, i], part) for i in order]
        somewhere = bounds_around([(p.x, p.y) for p in prompts.points], embedding.frame.side / 16)
        return [around_mask(b, prompts) for b in found if b is not None] or [around(*somewhere)]

    def _close(self, seen: Seen, frames: Sequence[Frame]) -> tuple[torch.Tensor, ...]:
        """The embeddings of close looks, one after the other along the first axis."""
        import torch

        new = [frame for frame in dict.fromkeys(frames) if frame not in seen.close]
        if new:
            levels = self._embed(_looks(seen, new))
            for row, frame in enumerate(new):
                seen.close[frame] = tuple(level[row : row + 1] for level in levels)
        for frame in frames:
            seen.close.move_to_end(frame)
        found = [seen.close[frame] for frame in frames]
        while len(seen.close) > _KEPT_LOOKS:
            seen.close.popitem(last=False)
        return found[0] if len(found) == 1 else tuple(torch.cat(level) for level in zip(*found, strict=True))

    # -- the network

    def _embed(self, looks: NDArray[np.uint8]) -> tuple[torch.Tensor, ...]:
        """(B, h, w, 3) uint8 RGB to embeddings on the device."""
        import torch

        with torch.inference_mode(), self._autocast():
            pixels = torch.from_numpy(np.ascontiguousarray(looks)).to(self._info.device)
            image = pixels.permute(0, 3, 1, 2).float().div_(255)  # channels-last as it comes
            return self.network.embed(image)

    def _draw(
        self, embedding: tuple[torch.Tensor, ...], prompts: Sequence[PromptSet], frames: Sequence[Frame]
    ) -> list[list[Reading]]:
        """All four masks of each object on its own close look."""
        logits, scores = _numbers(self._decode(embedding, prompts, frames))
        return [
            [Reading(mask, frame, float(score)) for mask, score in zip(*one, strict=True)]
            for frame, *one in zip(frames, logits, scores, strict=True)
        ]

    def _decode(
        self,
        embedding: tuple[torch.Tensor, ...],
        prompts: Sequence[PromptSet],
        frames: Sequence[Frame],
        whole: bool = False,
    ) -> Answer:
        import torch

        from samdesk.engine.flint.maps import prompt_maps
        from samdesk.engine.flint.prompting import look_prompts

        size = embedding[1].shape[2:]
        side = WHOLE if whole else CLOSE
        with torch.inference_mode(), self._autocast():
            here = tuple(level.to(self._info.device) for level in embedding)
            given = look_prompts(prompts, frames, side, self._info.device)
            maps = prompt_maps(given, (int(size[0]), int(size[1])))
            answer: Answer = self.network.head(here, maps, fine=not whole)
            return answer

    def _autocast(self) -> torch.autocast:
        import torch

        dtype = dtype_of(self._info.precision)
        on = self._info.precision != "fp32"
        return torch.autocast(self._info.device.split(":")[0], dtype=dtype if on else None, enabled=on)


def _meant(prompts: PromptSet) -> PromptSet:
    """The prompts without a mask that shows nothing."""
    mask = prompts.mask
    if mask is None or bounds(mask.logits, mask.frame) is not None:
        return prompts
    return PromptSet(prompts.points, prompts.box)


def _ambiguous(prompts: PromptSet) -> bool:
    """Whether it is one click and nothing else."""
    return prompts.box is None and prompts.mask is None and len(prompts.points) == 1


def _looks(seen: Seen, frames: Sequence[Frame]) -> NDArray[np.uint8]:
    """(B, 320, 320, 3) uint8 RGB."""
    return np.stack([cut_out(seen.photo, frame, CLOSE) for frame in frames])


def _numbers(answer: Answer) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(B, 4, h, w) logits and (B, 4) predicted IoUs."""
    return answer.logits.float().cpu().numpy(), answer.iou.float().cpu().numpy()


def _candidate(
    reading: Reading, image_hw: tuple[int, int], clicks: Sequence[PointPrompt] = ()
) -> MaskCandidate:
    side = (LOGITS_SIDE, LOGITS_SIDE)
    grid = np.asarray(cv2.resize(reading.logits, side, interpolation=cv2.INTER_LINEAR), np.float32)
    stability = stability_score(grid)
    whole = without_crumbs(grid, reading.frame, clicks)
    return MaskCandidate(whole, reading.frame, image_hw=image_hw, score=reading.score, stability=stability)


def _up(length: float) -> int:
    """The next multiple of the encoder's coarsest stride."""
    return int(np.ceil(length / _STEP)) * _STEP
