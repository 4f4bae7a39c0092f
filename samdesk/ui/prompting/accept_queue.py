"""Masks that were accepted before they were there."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageKey
from samdesk.domain.labels import LabelId
from samdesk.domain.prompts import PromptSet


@dataclass(frozen=True)
class Accepted:
    """One object whose mask is kept when it comes.

    Attributes:
        key: The image it is on.
        label_id: The label that was current when it was accepted.
        prompts: What the user placed.
        asked: The same with the mask that goes back into the decoder.
        reopened: The annotation it takes the place of, if any.
    """

    key: ImageKey
    label_id: LabelId
    prompts: PromptSet
    asked: PromptSet
    reopened: AnnotationId | None = None


class AcceptedQueue:
    """The accepted objects in the order accepted; the predictor is asked for one at a time.

    The predictor answers the newest prompt only, so a second object is not asked for before the first has
    its answer.
    """

    def __init__(self) -> None:
        self._objects: deque[Accepted] = deque()
        self.token = 0
        """Of the prediction that answers the first one."""

    def __len__(self) -> int:
        return len(self._objects)

    @property
    def first(self) -> Accepted:
        """The one that is asked for now."""
        return self._objects[0]

    def add(self, accepted: Accepted) -> bool:
        """Puts one at the end; returns whether it is the first, to be asked for at once."""
        self._objects.append(accepted)
        return len(self._objects) == 1

    def take(self) -> Accepted:
        """Takes the first one out."""
        return self._objects.popleft()

    def clear(self) -> None:
        """Forgets all."""
        self._objects.clear()
