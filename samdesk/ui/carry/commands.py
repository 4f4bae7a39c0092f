"""Commands that carry annotations to the next image, and decide about them there."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable, Condition, Context

if TYPE_CHECKING:
    from samdesk.ui.carry.controller import CarryController
    from samdesk.ui.carry.tracks import TracksController

FEW = 5
"""Images that "Carry to the next images" goes through."""

COMMANDS = CommandTable(
    (
        Command("carry.next", "Carry to the next image",
                "Go to the next image with the selected annotations, or all, where the objects are now.",
                "ph.fast-forward", "annotate", "automatic", ("Ctrl+Shift+D",), when="image canvas",
                short="Carry on"),
        Command("carry.few", f"Carry to the next {FEW} images",
                "Carry the selected annotations, or all, from image to image, and stop at the first doubt.",
                "ph.skip-forward", "annotate", "automatic", when="image canvas"),
        Command("carry.accept", "Accept carried annotations",
                "Accept all annotations that were carried to this image.", "ph.check", "annotate/carried",
                "automatic", ("Return", "Enter", "E"), when="carried", context=Context.CARRY,
                short="Accept"),
        Command("carry.swap", "Swap moved and redrawn outline",
                "Swap the outline that was moved along and the one that the mask model has drawn, of the "
                "selected annotations or of all that were carried.", "ph.swap", "annotate/carried",
                "automatic", ("Tab",), when="carried", context=Context.CARRY, short="Swap outlines"),
        Command("carry.reject", "Reject carried annotations",
                "Reject all annotations that were carried to this image; lets a selection go first, and "
                "cancels carrying.", "ph.x-circle", "annotate/carried", "automatic", ("Esc",),
                when="carrying", context=Context.CARRY, short="Reject"),
        Command("track.show", "Show this track",
                "Find the selected object on all images that it was carried to.", "ph.magnifying-glass",
                "annotate/track", "automatic", when="tracked"),
        Command("track.split", "Split track here",
                "The selected object, and what was carried on from here, becomes a track of its own.",
                "ph.git-branch", "annotate/track", "automatic", when="tracked editable"),
        Command("track.leave", "Remove from track",
                "Take the selected object out of its track: it is another one on the other images.",
                "ph.minus-circle", "annotate/track", "automatic", when="tracked editable"),
    ),
    (
        Condition("carried", "carry annotations to this image first"),
        Condition("carrying", "carry annotations to this image first"),
        Condition("tracked", "select an annotation that was carried along first"),
    ),
)  # fmt: skip


def bind(actions: Actions, carry: CarryController, tracks: TracksController) -> None:
    """Connects the commands to the controllers."""
    actions.on("track.show", tracks.show)
    actions.on("track.split", tracks.split)
    actions.on("track.leave", tracks.leave)
    actions.condition("tracked", lambda: tracks.selected is not None)
    actions.refresh_on(tracks.changed)
    actions.on("carry.next", carry.carry)
    actions.on("carry.few", partial(carry.carry, FEW))
    actions.on("carry.accept", carry.decisions.accept)
    actions.on("carry.swap", carry.decisions.swap)
    actions.on("carry.reject", carry.escape)
    actions.condition("carried", lambda: bool(carry.pending))
    actions.condition("carrying", lambda: bool(carry.pending) or carry.carrying)
    actions.action("carry.swap").setAutoRepeat(False)
    carry.changed.connect(lambda: actions.set_carrying(carry.live))
    actions.refresh_on(carry.changed)
