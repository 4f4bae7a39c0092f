"""Commands of segmenting: closer look, preview, mask candidates, and a mask for every object."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from samdesk.settings.table import HOVER_PREVIEW, LOOK_CLOSER, Settings
from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Command, CommandTable, Condition, Context

if TYPE_CHECKING:
    from samdesk.ui.prompting.annotate import AnnotateController
    from samdesk.ui.prompting.corrections import MaskCorrections
    from samdesk.ui.prompting.everything import EverythingController
    from samdesk.ui.prompting.views import ViewsController

COMMANDS = CommandTable(
    (
        Command("view.look_auto", "Look closer automatically",
                "When you zoom in, SAM encodes the part on screen, so that small objects get fine masks.",
                "ph.magnifying-glass", "view", "look", ("Ctrl+L",), when="views", checkable=True,
                checked=True),
        Command("view.look_pin", "Pin the closer look",
                "Keep the closer look in place while you pan and zoom.",
                "ph.push-pin", "view", "look", ("Shift+L",), when="image views", checkable=True),
        Command("view.look_now", "Look closer now",
                "Take a closer look at the part on screen now, even if you have zoomed in only slightly.",
                "ph.crosshair-simple", "view", "look", ("L",), when="image views"),
        Command("view.hover_preview", "Preview under the cursor",
                "Show the mask under the cursor until you click.", "ph.ghost", "view", "show", ("Shift+H",),
                checkable=True, checked=True, short="Preview"),
        Command("candidate.next", "Next candidate", "Show the next mask that fits the prompts.",
                "ph.caret-right", "annotate/mask", "prompt", ("Tab",), when="candidates",
                context=Context.CANVAS),
        Command("candidate.previous", "Previous candidate", "Show the previous mask that fits the prompts.",
                "ph.caret-left", "annotate/mask", "prompt", ("Shift+Tab",), when="candidates",
                context=Context.CANVAS),
        Command("mask.tighten", "Tighten",
                "Fit the selected annotations to the image with the mask model.", "ph.arrows-in-simple",
                "annotate", "annotation", ("T",), when="image canvas"),
        Command("sam.everything", "Segment everything",
                "Propose a mask for every object, to accept one by one or all at once.",
                "ph.circles-three-plus", "annotate", "automatic", ("Ctrl+E",), when="model editable canvas",
                short="Everything"),
    ),
    (Condition("candidates", "there is only one candidate"),),
)  # fmt: skip


def bind(
    actions: Actions,
    settings: Settings,
    annotate: AnnotateController,
    views: ViewsController,
    everything: EverythingController,
    corrections: MaskCorrections,
) -> None:
    """Connects the commands to their controllers and to the settings they switch."""
    actions.on("view.look_auto", partial(settings.set, LOOK_CLOSER))
    actions.on("view.look_pin", views.pin)
    actions.on("view.look_now", views.request_now)
    actions.on("view.hover_preview", partial(settings.set, HOVER_PREVIEW))
    actions.on("candidate.next", partial(annotate.step_candidate, 1))
    actions.on("candidate.previous", partial(annotate.step_candidate, -1))
    actions.on("sam.everything", everything.start)
    actions.on("mask.tighten", corrections.tighten.tighten_selected)
    actions.checked_from("view.look_auto", lambda: settings.get(LOOK_CLOSER))
    actions.checked_from("view.look_pin", lambda: views.pinned)
    actions.checked_from("view.hover_preview", lambda: settings.get(HOVER_PREVIEW))
    actions.condition("candidates", lambda: annotate.candidate_count > 1)
    actions.refresh_on(annotate.changed, views.changed, everything.changed)
    settings.on_change(actions.refresh)
