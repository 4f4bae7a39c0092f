"""Adds what is drawn to annotations or takes it away from them: the same rule for every tool that draws.

Shift adds to the selected annotation, Ctrl or Alt takes away from the selected ones. Nothing selected: the
gesture is about the annotation it begins on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import Qt

from samdesk.base.text import counted
from samdesk.domain import edits
from samdesk.domain.annotation import Annotation
from samdesk.domain.edits import Edit
from samdesk.domain.geometry import boolean, regions
from samdesk.domain.geometry.types import Region
from samdesk.ui.canvas.tools.base import Canvas, Pointer, Tool, edit_title
from samdesk.ui.canvas.tools.drags.body import redrawn


class Way(Enum):
    """What happens to a region that was drawn."""

    NEW = "new"
    ADD = "add"
    SUBTRACT = "subtract"


NO_TARGET = {
    Way.NEW: "",
    Way.ADD: "Select the annotation to add to first.",
    Way.SUBTRACT: "Select the annotation to take away from first, or begin on it.",
}
"""Why a gesture with nothing to act on did nothing."""
OUTSIDE = "Nothing changed: it lies outside the image."
EMPTY = "Nothing changed: it encloses no area."


@dataclass(frozen=True)
class Combined:
    """What comes of a region and annotations.

    Attributes:
        text: For the Undo command.
        edit: The change; None: there is none.
        notice: What the user should know; "" if it is plain to see.
    """

    text: str = ""
    edit: Edit | None = None
    notice: str = ""

    def emit_from(self, tool: Tool) -> bool:
        """Has the tool request the edit and give the notice; whether there is an edit."""
        if self.edit is not None:
            tool.edit_requested.emit(self.text, self.edit)
        if self.notice:
            tool.notice.emit(self.notice)
        return self.edit is not None


def way_of(pointer: Pointer) -> Way:
    """What the modifier keys of a press ask for."""
    if pointer.subtracts:
        return Way.SUBTRACT
    return Way.ADD if pointer.has(Qt.KeyboardModifier.ShiftModifier) else Way.NEW


def targets(canvas: Canvas, way: Way, at: tuple[float, float]) -> list[Annotation]:
    """The annotations that a gesture acts on, which begins at a position, image pixels.

    The selected ones that are visible; if nothing is selected, the smallest one there. Of several selected
    ones, adding takes the one under the start only.
    """
    document = canvas.document
    if document is None or way is Way.NEW:
        return []
    chosen = [a for a in document.annotations if a.id in canvas.selection and canvas.shape(a.id) is not None]
    if len(chosen) == 1 or (chosen and way is Way.SUBTRACT):
        return chosen
    under = [i for i in canvas.annotations_at(*at) if i not in canvas.locked]
    found = next((i for i in under if not chosen or i in canvas.selection), None)
    one = None if found is None else document.find(found)
    return [] if one is None else [one]


def added(canvas: Canvas, annotation: Annotation, region: Region, verb: str = "Add to") -> Combined:
    """The annotation united with a region."""
    united = boolean.union(annotation.region, region)
    if united.area - annotation.region.area <= boolean.SLIVER_AREA:
        return Combined(notice="Nothing changed: all of it belongs to the annotation already.")
    changed = redrawn(annotation, united, canvas)
    return Combined(edit_title(verb, 1), None if changed is None else edits.update([changed]))


def taken_away(
    canvas: Canvas, annotations: Sequence[Annotation], region: Region, verb: str = "Take from"
) -> Combined:
    """The annotations without a region; those of which nothing is left are deleted."""
    changed: list[Annotation] = []
    gone: list[Annotation] = []
    for annotation in annotations:
        if not boolean.overlaps(annotation.region, region):
            continue
        left = boolean.subtract(annotation.region, region)
        one = redrawn(annotation, left, canvas) if regions.is_drawable(left) else None
        (gone if one is None else changed).append(annotation if one is None else one)
    if not changed and not gone:
        which = "the annotation" if len(annotations) == 1 else "the selected annotations"
        return Combined(notice=f"Nothing changed: it does not touch {which}.")
    edit = Edit(drop=tuple(a.id for a in gone), put=edits.update(changed).put)
    if not gone:
        return Combined(edit_title(verb, len(changed)), edit)
    what = "the annotation" if len(gone) == 1 else counted(len(gone), "annotation")
    verb = verb if changed else "Delete"
    return Combined(
        edit_title(verb, len(changed) + len(gone)),
        edit,
        f"Nothing is left of {what}: deleted. Undo brings it back.",
    )


def finish(tool: Tool, canvas: Canvas, way: Way, region: Region, at: tuple[float, float]) -> None:
    """Has a tool request what becomes of the outline it has drawn, or say why nothing does.

    Args:
        tool: The tool.
        canvas: Where it was drawn.
        way: What is to become of it.
        region: Valid, and inside the image.
        at: Where it begins, image pixels.
    """
    if not regions.is_drawable(region):
        tool.notice.emit(EMPTY if on_image(canvas, at) else OUTSIDE)
        return
    if way is Way.NEW:
        tool.region_drawn.emit(region)
        return
    found = targets(canvas, way, at)
    if not found:
        tool.notice.emit(NO_TARGET[way])
    elif way is Way.ADD:
        added(canvas, found[0], region).emit_from(tool)
    else:
        taken_away(canvas, found, region).emit_from(tool)


def on_image(canvas: Canvas, at: tuple[float, float]) -> bool:
    """Whether a position lies on the image, image pixels."""
    width, height = canvas.image_size or (0, 0)
    return 0 <= at[0] <= width and 0 <= at[1] <= height
