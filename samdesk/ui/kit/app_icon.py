"""The application's own icon."""

from __future__ import annotations

from PySide6.QtGui import QIcon

from samdesk.base.places import resources


def app_icon() -> QIcon:
    """The icon of the window, the welcome page and the about box."""
    return QIcon(str(resources() / "icons" / "samdesk.svg"))
