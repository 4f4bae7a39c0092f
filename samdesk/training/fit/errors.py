"""Why a training of a segmentation model could not begin or go on, in words for the user."""

from __future__ import annotations

from samdesk.base.errors import UserError


class FitError(UserError):
    """A training cannot begin or go on."""

    code = "fit"
