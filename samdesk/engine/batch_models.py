"""The models of an auto-annotate run: loaded by name, with something to fall back on, in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from samdesk.engine.autoannotate import AutoAnnotatePlan
from samdesk.engine.batch_run import Annotator, Models
from samdesk.engine.protocols import CancelToken, Detector, EngineError, OutOfMemory, Predictor

LoadDetector: TypeAlias = Callable[[str, str, str], Detector]
"""(name or path, device, precision) -> Detector; raises ``EngineError``."""

LoadPredictor: TypeAlias = Callable[[str, str, str], Predictor]
"""(name or path, device, precision) -> Predictor; raises ``EngineError``."""

Say: TypeAlias = Callable[[str], None]
"""Called with something the user should know."""


@dataclass(frozen=True)
class Loaders:
    """How models are had.

    Attributes:
        detector: Loads a detector.
        predictor: Loads a predictor.
        default_model: Names the best predictor that is at hand.
    """

    detector: LoadDetector
    predictor: LoadPredictor
    default_model: Callable[[], str]

    @classmethod
    def real(cls, say: Say, cancel: CancelToken, *, fetch: bool = True) -> Loaders:
        """The engine's own.

        Args:
            say: Told of a download.
            cancel: Stops a download (``Cancelled``).
            fetch: Download weights that are not on disk.
        """
        from samdesk.engine.load import default_model, load_detector, load_predictor

        def detector(name: str, device: str, precision: str) -> Detector:
            if fetch:
                _tell_of_download(name, say)
            return load_detector(name, device, precision, fetch=fetch, cancel=cancel)

        def predictor(name: str, device: str, precision: str) -> Predictor:
            if fetch:
                _tell_of_download(name, say)
            return load_predictor(name, device, precision, fetch=fetch, cancel=cancel)

        return cls(detector, predictor, default_model)

    def annotator(self, plan: AutoAnnotatePlan, say: Say, *, or_default: bool = False) -> Annotator:
        """Loads the models of a plan.

        Args:
            plan: Names them.
            say: Told when another model or device than asked for is used.
            or_default: Take the best predictor at hand where the plan's cannot be had.

        Raises:
            EngineError: The detector cannot be had, or the predictor cannot and ``or_default`` is off.
            ValueError: The plan names classes the detector does not have.
        """
        on_cpu = replace(plan, device="cpu", precision="fp32")
        try:
            models, sam_model = self._load(plan, say, or_default=or_default)
        except OutOfMemory as error:
            say(f"{error} The CPU is used (slower).")
            models, sam_model = self._load(on_cpu, say, or_default=or_default)
        on_cpu = replace(on_cpu, sam_model=sam_model)
        return Annotator(models, plan, lambda: self._load(on_cpu, say)[0], say)

    def _load(self, plan: AutoAnnotatePlan, say: Say, *, or_default: bool = False) -> tuple[Models, str]:
        """The models, and the name that loads this predictor again."""
        detector = self.detector(plan.det_model, plan.device, plan.precision)
        sam_model = plan.sam_model
        try:
            predictor = self.predictor(sam_model, plan.device, plan.precision)
        except OutOfMemory:
            raise
        except EngineError as error:
            sam_model = self.default_model()
            if not or_default or sam_model == plan.sam_model:
                raise
            predictor = self.predictor(sam_model, plan.device, plan.precision)
            say(f"{plan.sam_model} cannot be had; {predictor.info.title} draws the masks instead. ({error})")
        return Models(detector, predictor), sam_model


def _tell_of_download(name: str, say: Say) -> None:
    from samdesk.engine import registry, weights

    spec = registry.spec(name)
    if spec is not None and spec.url and weights.find(name) is None:
        say(f"Downloading {name} ({spec.bytes / 1e6:,.0f} MB) ...")
