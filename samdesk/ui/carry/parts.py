"""What carrying works with: the parts of the window, as far as it knows them, and what was carried so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.carry.carried import CarriedAnnotation, CarriedImage
from samdesk.ui.dataset.navigate import NavigateController
from samdesk.ui.editing.session import Session
from samdesk.ui.images.panel import ImagesPanel
from samdesk.ui.kit.messages import Messages
from samdesk.ui.prompting.refits import Refits
from samdesk.workers.inference.client import InferenceClient

MOST_IMAGES = 200
"""Images whose outlines are kept; of more, those carried longest ago are dropped."""


class CarryTools(Protocol):
    """The selection, see ``ToolsController``."""

    @property
    def selection(self) -> frozenset[AnnotationId]:
        """The selected annotations."""

    def select(self, ids: frozenset[AnnotationId]) -> None:
        """Selects annotations."""


@dataclass(frozen=True)
class CarryParts:
    """The parts of the window.

    Attributes:
        session: The open document and its history.
        navigate: Goes to an image.
        images: The film strip, which says what is next.
        canvas: Shows what is doubtful.
        tools: The selection.
        refits: Has shapes redrawn by the mask model.
        inference: Says when there is another one.
        messages: For the user.
        unfinished: Whether there is something that Enter would keep and Esc discard.
        drawing: Whether the user is at work on the image on screen.
        reviewing: Whether a review is in progress.
        review: Starts the review of a search.
    """

    session: Session
    navigate: NavigateController
    images: ImagesPanel
    canvas: CanvasView
    tools: CarryTools
    refits: Refits
    inference: InferenceClient
    messages: Messages
    unfinished: Callable[[], bool]
    drawing: Callable[[], bool]
    reviewing: Callable[[], bool]
    review: Callable[[str], object]

    def notify(self, text: str) -> None:
        """Says why something was not done."""
        self.messages.info(text, key="carry", seconds=8)


class CarriedImages:
    """What was carried to which image while the dataset is open."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._images: dict[ImageKey, CarriedImage] = {}

    def get(self, key: ImageKey) -> CarriedImage | None:
        """What was carried to an image last."""
        return self._images.get(key)

    def keep(self, image: CarriedImage) -> None:
        """Keeps what was carried to an image."""
        self._images.pop(image.key, None)
        self._images[image.key] = image
        while len(self._images) > MOST_IMAGES:
            del self._images[next(iter(self._images))]

    def clear(self) -> None:
        """Forgets everything."""
        self._images.clear()

    @property
    def here(self) -> tuple[CarriedImage, ImageDocument] | None:
        """What was carried to the image on screen, and its document; None: nothing was."""
        document = self._session.model.document
        image = None if document is None else self._images.get(document.key)
        return None if image is None or document is None else (image, document)

    @property
    def pending(self) -> tuple[CarriedAnnotation, ...]:
        """What was carried to the image on screen and is not decided about."""
        here = self.here
        return () if here is None else here[0].pending(here[1])
