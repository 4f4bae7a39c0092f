"""Commands of videos; their rows stand with the other ways to open something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samdesk.ui.commands.actions import Actions

if TYPE_CHECKING:
    from samdesk.ui.frames.controller import VideoController


def bind(actions: Actions, video: VideoController) -> None:
    """Connects the command to the controller."""
    actions.on("file.open_video", video.ask)
