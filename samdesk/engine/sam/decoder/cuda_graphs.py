"""Running the mask decoder: eagerly, or by capturing it in CUDA graphs and replaying them.

On a GPU, decoding one object launches some hundreds of small kernels, and launching them from Python takes
longer than running them. A CUDA graph, captured once per input signature (such as the number of points), is
launched as a whole. It works on static tensors: inputs are copied into them (the image only if it changed),
and the masks are copied back through page-locked memory with a single synchronisation.

If capturing fails, or a replay does not reproduce the eager result, the decoder runs eagerly from then on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from samdesk.engine.sam.decoder.decoder import Decoder, ImageFeatures

log = logging.getLogger(__name__)

_MAX_GRAPHS = 32
"""Number of graphs kept, one per signature (number of points, with a mask or not, one mask or three)."""
_BATCHES = (1, 8, 32)
"""Numbers of objects that graphs are captured for: fewer objects are padded to the next one."""
_MAX_POINTS = 24
"""Inputs with more points are rare and each have a signature of their own: they are not captured."""
_TOLERANCE = 0.05
"""Largest difference between replayed and eager output, relative to the largest eager value."""


@dataclass(frozen=True, eq=False)
class DecoderInputs:
    """Inputs of one call of the decoder.

    Attributes:
        points: (B, S, 2) input pixels, float32; S may be 0.
        labels: (B, S) float32, as ``Decoder.embed_points`` takes them.
        masks: (B, 1, 256, 256) logits, or None.
        multimask: Whether to decode three masks per object, or one.
    """

    points: Tensor
    labels: Tensor
    masks: Tensor | None
    multimask: bool

    @property
    def signature(self) -> tuple[int, int, bool, bool]:
        """Everything that changes which kernels run: a graph is valid for one signature."""
        return (*self.labels.shape, self.masks is not None, self.multimask)


class DecoderRunner(Protocol):
    """Runs the decoder for inputs on the host."""

    def __call__(self, image: ImageFeatures, inputs: DecoderInputs) -> tuple[Tensor, Tensor]:
        """Returns (B, M, 256, 256) float32 logits and (B, M) scores on the host, owned by the caller."""


def _decode(decoder: Decoder, image: ImageFeatures, inputs: DecoderInputs) -> tuple[Tensor, Tensor]:
    """Decodes on the decoder's device."""
    prompts = decoder.embed_points(inputs.points, inputs.labels)
    mask = None if inputs.masks is None else decoder.embed_mask(inputs.masks)
    output = decoder(image, prompts, mask, inputs.multimask)
    return output.logits, output.scores


def _padded(inputs: DecoderInputs, batch: int) -> DecoderInputs:
    """Repeats the last object until there are ``batch``."""
    objects = len(inputs.labels)
    if objects == batch:
        return inputs
    index = torch.arange(batch).clamp_(max=objects - 1)
    masks = None if inputs.masks is None else inputs.masks[index]
    return DecoderInputs(inputs.points[index], inputs.labels[index], masks, inputs.multimask)


def _to_device(inputs: DecoderInputs, device: torch.device) -> DecoderInputs:
    masks = None if inputs.masks is None else inputs.masks.to(device)
    return DecoderInputs(inputs.points.to(device), inputs.labels.to(device), masks, inputs.multimask)


class EagerRunner:
    """Calls the decoder directly."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def __call__(self, image: ImageFeatures, inputs: DecoderInputs) -> tuple[Tensor, Tensor]:
        """See ``DecoderRunner``."""
        image = self._decoder.to_device(image)
        logits, scores = _decode(self._decoder, image, _to_device(inputs, self._decoder.device))
        return logits.cpu(), scores.cpu()


Replay = Callable[[], None]


class GraphCapturer(Protocol):
    """Captures work on a device as graphs."""

    def capture(self, work: Callable[[], Any]) -> tuple[Any, Replay]:
        """Returns the static output of ``work`` and a function that replays it, overwriting that output."""

    def to_host(self, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Copies tensors to the host after all work queued on the device."""


@dataclass(frozen=True, eq=False)
class _Graph:
    """A captured graph with its static tensors."""

    inputs: DecoderInputs
    outputs: tuple[Tensor, Tensor]
    replay: Replay


class GraphRunner:
    """Captures the decoder once per input signature and replays the graphs.

    Args:
        decoder: The decoder.
        capturer: Captures graphs on the decoder's device.
    """

    def __init__(self, decoder: Decoder, capturer: GraphCapturer) -> None:
        self._decoder = decoder
        self._capturer = capturer
        self._eager = EagerRunner(decoder)
        self._graphs: dict[tuple[int, int, bool, bool], _Graph] = {}
        self._static_image: ImageFeatures | None = None
        self._current_image: ImageFeatures | None = None
        self._enabled = True

    @property
    def enabled(self) -> bool:
        """Whether graphs are used; False after a failed capture."""
        return self._enabled

    @property
    def captured(self) -> int:
        """Number of graphs held."""
        return len(self._graphs)

    def __call__(self, image: ImageFeatures, inputs: DecoderInputs) -> tuple[Tensor, Tensor]:
        """See ``DecoderRunner``. Very many objects, or very many points, run eagerly."""
        objects, points = inputs.labels.shape
        if not self._enabled or objects > _BATCHES[-1] or points > _MAX_POINTS:
            return self._eager(image, inputs)
        batch = next(size for size in _BATCHES if size >= objects)
        try:
            logits, scores = self._run_graph(image, _padded(inputs, batch))
            return logits[:objects], scores[:objects]
        except torch.cuda.OutOfMemoryError:
            self._drop_graphs()  # they hold memory of their own
            raise
        except RuntimeError as error:
            log.warning("CUDA graphs of the mask decoder are off on %s: %s", self._decoder.device, error)
            self._enabled = False
            self._drop_graphs()
            return self._eager(image, inputs)

    def _run_graph(self, image: ImageFeatures, inputs: DecoderInputs) -> tuple[Tensor, Tensor]:
        self._load_image(image)
        graph = self._graphs.get(inputs.signature)
        if graph is None:
            return self._capture(image, inputs)
        _copy_tensors(graph.inputs, inputs)
        graph.replay()
        logits, scores = self._capturer.to_host(graph.outputs)
        return logits, scores

    def _load_image(self, image: ImageFeatures) -> None:
        """Copies the image's features to the static tensors unless they are there already."""
        if self._current_image is image:
            return
        on_device = self._decoder.to_device(image)
        if self._static_image is None:
            self._static_image = on_device.map(torch.clone)
        else:
            _copy_tensors(self._static_image, on_device)
        self._current_image = image

    def _capture(self, image: ImageFeatures, inputs: DecoderInputs) -> tuple[Tensor, Tensor]:
        """Captures a graph, checks its first replay against the eager result and returns the latter."""
        expected = self._eager(image, inputs)
        static_inputs = _to_device(inputs, self._decoder.device)
        static_image = self._static_image
        assert static_image is not None
        outputs, replay = self._capturer.capture(lambda: _decode(self._decoder, static_image, static_inputs))
        graph = _Graph(static_inputs, outputs, replay)
        replay()
        replayed = self._capturer.to_host(graph.outputs)
        if not all(_is_close(x, y) for x, y in zip(replayed, expected, strict=True)):
            raise RuntimeError("the replayed result differs from the eager one")
        while len(self._graphs) >= _MAX_GRAPHS:
            self._graphs.pop(next(iter(self._graphs)))
        self._graphs[inputs.signature] = graph
        return expected

    def _drop_graphs(self) -> None:
        self._graphs.clear()
        self._static_image = self._current_image = None


def _is_close(replayed: Tensor, expected: Tensor) -> bool:
    return float((replayed - expected).abs().max()) <= _TOLERANCE * max(float(expected.abs().max()), 1e-3)


def _copy_tensors(target: Any, source: Any) -> None:
    """Copies all tensors of a dataclass, and of dataclasses in it, into those of another in place."""
    for field in fields(target):
        to, value = getattr(target, field.name), getattr(source, field.name)
        if isinstance(to, Tensor):
            to.copy_(value, non_blocking=True)
        elif is_dataclass(to):
            _copy_tensors(to, value)


class CudaGraphCapturer:
    """Captures CUDA graphs. They share one memory pool, as only one of them runs at a time.

    Source: PyTorch's documentation of ``torch.cuda.graph`` (warm up on a side stream, then capture).
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream: torch.cuda.Stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()
        self._pinned: dict[tuple[int, ...], Tensor] = {}

    def capture(self, work: Callable[[], Any]) -> tuple[Any, Replay]:
        """See ``GraphCapturer``."""
        with torch.cuda.device(self._device):
            self._stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self._stream):
                for _ in range(3):
                    work()
            torch.cuda.current_stream().wait_stream(self._stream)
            graph = torch.cuda.CUDAGraph()
            # Other threads may use the GPU meanwhile: only this thread must do what can be captured.
            mode = "thread_local"
            with torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode=mode):
                output = work()
        return output, graph.replay

    def to_host(self, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """See ``GraphCapturer``."""
        pinned = [self._pinned_buffer(tuple(x.shape)).copy_(x, non_blocking=True) for x in tensors]
        torch.cuda.current_stream(self._device).synchronize()
        return tuple(x.clone() for x in pinned)

    def _pinned_buffer(self, shape: tuple[int, ...]) -> Tensor:
        if shape not in self._pinned:
            self._pinned[shape] = torch.empty(shape, pin_memory=True)
        return self._pinned[shape]


def runner_for(decoder: Decoder) -> DecoderRunner:
    """Returns the fastest runner for the decoder's device."""
    if decoder.device.type == "cuda":
        return GraphRunner(decoder, CudaGraphCapturer(decoder.device))
    return EagerRunner(decoder)
