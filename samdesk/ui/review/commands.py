"""Commands of the review."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable, Condition, Context

if TYPE_CHECKING:
    from samdesk.ui.review.controller import ReviewController

COMMANDS = CommandTable(
    (
        Command("review.start", "Review annotations",
                "Review what the search finds, else all that is to review, one annotation at a time, the "
                "most doubtful first; the same key goes back to where you were.",
                "ph.circle-wavy-check", "review", "mode", ("Ctrl+R",), when="folder editable", checkable=True,
                short="Review"),
        Command("review.accept", "Accept and go on",
                "Accept the annotation, or the mask you have corrected, and go on to the next.", "ph.check",
                "review", "decide", ("E", "Space", "Return", "Enter"), when="reviewed",
                context=Context.REVIEW, short="Accept"),
        Command("review.reject", "Reject and go on",
                "Reject the annotation: it leaves the image and its label file, and is not proposed again.",
                "ph.x", "review", "decide", ("X",), when="reviewed", context=Context.REVIEW, short="Reject"),
        Command("review.flag", "Flag and go on",
                "Flag the annotation to look at it again, with a note if you like.", "ph.flag",
                "review", "decide", ("F",), when="reviewed", context=Context.REVIEW, short="Flag"),
        Command("review.skip", "Go on without deciding", "Leave the annotation as it is and go on.",
                "ph.arrow-right", "review", "walk", ("N", "D", "PgDown"), when="reviewing",
                context=Context.REVIEW),
        Command("review.back", "Go back", "Go back to the annotation before.", "ph.arrow-left",
                "review", "walk", ("Backspace", "A", "PgUp", "Shift+N"), when="reviewing",
                context=Context.REVIEW),
        Command("review.rest", "Accept the rest…",
                "Accept all that is left and better than a score or doubt of your choice, as one step.",
                "ph.checks", "review", "rest", ("Shift+R",), when="reviewing", context=Context.REVIEW),
        Command("review.leave", "End the review",
                "Go back to the image and view you came from; the next review goes on here.",
                "ph.sign-out", "review", "mode", ("Esc",), when="reviewing", context=Context.REVIEW),
    ),
    (
        Condition("reviewing", "start a review first"),
        Condition("reviewed", "start a review first, and wait for the image"),
    ),
)  # fmt: skip


def bind(actions: Actions, review: ReviewController) -> None:
    """Connects the commands to the review."""
    actions.on("review.start", lambda _on: review.toggle())
    actions.on("review.accept", review.accept)
    actions.on("review.reject", review.reject)
    actions.on("review.flag", review.ask_note)
    actions.on("review.skip", review.skip)
    actions.on("review.back", review.back)
    actions.on("review.rest", review.accept_rest)
    actions.on("review.leave", review.escape)
    for decides in ("review.accept", "review.reject", "review.flag"):
        actions.action(decides).setAutoRepeat(False)  # a key held down decides about one annotation
    actions.checked_from("review.start", lambda: review.active)
    actions.condition("reviewing", lambda: review.active)
    actions.condition("reviewed", lambda: review.shown is not None)
    actions.refresh_on(review.changed)
