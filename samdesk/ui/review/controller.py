"""ReviewController: one annotation at a time over the result of a search, the most doubtful first."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import monotonic

from PySide6.QtCore import QObject, QTimer, Signal

from samdesk.dataset.search import FoundAnnotation
from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import Changes, ImageDocument, ImageKey
from samdesk.domain.edits import Edit
from samdesk.domain.review import AnnotationReview
from samdesk.domain.search import Search, SearchError, parse
from samdesk.ui.canvas.tools.registry import SEGMENT
from samdesk.ui.commands.table import Context
from samdesk.ui.review.bar import ReviewBar
from samdesk.ui.review.item import item_of
from samdesk.ui.review.parts import Parts, Place
from samdesk.ui.review.queue import ReviewQueue
from samdesk.ui.review.rest import RestDialog
from samdesk.ui.review.summary import show_summary
from samdesk.workers.storage.changes import UndoStep

TO_REVIEW = "state:pending"
"""What is reviewed without a search."""
_IMAGES_AHEAD = 3
_NOTHING = "There is nothing to review: every annotation {what} has been decided about."


class ReviewController(QObject):
    """The review: shows an annotation, takes the user's decision, and goes on to the next.

    What is decided, by whatever command, is seen in the document: the review goes on once the annotation has
    another label or state. A changed outline alone does not go on, so that more strokes can follow.

    Signals:
        changed: The mode, or the annotation under review, has changed.
        finished: (ReviewQueue) there are no more annotations.
    """

    changed = Signal()
    finished = Signal(object)

    def __init__(self, parts: Parts, bar: ReviewBar, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._parts, self._bar = parts, bar
        self.search: Callable[[], str] = lambda: ""
        """Returns the search whose result is reviewed; "": all that is to review."""
        self.narrow: Callable[[Search], Search] = lambda search: search
        """Leaves out of a review what the user has hidden."""
        self._text = ""
        """The search to review next, in place of ``search``."""
        self._queue: ReviewQueue | None = None
        self._active = False
        self._place: Place | None = None
        self._shown: Annotation | None = None
        """The annotation under review as it was last seen; None while it is not on screen."""
        self._since = 0.0
        self._asking = self._waiting = False
        self._decided = self._finishing = self._stepping = False
        self._steps: dict[UndoStep, AnnotationId | None] = {}
        """The steps made in this review, and the annotation under review at that time."""
        self._last_before: UndoStep | None = None
        self._step_there: Callable[[], object] | None = None
        self._returning: Place | None = None
        self._connect()

    def _connect(self) -> None:
        parts = self._parts
        parts.navigate.image_shown.connect(self._image_shown)
        parts.navigate.key_changed.connect(self._image_requested)
        parts.navigate.failed.connect(self._image_failed)
        parts.session.model.document_changed.connect(self._document_changed)
        parts.session.history.changed.connect(self._note_step)
        parts.annotate.prompts_restored.connect(self._stay)
        parts.canvas.space_tapped.connect(self._space_tapped)
        self._bar.flagged.connect(self.flag)

    # -- the mode

    @property
    def active(self) -> bool:
        """Whether the window is in this mode."""
        return self._active

    @property
    def shown(self) -> Annotation | None:
        """The annotation under review, if it is on screen."""
        return self._shown

    @property
    def queue(self) -> ReviewQueue | None:
        """The review that was begun last."""
        return self._queue

    def toggle(self) -> None:
        """Starts a review, or goes on with it; ends it if it is on."""
        if self._active:
            self.leave()
        else:
            self._parts.tools.complete()
            self._parts.navigate.run_after_masks(self.enter)

    def enter(self) -> None:
        """Starts the review of the search, or goes on with it."""
        if self._active or self._parts.session.read_only:
            return
        try:
            search = self.narrow(parse(self._text or self.search() or TO_REVIEW))
        except SearchError as error:
            self._parts.messages.warn(str(error), key="review")
            return
        self._text = ""
        self._place = Place.now(self._parts)
        self._last_before = self._parts.session.history.next_undo()
        self._steps.clear()
        self._active = True
        if self._queue is None or self._queue.search != search:
            self._queue = ReviewQueue(search)
            self._parts.source.count(search, partial(self._receive_count, self._queue))
        else:
            self._queue.search_again()
        self._switch(on=True)
        if self._queue.current is not None:
            self._show()
        else:
            self._next()

    def review(self, text: str) -> None:
        """Starts the review of a search."""
        self._queue = None
        self._text = text
        self.enter()

    def reset(self, _dataset: object = None) -> None:
        """Forgets the review: another dataset is open."""
        if self._active:
            self._end()
        self._queue, self._place = None, None

    def leave(self) -> None:
        """Ends the review and goes back to where it was started; the next one goes on here."""
        place = self._place
        self._end()
        if place is None or place.key is None:
            return
        if self._parts.session.model.key == place.key:
            place.restore(self._parts)
        else:
            self._returning = place
            self._parts.navigate.go(place.key)

    def escape(self) -> None:
        """Discards what is being drawn, else puts the tool away, else ends the review."""
        if self._parts.annotate.has_prompts or not self._parts.tools.is_idle:
            self._parts.tools.cancel()
        elif self._parts.tools.tool_id != SEGMENT.id:
            self._parts.tools.choose(SEGMENT.id)
        else:
            self.leave()

    def _end(self) -> None:
        self._active = False
        self._leave_item()
        self._step_there = None
        self._waiting = False
        self._switch(on=False)

    def _switch(self, *, on: bool) -> None:
        parts = self._parts
        parts.tools.reviewing = on
        parts.actions.set_mode(Context.REVIEW if on else None)
        parts.navigate.neighbours = self._images_ahead if on else None
        self._bar.note.drop()
        self._bar.setVisible(on)
        if on:
            parts.tools.choose(SEGMENT.id)
        self.changed.emit()

    # -- what the user does

    def accept(self) -> None:
        """Accepts the annotation as it is, or the corrected mask."""
        self._settle()
        if self._shown is None:
            return
        if self._parts.annotate.is_refining or not self._parts.tools.is_idle:
            self._finishing = True
            self._parts.tools.complete()
            if self._decided or self._parts.annotate.mask_pending:
                self._settle()
                return
            self._finishing = False
            if self._parts.annotate.is_refining:
                return  # there is no mask to keep
        if self._shown.review.is_accepted:
            self._decided = True
        else:
            self._edit("Accept", edits.accept)
        self._settle()

    def reject(self) -> None:
        """Rejects the annotation."""
        self._settle()
        if self._shown is not None:
            self._parts.tools.cancel()
            self._edit("Reject", edits.reject)
            self._settle()

    def ask_note(self) -> None:
        """Asks for a note; the answer flags the annotation."""
        self._settle()
        if self._shown is not None:
            self._bar.ask_note()

    def flag(self, note: str) -> None:
        """Flags the annotation."""
        self._settle()
        if self._shown is not None:
            self._parts.tools.complete()
            self._edit("Flag", partial(edits.flag, note=note))
            self._settle()

    def skip(self) -> None:
        """Goes on without a decision."""
        self._settle()
        if self._active:
            self._decided = True
            self._settle()

    def back(self) -> None:
        """Goes back to the annotation before."""
        self._settle()
        if self._queue is not None and self._queue.back():
            self._leave_item()
            self._show()

    def accept_rest(self) -> None:
        """Offers to accept all that is left and good enough."""
        if self._active and self._queue is not None:
            dialog = RestDialog(self._parts, self._queue.search, self._bar.window())
            dialog.accepted_all.connect(self._rest_accepted)
            dialog.open()

    def _rest_accepted(self, chosen: dict[ImageKey, list[AnnotationId]]) -> None:
        if self._queue is not None:
            self._queue.note_rest(chosen)
            self._queue.search_again()
            self._search_ahead()

    def undo(self) -> bool:
        """Undoes the last step of the review and goes back to its annotation; False: nothing to do here."""
        return self._walk_history("undo")

    def redo(self) -> bool:
        """Redoes the step undone last, and goes on; False: nothing to do here."""
        return self._walk_history("redo")

    def _edit(self, verb: str, make: Callable[[ImageDocument, list[AnnotationId]], Edit]) -> None:
        document, annotation = self._parts.session.model.document, self._shown
        if document is not None and annotation is not None:
            name = self._parts.labels.name(annotation.label_id)
            edit = make(document, [annotation.id])
            if edit:
                self._parts.session.edit(f"{verb} {name}", edit)
            else:
                self._decided = True

    # -- undo

    def _walk_history(self, which: str) -> bool:
        session, queue = self._parts.session, self._queue
        if not self._active or queue is None:
            return False
        self._settle()
        undoes = which == "undo"
        if self._parts.tools.undo_name if undoes else self._parts.tools.redo_name:
            return False
        step = session.history.next_undo() if undoes else session.history.next_redo()
        if step is None:
            return False
        if step not in self._steps:
            self._parts.messages.info(
                "What you did before this review can be undone once it has ended.", key="review"
            )
            return True
        run = session.undo if undoes else session.redo
        visit = self._steps[step]
        here = self._shown is not None and self._shown.id == visit
        if visit is None or here or not queue.return_to(visit):
            self._run_step(run, goes_on=not undoes)
        else:
            self._leave_item()
            self._step_there = partial(self._run_step, run, goes_on=not undoes)
            self._show()
        return True

    def _run_step(self, run: Callable[[], object], *, goes_on: bool) -> None:
        self._stepping = not goes_on
        try:
            run()
        finally:
            self._stepping = False
        if not goes_on:
            self._decided = False
            self._arrive()

    def _note_step(self) -> None:
        newest = self._parts.session.history.next_undo()
        if self._active and newest is not None and newest is not self._last_before:
            self._steps.setdefault(newest, None if self._shown is None else self._shown.id)

    # -- going on

    def _settle(self) -> None:
        """Goes on if the annotation has been decided about."""
        if not self._decided or not self._active:
            return
        self._decided = False
        self._leave_item()
        self._next()

    def _leave_item(self) -> None:
        if self._shown is not None and self._queue is not None:
            self._queue.note_time(monotonic() - self._since)
        self._shown = None
        self._decided = self._finishing = False
        self._parts.annotate.refine(None)
        self._parts.canvas.set_spotlight(None)
        self._parts.canvas.set_ghosts((), self._parts.labels.labels)

    def _next(self) -> None:
        queue = self._queue
        assert queue is not None
        if queue.forward():
            self._show()
        elif queue.finished:
            self._finish()
        else:
            self._waiting = True
            self._bar.show_text("", "Finding what is to review…")
            self.changed.emit()
        self._search_ahead()

    def _search_ahead(self) -> None:
        queue = self._queue
        if queue is not None and queue.wants_more and not self._asking:
            self._asking = True
            self._parts.source.following(
                queue.search, queue.after, queue.skipped, partial(self._receive, queue)
            )

    def _receive(self, queue: ReviewQueue, found: FoundAnnotation | None) -> None:
        self._asking = False
        if queue is not self._queue:
            self._search_ahead()
            return
        queue.add(found)
        if self._active and self._waiting:
            if queue.forward():
                self._waiting = False
                self._show()
            elif queue.finished:
                self._waiting = False
                self._finish()
        elif self._active and found is not None:
            self._parts.navigate.prefetch_neighbours()
        self._search_ahead()

    def _receive_count(self, queue: ReviewQueue, count: int) -> None:
        queue.total = max(queue.total, count)
        self._update_bar()

    def _finish(self) -> None:
        queue = self._queue
        assert queue is not None
        if queue.visited:
            queue.end()
            self.leave()
            self.finished.emit(queue)
            show_summary(self._parts, queue, self.review)
        else:
            self.leave()
            what = "of the search" if str(queue.search) != TO_REVIEW else "of this dataset"
            self._parts.messages.info(_NOTHING.format(what=what), key="review")
        self._queue = None

    def _images_ahead(self) -> list[ImageKey]:
        return [] if self._queue is None else self._queue.images_ahead(_IMAGES_AHEAD)

    # -- the annotation on screen

    def _show(self) -> None:
        found = None if self._queue is None else self._queue.current
        if found is None:
            return
        if self._parts.session.model.key == found.image == self._parts.navigate.key:
            self._arrive()
            return
        self._bar.show_text(self._count_text(), "Reading the image…")
        self.changed.emit()
        self._parts.navigate.go(found.image)

    def _image_shown(self, key: str) -> None:
        if self._returning is not None:
            place, self._returning = self._returning, None
            if place.key == key and not self._active:
                place.restore(self._parts)
        found = None if self._queue is None else self._queue.current
        if self._active and found is not None and found.image == key and self._shown is None:
            self._arrive()

    def _image_requested(self, key: str) -> None:
        """Ends the review if the user has chosen another image."""
        self._returning = None if self._returning is None or self._returning.key != key else self._returning
        found = None if self._queue is None else self._queue.current
        if self._active and (found is None or found.image != key):
            self._end()

    def _image_failed(self, key: str) -> None:
        """Goes on if the image cannot be shown."""
        found = None if self._queue is None else self._queue.current
        if self._active and found is not None and found.image == key:
            self._decided = True
            QTimer.singleShot(0, self._settle)

    def _arrive(self) -> None:
        found = None if self._queue is None else self._queue.current
        annotation = None if found is None else self._find(found.id)
        if found is None or annotation is None:
            self._decided = True  # it has gone
            QTimer.singleShot(0, self._settle)
            return
        canvas, rejected = self._parts.canvas, annotation.review is AnnotationReview.REJECTED
        self._shown = annotation
        self._since = monotonic()
        canvas.set_ghosts((annotation,) if rejected else (), self._parts.labels.labels)
        self._parts.tools.select(frozenset() if rejected else frozenset({annotation.id}))
        canvas.set_spotlight(annotation.id)
        canvas.zoom_around(annotation.id)
        self._parts.annotate.refine(None if rejected else annotation.id)
        self._update_bar()
        self.changed.emit()
        if self._step_there is not None:
            run, self._step_there = self._step_there, None
            run()

    def _find(self, annotation_id: AnnotationId) -> Annotation | None:
        document = self._parts.session.model.document
        if document is None:
            return None
        return next((a for a in document.all_annotations if a.id == annotation_id), None)

    def _update_bar(self) -> None:
        annotation, document = self._shown, self._parts.session.model.document
        found = None if self._queue is None else self._queue.current
        if annotation is None or document is None or found is None:
            return
        self._bar.show_item(item_of(document, annotation, found, self._parts.labels, self._count_text()))

    def _count_text(self) -> str:
        queue = self._queue
        return "" if queue is None else f"{queue.position:,} of {max(queue.total, queue.position):,}"

    def _document_changed(self, changes: Changes) -> None:
        before = self._shown
        if not self._active or before is None or not (changes.geometry or changes.rejected):
            return
        now = self._find(before.id)
        if now == before:
            return
        assert self._queue is not None
        self._queue.note(before.id, AnnotationReview.REJECTED if now is None else now.review)
        if now is not None:
            self._shown = now
        if self._stepping:
            return
        reshaped = now is not None and now.region != before.region
        self._decided = not reshaped or self._finishing
        if self._decided:
            QTimer.singleShot(0, self._settle)  # after what made the change has ended
        else:
            self._update_bar()

    def _space_tapped(self) -> None:
        """Space is the canvas's own key. The Segment tool has accepted a corrected mask by it already."""
        if self._active and self._shown is not None:
            if self._parts.annotate.mask_pending or self._decided:
                self._finishing = True
            else:
                self.accept()

    def _stay(self) -> None:
        self._finishing = False
