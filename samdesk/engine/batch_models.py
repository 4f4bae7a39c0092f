"""The models of an auto-annotate run: loaded by name, with something to fall back on, in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from samdesk.engine.autoannotate import AutoAnnotatePlan
from samdesk.engine.batch_run import Annotator, Models
from samdesk.engine.protocols import Detector, EngineError, Predictor

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
    def real(cls) -> Loaders:
        """The engine's own."""
        from samdesk.engine.load import default_model, load_detector, load_predictor

        return cls(load_detector, load_predictor, default_model)

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
        models, sam_model = self._load(plan, say, or_default=or_default)
        on_cpu = replace(plan, device="cpu", precision="fp32", sam_model=sam_model)
        return Annotator(models, plan, lambda: self._load(on_cpu, say)[0], say)

    def _load(self, plan: AutoAnnotatePlan, say: Say, *, or_default: bool = False) -> tuple[Models, str]:
        """The models, and the name that loads this predictor again."""
        detector = self.detector(plan.det_model, plan.device, plan.precision)
        sam_model = plan.sam_model
        try:
            predictor = self.predictor(sam_model, plan.device, plan.precision)
        except EngineError as error:
            sam_model = self.default_model()
            if not or_default or sam_model == plan.sam_model:
                raise
            predictor = self.predictor(sam_model, plan.device, plan.precision)
            say(f"{plan.sam_model} cannot be had; {predictor.info.title} draws the masks instead. ({error})")
        return Models(detector, predictor), sam_model
