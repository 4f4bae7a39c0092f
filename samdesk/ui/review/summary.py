"""What was done in a review, in numbers, and what can be done next."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import median

from samdesk.base.text import counted, printable
from samdesk.domain.document import ImageDocument
from samdesk.domain.edits import Edit, accept_image
from samdesk.domain.review import AnnotationReview, ImageReview
from samdesk.ui.kit.message_bar import Action
from samdesk.ui.review.parts import Parts
from samdesk.ui.review.queue import ReviewQueue

FLAGGED = "is:flagged"
"""The search for what was flagged."""
_WORDS = {
    AnnotationReview.ACCEPTED: "accepted",
    AnnotationReview.CORRECTED: "corrected",
    AnnotationReview.REJECTED: "rejected",
    AnnotationReview.FLAGGED: "flagged",
}
_KEY = "review"


def summary_text(queue: ReviewQueue) -> str:
    """What was done: "Review finished. 20 accepted, 5 corrected, 2 rejected; 1.4 s each"."""
    counts = queue.counts()
    parts = [f"{counts[review]:,} {word}" for review, word in _WORDS.items() if counts[review]]
    left = queue.visited - len(queue.decided)
    if left > 0:
        parts.append(f"{left:,} left as they are")
    each = f" {median(queue.seconds):.1f} s each (median)." if queue.seconds else ""
    return f"Review finished: {', '.join(parts) or 'nothing was decided'}.{each}"


def show_summary(parts: Parts, queue: ReviewQueue, review: Callable[[str], None]) -> None:
    """Shows what was done in a review and offers what comes next.

    Args:
        parts: The window.
        queue: The review.
        review: Starts a review of a search.
    """
    actions: list[Action] = []
    images = queue.by_image()
    if images:
        actions.append((f"Accept {counted(len(images), 'image')}", partial(_accept_images, parts, queue)))
    if queue.counts()[AnnotationReview.FLAGGED]:
        actions.append(("Review flagged", partial(review, FLAGGED)))
    teach = parts.actions.action("teach.start")
    if teach.isEnabled():
        actions.append(("Teach Flint…", teach.trigger))
    fit = parts.actions.action("fit.start")
    if fit.isEnabled():
        actions.append(("Train a detector…", fit.trigger))
    parts.messages.info(printable(summary_text(queue)), key=_KEY, actions=actions, seconds=0)


def _accept_images(parts: Parts, queue: ReviewQueue) -> None:
    """Accepts the images of a review on which nothing is left to decide, as one step."""
    chosen = queue.by_image()
    parts.session.decide(f"Accept {counted(len(chosen), 'image')}", chosen, _accept_if_reviewed)


def _accept_if_reviewed(document: ImageDocument, _ids: object) -> Edit:
    is_open = any(a.review.is_open for a in document.annotations)
    return Edit() if is_open or document.review is ImageReview.ACCEPTED else accept_image(document)
