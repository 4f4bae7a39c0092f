"""Commands that find more objects like the selected ones."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from samdesk.ui.auto_annotate.scope import Scope
from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable, Condition
from samdesk.ui.find.words import WHERE

if TYPE_CHECKING:
    from samdesk.ui.find.controller import FindController

_WHEN = "selection editable canvas idle"

COMMANDS = CommandTable(
    (
        Command("find.image", "Find more on this image",
                "Find more objects like the selected ones on this image, under their labels.",
                "ph.target", "annotate/find", "automatic", when=_WHEN),
        Command("find.found", "Find more in the search result",
                "Find more objects like the selected ones on the images that the search has found, except "
                "those you have accepted.",
                "ph.target", "annotate/find", "automatic", when=f"{_WHEN} found_images"),
        Command("find.folder", "Find more in the folder",
                "Find more objects like the selected ones on all images but those you have accepted.",
                "ph.target", "annotate/find", "automatic", when=_WHEN),
        Command("find.again", "Find more like these",
                "Find more objects like the selected ones, where they were looked for last.",
                "ph.target", "annotate/find", "automatic", ("Ctrl+G",), when=_WHEN),
    ),
    (
        Condition("found_images", "the search has found no image"),
    ),
)  # fmt: skip


def bind(actions: Actions, find: FindController) -> None:
    """Connects the commands to the controller."""
    actions.on("find.image", partial(find.find, Scope.IMAGE))
    actions.on("find.found", partial(find.find, Scope.FOUND))
    actions.on("find.folder", partial(find.find, Scope.FOLDER))
    actions.on("find.again", find.find)
    actions.title_from("find.again", lambda: f"Again {WHERE[find.scope]}")
    actions.condition("found_images", lambda: find.scopes.offers(Scope.FOUND))
    actions.refresh_on(find.changed)
