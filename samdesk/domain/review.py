"""How far the user has reviewed an annotation and an image."""

from __future__ import annotations

from enum import Enum


class AnnotationReview(str, Enum):
    """Whether the user has accepted an annotation that a model made."""

    PENDING = "pending"
    ACCEPTED = "accepted"


class ImageReview(str, Enum):
    """How far the user has got with an image. An accepted image that is edited stays accepted."""

    UNREVIEWED = "unreviewed"
    """The user has changed nothing; auto-annotate may."""
    EDITED = "edited"
    """Edited by hand; auto-annotate leaves it alone."""
    ACCEPTED = "accepted"
    """Accepted as a whole (Ctrl+Enter): everything not annotated on it is background."""


class ReviewChange(str, Enum):
    """What an edit does to the review state of its image.

    Three of them set a state, which is what undoing an edit needs. ``MARK_EDITED`` raises it, because
    an edit is made without knowing whether its image is accepted by the time it is applied.
    """

    MARK_EDITED = "mark-edited"
    """UNREVIEWED becomes EDITED; EDITED and ACCEPTED stay."""
    SET_UNREVIEWED = "unreviewed"
    SET_EDITED = "edited"
    SET_ACCEPTED = "accepted"

    @classmethod
    def to(cls, state: ImageReview) -> ReviewChange:
        """The change that sets a state, whatever it was."""
        return cls(state.value)

    def apply(self, state: ImageReview) -> ImageReview:
        """The state afterwards."""
        if self is not ReviewChange.MARK_EDITED:
            return ImageReview(self.value)
        return ImageReview.EDITED if state is ImageReview.UNREVIEWED else state
