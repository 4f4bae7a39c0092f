"""The parameters of auto-annotate: one row each.

A row gives the name, type, default, range and texts of a parameter. From it come its field in
``AutoAnnotatePlan`` with its check, its option on the command line, its field in the dialog and the setting
that remembers it; ``samdesk.auto_annotate`` lists it once more, as an argument.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

T = TypeVar("T", bool, int, float, str)

_METADATA = "parameter"


@dataclass(frozen=True)
class Parameter:
    """The description of a parameter.

    Attributes:
        title: Its name in the dialog and the settings.
        help: One sentence on what it does.
        usage: Its description on the command line.
        unit: The unit of its number ("px").
        choices: The values it may take, each with its name in the dialog; empty: any.
        minimum: Smallest number that the dialog and the settings offer.
        maximum: Largest number that the dialog and the settings offer.
        step: Step of the arrow buttons.
        off: What the dialog and the settings show for the smallest number, where it means that something is
            not done; "": the number.
        valid: Smallest and largest number that a plan accepts; None: ``minimum`` and ``maximum``.
        name: Its name in the plan, the Python function and the command line; set by ``PARAMETERS``.
        default: Its default, of its type; set by ``PARAMETERS``.
    """

    title: str
    help: str
    usage: str
    unit: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    minimum: float = 0
    maximum: float = 1
    step: float = 1
    off: str = ""
    valid: tuple[float, float] | None = None
    name: str = ""
    default: Any = None

    @property
    def key(self) -> str:
        """The key of the setting that remembers it."""
        return f"auto.{self.name}"

    def check(self, value: object) -> None:
        """Raises ``ValueError`` if a plan must not have this value."""
        if self.choices:
            allowed = [choice for choice, _ in self.choices]
            if value not in allowed:
                raise ValueError(f"{self.name} must be one of {', '.join(allowed)}, not {value!r}")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            low, high = self.valid or (self.minimum, self.maximum)
            if not low <= value <= high:  # false for nan, too
                wanted = f"{low:g} or more" if high == math.inf else f"between {low:g} and {high:g}"
                raise ValueError(f"{self.name} must be {wanted}, not {value:g}")


def _row(default: T, title: str, help: str, usage: str, **options: Any) -> T:  # noqa: A002 - as in Setting
    return field(default=default, metadata={_METADATA: Parameter(title, help, usage, **options)})


@dataclass(frozen=True, kw_only=True)
class DetectionParameters:
    """The values of all parameters; each field is a row of the table."""

    conf: float = _row(
        0.25,
        "Minimum confidence",
        "Less confident detections are dropped.",
        "Minimum confidence.",
        step=0.05,
    )
    iou: float = _row(
        0.45,
        "Overlap (IoU)",
        "If two boxes of a class overlap more than this, only the more confident is kept.",
        "IoU threshold of non-maximum suppression.",
        step=0.05,
    )
    imgsz: int = _row(
        640,
        "Image size",
        "Images are resized to this for detection; larger finds smaller objects but is slower.",
        "Size that images are resized to for detection, in pixels.",
        unit="px",
        minimum=32,
        maximum=8192,
        step=32,
        valid=(1, math.inf),
    )
    max_det: int = _row(
        300,
        "Max. objects per image",
        "The most confident detections are kept, at most this many.",
        "Maximum detections per image.",
        minimum=1,
        maximum=10000,
        step=50,
        valid=(1, math.inf),
    )
    tile: int = _row(
        0,
        "Tiles",
        "Objects are also looked for in tiles of this size, for small objects in large images; 0: whole "
        "images only.",
        "Also look for objects in overlapping tiles of this size, in pixels; 0: whole images only.",
        unit="px",
        maximum=8192,
        step=160,
        off="Whole images",
        valid=(0, math.inf),
    )
    duplicate_iou: float = _row(
        0.0,
        "Overlap across classes",
        "If the masks of two objects of different classes overlap more than this (IoU), only the more "
        "confident object is kept; 0: both are.",
        "IoU of two masks of different classes above which only the more confident object is kept; 0: both "
        "are.",
        step=0.05,
        off="Keep both",
    )

    def __post_init__(self) -> None:
        for parameter in PARAMETERS:
            parameter.check(getattr(self, parameter.name))


PARAMETERS: tuple[Parameter, ...] = tuple(
    replace(row.metadata[_METADATA], name=row.name, default=row.default)
    for row in fields(DetectionParameters)
)
"""All parameters, in the order of the dialog."""
