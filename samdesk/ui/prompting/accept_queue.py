"""Objects that were accepted before their mask was predicted."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageKey
from samdesk.domain.labels import LabelId
from samdesk.domain.prompts import PromptSet


@dataclass(frozen=True)
class AcceptedPrompts:
    """One object whose mask is written when it comes.

    Attributes:
        key: The image it is on.
        label_id: The label that was current when it was accepted.
        prompts: The prompts that the user placed.
        request: The same with the mask prompt of the answer before.
        reopened: The annotation it replaces, if any.
    """

    key: ImageKey
    label_id: LabelId
    prompts: PromptSet
    request: PromptSet
    reopened: AnnotationId | None = None


class AcceptQueue:
    """The accepted objects in the order accepted; their masks are requested one after the other.

    The predictor answers the newest prompt only, so the second is requested when the first is answered.

    Attributes:
        token: Of the request for the first one.
    """

    def __init__(self) -> None:
        self._objects: deque[AcceptedPrompts] = deque()
        self.token = 0

    def __len__(self) -> int:
        return len(self._objects)

    @property
    def first(self) -> AcceptedPrompts:
        """The one whose mask is requested now."""
        return self._objects[0]

    def add(self, accepted: AcceptedPrompts) -> bool:
        """Appends one; returns whether it is the first, to be requested at once."""
        self._objects.append(accepted)
        return len(self._objects) == 1

    def take(self) -> AcceptedPrompts:
        """Removes and returns the first one."""
        return self._objects.popleft()

    def clear(self) -> None:
        """Removes all."""
        self._objects.clear()
