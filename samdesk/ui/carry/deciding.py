"""CarriedDecisions: what the user does about annotations that were carried to the image on screen."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, QTimer

from samdesk.domain import edits
from samdesk.domain.annotation import AnnotationId
from samdesk.ui.carry.borrowed_view import BorrowedView
from samdesk.ui.carry.carried import CarriedAnnotation
from samdesk.ui.carry.parts import CarriedImages, CarryParts
from samdesk.ui.carry.words import accepted_text, rejected_text


class CarriedDecisions(QObject):
    """Accepts, rejects and swaps outlines of what was carried, and shows what is doubtful one by one."""

    def __init__(self, parts: CarryParts, images: CarriedImages, parent: QObject) -> None:
        super().__init__(parent)
        self._parts, self._images = parts, images
        self._at: AnnotationId | None = None
        """The doubtful annotation that was shown last."""
        self._view = BorrowedView(parts.canvas)
        self._next = QTimer(self, singleShot=True, interval=0)
        self._next.timeout.connect(self._go_on)

    def accept(self) -> None:
        """Accepts what was carried to this image, but what is hidden."""
        here, pending = self._images.here, self._images.pending
        seen = [c.id for c in pending if self._parts.canvas.shape(c.id) is not None]
        if here is None or not pending:
            return
        if not seen:
            self._parts.notify("What was carried here is hidden: show it before you accept it.")
            return
        image, document = here
        self._at = None
        if self._parts.session.edit(accepted_text(len(seen)), edits.accept(document, seen)):
            self._parts.tools.select(frozenset(seen if image.chosen else ()))
            self._view.give_back()

    def escape(self) -> None:
        """Lets the selection go, else rejects what was carried to this image and is not decided about."""
        if self._parts.tools.selection:
            self._parts.tools.select(frozenset())
            self._view.give_back()
            return
        here, ids = self._images.here, [c.id for c in self._images.pending]
        if here is not None and ids:
            self._at = None
            self._parts.session.edit(rejected_text(len(ids)), edits.reject(here[1], ids))
            self._view.give_back()

    def swap(self) -> None:
        """Swaps the moved outline and that of the mask model, of the selected annotations or of all."""
        here, chosen = self._images.here, self._parts.tools.selection
        carried = [c for c in self._images.pending if not chosen or c.id in chosen]
        if here is None or not carried:
            return
        known = {a.id: a for a in here[1].annotations}
        back = [c for c in carried if c.shows_redrawn(known[c.id])]
        ahead = [c for c in carried if c not in back]
        new = [other for c in ahead if (other := c.swapped(known[c.id])) is not None]
        text = "Use the outline of the mask model"
        if not new:
            new = [other for c in back if (other := c.swapped(known[c.id])) is not None]
            text = "Use the moved outline"
        if new:
            self._parts.session.propose(text, edits.update(new))
        else:
            self._parts.notify(self._why_no_other(carried))

    def _why_no_other(self, carried: Sequence[CarriedAnnotation]) -> str:
        only = "there is the moved outline only."
        if any(c.mask is None for c in carried):
            if self._parts.refits.waits_for_model:
                return f"The mask model is not loaded yet: {only}"
            return f"The mask model has not redrawn this yet: {only}"
        if all(c.result.redrawn is None for c in carried):
            return f"The mask model finds no object here: {only}"
        return "You have edited the outline since it was carried: it was left as it is."

    # -- what is doubtful

    def show_doubtful(self) -> None:
        """Selects the first doubtful annotation, moved into sight, unless the user is at something else."""
        carried = self._images.pending
        doubtful = [c.id for c in carried if c.doubt]
        others = self._parts.tools.selection - {c.id for c in carried}
        busy = self._parts.drawing() or self._parts.reviewing()
        if doubtful and not others and doubtful[0] != self._at and not busy:
            self._at = doubtful[0]
            self._parts.tools.select(frozenset({doubtful[0]}))
            self._view.show(doubtful[0])

    def has_selected(self, ids: frozenset[AnnotationId]) -> bool:
        """Whether these are selected for being doubtful, not by the user."""
        return self._at is not None and ids == {self._at}

    def follow_document(self) -> None:
        """Goes on if the doubtful annotation was decided about."""
        if self._at is not None and self._at not in {c.id for c in self._images.pending}:
            self._next.start()  # whatever was decided selects the next annotation first

    def leave_image(self) -> None:
        """Another image is shown."""
        self._at = None
        self._next.stop()

    def take_view(self) -> None:
        """Objects are carried to another image: it is to be shown as this one."""
        self._view.take_along()

    def arrive(self) -> None:
        """Another image is on screen."""
        self._view.arrive()

    def _go_on(self) -> None:
        """Shows the next doubtful annotation, or what the user saw before if there is none."""
        self._at = None
        carried = self._images.pending
        if any(c.doubt for c in carried):
            self._parts.tools.select(frozenset())
            self.show_doubtful()
        elif not self._parts.drawing():
            if carried:
                self._parts.tools.select(frozenset())
            self._view.give_back()
