"""ExportPlan: what is exported, and how; it can be remembered as a preset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeAlias, get_args

from samdesk.domain.document import ImageKey
from samdesk.exchange.exporting.errors import ExportError

ExportScope: TypeAlias = Literal["all", "accepted", "search", "keys"]
"""All images; those accepted as a whole; those that a search finds; those named."""
States: TypeAlias = Literal["not-rejected", "accepted"]
"""Annotations in whatever state but rejected; only those that the user has accepted."""
Keep: TypeAlias = Literal["keep", "drop"]
ImageFiles: TypeAlias = Literal["copy", "hardlink", "symlink", "leave"]
"""How images get into the export; "leave": they stay where they are, and the export names them there."""

MOST_PIXELS = 100_000
"""The largest size of a tile or an image, pixels."""
MOST_OVERLAP = 0.9


@dataclass(frozen=True)
class LabelChoice:
    """A label of the dataset that is exported.

    Attributes:
        name: Its name in the dataset.
        target: Its name in the export; labels with the same are merged.
    """

    name: str
    target: str


@dataclass(frozen=True)
class ExportPlan:
    """What is exported, and how.

    Attributes:
        format_id: The format.
        options: Values of its options, by their id; those not given have their default.
        scope: Which images.
        search: For the scope "search".
        keys: For the scope "keys".
        states: Which annotations.
        labels: The labels exported, in the order of their class ids in the export; (): all, as they are.
        renamed: Other names for labels, where ``labels`` is empty; those with the same are merged.
        min_area: Smaller annotations are left out, pixels of the exported image.
        crowds: Whether annotations that stand for many objects are exported.
        empty: Whether images, and tiles, without annotations are exported: examples of the background.
        images: How images get into the export.
        resize: The longer side of the exported images, pixels; smaller ones stay as they are. 0: no change.
        tile: The side of the square tiles that images are cut into, pixels; 0: they are not.
        overlap: Of neighbouring tiles, as a share of their side.
        min_share: Of its area an annotation has to have in a tile; less is left out.
        splits: Whether the splits of images are kept.
        train_size: Longer side of the images as the trainer sees them; 0: the dataset's.
    """

    format_id: str = "yolo-seg"
    options: tuple[tuple[str, str], ...] = ()
    scope: ExportScope = "all"
    search: str = ""
    keys: tuple[ImageKey, ...] = ()
    states: States = "not-rejected"
    labels: tuple[LabelChoice, ...] = ()
    renamed: tuple[LabelChoice, ...] = ()
    min_area: float = 0.0
    crowds: Keep = "keep"
    empty: Keep = "keep"
    images: ImageFiles = "copy"
    resize: int = 0
    tile: int = 0
    overlap: float = 0.2
    min_share: float = 0.2
    splits: bool = True
    train_size: int = 0

    @property
    def changes_pixels(self) -> bool:
        """Whether images are resized or cut into tiles, and so written anew."""
        return self.resize > 0 or self.tile > 0

    def check(self) -> None:
        """Raises ``ExportError`` if a value is out of range or two of them contradict each other."""
        for name, kind in _CHOICES.items():
            if getattr(self, name) not in get_args(kind):
                allowed = ", ".join(get_args(kind))
                raise ExportError(f"{getattr(self, name)!r} is no value of {name!r}.", next=f"Use {allowed}.")
        for name, low, high in _RANGES:
            if not low <= getattr(self, name) <= high:
                raise ExportError(f"{name!r} is {getattr(self, name)}.", next=f"Use {low:g} to {high:g}.")
        for name in ("tile", "resize"):
            if 0 < getattr(self, name) < 16:
                raise ExportError(f"{name!r} is {getattr(self, name)} pixels.", next="Use 16 or more.")
        if self.changes_pixels and self.images != "copy":
            raise ExportError(
                "Images that are resized or cut into tiles are new files.", next="Let images be copied."
            )
        if self.scope == "search" and not self.search.strip():
            raise ExportError("There is no search whose result could be exported.", next="Enter one.")
        if any(not choice.target.strip() for choice in (*self.labels, *self.renamed)):
            raise ExportError("A label has no name in the export.", next="Enter one, or leave the label out.")

    def to_json(self) -> dict[str, Any]:
        """Returns the values that differ from the defaults, for a preset or a report."""
        default = ExportPlan()
        changed = {f.name for f in fields(self) if getattr(self, f.name) != getattr(default, f.name)}
        values = {name: value for name, value in asdict(self).items() if name in changed | {"format_id"}}
        if "options" in values:
            values["options"] = dict(self.options)
        for name in ("labels", "renamed"):
            if name in values:
                values[name] = [[choice.name, choice.target] for choice in getattr(self, name)]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ExportPlan:
        """Returns the plan that ``to_json`` gave; what is unknown or of a wrong type has its default."""
        default = cls()
        known: dict[str, Any] = {}
        for field in fields(cls):
            value = values.get(field.name)
            read = _READ.get(field.name, lambda v: v)
            if value is None:
                continue
            try:
                value = read(value)
            except (TypeError, ValueError, AttributeError):
                continue
            here = getattr(default, field.name)
            if isinstance(here, float) and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)
            if type(value) is type(here):
                known[field.name] = value
        plan = cls(**known)
        try:
            plan.check()
        except ExportError:
            return cls(format_id=plan.format_id)
        return plan


def _choices(value: Any) -> tuple[LabelChoice, ...]:
    return tuple(LabelChoice(str(name), str(target)) for name, target in value)


_CHOICES: dict[str, Any] = {
    "scope": ExportScope, "states": States, "crowds": Keep, "empty": Keep, "images": ImageFiles
}  # fmt: skip
_RANGES: tuple[tuple[str, float, float], ...] = (
    ("min_area", 0, 1e12),
    ("resize", 0, MOST_PIXELS),
    ("tile", 0, MOST_PIXELS),
    ("overlap", 0, MOST_OVERLAP),
    ("min_share", 0, 1),
    ("train_size", 0, MOST_PIXELS),
)
_READ: dict[str, Any] = {
    "options": lambda value: tuple((str(k), str(v)) for k, v in value.items()),
    "keys": lambda value: tuple(ImageKey(str(key)) for key in value),
    "labels": _choices,
    "renamed": _choices,
}
