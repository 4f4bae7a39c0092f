"""Whole auto-annotate runs of samdesk and of Ultralytics. Each side runs in a process of its own."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from samdesk.base.jobs import Pause, no_pause
from samdesk.batch.find import FoundObject, draw_masks, with_regions
from samdesk.batch.models import Annotator, Loaders, Models
from samdesk.batch.pipeline import AutoAnnotateJob
from samdesk.batch.plan import AutoAnnotatePlan as Plan
from samdesk.batch.sources.base import SourceImage
from samdesk.batch.targets.label_files import FilePlace, FileTarget
from samdesk.batch.targets.label_folder import LabelFolder
from samdesk.bench.plausible import PlausiblePredictor, ellipse_logits, load_plausible
from samdesk.bench.seeded import Checkpoint
from samdesk.domain.geometry.types import FloatArray, Frame, RgbImage
from samdesk.domain.prompts import MaskCandidate
from samdesk.engine import ultralytics
from samdesk.engine.embedding import Embedding
from samdesk.engine.models.load import load_detector, load_predictor
from samdesk.engine.protocols import Detection, Detector, ModelInfo, Predictor, Replicable
from samdesk.images.reader import read_image
from samdesk.images.sources import ImageSet, scan

PIPELINE, LOOP = "pipeline", "loop"


@dataclass(frozen=True)
class RunInput:
    """What both sides process.

    Attributes:
        folder: The images, and nothing else.
        detector: Path of a YOLO checkpoint, or "flint".
        mask_model: The SAM model, or "flint".
        device: As ``engine.runtime.device.resolve`` returns it.
        precision: samdesk's; Ultralytics uses its default, fp32.
        scratch: A folder for label files.
        threads: Of Ultralytics; 0: as many as its user gets.
    """

    folder: Path
    detector: str
    mask_model: Checkpoint
    device: str
    precision: str
    scratch: Path
    threads: int = 0


@dataclass(frozen=True)
class RunTiming:
    """The duration of one run over all images, without loading the models.

    Attributes:
        seconds: Wall time.
        cpu_seconds: Time of all cores.
        images: Images annotated.
        objects: Lines of their label files.
        stages_ms: Stage -> time for an image, summed over its threads, milliseconds.
    """

    seconds: float
    cpu_seconds: float
    images: int
    objects: int
    stages_ms: dict[str, float] = field(default_factory=dict)


def time_samdesk(given: RunInput, how: str) -> RunTiming:
    """Times a run into label files, in the pipeline or one image after another, as it was before.

    The first call loads the models and does one image to warm up.
    """
    models = _models(given)
    if not models.warm:
        models.warm = True
        _samdesk_run(given, models, how, 1)
    return _samdesk_run(given, models, how, None)


def time_ultralytics(given: RunInput) -> RunTiming:
    """Times ``auto_annotate`` as its user calls it; the first call loads the models and does one image."""
    ultralytics.import_with_its_defaults()
    if given.threads:
        import torch

        torch.set_num_threads(given.threads)
    _ultralytics_run(given, _some(given, 1))
    return _ultralytics_run(given, given.folder)


def compare_masks(given: RunInput, images: int) -> tuple[list[float], bool]:
    """IoU of each mask over 1,000 pixels of the pipeline's stages with that of the network called alone.

    Returns:
        The IoUs, and whether every object has the class of its detection.
    """
    models = _models(given)
    plan = _plan(given)
    network = models.predictor.network
    network = network.network if isinstance(network, PlausiblePredictor) else network
    annotator = Annotator(Models(models.detector, network), plan, _no_cpu, print)
    sources = [SourceImage(key, read_image(given.folder / key)) for key in list(scan(given.folder))[:images]]
    found = annotator.find_boxes(sources)
    with ThreadPoolExecutor(1) as pool:  # a thread of its own, as in the pipeline
        ours = [
            pool.submit(annotator.mask_workers()[0].draw, s.pixels, boxes).result()
            for s, boxes in zip(sources, found, strict=True)
        ]
    overlaps: list[float] = []
    same = True
    for source, boxes, masks in zip(sources, found, ours, strict=True):
        alone = models.detector.network_detect([source.pixels], plan)[0]
        same &= [b.detection.class_id for b in boxes] == [d.class_id for d in alone]
        if boxes:
            reference = draw_masks(network, source.pixels, boxes)
            pairs = zip(masks, reference, strict=True)
            overlaps += [iou for a, b in pairs if a is not None and b is not None for iou in _iou(a, b)]
    return overlaps, same


# -- samdesk


class _StageTimes:
    """Time spent in each stage, by all threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                spent = time.perf_counter() - started
                self.seconds[stage] = self.seconds.get(stage, 0.0) + spent


class _TimedDetector:
    """A detector whose time is recorded."""

    def __init__(self, detector: Detector, times: _StageTimes) -> None:
        self._detector, self._times = detector, times

    @property
    def info(self) -> ModelInfo:
        return self._detector.info

    @property
    def names(self) -> tuple[str, ...]:
        return self._detector.names

    def detect(self, images: Sequence[RgbImage], **options: Any) -> list[list[Detection]]:
        with self._times.of("detect"):
            return self._detector.detect(images, **options)

    def network_detect(self, images: Sequence[RgbImage], plan: Plan) -> list[list[Detection]]:
        return self._detector.detect(
            images, conf=plan.conf, iou=plan.iou, imgsz=plan.imgsz, max_det=plan.max_det
        )


class _TimedPredictor:
    """A predictor whose times are recorded."""

    def __init__(self, network: Predictor, times: _StageTimes) -> None:
        self.network, self._times = network, times

    @property
    def info(self) -> ModelInfo:
        return self.network.info

    def replica(self, threads: int) -> _TimedPredictor:
        assert isinstance(self.network, Replicable)
        return _TimedPredictor(self.network.replica(threads), self._times)

    def encode(self, image: RgbImage, *, view: Frame | None = None, pause: Pause = no_pause) -> Embedding:
        with self._times.of("encode"):
            return self.network.encode(image, view=view, pause=pause)

    def encode_for_boxes(self, image: RgbImage, *, pause: Pause = no_pause) -> Embedding:
        with self._times.of("encode"):
            encode = getattr(self.network, "encode_for_boxes", self.network.encode)
            embedding: Embedding = encode(image, pause=pause)
            return embedding

    def predict(self, *arguments: Any, **options: Any) -> list[MaskCandidate]:
        return self.network.predict(*arguments, **options)

    def predict_points(self, *arguments: Any) -> Iterator[list[MaskCandidate]]:
        return self.network.predict_points(*arguments)

    def predict_boxes(self, embedding: Embedding, boxes: FloatArray) -> list[MaskCandidate]:
        with self._times.of("decode"):
            return self.network.predict_boxes(embedding, boxes)


@dataclass
class _LoadedModels:
    detector: _TimedDetector
    predictor: _TimedPredictor
    times: _StageTimes
    warm: bool = False

    def loaders(self) -> Loaders:
        return Loaders(lambda *_: self.detector, lambda *_: self.predictor, lambda: "", lambda: "")


@cache
def _models(given: RunInput) -> _LoadedModels:
    times = _StageTimes()
    detector = load_detector(given.detector, given.device)
    load = load_plausible if given.mask_model.random else load_predictor
    predictor = load(given.mask_model.source, given.device, given.precision)
    return _LoadedModels(_TimedDetector(detector, times), _TimedPredictor(predictor, times), times)


def run_over(
    folder: Path, output: Path, loaders: Loaders, how: str, most: int | None = None, plan: Plan | None = None
) -> tuple[float, int]:
    """Runs over the images of a folder into label files.

    Returns:
        Seconds, and the number of images.
    """
    shutil.rmtree(output, ignore_errors=True)
    images = ImageSet(folder, tuple(scan(folder))[:most])
    job = AutoAnnotateJob(plan or Plan(), loaders)
    started = time.perf_counter()
    if how == PIPELINE:
        FilePlace(images, output, own_ids=True).annotate(job)
    else:
        _annotate_one_after_another(images, output, job)
    return time.perf_counter() - started, len(images.keys)


def _samdesk_run(given: RunInput, models: _LoadedModels, how: str, most: int | None) -> RunTiming:
    output = given.scratch / f"samdesk_{how}"
    models.times.seconds.clear()
    cpu = time.process_time()
    seconds, images = run_over(given.folder, output, models.loaders(), how, most, _plan(given))
    cpu = time.process_time() - cpu
    stages = {name: s * 1e3 / images for name, s in models.times.seconds.items()}
    return RunTiming(seconds, cpu, images, _lines(output), stages)


def _annotate_one_after_another(images: ImageSet, output: Path, job: AutoAnnotateJob) -> None:
    """The loop that the pipeline replaced: reads one image ahead, and does one stage after another."""
    folder = LabelFolder(output, images.keys, images=images.root)
    target = FileTarget(images, folder, job, own_ids=True)
    detector = job.loaders.detector("", "", "")
    predictor = job.loaders.predictor("", "", "")
    names = tuple(detector.names)
    with folder.locked(), ThreadPoolExecutor(1) as pool, target.begin(job.plan, names) as writer:
        keys = target.dry_run().annotate
        following = [pool.submit(target.read, key) for key in keys[:1]]
        for key, later in zip(keys, [*keys[1:], None], strict=True):
            pixels = following.pop().result()
            if later is not None:
                following.append(pool.submit(target.read, later))
            found = _find(detector, predictor, job.plan, SourceImage(key, pixels))
            writer.store(key, (pixels.shape[0], pixels.shape[1]), found)


def _find(detector: Detector, predictor: Predictor, plan: Plan, image: SourceImage) -> list[FoundObject]:
    annotator = Annotator(Models(detector, predictor), plan, _no_cpu, print)
    boxes = annotator.source.find([image])[0]
    return with_regions(boxes, draw_masks(predictor, image.pixels, boxes))


def _plan(given: RunInput) -> Plan:
    return Plan(given.detector, given.mask_model.name, given.device, given.precision)


def _no_cpu() -> Models:
    raise AssertionError("the device ran out of memory")


# -- Ultralytics


@cache
def _auto_annotate(random: bool) -> Any:
    return ultralytics.auto_annotate_function(_plausible_masks if random else None)


def _plausible_masks(boxes: FloatArray, side: float) -> FloatArray:
    return np.asarray(np.stack([ellipse_logits(side, box) for box in boxes]), np.float32)


def _ultralytics_run(given: RunInput, folder: Path) -> RunTiming:
    annotate = _auto_annotate(given.mask_model.random)
    output = given.scratch / "ultralytics"
    shutil.rmtree(output, ignore_errors=True)
    images = len(scan(folder))
    started, cpu = time.perf_counter(), time.process_time()
    with ultralytics.quiet():
        annotate(folder, given.detector, given.mask_model.source, device=given.device, output_dir=output)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    return RunTiming(seconds, cpu, images, _lines(output))


def _some(given: RunInput, count: int) -> Path:
    folder = given.scratch / f"first_{count}"
    folder.mkdir(parents=True, exist_ok=True)
    for key in list(scan(given.folder))[:count]:
        shutil.copyfile(given.folder / key, folder / Path(key).name)
    return folder


def _lines(folder: Path) -> int:
    files = [path for path in folder.glob("*.txt") if path.name != "classes.txt"]
    return sum(len(path.read_text("utf-8").splitlines()) for path in files)


def _iou(a: MaskCandidate, b: MaskCandidate) -> list[float]:
    """The IoU of two masks; empty if neither has 1,000 image pixels."""
    x, y = a.logits > 0, b.logits > 0
    pixel = (a.frame.side / len(a.logits)) ** 2
    if max(x.sum(), y.sum()) * pixel < 1000:
        return []
    return [float((x & y).sum() / (x | y).sum())]
