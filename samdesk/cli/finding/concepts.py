"""``--find "label=words"`` and ``--examples N``: what a run looks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from samdesk.batch.concepts import PlannedConcept, texts_of

if TYPE_CHECKING:
    from samdesk.base.jobs import CancelToken
    from samdesk.batch.plan import AutoAnnotatePlan
    from samdesk.batch.targets.place import LabelPlace
    from samdesk.cli.progress import LineOutput

_PANEL = "Open vocabulary"

Find = Annotated[
    list[str] | None,
    typer.Option(
        metavar="LABEL=WORDS",
        help="Find what the words say, with a YOLOE model, and give it the label: 'apple=red apple, green "
        "apple'. 'apple' alone: the label is the words; 'apple=': no words, but objects that look like those "
        "already accepted under the label. Repeatable.",
        rich_help_panel=_PANEL,
    ),
]
Examples = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="With --find: use so many accepted annotations of each label in the dataset as examples; by "
        "default 5 for a label without words.",
        rich_help_panel=_PANEL,
    ),
]
Edited = Annotated[
    bool,
    typer.Option(
        "--edited",
        help="With --existing add: images edited by hand get new objects, too; what is on them stays.",
    ),
]


def concepts_of(texts: Sequence[str] | None) -> tuple[PlannedConcept, ...]:
    """The concepts of the values of ``--find``; one label given several times has all of its words.

    Raises:
        ValueError: One has no label.
    """
    found: dict[str, PlannedConcept] = {}
    for text in texts or ():
        name, given, words = text.partition("=")
        label = " ".join(name.split())
        if not label:
            raise ValueError(f'--find must be a label and its words ("apple=red apple"), not {text!r}')
        more = texts_of(words) if given else (label,)
        known = found.setdefault(label.casefold(), PlannedConcept(label))
        merged = tuple(dict.fromkeys((*known.texts, *more)))
        found[label.casefold()] = replace(known, texts=merged)
    return tuple(found.values())


@dataclass(frozen=True)
class FindOptions:
    """What a run looks for, as given on the command line.

    Attributes:
        concepts: The labels.
        examples: How many examples of each; None: the default.
    """

    concepts: tuple[PlannedConcept, ...] = ()
    examples: int | None = None

    @classmethod
    def of(cls, find: Sequence[str] | None, examples: int | None) -> FindOptions:
        """The options. Raises ``ValueError`` for a label that makes no sense."""
        return cls(concepts_of(find), examples)

    def check(self, classes: Sequence[str] | None, in_shards: bool) -> None:
        """Raises ``ValueError`` for options that do not go together.

        Args:
            classes: Classes of the detector that were given.
            in_shards: The run writes tables.
        """
        if not self.concepts:
            if self.examples is not None:
                raise ValueError("--examples needs --find")
            return
        if classes:
            raise ValueError("--classes are those of a detector of its own; --find says what is looked for")
        if in_shards and self._needs_dataset:
            raise ValueError("--out has no examples, as it reads no dataset: give words with --find")

    def detector(self, name: str, *, given: bool) -> str:
        """The detector of the run. Raises ``EngineError`` if none is installed that finds concepts.

        Args:
            name: As the command line has it.
            given: The user has chosen it.
        """
        if not self.concepts or given:
            return name
        from samdesk.base import places
        from samdesk.engine.models.open_vocabulary import SUGGESTED, choose_open_model
        from samdesk.engine.protocols import EngineError

        found = choose_open_model("")
        if not found:
            raise EngineError(
                "There is no model with an open vocabulary on this machine.",
                next=f"Put a YOLOE checkpoint, such as {SUGGESTED}, into {places.weights()}, or give its "
                "path with --det-model.",
            )
        return found

    def plan(
        self,
        plan: AutoAnnotatePlan,
        place: LabelPlace,
        output: LineOutput,
        notice: Callable[[str], None],
        cancel: CancelToken,
    ) -> AutoAnnotatePlan:
        """The plan with the examples that there are, after printing what it looks for.

        Args:
            plan: Of the run.
            place: Where its labels go.
            output: Where it is printed.
            notice: Called with a message for each label that has no example.
            cancel: Cancels it.

        Raises:
            ValueError: A label without words has no example.
            StoreError: The dataset cannot be read.
            Cancelled: It was cancelled.
        """
        if self.concepts:
            plan = replace(plan, concepts=self._with_examples(place, notice, cancel))
        for concept in plan.concepts:
            output.message(f"Looking for {concept.title}.")
        return plan

    @property
    def _needs_dataset(self) -> bool:
        from samdesk.batch.open_vocabulary.examples import wanted

        return any(wanted(concept, self.examples) for concept in self.concepts)

    def _with_examples(
        self, place: LabelPlace, notice: Callable[[str], None], cancel: CancelToken
    ) -> tuple[PlannedConcept, ...]:
        from samdesk.batch.open_vocabulary.examples import wanted, with_examples_of
        from samdesk.batch.targets.dataset import find_dataset

        if not self._needs_dataset:
            return self.concepts
        dataset = find_dataset(place.images)
        if dataset is None:
            raise ValueError(
                f"examples are accepted annotations of a samdesk dataset, and {place.images.root} is none: "
                "open it in the window first, or give words"
            )
        found = with_examples_of(dataset.root, self.concepts, self.examples, cancel)
        for concept in found:
            if concept.examples or not wanted(concept, self.examples):
                continue
            if not concept.texts:
                raise ValueError(
                    f"no accepted annotation of {concept.label!r} can serve as an example: accept one, or "
                    f'give words ("{concept.label}=...")'
                )
            notice(f"No accepted annotation of {concept.label!r} can serve as an example: words only.")
        return tuple(_located(concept, dataset.root, place.images.root) for concept in found)


def _located(concept: PlannedConcept, dataset: Path, root: Path) -> PlannedConcept:
    """The concept with examples whose names are those in another folder than the dataset."""
    if root == dataset:
        return concept
    return replace(concept, examples=tuple(replace(e, key=str(dataset / e.key)) for e in concept.examples))
