"""Commands to undo and redo, and the conditions on the open document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable, Condition

if TYPE_CHECKING:
    from samdesk.ui.editing.session import Session
    from samdesk.ui.editing.undo import UndoController

COMMANDS = CommandTable(
    (
        Command("edit.undo", "Undo",
                "Undo the last prompt, vertex or edit. An edit of another image is shown first.",
                "ph.arrow-u-up-left", "edit", "history", ("Ctrl+Z",), when="undo"),
        Command("edit.redo", "Redo", "Redo the last undone edit.", "ph.arrow-u-up-right",
                "edit", "history", ("Ctrl+Shift+Z", "Ctrl+Y"), when="redo"),
    ),
    (
        Condition("image", "open an image first"),
        Condition("editable", "this dataset is open read-only"),
        Condition("labels", "add a label first"),
        Condition("undo", "nothing to undo"),
        Condition("redo", "nothing to redo"),
    ),
)  # fmt: skip


def bind(actions: Actions, session: Session, undo: UndoController) -> None:
    """Connects the commands to the undo history."""
    model = session.model
    actions.on("edit.undo", undo.undo)
    actions.on("edit.redo", undo.redo)
    actions.title_from("edit.undo", lambda: undo.undo_title)
    actions.title_from("edit.redo", lambda: undo.redo_title)
    actions.condition("image", lambda: model.document is not None)
    actions.condition("editable", lambda: not session.read_only)
    actions.condition("labels", lambda: len(model.labels) > 0)
    actions.condition("undo", lambda: undo.can_undo)
    actions.condition("redo", lambda: undo.can_redo)
    actions.refresh_on(undo.changed, model.document_opened, model.document_changed)
