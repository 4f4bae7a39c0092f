"""The plan of an auto-annotate run: models, thresholds, classes, and what happens to annotated images."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from samdesk.batch.concepts import PlannedConcept
from samdesk.settings.parameters import PARAMETERS, DetectionParameters

if TYPE_CHECKING:  # the command line shows the plan's defaults, and its help needs no numpy
    from samdesk.domain.document import ImageKey

Existing: TypeAlias = Literal["skip", "add", "replace"]
EXISTING: tuple[Existing, ...] = ("skip", "add", "replace")

ObjectsFrom: TypeAlias = Literal["detector", "segmenter", "boxes"]
OBJECTS_FROM: tuple[ObjectsFrom, ...] = ("detector", "segmenter", "boxes")


@dataclass(frozen=True)
class AutoAnnotatePlan(DetectionParameters):
    """The plan of an auto-annotate run, with the values of all ``DetectionParameters``.

    Raises ``ValueError`` for a number out of range or an empty list of classes.

    Attributes:
        det_model: Detector, name or path ("flint" for the built-in one).
        sam_model: Predictor, name or path ("flint" likewise).
        device: "cuda:0", "mps", "cpu" or "" for the fastest.
        precision: "auto", "fp32", "fp16" or "bf16".
        classes: The detector's class ids to use; None: all.
        class_names: Names of the detector's classes to use, besides ``classes``; empty: as ``classes`` says.
        mapping: Pairs (detector class name, label name). A class that is not listed keeps its own name;
            one that is mapped to "" is not used.
        existing: What happens to images that have annotations: they are skipped ("skip"), new objects are
            added without duplicates ("add"), or annotations of an earlier run that the user has not changed
            are replaced ("replace"; see ``replaces``). An image edited by hand is not changed, unless
            ``edited``.
        keys: The images to annotate; None: all of the dataset.
        objects_from: Where the objects come from: the detector's boxes, in each of which the predictor draws
            a mask ("detector"); a segmentation model with masks of its own ("segmenter"); or the boxes that
            the images are annotated with, without a detector ("boxes").
        class_conf: Pairs (detector class name, minimum confidence), for classes with another one than
            ``conf``.
        replaces: The run in the dataset's store whose annotations "replace" replaces; "": those of all runs.
        concepts: What a detector with an open vocabulary looks for; empty: ``det_model`` has classes of its
            own. Their labels are its classes then.
        edited: With "add": images edited by hand get new objects, too, as the user has asked for these
            images; what is on them stays. In label files there is no such difference.
    """

    det_model: str = "yolov8x.pt"
    sam_model: str = "sam_b.pt"
    device: str = ""
    precision: str = "auto"
    classes: tuple[int, ...] | None = None
    mapping: tuple[tuple[str, str], ...] = ()
    existing: Existing = "skip"
    keys: tuple[ImageKey, ...] | None = None
    class_names: tuple[str, ...] = ()
    objects_from: ObjectsFrom = "detector"
    class_conf: tuple[tuple[str, float], ...] = ()
    replaces: str = ""
    concepts: tuple[PlannedConcept, ...] = ()
    edited: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.classes is not None and (not self.classes or min(self.classes) < 0):
            raise ValueError(f"classes must be class ids, 0 or more, not {list(self.classes)}")
        if self.existing not in EXISTING:
            raise ValueError(f"existing must be one of {', '.join(EXISTING)}, not {self.existing!r}")
        if self.objects_from not in OBJECTS_FROM:
            raise ValueError(
                f"objects_from must be one of {', '.join(OBJECTS_FROM)}, not {self.objects_from!r}"
            )
        if self.edited and self.existing != "add":
            raise ValueError('images edited by hand only get new objects: choose "add" for existing ones')
        self._check_concepts()
        for name, conf in self.class_conf:
            if not 0 <= conf <= 1:  # false for nan, too
                raise ValueError(f"the minimum confidence of {name!r} must be between 0 and 1, not {conf:g}")

    def _check_concepts(self) -> None:
        if not self.concepts:
            return
        if self.objects_from == "boxes":
            raise ValueError("boxes that are there become masks: there is nothing to look for")
        known = set[str]()
        for concept in self.concepts:
            name = " ".join(concept.label.split()).casefold()
            if not name:
                raise ValueError("what is looked for needs a label")
            if name in known:
                raise ValueError(f"the label {concept.label!r} is looked for twice: put its words together")
            known.add(name)

    def parameters(self) -> dict[str, Any]:
        """All that it says but the images, as values that JSON has; see ``from_parameters``."""
        return {row.name: _plain(getattr(self, row.name)) for row in fields(self) if row.name != "keys"}

    @classmethod
    def from_parameters(cls, values: Mapping[str, Any]) -> AutoAnnotatePlan:
        """The plan of ``parameters``, for all images. Raises ``ValueError`` if they are none.

        Parameters that are missing have their default; unknown ones, of a newer samdesk, are left out.
        """
        names = {row.name for row in fields(cls)} - {"keys"}
        for parameter in PARAMETERS:
            value = values.get(parameter.name, parameter.default)
            if isinstance(parameter.default, (int, float)) and not isinstance(value, (int, float)):
                raise ValueError(f"{parameter.name} must be a number, not {value!r}")
        try:
            given = {name: _frozen(value) for name, value in values.items() if name in names}
            concepts = tuple(map(PlannedConcept.from_json, values.get("concepts", ())))
            return cls(**(given | {"concepts": concepts}))
        except (TypeError, AttributeError) as error:
            raise ValueError(f"these are no parameters of a run: {error}") from error

    def used_classes(self, names: Sequence[str]) -> tuple[int, ...]:
        """The class ids that the run uses. Raises ``ValueError`` for one the detector does not have."""
        chosen: Sequence[int] = range(len(names)) if self.classes is None else self.classes
        if self.class_names:
            by_name = [class_id(name, names) for name in self.class_names]
            chosen = sorted({*(self.classes or ()), *by_name})
        unknown = [i for i in chosen if i >= len(names)]
        if unknown:
            raise ValueError(f"the detector has classes 0 to {len(names) - 1}, not {unknown}")
        return tuple(i for i in chosen if self._label_name(names, i))

    def label_names(self, names: Sequence[str]) -> dict[int, str]:
        """Class id -> name of its label, for every class that the run uses. Raises as ``used_classes``."""
        return {i: self._label_name(names, i) for i in self.used_classes(names)}

    def _label_name(self, names: Sequence[str], class_id: int) -> str:
        from samdesk.domain.labels import class_name

        own = class_name(names[class_id], class_id)
        return " ".join(dict(self.mapping).get(names[class_id], own).split())


def _plain(value: Any) -> Any:
    if isinstance(value, PlannedConcept):
        return value.to_json()
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def class_id(name: str, names: Sequence[str]) -> int:
    """The id of a detector's class, whatever the letter case. Raises ``ValueError`` if it has none."""
    known = {own.casefold(): i for i, own in reversed(list(enumerate(names)))}
    found = known.get(name.casefold())
    if found is None:
        close = difflib.get_close_matches(name.casefold(), known, 1)
        hint = f"; did you mean {names[known[close[0]]]!r}?" if close else ""
        raise ValueError(f"the detector has no class {name!r}{hint}")
    return found
