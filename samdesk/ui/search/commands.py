"""Commands to find images and annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable, Condition

if TYPE_CHECKING:
    from samdesk.ui.search.controller import SearchController
    from samdesk.ui.search.results import FoundController
    from samdesk.ui.search.saved import SavedSearches

COMMANDS = CommandTable(
    (
        Command("search.find", "Find", "Search the dataset: words, then values, completed as you type.",
                "ph.magnifying-glass", "edit", "find", ("Ctrl+F",), when="dataset"),
        Command("search.next", "Next found", "Open the next annotation that the search has found.",
                "ph.arrow-down", "edit", "find", ("F3",), when="found"),
        Command("search.previous", "Previous found", "Open the annotation found before this one.",
                "ph.arrow-up", "edit", "find", ("Shift+F3",), when="found"),
        Command("search.list", "List found annotations",
                "Show the panel with the annotations that the search has found.", "ph.list-bullets", "edit",
                "find", when="dataset", checkable=True),
        Command("search.clear", "Clear search", "Show all images again, in the order of the dataset.", "ph.x",
                "edit", "find", when="searching"),
        Command("search.save", "Save search", "Keep the search in use with the dataset.",
                "ph.bookmark-simple", "edit", "find", when="searching"),
        Command("search.saved", "Saved searches…", "Rename or delete saved searches.",
                "ph.bookmarks-simple", "edit", "find", when="dataset"),
    ),
    (
        Condition("dataset", "open a folder first"),
        Condition("searching", "search for something first"),
        Condition("found", "the search has found no annotation"),
    ),
)  # fmt: skip


def bind(actions: Actions, search: SearchController, found: FoundController, saved: SavedSearches) -> None:
    """Connects the commands to the search."""
    actions.on("search.find", found.focus_field)
    actions.on("search.next", lambda: found.step(1))
    actions.on("search.previous", lambda: found.step(-1))
    actions.on("search.list", found.set_wanted)
    actions.checked_from("search.list", lambda: found.shown)
    actions.on("search.clear", search.clear)
    actions.on("search.save", saved.save)
    actions.on("search.saved", saved.manage)
    actions.condition("dataset", lambda: search.open)
    actions.condition("searching", lambda: search.active)
    actions.condition("found", lambda: found.any_found)
    actions.refresh_on(search.changed, search.found_changed, found.shown_changed)
