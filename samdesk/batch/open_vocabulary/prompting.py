"""Prompts the detector of a run with the plan's concepts: words, and examples on images of the dataset.

Every label that was asked for is looked for, or the run does not begin. An example that cannot be had costs
only itself, and words do where the model can read none, as long as the label has another prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from samdesk.base.errors import UserError, first_line
from samdesk.base.jobs import Pause, no_pause
from samdesk.base.text import counted
from samdesk.batch.concepts import PlannedConcept, PlannedExample
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.domain.geometry.types import RgbImage
from samdesk.engine.checkpoints.trusted import trusting
from samdesk.engine.concepts.concept import Concept, Exemplar
from samdesk.engine.protocols import (
    ConceptPredictor,
    Detector,
    EngineError,
    MaskDetector,
    OutOfMemory,
    TextsUnavailable,
)

ExemplarOf: TypeAlias = Callable[[PlannedExample], Exemplar]
"""Makes the exemplar of a plan's example; raises ``UserError`` if it cannot be had."""

_EXAMPLE = "yoloe-11s-seg.pt"


def no_exemplar(example: PlannedExample) -> Exemplar:
    """An ``ExemplarOf`` where there are no images."""
    raise EngineError(f"{example.key} cannot be used as an example here.")


def prompted(
    detector: Detector | ConceptPredictor,
    plan: AutoAnnotatePlan,
    exemplar: ExemplarOf,
    notice: Callable[[str], None],
    pause: Pause = no_pause,
    *,
    trust: bool = False,
) -> Detector:
    """The detector of a run: the model itself, or prompted with the plan's concepts if it is to be.

    Args:
        detector: The model.
        plan: Its concepts.
        exemplar: Makes the exemplars.
        notice: Called with a message for every example that is left out, and if words are.
        pause: See ``Pause``.
        trust: Let a file that is needed for words run code that it holds; remembered for its content.

    Raises:
        UntrustedFileError: There is such a file, and the user has not permitted it.
        EngineError: The model has no open vocabulary, or nothing to look for; or a label has no prompt left.
        Cancelled: Raised by ``pause``.
    """
    if isinstance(detector, ConceptPredictor):
        if not plan.concepts:
            raise EngineError(
                f"{detector.info.name} has no classes of its own: it finds what it is asked for. "
                "Say what to look for, by words or by examples, or choose another detector."
            )

        def find(concepts: Sequence[Concept]) -> MaskDetector:
            return trusting(lambda: detector.find(concepts, pause=pause), trust)

        return _found(find, _Prompts.of(plan.concepts, exemplar, notice), notice)
    if plan.concepts:
        raise EngineError(
            f"{detector.info.name} finds its own classes only, not what it is asked for. Choose a model with "
            f"an open vocabulary, such as {_EXAMPLE}."
        )
    return detector


def _found(
    find: Callable[[Sequence[Concept]], MaskDetector], prompts: _Prompts, notice: Callable[[str], None]
) -> MaskDetector:
    while True:
        try:
            return find(prompts.concepts())
        except OutOfMemory:
            raise
        except TextsUnavailable as error:
            prompts = prompts.without_texts(error, notice)
        except EngineError:
            if not prompts.broken:
                raise
        prompts = prompts.without_broken(notice)


@dataclass(frozen=True)
class _Prompts:
    """The prompts of a run that are left.

    Attributes:
        labels: A concept each.
        broken: Why images of exemplars could not be read, by name; filled while the model reads them.
    """

    labels: tuple[Concept, ...]
    broken: dict[str, str]

    @classmethod
    def of(
        cls, planned: Sequence[PlannedConcept], exemplar: ExemplarOf, notice: Callable[[str], None]
    ) -> _Prompts:
        broken: dict[str, str] = {}
        labels = []
        for concept in planned:
            found = []
            for example in concept.examples:
                try:
                    found.append(_noting(exemplar(example), broken))
                except UserError as error:
                    notice(_left_out(concept.label, first_line(error)))
            name = " ".join(concept.label.split())
            labels.append(Concept(name, concept.texts, tuple(found)))
        return cls(tuple(labels), broken)

    def concepts(self) -> tuple[Concept, ...]:
        """The concepts. Raises ``EngineError`` if one has no prompt."""
        without = [c.label for c in self.labels if not (c.texts or c.exemplars)]
        if without:
            raise EngineError(
                f"There is nothing to look for {_named(without)} by: no words, and no example that can be "
                "read. Give words or accept an annotation as an example."
            )
        return self.labels

    def without_texts(self, error: TextsUnavailable, notice: Callable[[str], None]) -> _Prompts:
        """The examples alone. Raises ``EngineError`` if a label has none."""
        if not any(c.texts for c in self.labels):
            raise error
        without = [c.label for c in self.labels if not c.exemplars]
        if without:
            raise TextsUnavailable(f"{error} Without words there is no example of {_named(without)}.")
        notice(f"{error} Only examples are used.")
        return replace(self, labels=tuple(replace(c, texts=()) for c in self.labels))

    def without_broken(self, notice: Callable[[str], None]) -> _Prompts:
        """What is left without the exemplars on images that could not be read."""
        labels = []
        for concept in self.labels:
            kept = tuple(e for e in concept.exemplars if e.image.name not in self.broken)
            if len(kept) < len(concept.exemplars):
                gone = {e.image.name for e in concept.exemplars} & self.broken.keys()
                for name in sorted(gone):
                    notice(_left_out(concept.label, self.broken[name]))
            labels.append(replace(concept, exemplars=kept))
        self.broken.clear()
        return replace(self, labels=tuple(labels))


def _noting(exemplar: Exemplar, broken: dict[str, str]) -> Exemplar:
    """The exemplar with an image that notes why it could not be read."""
    image = exemplar.image

    def read() -> RgbImage:
        try:
            return image.read()
        except UserError as error:
            broken[image.name] = first_line(error)
            raise

    return replace(exemplar, image=replace(image, read=read))


def _left_out(label: str, why: str) -> str:
    return f"An example of {label} is left out: {why}."


def _named(labels: Sequence[str]) -> str:
    """Labels for the user, the first few by name."""
    few = ", ".join(labels[:3])
    return few if len(labels) <= 3 else f"{few} and {counted(len(labels) - 3, 'more label')}"
