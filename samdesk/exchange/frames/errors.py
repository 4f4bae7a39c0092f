"""The errors of reading a video and writing its frames."""

from __future__ import annotations

from samdesk.base.errors import UserError


class VideoError(UserError):
    """A video cannot be read, or the folder chosen cannot take its frames."""

    code = "video"


class UnfinishedError(VideoError):
    """Writing has failed on the way; the images written so far are whole, and stay."""

    code = "video-unfinished"
