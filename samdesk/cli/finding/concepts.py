"""``--find "label=words"`` and ``--examples N``: what a run looks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from samdesk.batch.concepts import PlannedConcept, texts_of

if TYPE_CHECKING:
    from samdesk.base.jobs import CancelToken
    from samdesk.batch.targets.place import LabelPlace

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


def concept_model(given: str | None) -> str:
    """The model that finds concepts: the one given, else the best installed. Raises ``EngineError``."""
    from samdesk.base import places
    from samdesk.engine.models.load import default_concept_model
    from samdesk.engine.protocols import EngineError

    found = given or default_concept_model()
    if found is None:
        raise EngineError(
            "There is no model with an open vocabulary on this machine.",
            next=f"Put a YOLOE checkpoint, such as yoloe-11s-seg.pt, into {places.weights()}, or give its path "
            "with --det-model.",
        )
    return found


def with_examples_at(
    place: LabelPlace,
    concepts: Sequence[PlannedConcept],
    count: int | None,
    notice: Callable[[str], None],
    cancel: CancelToken,
) -> tuple[PlannedConcept, ...]:
    """The concepts with examples from the dataset that the images of a run are in.

    Raises:
        ValueError: A label without words has no example.
        StoreError: The dataset cannot be read.
        Cancelled: It was cancelled.
    """
    from samdesk.batch.open_vocabulary.examples import wanted, with_examples_of
    from samdesk.batch.targets.dataset import find_dataset

    if not any(wanted(concept, count) for concept in concepts):
        return tuple(concepts)
    dataset = find_dataset(place.images)
    if dataset is None:
        raise ValueError(
            f"examples are accepted annotations of a samdesk dataset, and {place.images.root} is none: open it "
            "in the window first, or give words"
        )
    found = with_examples_of(dataset.root, concepts, count, cancel)
    for concept in found:
        if concept.examples or not wanted(concept, count):
            continue
        if not concept.texts:
            raise ValueError(
                f"no accepted annotation of {concept.label!r} can serve as an example: accept one, or give "
                f'words ("{concept.label}=...")'
            )
        notice(f"No accepted annotation of {concept.label!r} can serve as an example; its words are used.")
    return tuple(_located(concept, dataset.root, place.images.root) for concept in found)


def _located(concept: PlannedConcept, dataset: Path, root: Path) -> PlannedConcept:
    """The concept with examples whose names are those in another folder than the dataset."""
    if root == dataset:
        return concept
    return replace(concept, examples=tuple(replace(e, key=str(dataset / e.key)) for e in concept.examples))
