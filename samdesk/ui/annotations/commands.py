"""Commands of tools, prompts and annotations, and the context menu of annotations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.popup import SEPARATOR, Submenu, context_menu
from samdesk.ui.commands.table import Command, CommandTable, Condition

if TYPE_CHECKING:
    from samdesk.ui.annotations.compare import CompareController
    from samdesk.ui.annotations.decisions import DecisionsController
    from samdesk.ui.annotations.panel import AnnotationsPanel
    from samdesk.ui.annotations.tools import ToolsController
    from samdesk.ui.prompting.annotate import AnnotateController
    from samdesk.ui.prompting.everything import EverythingController

_DIGITS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

COMMANDS = CommandTable(
    (
        Command("edit.select_all", "Select all", "Select every annotation of this image.", "ph.selection-all",
                "edit", "selection", ("Ctrl+A",), when="image"),
        Command("edit.duplicate", "Duplicate", "Duplicate the selected annotations.", "ph.copy",
                "edit", "selection", ("Ctrl+D",), when="selection editable canvas"),
        Command("edit.delete", "Delete",
                "Delete the selected annotations and go on to the next one.", "ph.trash", "edit", "selection",
                ("Del", "Backspace"), when="selection editable canvas"),
        Command("view.zoom_selected", "Zoom to selection",
                "Zoom to the selected annotations; the same key goes back.", "ph.corners-out", "view", "zoom",
                ("Shift+F",), when="selection canvas"),
        Command("prompt.accept", "Accept mask", "Keep the mask with the current label.", "ph.check",
                "annotate/mask", "prompt", ("E", "Return", "Enter"), when="proposal"),
        Command("prompt.undo", "Undo last prompt", "Remove the last point or box.", "ph.arrow-arc-left",
                "annotate/mask", "prompt", ("Z",), when="prompt"),
        Command("prompt.clear", "Clear prompts", "Discard the mask and all its prompts.", "ph.x-circle",
                "annotate/mask", "prompt", ("Esc",), when="prompt"),
        Command("annotation.next", "Next annotation", "Select the next annotation of this image.",
                "ph.arrow-down", "annotate", "annotation", ("N",), when="annotations"),
        Command("annotation.previous", "Previous annotation", "Select the previous annotation of this image.",
                "ph.arrow-up", "annotate", "annotation", ("Shift+N",), when="annotations"),
        Command("annotation.accept", "Accept annotation",
                "Accept the selected annotations as they are and go on to the next one.",
                "ph.check-circle", "annotate", "annotation", ("Shift+E",),
                when="selection pending editable canvas"),
        Command("view.compare", "Before and after",
                "Show what the last change of the selected annotations, or the open mask, changes.",
                "ph.columns", "view", "show", ("U",), when="image", checkable=True),
        Command("annotation.reject", "Reject annotation",
                "Reject the selected annotations: they leave the image and its label file, and are not "
                "proposed again.", "ph.x-circle", "annotate", "annotation", ("X",),
                when="selection editable canvas"),
        Command("annotation.flag", "Flag annotation",
                "Flag the selected annotations to look at them again; again: not any more.", "ph.flag",
                "annotate", "annotation", ("Ctrl+Shift+F",),
                when="selection editable canvas", checkable=True),
        Command("annotation.show_rejected", "Show rejected",
                "List and outline the annotations of this image that you have rejected.", "ph.prohibit",
                "annotate", "annotation", ("Shift+X",), when="image", checkable=True),
        Command("annotation.restore", "Bring back rejected",
                "Bring back the rejected annotation selected in the list, else the last one.",
                "ph.arrow-u-down-left", "annotate", "annotation", ("Ctrl+Shift+X",),
                when="rejected editable canvas"),
        Command("annotation.reopen_in_sam", "Edit mask", "Refine the selected annotation with more prompts.",
                "ph.arrows-clockwise", "annotate", "annotation", ("Shift+S",),
                when="one_selected editable canvas"),
        Command("vertex.delete", "Delete vertex", "Delete the vertex that you right-clicked.",
                "ph.minus-circle", "annotate", "vertex", when="vertex editable"),
        Command("vertex.insert", "Insert vertex", "Insert a vertex into the edge that you right-clicked.",
                "ph.plus-circle", "annotate", "vertex", when="edge editable"),
        Command("annotation.relabel", "Relabel", "Change the label of the selected annotations.",
                "ph.tag", "annotate", "annotation", when="selection labels editable canvas"),
        Command("annotation.hide", "Hide selected", "Hide the selected annotations, or show them again.",
                "ph.eye-slash", "annotate", "annotation", when="selection canvas"),
        *(
            Command(f"label.{n}", f"Label {n}",
                    f"Use label {n} for new annotations, or assign it to the selected ones.",
                    f"ph.number-circle-{digit}", "annotate/label", "labels", (str(n),), when="labels")
            for n, digit in enumerate(_DIGITS, start=1)
        ),
    ),
    (
        Condition("selection", "select an annotation first"),
        Condition("one_selected", "select exactly one annotation first"),
        Condition("pending", "the selected annotations are already accepted"),
        Condition("rejected", "there are no rejected annotations on this image"),
        Condition("vertex", "right-click a vertex of the selected annotation first"),
        Condition("edge", "right-click an edge of the selected annotation first"),
        Condition("annotations", "there are no annotations on this image"),
        Condition("prompt", "place a point or a box first"),
        Condition("proposal", "there is no mask to accept"),
    ),
)  # fmt: skip

CONTEXT_MENU = (
    "annotation.relabel", "annotation.reopen_in_sam", "mask.tighten", "annotation.accept",
    "annotation.reject", "annotation.flag", "edit.delete", SEPARATOR,
    Submenu("Shape", (
        "operation.merge", "operation.intersect", "operation.subtract_neighbours",
        "operation.neighbours_yield", SEPARATOR, "operation.tidy", "operation.grow", "operation.shrink",
        "operation.adjust",
    )),
    Submenu("Find more like these", ("find.image", "find.found", "find.folder", SEPARATOR, "find.again")),
    "edit.cut", "edit.copy", "edit.paste", "carry.next",
    Submenu("Track", ("track.show", SEPARATOR, "track.split", "track.leave")),
    Submenu("Arrange", (
        "annotation.lock", "annotation.solo", SEPARATOR, "annotation.raise",
        "annotation.lower", "annotation.to_top", "annotation.to_bottom",
    )),
    SEPARATOR, "annotation.hide", "view.zoom_selected", "edit.select_all",
)  # fmt: skip
"""Commands of the context menu of annotations, on the canvas and in the panel."""

VERTEX_MENUS = {"vertex": ("vertex.delete", SEPARATOR), "edge": ("vertex.insert", SEPARATOR), "": ()}
"""What comes first in the context menu of a vertex or an edge on the canvas."""


def bind(
    actions: Actions,
    panel: AnnotationsPanel,
    tools: ToolsController,
    annotate: AnnotateController,
    everything: EverythingController,
    compare: CompareController,
    decisions: DecisionsController,
    label_by_index: Callable[[int], object],
) -> None:
    """Connects the commands to the tools, the selection and the prompts."""
    _bind_selection(actions, panel, tools)
    _bind_decisions(actions, decisions)
    _bind_prompts(actions, tools, annotate, everything)
    actions.on("view.compare", compare.toggle)
    actions.action("view.compare").setAutoRepeat(False)
    actions.checked_from("view.compare", lambda: compare.shown)
    actions.refresh_on(compare.changed)
    for spec in tools.toolbox.specs:
        actions.on(spec.command_id, _ignore_checked(partial(tools.choose, spec.id)))
    command_ids = {spec.id: spec.command_id for spec in tools.toolbox.specs}
    tools.tool_changed.connect(lambda tool_id: actions.set_checked(command_ids[tool_id], True))
    for index in range(len(_DIGITS)):
        actions.on(f"label.{index + 1}", partial(label_by_index, index))
    panel.menu_requested.connect(lambda place: _show_menu(actions, panel, place))
    tools.menu_requested.connect(lambda place: _show_menu(actions, panel, place, tools.select_tool.menu_on))


def _bind_selection(actions: Actions, panel: AnnotationsPanel, tools: ToolsController) -> None:
    actions.on("edit.select_all", tools.select_all)
    actions.on("edit.duplicate", tools.duplicate_selected)
    actions.on("annotation.accept", tools.accept_selected)
    actions.on("annotation.next", partial(tools.step, 1))
    actions.on("annotation.previous", partial(tools.step, -1))
    actions.on("view.zoom_selected", tools.zoom_to_selection)
    actions.on("annotation.reopen_in_sam", tools.reopen_selected)
    actions.on("annotation.hide", panel.toggle_selected)
    actions.title_from("annotation.hide", lambda: "Show selected" if panel.selection_hidden else "")
    actions.action("annotation.relabel").setMenu(panel.relabel_menu)
    actions.condition("selection", lambda: bool(tools.selection))
    actions.condition("one_selected", lambda: len(tools.selection) == 1)
    actions.condition("pending", lambda: tools.can_accept)
    actions.on("vertex.delete", tools.select_tool.delete_menu_vertex)
    actions.on("vertex.insert", tools.select_tool.insert_menu_vertex)
    actions.condition("vertex", lambda: tools.select_tool.menu_on == "vertex")
    actions.condition("edge", lambda: tools.select_tool.menu_on == "edge")
    actions.condition("annotations", lambda: tools.document is not None and bool(tools.document.annotations))
    actions.refresh_on(
        tools.select_tool.menu_changed, tools.selection_changed, tools.tool_changed, panel.visibility_changed
    )


def _bind_decisions(actions: Actions, decisions: DecisionsController) -> None:
    actions.on("edit.delete", decisions.delete)
    actions.on("annotation.reject", decisions.reject)
    actions.on("annotation.flag", _ignore_checked(decisions.flag))
    actions.on("annotation.show_rejected", decisions.show_rejected)
    actions.on("annotation.restore", decisions.restore)
    actions.checked_from("annotation.flag", lambda: decisions.flagged)
    actions.checked_from("annotation.show_rejected", lambda: decisions.rejected_shown)
    actions.condition("rejected", lambda: decisions.rejected)
    actions.refresh_on(decisions.changed)


def _bind_prompts(
    actions: Actions, tools: ToolsController, annotate: AnnotateController, everything: EverythingController
) -> None:
    def drawing() -> bool:
        return annotate.has_prompts or not tools.is_idle

    def clear() -> None:
        """Discards what is being drawn, else the masks proposed for the whole image."""
        if drawing():
            tools.cancel()
        else:
            everything.discard()

    actions.on("prompt.accept", tools.finish)
    actions.on("prompt.undo", tools.undo_prompt)
    actions.on("prompt.clear", clear)
    actions.condition("prompt", lambda: drawing() or everything.proposing)
    actions.condition("proposal", drawing)


def _show_menu(actions: Actions, panel: AnnotationsPanel, place: QPoint, on: str = "") -> None:
    context_menu(actions, (*VERTEX_MENUS[on], *CONTEXT_MENU), panel).popup(place)


def _ignore_checked(slot: Callable[[], object]) -> Callable[[bool], object]:
    return lambda _checked: slot()
