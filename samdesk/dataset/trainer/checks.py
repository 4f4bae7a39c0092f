"""The checks of a dataset's training, one row each: what the trainer would do that nobody would expect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from samdesk.base.text import counted
from samdesk.dataset.trainer.facts import TrainingFacts, read_content
from samdesk.dataset.trainer.reading import trainer_label_path
from samdesk.dataset.types import TRAINING, Notice


@dataclass(frozen=True)
class Check:
    """One thing to find.

    Attributes:
        code: Stable identifier.
        find: Returns the message for the user; "" if there is nothing to report.
        only_information: Nothing is wrong; it is reported once.
    """

    code: str
    find: Callable[[TrainingFacts], str]
    only_information: bool = False


@dataclass(frozen=True)
class TrainingFinding:
    """Something that the trainer would do otherwise than the dataset looks.

    Attributes:
        code: Of the check.
        message: What is wrong, for the user.
        only_information: Nothing is wrong.
        fixable: Whether samdesk's changes to data.yaml are certain to end it.
    """

    code: str
    message: str
    only_information: bool = False
    fixable: bool = False


def refused(facts: TrainingFacts) -> str:
    """The trainer does not start with this data.yaml."""
    refusals = facts.reading.refusals
    if any(refusal.code == "path-gone" for refusal in refusals):  # so the folders below it are gone
        refusals = tuple(refusal for refusal in refusals if not refusal.code.endswith("-gone-folder"))
    reasons = "; ".join(refusal.text for refusal in refusals)
    return f"The trainer refuses {facts.file.name}: {reasons}." if reasons else ""


def missing_classes(facts: TrainingFacts) -> str:
    """Label files use class ids for which data.yaml has no class: the trainer drops their images."""
    count = class_count(facts)
    if count >= len(facts.names) or facts.reading.refusals:
        return ""
    return (
        f"{facts.file.name} has {counted(count, 'class', 'classes')}, but class ids up to "
        f"{len(facts.names) - 1} are in use: the trainer drops images with the others."
    )


def unreached(facts: TrainingFacts) -> str:
    """Annotated images are in none of the places that data.yaml names."""
    if not facts.reading.places:
        return ""
    found = [key for key in facts.annotated if not facts.reading.reaches(facts.image(key))]
    if not found:
        return ""
    are = counted(len(found), "annotated image is", "annotated images are")
    return f"{are} neither in the train nor in the val folder of {facts.file.name}: {examples(found)}."


def labels_elsewhere(facts: TrainingFacts) -> str:
    """The trainer resolves a link, and so looks for label files in another folder."""
    found = []
    for key in facts.annotated:
        image = facts.image(key)
        path = facts.reading.path(image)
        if path is not None and path != image and trainer_label_path(path) != trainer_label_path(image):
            found.append((key, trainer_label_path(path)))
    if not found:
        return ""
    key, path = found[0]
    images = counted(len(found), "annotated image")
    return (
        f"The trainer follows a link and looks for the labels of {images} in another folder "
        f"({Path(path).parent}): it would train on them as images without objects."
    )


def splits_ignored(facts: TrainingFacts) -> str:
    """There are folders for training and validation, and data.yaml names all images for both."""
    planned = facts.planned
    if not facts.unsplit or planned["train"] == planned["val"]:
        return ""
    return (
        f"{facts.file.name} uses all images both for training and for validation, "
        f"although there are folders for each: {_listed(planned['train'])} and {_listed(planned['val'])}."
    )


def run_outputs(facts: TrainingFacts) -> str:
    """Plots of a training run would be trained on."""
    found = [name for name in facts.survey.run_outputs if facts.reading.path(facts.image(name))]
    if not found:
        return ""
    plots = counted(len(found), "plot")
    return f"{plots} of training runs would be trained on as images without objects: {examples(found)}."


def unreadable(facts: TrainingFacts) -> str:
    """Images that the trainer reads and samdesk does not."""
    found = facts.survey.unreadable
    if not found:
        return ""
    kinds = sorted({Path(name).suffix[1:].upper() for name in found})
    trained = [name for name in found if facts.reading.path(facts.image(name))]
    are = counted(len(found), "image is", "images are")
    also = " The trainer may use such images as images without objects." if trained else ""
    return (
        f"{are} left out, because samdesk cannot read {' and '.join(kinds)}: {examples(found)}.{also} "
        f"Convert {'it' if len(found) == 1 else 'them'} to JPEG or PNG."
    )


def unlisted(facts: TrainingFacts) -> str:
    """Folders whose images are not seen."""
    found = facts.survey.unlisted
    if not found:
        return ""
    folders = counted(len(found), "folder")
    why = "could not be listed, or lie too deep; their images are missing here"
    return f"{folders} {why}: {examples(found)}."


def dropped(facts: TrainingFacts) -> str:
    """Annotated images that the trainer drops."""
    if not facts.dropped:
        return ""
    images = counted(len(facts.dropped), "annotated image")
    some = [f"{key} ({why})" for key, why in facts.dropped.items()]
    rest = f" {facts.unchecked:,} more were not checked." if facts.unchecked else ""
    return f"The trainer drops {images}: {examples(some)}.{rest}"


def unreviewed(facts: TrainingFacts) -> str:
    """Images that nobody has looked at would be trained on."""
    if not facts.annotated:
        return ""
    found = [key for key in facts.unreviewed if facts.reading.path(facts.image(key))]
    if not found:
        return ""
    have = counted(len(found), "image has", "images have")
    return (
        f"{have} no annotations and {'was' if len(found) == 1 else 'were'} not accepted yet: "
        "the trainer takes such images for images without objects."
    )


CHECKS: tuple[Check, ...] = (
    Check("refused", refused),
    Check("missing-classes", missing_classes),
    Check("unreached", unreached),
    Check("labels-elsewhere", labels_elsewhere),
    Check("splits-ignored", splits_ignored),
    Check("run-outputs", run_outputs),
    Check("unreadable", unreadable),
    Check("unlisted", unlisted),
    Check("dropped", dropped),
    Check("unreviewed", unreviewed, only_information=True),
)
"""Every check, the most serious first."""


def findings(facts: TrainingFacts) -> tuple[TrainingFinding, ...]:
    """Runs all checks."""
    found = ((check, check.find(facts)) for check in CHECKS)
    return tuple(TrainingFinding(check.code, text, check.only_information) for check, text in found if text)


def training_notices(facts: TrainingFacts) -> list[Notice]:
    """Returns what the user should know about the training of a dataset that was just opened."""
    found = findings(facts.with_content(read_content(facts.file, facts.folder)))
    return [Notice(TRAINING, finding.message, str(facts.file)) for finding in found]


def examples(names: Sequence[str]) -> str:
    """The first names of many."""
    return f"{', '.join(names[:2])} and {len(names) - 2:,} more" if len(names) > 3 else ", ".join(names)


def class_count(facts: TrainingFacts) -> int:
    """The number of classes of data.yaml; if there is no such file, as many as there should be."""
    if facts.content is None:
        return len(facts.names)
    names, count = facts.content.get("names"), facts.content.get("nc")
    if names is None and isinstance(count, int | float):
        return int(count)
    return len(names) if isinstance(names, list | dict) else 0


def _listed(value: str | list[str]) -> str:
    return ", ".join([value] if isinstance(value, str) else value)
