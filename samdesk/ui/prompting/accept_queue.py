"""AcceptQueue: objects that were accepted before their mask was predicted."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageKey
from samdesk.domain.labels import LabelId
from samdesk.domain.prompts import PromptSet


@dataclass(frozen=True)
class AcceptedPrompts:
    """An accepted object whose mask is not predicted yet.

    Attributes:
        key: The image it is on.
        label_id: The label that was current when it was accepted.
        prompts: The prompts that the user placed.
        request: The same with the previous mask as mask prompt.
        reopened: The annotation it replaces, if any.
    """

    key: ImageKey
    label_id: LabelId
    prompts: PromptSet
    request: PromptSet
    reopened: AnnotationId | None = None


class AcceptQueue:
    """Accepted objects, first in first out; their masks are requested one after the other.

    The predictor answers the newest request only, so the second is sent when the first is answered.

    Attributes:
        token: Token of the request for the first object.
    """

    def __init__(self) -> None:
        self._objects: deque[AcceptedPrompts] = deque()
        self.token = 0

    def __len__(self) -> int:
        return len(self._objects)

    @property
    def first(self) -> AcceptedPrompts:
        """The object whose mask is being predicted."""
        return self._objects[0]

    def add(self, accepted: AcceptedPrompts) -> bool:
        """Appends an object; returns whether it is the first, to be requested at once."""
        self._objects.append(accepted)
        return len(self._objects) == 1

    def take(self) -> AcceptedPrompts:
        """Removes and returns the first object."""
        return self._objects.popleft()

    def take_last(self) -> AcceptedPrompts:
        """Removes and returns the last object."""
        return self._objects.pop()

    def clear(self) -> None:
        """Removes all."""
        self._objects.clear()
