"""How one prompt gets to the decoder and its masks back to the host: plainly, or recorded once and replayed.

On a GPU a decode of one object is some hundreds of tiny kernels; starting them from Python takes longer
than they do. A CUDA graph records them once for each number of points and starts them together. What is
recorded works on fixed places in memory, so the inputs are copied there (an image only when it is
another one), and the masks come back through page-locked memory with one wait, for the result.

Where recording fails, or what is replayed is not what was computed plainly, all goes on plainly.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from samdesk.engine.sam.decoder.decoder import Decoder, ImageSide

log = logging.getLogger(__name__)

_MOST_RECORDED = 32
"""Kinds of prompts (number of points, with a mask or not, one mask or three) that are kept recorded."""
_MOST_POINTS = 24
"""Prompts of more points are rare, each a kind of its own: they are not recorded."""
_CLOSE = 0.05
"""Replayed logits differ from plain ones by at most this share of their spread."""


@dataclass(frozen=True, eq=False)
class Prompted:
    """One decode, its tensors on the host.

    Attributes:
        points: (B, S, 2) input pixels, float32; S may be 0.
        labels: (B, S) float32.
        masks: (B, 1, 256, 256) logits, or None.
        multimask: Three masks an object, or one.
    """

    points: Tensor
    labels: Tensor
    masks: Tensor | None
    multimask: bool

    @property
    def kind(self) -> tuple[int, int, bool, bool]:
        """What a recording is for: all that changes the kernels."""
        return (*self.labels.shape, self.masks is not None, self.multimask)


class Runner(Protocol):
    """Decodes."""

    def __call__(self, image: ImageSide, asked: Prompted) -> tuple[Tensor, Tensor]:
        """(B, M, 256, 256) float32 logits and (B, M) scores on the host, for the caller to keep."""


def _decoded(decoder: Decoder, image: ImageSide, asked: Prompted) -> tuple[Tensor, Tensor]:
    """On the decoder's device."""
    sparse = decoder.embed_points(asked.points, asked.labels)
    mask = None if asked.masks is None else decoder.embed_mask(asked.masks)
    found = decoder(image, sparse, mask, asked.multimask)
    return found.logits, found.scores


def _on(device: torch.device, asked: Prompted) -> Prompted:
    masks = None if asked.masks is None else asked.masks.to(device)
    return Prompted(asked.points.to(device), asked.labels.to(device), masks, asked.multimask)


class PlainRunner:
    """Calls the decoder."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def __call__(self, image: ImageSide, asked: Prompted) -> tuple[Tensor, Tensor]:
        """See ``Runner``."""
        here = self._decoder.here(image)
        logits, scores = _decoded(self._decoder, here, _on(self._decoder.device, asked))
        return logits.cpu(), scores.cpu()


Replay = Callable[[], None]


class Recorder(Protocol):
    """Records work on a device."""

    def record(self, work: Callable[[], Any]) -> tuple[Any, Replay]:
        """What the work returns, at a fixed place, and what does it again and fills that place anew."""

    def to_host(self, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Copies, once the device has done all it was given."""


@dataclass(frozen=True, eq=False)
class _Recorded:
    """One kind of prompt: where its input goes, where its masks come out."""

    asked: Prompted
    out: tuple[Tensor, Tensor]
    replay: Replay


class RecordedRunner:
    """Records the decoder for each kind of prompt and replays it.

    Args:
        decoder: The decoder.
        recorder: How its device records.
    """

    def __init__(self, decoder: Decoder, recorder: Recorder) -> None:
        self._decoder = decoder
        self._recorder = recorder
        self._plain = PlainRunner(decoder)
        self._kinds: dict[tuple[int, int, bool, bool], _Recorded] = {}
        self._image: ImageSide | None = None
        self._shown: ImageSide | None = None
        self._works = True

    def __call__(self, image: ImageSide, asked: Prompted) -> tuple[Tensor, Tensor]:
        """See ``Runner``. More objects than one, or very many points, go plainly."""
        if not self._works or len(asked.labels) != 1 or asked.labels.shape[1] > _MOST_POINTS:
            return self._plain(image, asked)
        try:
            return self._replayed(image, asked)
        except torch.cuda.OutOfMemoryError:
            self._forget()  # recordings hold memory of their own
            raise
        except RuntimeError as error:
            log.warning("decoding is not recorded on %s any more: %s", self._decoder.device, error)
            self._works = False
            self._forget()
            return self._plain(image, asked)

    def _replayed(self, image: ImageSide, asked: Prompted) -> tuple[Tensor, Tensor]:
        self._show(image)
        known = self._kinds.get(asked.kind)
        if known is None:
            return self._record(image, asked)
        _copy(known.asked, asked)
        known.replay()
        logits, scores = self._recorder.to_host(known.out)
        return logits, scores

    def _show(self, image: ImageSide) -> None:
        if self._shown is image:
            return
        here = self._decoder.here(image)
        if self._image is None:
            self._image = here.mapped(torch.clone)
        else:
            _copy(self._image, here)
        self._shown = image

    def _record(self, image: ImageSide, asked: Prompted) -> tuple[Tensor, Tensor]:
        """Records a kind of prompt; what it gives is compared with the plain way, whose answer is given."""
        wanted = self._plain(image, asked)
        place = _on(self._decoder.device, asked)
        held = self._image
        assert held is not None
        out, replay = self._recorder.record(lambda: _decoded(self._decoder, held, place))
        known = _Recorded(place, out, replay)
        replay()
        found = self._recorder.to_host(known.out)
        if not all(_alike(x, y) for x, y in zip(found, wanted, strict=True)):
            raise RuntimeError("what was replayed is not what was computed")
        while len(self._kinds) >= _MOST_RECORDED:
            self._kinds.pop(next(iter(self._kinds)))
        self._kinds[asked.kind] = known
        return wanted

    def _forget(self) -> None:
        self._kinds.clear()
        self._image = self._shown = None


def _alike(found: Tensor, wanted: Tensor) -> bool:
    return float((found - wanted).abs().max()) <= _CLOSE * max(float(wanted.abs().max()), 1e-3)


def _copy(into: Any, source: Any) -> None:
    """Copies all tensors of a dataclass (and of those in it) to where another one has them."""
    for field in fields(into):
        target, value = getattr(into, field.name), getattr(source, field.name)
        if isinstance(target, Tensor):
            target.copy_(value, non_blocking=True)
        elif is_dataclass(target):
            _copy(target, value)


class CudaRecorder:
    """CUDA graphs. Recordings share one pool of memory, as only one of them runs at a time.

    Source: torch's documentation of ``torch.cuda.graph`` (warm up on a stream of its own, then capture).
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream: torch.cuda.Stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()
        self._pinned: dict[tuple[int, ...], Tensor] = {}

    def record(self, work: Callable[[], Any]) -> tuple[Any, Replay]:
        """See ``Recorder``."""
        with torch.cuda.device(self._device):
            self._stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self._stream):
                for _ in range(3):
                    work()
            torch.cuda.current_stream().wait_stream(self._stream)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
                out = work()
        return out, graph.replay

    def to_host(self, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """See ``Recorder``."""
        halfway = [self._at(tuple(x.shape)).copy_(x, non_blocking=True) for x in tensors]
        torch.cuda.current_stream(self._device).synchronize()
        return tuple(x.clone() for x in halfway)

    def _at(self, shape: tuple[int, ...]) -> Tensor:
        """Page-locked memory of a shape."""
        if shape not in self._pinned:
            self._pinned[shape] = torch.empty(shape, pin_memory=True)
        return self._pinned[shape]


def runner_for(decoder: Decoder) -> Runner:
    """The best runner on the decoder's device."""
    if decoder.device.type == "cuda":
        return RecordedRunner(decoder, CudaRecorder(decoder.device))
    return PlainRunner(decoder)
