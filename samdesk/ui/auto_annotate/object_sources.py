"""Where the objects of a run come from, in words, and which fields of the dialog matter for it."""

from __future__ import annotations

from dataclasses import dataclass

from samdesk.batch.plan import EXISTING, OBJECTS_FROM, AutoAnnotatePlan, Existing, ObjectsFrom
from samdesk.settings.parameters import PARAMETERS

POLICIES: tuple[tuple[Existing, str, str], ...] = (
    ("skip", "Skip them", "Only images without annotations are annotated."),
    ("add", "Add what is missing", "Adds new objects; skips those that overlap an existing one."),
    ("replace", "Replace an earlier run", "Replaces what an earlier run made; your own work stays."),
)
_OF_ONE_RUN = "Replaces what that run made and you have not reviewed; all else stays."
_ALSO_EDITED = "Images you have edited get new objects, too; what is on them stays."
CONCEPTS = "concepts"
_ALL = frozenset(parameter.name for parameter in PARAMETERS)


@dataclass(frozen=True)
class ObjectSourceRow:
    """A source of objects.

    Attributes:
        id: ``objects_from`` of its plans; ``CONCEPTS`` for plans that have concepts.
        title: Its name.
        text: What it does.
        detector: The caption of the field for the model that finds the objects; "": there is none.
        masks: Whether the mask model draws the masks.
        own_masks: Whether the detector can draw the masks itself in place of the mask model.
        parameters: The parameters that matter.
        policies: What can happen to images that have annotations.
        never: What is never changed; with ``policy_texts`` it says what happens to them.
        policy_texts: Policy -> what it does, where that is not what it does for other sources.
    """

    id: str
    title: str
    text: str
    detector: str = ""
    masks: bool = True
    own_masks: bool = False
    parameters: frozenset[str] = frozenset()
    policies: tuple[Existing, ...] = EXISTING
    never: str = "Images you have edited are never changed."
    policy_texts: tuple[tuple[Existing, str], ...] = ()

    @property
    def objects_from(self) -> ObjectsFrom:
        """Where the objects of its plans come from, if the mask model draws the masks."""
        return next((value for value in OBJECTS_FROM if value == self.id), "detector")


OBJECT_SOURCES: tuple[ObjectSourceRow, ...] = (
    ObjectSourceRow(
        "detector", "Detector and mask model",
        "The detector finds the objects; the mask model draws a mask in each of its boxes.",
        "Detector", parameters=_ALL,
    ),
    ObjectSourceRow(
        "segmenter", "Segmentation model",
        "A YOLO segmentation model (yolo11n-seg.pt) finds the objects and draws their masks itself.",
        "Segmentation model", masks=False, parameters=_ALL,
    ),
    ObjectSourceRow(
        CONCEPTS, "My labels (open vocabulary)",
        "A YOLOE model looks for your labels, by words and by what you have accepted under them.",
        "Model", own_masks=True, parameters=_ALL,
    ),
    ObjectSourceRow(
        "boxes", "Masks from my boxes",
        "The mask model draws a mask in each box that is there already; its label stays.",
        policies=("skip", "replace"),
        never="All else stays as it is, and so do images you have accepted.",
        policy_texts=(
            ("skip", "Boxes become masks, those you drew included."),
            ("replace", "Boxes become masks, and masks that an earlier run made of boxes are made anew."),
        ),
    ),
)  # fmt: skip
"""The sources, in the order of the dialog."""


def object_source(value: str) -> ObjectSourceRow:
    """The row of this id."""
    return next(row for row in OBJECT_SOURCES if row.id == value)


def source_of(plan: AutoAnnotatePlan) -> ObjectSourceRow:
    """The row of a plan."""
    return object_source(CONCEPTS if plan.concepts else plan.objects_from)


def policy_text(source: ObjectSourceRow, existing: Existing, plan: AutoAnnotatePlan) -> str:
    """What happens to images that have annotations, and what never does."""
    texts = {value: text for value, _, text in POLICIES} | dict(source.policy_texts)
    if plan.replaces:
        texts["replace"] = _OF_ONE_RUN
    never = _ALSO_EDITED if plan.edited and existing == "add" else source.never
    return f"{texts[existing]} {never}"
