"""Commands that change the label set; they work on the current label. Its context menu."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint

from samdesk.settings.table import LABEL_GROUPS, Settings
from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.popup import SEPARATOR, context_menu
from samdesk.ui.commands.table import Command, CommandTable, Condition

if TYPE_CHECKING:
    from samdesk.ui.labels.chooser import LabelChooser
    from samdesk.ui.labels.controller import LabelsController
    from samdesk.ui.labels.panel import LabelsPanel

COMMANDS = CommandTable(
    (
        Command("labels.choose", "Choose label",
                "Type a few letters of a label: it is given to the selected annotations, or becomes current.",
                "ph.magnifying-glass", "annotate/label", "labels", ("K", "/"), when="image"),
        Command("labels.rename", "Rename label", "Change the name of the current label.", "ph.pencil-simple",
                "annotate/edit_label", "labels", ("F2",), when="labels editable"),
        Command("labels.recolor", "Change label colour…", "Choose another colour for the current label.",
                "ph.palette", "annotate/edit_label", "labels", when="labels editable"),
        Command("labels.move_up", "Move label up", "Give the current label the class id before its own.",
                "ph.arrow-up", "annotate/edit_label", "labels", ("Alt+Up",),
                when="labels label_above editable"),
        Command("labels.move_down", "Move label down", "Give the current label the class id after its own.",
                "ph.arrow-down", "annotate/edit_label", "labels", ("Alt+Down",),
                when="labels label_below editable"),
        Command("labels.delete", "Delete label…", "Delete the current label, after a question.", "ph.trash",
                "annotate/edit_label", "labels", when="labels editable"),
        Command("labels.hide", "Hide label",
                "Hide or show the annotations of the label or group selected in the Labels panel.",
                "ph.eye-slash", "annotate/edit_label", "labels", ("Ctrl+Shift+H",), when="labels"),
        Command("labels.show_all", "Show all labels", "Show the annotations of every label again.", "ph.eye",
                "annotate/edit_label", "labels", when="hidden_labels"),
        Command("labels.group", "Group labels",
                "Put labels whose names begin alike (car/red, car/blue) below one another, in groups.",
                "ph.folders", "annotate/edit_label", "labels", checkable=True),
    ),
    (
        Condition("label_above", "the current label is the first"),
        Condition("label_below", "the current label is the last"),
        Condition("hidden_labels", "no label is hidden"),
    ),
)  # fmt: skip

CONTEXT_MENU = (
    "labels.rename", "labels.recolor", SEPARATOR, "labels.move_up", "labels.move_down", SEPARATOR,
    "labels.hide", "labels.group", SEPARATOR, "labels.delete",
)  # fmt: skip
"""Commands of the context menu of a label."""


def bind(
    actions: Actions,
    panel: LabelsPanel,
    labels: LabelsController,
    chooser: LabelChooser,
    settings: Settings,
    show_panel: Callable[[], None],
) -> None:
    """Connects the commands to the labels panel.

    Args:
        actions: The commands.
        panel: The labels panel.
        labels: The controller, which says when another label is current.
        chooser: Opens the palette.
        settings: Has whether labels are grouped.
        show_panel: Shows the panel if it is closed or collapsed.
    """

    def rename() -> None:
        show_panel()
        panel.rename_current()

    actions.on("labels.rename", rename)
    actions.on("labels.recolor", panel.recolor_current)
    actions.on("labels.move_up", partial(panel.move_current, -1))
    actions.on("labels.move_down", partial(panel.move_current, 1))
    actions.on("labels.delete", panel.remove_current)
    actions.condition("label_above", partial(panel.can_move, -1))
    actions.condition("label_below", partial(panel.can_move, 1))
    actions.on("labels.choose", chooser.open)
    actions.on("labels.hide", panel.toggle_current)
    actions.title_from("labels.hide", lambda: "Show label" if panel.current_hidden else "")
    actions.on("labels.show_all", lambda: panel.set_hidden((), notify=True))
    actions.condition("hidden_labels", lambda: bool(panel.hidden))
    actions.on("labels.group", lambda grouped: settings.set(LABEL_GROUPS, grouped))
    actions.checked_from("labels.group", lambda: settings.get(LABEL_GROUPS))
    actions.refresh_on(labels.current_changed, panel.hidden_changed)
    panel.menu_requested.connect(lambda place: _show_menu(actions, panel, place))


def _show_menu(actions: Actions, panel: LabelsPanel, place: QPoint) -> None:
    context_menu(actions, CONTEXT_MENU, panel).popup(place)
