"""The models of an auto-annotate run: loaded by name, with a fallback where the user allows one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock
from typing import TypeAlias, TypeVar

from samdesk.base.jobs import CancelToken, Pause, no_pause
from samdesk.base.text import size
from samdesk.batch.find import DetectedBox, FoundObject, draw_masks, proposed_by, with_regions
from samdesk.batch.open_vocabulary.prompting import ExemplarOf, no_exemplar, prompted
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.sources.base import ObjectSource, SourceImage
from samdesk.batch.sources.registry import source_row
from samdesk.batch.sources.settle import settle
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.prompts import MaskCandidate
from samdesk.engine.models.registry import FLINT
from samdesk.engine.protocols import Detector, EngineError, OutOfMemory, Predictor, Replicable
from samdesk.engine.runtime.device import cores

_M = TypeVar("_M", Detector, Predictor)

_GPU_BATCH = 8
_GPU_WORKERS = 3
_CPU_WORKERS = 4
_CPU_WORKERS_LARGE = 2
_LARGE = 50_000_000
"""Parameters from which on encoding an image takes a gigabyte."""

LoadDetector: TypeAlias = Callable[[str, str, str], Detector]
"""(name or path, device, precision) -> Detector; raises ``EngineError``."""

LoadPredictor: TypeAlias = Callable[[str, str, str], Predictor]
"""(name or path, device, precision) -> Predictor; raises ``EngineError``."""

NoticeCallback: TypeAlias = Callable[[str], None]
"""Called at once with a message for the user."""


@dataclass(frozen=True)
class Models:
    """The networks of a run; None: its source of objects needs none.

    Attributes:
        detector: Finds the objects.
        predictor: Draws their masks.
    """

    detector: Detector | None
    predictor: Predictor | None


class Annotator:
    """Finds objects with a pair of models; an image that does not fit in GPU memory is done on the CPU.

    ``find_boxes`` is called by one thread at a time, each of ``mask_workers`` by one thread.

    Args:
        models: The pair.
        plan: Thresholds and sizes.
        load_on_cpu: Loads the same pair on the CPU; called once, when the GPU first runs out of memory.
        notice: Called with a message for the user when that happens.

    Attributes:
        models: The pair.
        class_ids: The classes to find.
        source: Finds the objects.
        infos: The models.
        model: The name of the models on each object, see ``proposed_by``.
        concurrency: How many threads the masks are drawn in.
    """

    def __init__(
        self,
        models: Models,
        plan: AutoAnnotatePlan,
        load_on_cpu: Callable[[], Models],
        notice: NoticeCallback,
    ) -> None:
        self.models = models
        self.class_ids = () if models.detector is None else plan.used_classes(models.detector.names)
        self.source = self._source(models, plan)
        self.infos = tuple(m.info for m in (models.detector, models.predictor) if m is not None)
        self.model = proposed_by(*self.infos)
        self.concurrency = concurrency(models.predictor)
        self._plan = plan
        self._load_on_cpu = load_on_cpu
        self._notice = notice
        self._cpu_models: Models | None = None
        self._cpu_lock = Lock()

    @property
    def batch_size(self) -> int:
        """How many images objects are found on at once: a CPU gains nothing from more than one."""
        info = self.source.info
        return 1 if info is None or info.device.startswith("cpu") else _GPU_BATCH

    def find(self, images: Sequence[SourceImage]) -> list[list[FoundObject]]:
        """Returns the objects of each image. Raises ``EngineError`` or what a network raises."""
        worker = MaskWorker(self.models.predictor, self.draw_on_cpu)
        return [
            self.regions(boxes, worker.draw(image.pixels, boxes) if boxes else ())
            for image, boxes in zip(images, self.find_boxes(images), strict=True)
        ]

    def regions(
        self, boxes: Sequence[DetectedBox], masks: Sequence[MaskCandidate | None]
    ) -> list[FoundObject]:
        """Runs the last stage on an image: its objects with their masks as regions, each once."""
        return settle(with_regions(boxes, masks, self.model), self._plan)

    def find_boxes(self, images: Sequence[SourceImage]) -> list[list[DetectedBox]]:
        """Runs the first stage on a batch of images; a single one that does not fit is done on the CPU."""
        use_threads(self.concurrency.threads, self.infos[-1].device)
        try:
            return self.source.find(images)
        except Exception as error:
            if len(images) > 1 or self._all_on_cpu() or not is_out_of_memory(error):
                raise
        # Outside the handler: the traceback would keep the failed attempt's tensors alive.
        with self._on_cpu() as models:
            return self._source(models, self._plan).find(images)

    def mask_workers(self) -> list[MaskWorker]:
        """Makes the second stage, once for each of its threads."""
        first = self.models.predictor
        if first is None or not isinstance(first, Replicable):
            return [MaskWorker(first, self.draw_on_cpu)]
        count, threads = self.concurrency.workers, self.concurrency.threads
        return [MaskWorker(first.replica(threads), self.draw_on_cpu, threads) for _ in range(count)]

    def draw_on_cpu(
        self, image: RgbImage, boxes: Sequence[DetectedBox], pause: Pause
    ) -> list[MaskCandidate | None] | None:
        """Draws the masks with the models on the CPU; None: that is where they are already."""
        if self._all_on_cpu():
            return None
        with self._on_cpu() as models:
            assert models.predictor is not None, "there is no other that draws masks"
            return draw_masks(models.predictor, image, boxes, pause)

    @contextmanager
    def _on_cpu(self) -> Iterator[Models]:
        with self._cpu_lock:
            if self._cpu_models is None:
                self._notice(
                    "The GPU ran out of memory: images that do not fit are done on the CPU (slower)."
                )
                self._cpu_models = self._load_on_cpu()
            yield self._cpu_models

    def _source(self, models: Models, plan: AutoAnnotatePlan) -> ObjectSource:
        return source_row(plan.objects_from).make(models.detector, plan, self.class_ids)

    def _all_on_cpu(self) -> bool:
        return all(info.device.startswith("cpu") for info in self.infos)


@dataclass(frozen=True)
class MaskWorker:
    """Draws masks in one thread.

    Attributes:
        predictor: Its own; None: all objects have masks of their own.
        draw_on_cpu: Draws those that do not fit in GPU memory; returns None if there is no GPU.
        threads: How many threads torch computes with on a CPU; 0: as it is set.
    """

    predictor: Predictor | None
    draw_on_cpu: Callable[[RgbImage, Sequence[DetectedBox], Pause], list[MaskCandidate | None] | None]
    threads: int = 0

    def draw(
        self, image: RgbImage, boxes: Sequence[DetectedBox], pause: Pause = no_pause
    ) -> list[MaskCandidate | None]:
        """See ``find.draw_masks``."""
        if self.predictor is None:
            return [None] * len(boxes)
        use_threads(self.threads, self.predictor.info.device)
        try:
            return draw_masks(self.predictor, image, boxes, pause)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            failure = error.with_traceback(None)  # it would keep the failed attempt's tensors alive
        masks = self.draw_on_cpu(image, boxes, pause)
        if masks is None:
            raise failure
        return masks


@dataclass(frozen=True)
class Concurrency:
    """How the cores of a CPU are shared among the threads that draw masks.

    Attributes:
        workers: How many there are.
        threads: How many threads torch computes with in each; 0: as it is set.
    """

    workers: int
    threads: int = 0


def concurrency(predictor: Predictor | None) -> Concurrency:
    """How many threads masks are drawn in.

    On a CPU, images side by side on one core each are done sooner than one after another on all cores, which
    wait for each other in every layer. A GPU has the next image's work queued while results are copied.
    """
    if predictor is None or not isinstance(predictor, Replicable):
        return Concurrency(1)
    if not predictor.info.device.startswith("cpu"):
        return Concurrency(_GPU_WORKERS)
    most = _CPU_WORKERS_LARGE if predictor.info.parameters > _LARGE else _CPU_WORKERS
    workers = min(cores(), most)
    return Concurrency(workers, max(1, cores() // workers))


def use_threads(count: int, device: str) -> None:
    """Sets how many threads torch computes with in the calling thread; 0, or on a GPU: as it is set."""
    if count and device.startswith("cpu") and "torch" in sys.modules:
        from samdesk.engine.runtime import device as runtime

        runtime.use_threads(count)


def find_objects(source: ObjectSource, predictor: Predictor, image: SourceImage) -> list[FoundObject]:
    """Finds the objects in an image, the most confident first, each with a mask of its own.

    Args:
        source: Finds the objects.
        predictor: Draws one mask per box; it does not encode an image without boxes.
        image: The image.

    Raises:
        EngineError: A model failed.
    """
    boxes = source.find([image])[0]
    models = [info for info in (source.info, predictor.info) if info is not None]
    return with_regions(boxes, draw_masks(predictor, image.pixels, boxes), proposed_by(*models))


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an error, or one that caused it, means that a device is out of memory."""
    while error is not None:
        if isinstance(error, OutOfMemory) or type(error).__name__ == "OutOfMemoryError":
            return True  # the second is torch's, which is not imported here
        error = error.__cause__ or error.__context__
    return False


@dataclass(frozen=True)
class Fallback:
    """Whether the best installed ``detector`` or ``predictor`` may replace one that is unavailable."""

    detector: bool = False
    predictor: bool = False


NO_FALLBACK = Fallback()


@dataclass(frozen=True)
class Loaders:
    """The functions that load the models of a run.

    Attributes:
        detector: Loads a detector.
        predictor: Loads a predictor.
        default_predictor: Names the best predictor that is installed.
        default_detector: Names the best detector that is installed.
        trust: Let a file that is needed to prompt the detector run code that it holds.
    """

    detector: LoadDetector
    predictor: LoadPredictor
    default_predictor: Callable[[], str]
    default_detector: Callable[[], str] = lambda: FLINT
    trust: bool = False

    @classmethod
    def real(
        cls, notice: NoticeCallback, cancel: CancelToken, *, fetch: bool = True, trust: bool = False
    ) -> Loaders:
        """The engine's own loaders.

        Args:
            notice: Called before a download.
            cancel: Cancels a download (``Cancelled``).
            fetch: Download weights that are not on disk.
            trust: Let model files run code that they hold; remembered for their content.
        """
        from samdesk.engine.models.load import default_detector, default_model, load_detector, load_predictor

        def detector(name: str, device: str, precision: str) -> Detector:
            if fetch:
                _announce_download(name, notice)
            return load_detector(name, device, precision, fetch=fetch, trust=trust, cancel=cancel)

        def predictor(name: str, device: str, precision: str) -> Predictor:
            if fetch:
                _announce_download(name, notice)
            return load_predictor(name, device, precision, fetch=fetch, trust=trust, cancel=cancel)

        return cls(detector, predictor, default_model, default_detector, trust)

    def annotator(
        self,
        plan: AutoAnnotatePlan,
        notice: NoticeCallback,
        *,
        fallback: Fallback = NO_FALLBACK,
        exemplar: ExemplarOf = no_exemplar,
        pause: Pause = no_pause,
    ) -> Annotator:
        """Loads the models of a plan; a detector with an open vocabulary is prompted with its concepts.

        Args:
            plan: Names them.
            notice: Called when another model or device than the plan's is used, or an example is left out.
            fallback: Which models the best installed one may replace where the plan's is unavailable. None
                takes the place of one that is to find concepts.
            exemplar: Makes exemplars of the plan's examples.
            pause: See ``Pause``.

        Raises:
            EngineError: A model is unavailable, and nothing may replace it; or there is nothing to prompt it
                with.
            ValueError: The plan names classes the detector does not have.
            Cancelled: Raised by ``pause``.
        """
        once = _Once(notice)

        def load(wanted: AutoAnnotatePlan, allowed: Fallback) -> tuple[Models, tuple[str, str]]:
            found, names = self._load(wanted, once, allowed)
            if found.detector is not None:
                ready = prompted(found.detector, wanted, exemplar, once, pause, trust=self.trust)
                found = replace(found, detector=ready)
            return found, names

        on_cpu = replace(plan, device="cpu", precision="fp32")
        try:
            models, names = load(plan, fallback)
        except OutOfMemory as error:
            notice(f"{error} The CPU is used (slower).")
            models, names = load(on_cpu, fallback)
        on_cpu = replace(on_cpu, det_model=names[0], sam_model=names[1])
        return Annotator(models, plan, lambda: load(on_cpu, NO_FALLBACK)[0], notice)

    def _load(
        self, plan: AutoAnnotatePlan, notice: NoticeCallback, fallback: Fallback
    ) -> tuple[Models, tuple[str, str]]:
        """The models, and the names that load them again."""

        def loaded(
            load: Callable[[str, str, str], _M], name: str, other: str | None, purpose: str
        ) -> tuple[_M, str]:
            try:
                return load(name, plan.device, plan.precision), name
            except OutOfMemory:
                raise
            except EngineError as error:
                if other is None or other == name:
                    raise
                model = load(other, plan.device, plan.precision)
                notice(f"{name} is unavailable; {model.info.title} {purpose} instead. ({error})")
                return model, other

        other_detector = self.default_detector() if fallback.detector and not plan.concepts else None
        other_predictor = self.default_predictor() if fallback.predictor else None
        row = source_row(plan.objects_from)
        detector, predictor, names = None, None, (plan.det_model, plan.sam_model)
        if row.detects:
            detector, det_model = loaded(self.detector, names[0], other_detector, "finds the objects")
            names = (det_model, names[1])
        if row.draws:
            predictor, sam_model = loaded(self.predictor, names[1], other_predictor, "draws the masks")
            names = (names[0], sam_model)
        return Models(detector, predictor), names


class _Once:
    """Passes each message on once: models that are loaded again, on the CPU, repeat theirs."""

    def __init__(self, notice: NoticeCallback) -> None:
        self._notice = notice
        self._known = set[str]()

    def __call__(self, text: str) -> None:
        if text not in self._known:
            self._known.add(text)
            self._notice(text)


def _announce_download(name: str, notice: NoticeCallback) -> None:
    from samdesk.engine.models import registry, weights

    spec = registry.spec(name)
    if spec is not None and spec.url and weights.find(name) is None:
        notice(f"Downloading {name} ({size(spec.bytes)}) ... {weights.overlooked(name)}".rstrip())
