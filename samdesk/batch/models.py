"""The models of an auto-annotate run: loaded by name, with something to fall back on, in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

from samdesk.base.jobs import CancelToken
from samdesk.batch.pipeline import Annotator, Models
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.engine.models.registry import FLINT
from samdesk.engine.protocols import Detector, EngineError, OutOfMemory, Predictor

_M = TypeVar("_M", Detector, Predictor)

LoadDetector: TypeAlias = Callable[[str, str, str], Detector]
"""(name or path, device, precision) -> Detector; raises ``EngineError``."""

LoadPredictor: TypeAlias = Callable[[str, str, str], Predictor]
"""(name or path, device, precision) -> Predictor; raises ``EngineError``."""

Say: TypeAlias = Callable[[str], None]
"""Called with something the user should know."""


@dataclass(frozen=True)
class Instead:
    """Whether the best ``detector`` or ``predictor`` at hand may take the place of one that cannot be had."""

    detector: bool = False
    predictor: bool = False


NOTHING = Instead()


@dataclass(frozen=True)
class Loaders:
    """How models are had.

    Attributes:
        detector: Loads a detector.
        predictor: Loads a predictor.
        default_model: Names the best predictor that is at hand.
        default_detector: Names the best detector that is at hand.
    """

    detector: LoadDetector
    predictor: LoadPredictor
    default_model: Callable[[], str]
    default_detector: Callable[[], str] = lambda: FLINT

    @classmethod
    def real(cls, say: Say, cancel: CancelToken, *, fetch: bool = True) -> Loaders:
        """The engine's own.

        Args:
            say: Told of a download.
            cancel: Stops a download (``Cancelled``).
            fetch: Download weights that are not on disk.
        """
        from samdesk.engine.models.load import default_detector, default_model, load_detector, load_predictor

        def detector(name: str, device: str, precision: str) -> Detector:
            if fetch:
                _tell_of_download(name, say)
            return load_detector(name, device, precision, fetch=fetch, cancel=cancel)

        def predictor(name: str, device: str, precision: str) -> Predictor:
            if fetch:
                _tell_of_download(name, say)
            return load_predictor(name, device, precision, fetch=fetch, cancel=cancel)

        return cls(detector, predictor, default_model, default_detector)

    def annotator(self, plan: AutoAnnotatePlan, say: Say, *, instead: Instead = NOTHING) -> Annotator:
        """Loads the models of a plan.

        Args:
            plan: Names them.
            say: Told when another model or device than asked for is used.
            instead: Which models may be the best at hand where the plan's cannot be had.

        Raises:
            EngineError: A model cannot be had, and nothing may take its place.
            ValueError: The plan names classes the detector does not have.
        """
        on_cpu = replace(plan, device="cpu", precision="fp32")
        try:
            models, names = self._load(plan, say, instead)
        except OutOfMemory as error:
            say(f"{error} The CPU is used (slower).")
            models, names = self._load(on_cpu, say, instead)
        on_cpu = replace(on_cpu, det_model=names[0], sam_model=names[1])
        return Annotator(models, plan, lambda: self._load(on_cpu, say, NOTHING)[0], say)

    def _load(self, plan: AutoAnnotatePlan, say: Say, instead: Instead) -> tuple[Models, tuple[str, str]]:
        """The models, and the names that load them again."""

        def had(
            load: Callable[[str, str, str], _M], name: str, other: str | None, does: str
        ) -> tuple[_M, str]:
            try:
                return load(name, plan.device, plan.precision), name
            except OutOfMemory:
                raise
            except EngineError as error:
                if other is None or other == name:
                    raise
                model = load(other, plan.device, plan.precision)
                say(f"{name} cannot be had; {model.info.title} {does} instead. ({error})")
                return model, other

        usual_detector = self.default_detector() if instead.detector else None
        usual_predictor = self.default_model() if instead.predictor else None
        detector, det_model = had(self.detector, plan.det_model, usual_detector, "finds the objects")
        predictor, sam_model = had(self.predictor, plan.sam_model, usual_predictor, "draws the masks")
        return Models(detector, predictor), (det_model, sam_model)


def _tell_of_download(name: str, say: Say) -> None:
    from samdesk.engine.models import registry, weights

    spec = registry.spec(name)
    if spec is not None and spec.url and weights.find(name) is None:
        say(f"Downloading {name} ({spec.bytes / 1e6:,.0f} MB) ...")
