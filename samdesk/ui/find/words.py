"""What is said of finding more like these."""

from __future__ import annotations

from samdesk.ui.auto_annotate.scope import Scope

WHERE = {
    Scope.IMAGE: "on this image",
    Scope.FOUND: "in the search result",
    Scope.FOLDER: "in the folder",
}
"""Where objects can be looked for."""
