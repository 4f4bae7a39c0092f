"""Commands to undo and redo, and the conditions on the open document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable, Condition

if TYPE_CHECKING:
    from samdesk.ui.editing.session import Session

COMMANDS = CommandTable(
    (
        Command("edit.undo", "Undo", "Undo the last edit, also on another image.", "ph.arrow-u-up-left",
                "edit", "history", ("Ctrl+Z",), when="undo"),
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


def bind(actions: Actions, session: Session) -> None:
    """Connects the commands to the undo history."""
    history, model = session.history, session.model
    actions.on("edit.undo", session.undo)
    actions.on("edit.redo", session.redo)
    actions.title_from("edit.undo", lambda: f"Undo {history.undo_text}".strip())
    actions.title_from("edit.redo", lambda: f"Redo {history.redo_text}".strip())
    actions.condition("image", lambda: model.document is not None)
    actions.condition("editable", lambda: not session.read_only)
    actions.condition("labels", lambda: len(model.labels) > 0)
    actions.condition("undo", lambda: history.can_undo and not session.read_only)
    actions.condition("redo", lambda: history.can_redo and not session.read_only)
    actions.refresh_on(history.changed, model.document_opened, model.document_changed)
