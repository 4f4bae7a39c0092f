"""How far the user has reviewed an annotation and an image."""

from __future__ import annotations

from enum import Enum


class AnnotationReview(str, Enum):
    """What the user has decided about an annotation."""

    PENDING = "pending"
    """Proposed by a model; the user has not decided yet."""
    ACCEPTED = "accepted"
    """Accepted as it was proposed, or made by the user."""
    CORRECTED = "corrected"
    """Proposed by a model, and accepted with another region or label."""
    REJECTED = "rejected"
    """Wrong: neither shown nor written to a label file, and not proposed again by a later run."""
    FLAGGED = "flagged"
    """To be looked at again."""

    @property
    def is_accepted(self) -> bool:
        """Whether the annotation is part of the dataset by the user's decision."""
        return self in (AnnotationReview.ACCEPTED, AnnotationReview.CORRECTED)

    @property
    def is_open(self) -> bool:
        """Whether a decision is still to be made."""
        return self in (AnnotationReview.PENDING, AnnotationReview.FLAGGED)


class ImageReview(str, Enum):
    """How far the user has got with an image. One that is accepted or flagged stays so when it is edited."""

    UNREVIEWED = "unreviewed"
    """The user has changed nothing; auto-annotate may."""
    EDITED = "edited"
    """Edited by hand; auto-annotate leaves it alone."""
    FLAGGED = "flagged"
    """To be looked at again; auto-annotate leaves it alone."""
    ACCEPTED = "accepted"
    """Accepted as a whole (Ctrl+Enter): everything not annotated on it is background."""


class ReviewChange(str, Enum):
    """What an edit does to the review state of its image.

    All but one set a state, which is what undoing an edit needs. ``MARK_EDITED`` raises it, because
    an edit is made without knowing whether its image is accepted by the time it is applied.
    """

    MARK_EDITED = "mark-edited"
    """UNREVIEWED becomes EDITED; the others stay."""
    SET_UNREVIEWED = "unreviewed"
    SET_EDITED = "edited"
    SET_FLAGGED = "flagged"
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
