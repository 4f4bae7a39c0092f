"""The models of an auto-annotate run: loaded by name, with a fallback where the user allows one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

from samdesk.base.jobs import CancelToken
from samdesk.base.text import size
from samdesk.batch.find import FoundObject, decode, encode, proposed_by
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.sources.base import ObjectSource, SourceImage
from samdesk.batch.sources.detector import DetectorSource
from samdesk.engine.models.registry import FLINT
from samdesk.engine.protocols import Detector, EngineError, OutOfMemory, Predictor

_M = TypeVar("_M", Detector, Predictor)

LoadDetector: TypeAlias = Callable[[str, str, str], Detector]
"""(name or path, device, precision) -> Detector; raises ``EngineError``."""

LoadPredictor: TypeAlias = Callable[[str, str, str], Predictor]
"""(name or path, device, precision) -> Predictor; raises ``EngineError``."""

NoticeCallback: TypeAlias = Callable[[str], None]
"""Called at once with a message for the user."""


@dataclass(frozen=True)
class Models:
    """The two networks of a run."""

    detector: Detector
    predictor: Predictor


class Annotator:
    """Finds objects with a pair of models; an image that does not fit in GPU memory is done on the CPU.

    Args:
        models: The pair.
        plan: Thresholds and sizes.
        load_on_cpu: Loads the same pair on the CPU; called once, when the GPU first runs out of memory.
        notice: Called with a message for the user when that happens.
    """

    def __init__(
        self,
        models: Models,
        plan: AutoAnnotatePlan,
        load_on_cpu: Callable[[], Models],
        notice: NoticeCallback,
    ) -> None:
        self.models = models
        self.class_ids = plan.used_classes(models.detector.names)
        self._plan = plan
        self._load_on_cpu = load_on_cpu
        self._notice = notice
        self._cpu_models: Models | None = None

    def find(self, image: SourceImage) -> list[FoundObject]:
        """Returns the objects of one image. Raises ``EngineError`` or what a network raises."""
        try:
            return self._find(self.models, image)
        except Exception as error:
            if self._all_on_cpu() or not is_out_of_memory(error):
                raise
        # Outside the handler: the traceback would keep the failed attempt's tensors alive.
        if self._cpu_models is None:
            self._notice("The GPU ran out of memory: images that do not fit are done on the CPU (slower).")
            self._cpu_models = self._load_on_cpu()
        return self._find(self._cpu_models, image)

    def _find(self, models: Models, image: SourceImage) -> list[FoundObject]:
        source = DetectorSource(models.detector, self._plan, self.class_ids)
        return find_objects(source, models.predictor, image)

    def _all_on_cpu(self) -> bool:
        devices = (self.models.detector.info.device, self.models.predictor.info.device)
        return all(device.startswith("cpu") for device in devices)


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
    if not boxes:
        return []
    models = [info for info in (source.info, predictor.info) if info is not None]
    return decode(predictor, encode(predictor, image.pixels), boxes, proposed_by(*models))


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
    """

    detector: LoadDetector
    predictor: LoadPredictor
    default_predictor: Callable[[], str]
    default_detector: Callable[[], str] = lambda: FLINT

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

        return cls(detector, predictor, default_model, default_detector)

    def annotator(
        self, plan: AutoAnnotatePlan, notice: NoticeCallback, *, fallback: Fallback = NO_FALLBACK
    ) -> Annotator:
        """Loads the models of a plan.

        Args:
            plan: Names them.
            notice: Called when another model or device than the plan's is used.
            fallback: Which models the best installed one may replace where the plan's is unavailable.

        Raises:
            EngineError: A model is unavailable, and nothing may replace it.
            ValueError: The plan names classes the detector does not have.
        """
        on_cpu = replace(plan, device="cpu", precision="fp32")
        try:
            models, names = self._load(plan, notice, fallback)
        except OutOfMemory as error:
            notice(f"{error} The CPU is used (slower).")
            models, names = self._load(on_cpu, notice, fallback)
        on_cpu = replace(on_cpu, det_model=names[0], sam_model=names[1])
        return Annotator(models, plan, lambda: self._load(on_cpu, notice, NO_FALLBACK)[0], notice)

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

        other_detector = self.default_detector() if fallback.detector else None
        other_predictor = self.default_predictor() if fallback.predictor else None
        detector, det_model = loaded(self.detector, plan.det_model, other_detector, "finds the objects")
        predictor, sam_model = loaded(self.predictor, plan.sam_model, other_predictor, "draws the masks")
        return Models(detector, predictor), (det_model, sam_model)


def _announce_download(name: str, notice: NoticeCallback) -> None:
    from samdesk.engine.models import registry, weights

    spec = registry.spec(name)
    if spec is not None and spec.url and weights.find(name) is None:
        notice(f"Downloading {name} ({size(spec.bytes)}) ... {weights.overlooked(name)}".rstrip())
