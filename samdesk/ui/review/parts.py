"""What the review works with: the parts of the window, as far as it knows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageKey
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.canvas.viewport import Viewport
from samdesk.ui.commands.actions import Actions
from samdesk.ui.dataset.navigate import NavigateController
from samdesk.ui.editing.session import Session
from samdesk.ui.kit.messages import Messages
from samdesk.ui.labels.controller import LabelsController
from samdesk.ui.prompting.annotate import AnnotateController
from samdesk.ui.review.source import SearchSource


class Tools(Protocol):
    """The tools and the selection."""

    reviewing: bool
    """Whether digits relabel the selection with any tool."""

    @property
    def selection(self) -> frozenset[AnnotationId]:
        """The selected annotations."""

    @property
    def tool_id(self) -> str:
        """The tool in use."""

    @property
    def is_idle(self) -> bool:
        """Whether the tool in use has no unfinished work."""

    @property
    def undo_name(self) -> str:
        """What can be undone of what is being drawn; "" if nothing."""

    @property
    def redo_name(self) -> str:
        """What can be redone of what is being drawn; "" if nothing."""

    def select(self, ids: frozenset[AnnotationId]) -> None:
        """Selects annotations."""

    def choose(self, tool_id: str) -> None:
        """Switches to a tool."""

    def complete(self) -> None:
        """Keeps what is being drawn, if it can be."""

    def cancel(self) -> None:
        """Discards what is being drawn."""


@dataclass(frozen=True)
class Parts:
    """The parts of the window."""

    session: Session
    navigate: NavigateController
    tools: Tools
    annotate: AnnotateController
    canvas: CanvasView
    labels: LabelsController
    actions: Actions
    messages: Messages
    source: SearchSource


@dataclass(frozen=True)
class Place:
    """Where the user was before the review.

    Attributes:
        key: The image.
        viewport: What was to be seen of it.
        fitted: Whether that was all of it.
        selection: The selected annotations.
        tool_id: The tool in use.
    """

    key: ImageKey | None
    viewport: Viewport
    fitted: bool
    selection: frozenset[AnnotationId]
    tool_id: str

    @classmethod
    def now(cls, parts: Parts) -> Place:
        """The present place."""
        canvas = parts.canvas
        return cls(
            parts.session.model.key,
            canvas.viewport,
            canvas.fitted,
            parts.tools.selection,
            parts.tools.tool_id,
        )

    def restore(self, parts: Parts) -> None:
        """Shows the place again, on the image it belongs to."""
        if self.fitted:
            parts.canvas.fit()
        else:
            parts.canvas.show_viewport(self.viewport)
        parts.tools.choose(self.tool_id)
        parts.tools.select(self.selection)
