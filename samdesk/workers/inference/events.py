"""Base classes of the events from the inference thread to the main thread; most are beside their request."""

from __future__ import annotations

from dataclasses import dataclass

from samdesk.workers.failure import Failure


@dataclass(frozen=True, eq=False)
class Event:
    """Posted by the inference thread, handled on the main thread (``InferenceClient.on``)."""


@dataclass(frozen=True, eq=False)
class ImageEvent(Event):
    """About the image on screen; it is dropped once another image is shown.

    Attributes:
        epoch: That of the request it belongs to.
    """

    epoch: int


@dataclass(frozen=True)
class RequestFailed(ImageEvent):
    """A request about the image on screen failed."""

    failure: Failure


@dataclass(frozen=True)
class InferenceNotice(Event):
    """A message for the user."""

    text: str
