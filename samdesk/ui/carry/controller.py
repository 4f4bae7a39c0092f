"""CarryController: carries annotations to the next image, as pending ones to decide about there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from PySide6.QtCore import QObject, QTimer, Signal

from samdesk.base.text import counted
from samdesk.carry import CarriedObject, LeftBehind
from samdesk.domain import edits
from samdesk.domain.annotation import AnnotationId, new_run_id
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.carry.bar import CarryBar
from samdesk.ui.carry.carried import CarriedAnnotation, CarriedImage, Carry, Redrawn, place
from samdesk.ui.carry.words import accepted_text, details, heading, rejected_text
from samdesk.ui.dataset.navigate import NavigateController
from samdesk.ui.editing.session import Session
from samdesk.ui.images.panel import ImagesPanel
from samdesk.ui.kit.messages import Messages
from samdesk.ui.prompting.refits import RefitJob, Refits
from samdesk.workers.carry import CarryClient, CarryRequest
from samdesk.workers.failure import Failure
from samdesk.workers.inference.client import InferenceClient

MOST_IMAGES = 200
"""Images whose outlines are kept; of more, those carried longest ago are dropped."""
_KEY = "carry"


class CarryTools(Protocol):
    """The tools and the selection, see ``ToolsController``."""

    @property
    def selection(self) -> frozenset[AnnotationId]:
        """The selected annotations."""

    def select(self, ids: frozenset[AnnotationId]) -> None:
        """Selects annotations."""

    def show(self, annotation_id: AnnotationId) -> None:
        """Selects an annotation and shows it with its surroundings."""


@dataclass(frozen=True)
class CarryParts:
    """What carrying works with.

    Attributes:
        session: The open document and its history.
        navigate: Goes to an image.
        images: The film strip, which says what is next.
        canvas: Shows what is doubtful.
        tools: The selection.
        refits: Has shapes drawn anew by the mask model.
        inference: Says when there is another one.
        messages: For the user.
        unfinished: Whether there is something that Enter would keep and Esc discard.
        drawing: Whether the user is at work on the image on screen.
        reviewing: Whether a review is in progress.
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


@dataclass(eq=False)
class _CarryUnderWay:
    """Where a carry to one or more images is.

    Attributes:
        carry: To the next image.
        number: Of that image, from 1.
        total: How many images it is to.
        results: Where the objects are; None: not known yet.
        placed: They are annotations by now.
    """

    carry: Carry
    number: int
    total: int
    results: Sequence[CarriedObject | LeftBehind] | None = None
    placed: bool = False


class CarryController(QObject):
    """Carries the selected annotations, or all, to the next image, or through the next ones.

    The next image is shown at once. What was carried becomes pending annotations there as soon as it is known
    where the objects are, in one step; the mask model then draws each of them anew, which says what is
    doubtful, and is the other outline that the user can choose.

    Signals:
        changed: ``live``, ``pending`` or ``carrying`` may have changed.
    """

    changed = Signal()

    def __init__(self, client: CarryClient, parts: CarryParts, bar: CarryBar) -> None:
        super().__init__(bar)
        self._client, self._parts, self._bar = client, parts, bar
        self._way: _CarryUnderWay | None = None
        self._images: dict[ImageKey, CarriedImage] = {}
        self._redrawing: ImageKey | None = None
        """The image that the mask model is drawing on."""
        self._at: AnnotationId | None = None
        """The doubtful annotation that was shown last."""
        self._next_doubt = QTimer(self, singleShot=True, interval=0)
        self._next_doubt.timeout.connect(self._show_doubtful)
        navigate, model = parts.navigate, parts.session.model
        navigate.key_changed.connect(self._follow_key)
        navigate.leaving.connect(self._leave)
        navigate.image_shown.connect(self._image_shown)
        navigate.failed.connect(self._image_failed)
        model.document_opened.connect(lambda _document: self.refresh())
        model.document_changed.connect(lambda _changes: self._follow_document())
        parts.inference.model_loaded.connect(lambda _info: self._redraw())
        bar.closed.connect(self.close_bar)

    # -- what the window asks

    @property
    def carrying(self) -> bool:
        """Whether objects are being carried just now."""
        return self._way is not None

    @property
    def pending(self) -> tuple[CarriedAnnotation, ...]:
        """What was carried to the image on screen and is not decided about."""
        image, document = self._here()
        return () if image is None or document is None else image.pending(document)

    @property
    def live(self) -> bool:
        """Whether the keys of carrying are to come before others: not while the user draws."""
        return (bool(self.pending) or self.carrying) and not self._parts.unfinished()

    # -- carrying

    def carry(self, images: int = 1) -> None:
        """Carries the selected annotations, or all that are shown, to the next image, or through several."""
        if self._parts.session.read_only:
            self._notify("This dataset is open read-only: nothing can be carried to another image.")
        elif self.carrying:
            self._notify("Wait until the objects have been carried, or cancel it with Esc.")
        elif self._parts.reviewing():
            self._notify("End the review first (Esc): it has an order of images of its own.")
        else:
            self._parts.navigate.run_after_masks(partial(self._begin, images))

    def _begin(self, images: int) -> None:
        self._parts.session.end_run()
        document = self._parts.session.model.document
        if document is None or document.key != self._parts.navigate.key:
            return
        chosen = self._parts.tools.selection
        wanted = [a for a in document.annotations if not chosen or a.id in chosen]
        objects = [a for a in wanted if chosen or self._parts.canvas.shape(a.id) is not None]
        if not objects:
            why = "All annotations of this image are hidden" if wanted else "This image has no annotations"
            self._notify(f"{why}: there is nothing to carry.")
            return
        target = self._next(document)
        if target is None:
            self._notify(f"{document.key} is the last image: there is none to carry to.")
            return
        hidden = len(wanted) - len(objects)
        carry = Carry(document, tuple(objects), target, hidden, bool(chosen), new_run_id())
        self._set_out(_CarryUnderWay(carry, 1, images))

    def _next(self, document: ImageDocument) -> ImageKey | None:
        """The image after one, in the order of the film strip."""
        return next(iter(self._parts.images.ahead(document.key, 1, 1)), None)

    def _set_out(self, way: _CarryUnderWay) -> None:
        """Goes to the next image and has the objects looked for there."""
        carry, navigate = way.carry, self._parts.navigate
        self._way = way
        request = CarryRequest(
            navigate.folder / carry.source.key,
            navigate.folder / carry.target,
            tuple((a.id, a.region) for a in carry.objects),
            partial(self._receive, way),
            partial(self._refuse, way),
        )
        self._client.carry(request)
        navigate.go(carry.target)
        self.refresh()

    def _receive(self, way: _CarryUnderWay, results: tuple[CarriedObject | LeftBehind, ...]) -> None:
        way.results = results
        self._place(way)

    def _place(self, way: _CarryUnderWay) -> None:
        """Makes annotations of what was found, once the image is on screen."""
        session, carry = self._parts.session, way.carry
        document = session.model.document
        waits = way is not self._way or way.placed or way.results is None
        if waits or document is None or document.key != carry.target or way.results is None:
            return
        source = session.with_labels_shown(carry.source)
        objects = tuple(found for a in carry.objects if (found := source.find(a.id)) is not None)
        carry = replace(carry, source=source, objects=objects)
        image, made = place(carry, way.results, document, session.model.labels)
        way.placed = True
        self._keep(image)
        if made:
            text = f"Carry {counted(len(made), 'object')} from {carry.source.key}"
            session.propose(text, edits.add(made), carry.run_id)
        if way.total == 1:
            self._way = None
        self.refresh()
        self._redraw()

    def _refuse(self, way: _CarryUnderWay, failure: Failure) -> None:
        if way is self._way:
            self._way = None
            self._notify(f"Nothing was carried to {way.carry.target}: {failure.text}")
            self.refresh()

    # -- the outlines of the mask model

    def _redraw(self) -> None:
        """Has what is pending drawn by the mask model, unless it was."""
        image, document = self._here()
        if image is None or document is None or self._redrawing == image.key:
            return
        missing = [c for c in image.pending(document) if c.mask is None]
        if not missing:
            self._settle()
            return
        self._redrawing = image.key
        self._parts.refits.start(
            [c.result.moved for c in missing],
            with_masks=False,
            progress=lambda _job: None,
            done=partial(self._receive_masks, image.key, missing),
        )
        self.refresh()

    def _receive_masks(self, key: ImageKey, asked: Sequence[CarriedAnnotation], job: RefitJob) -> None:
        self._redrawing = None
        image = self._images.get(key)
        if image is None:
            return
        drawn = zip(asked, job.masks, strict=False)
        masks = {c.id: Redrawn(m.region, m.score, m.stability) for c, m in drawn}
        failed = "" if job.failure is None else f"Not drawn anew: {job.failure.what.rstrip('.')}"
        self._keep(replace(image.with_masks(masks), note=failed))
        if not job.stopped:
            self._settle()
        self.refresh()

    def _settle(self) -> None:
        """It is known what is doubtful: shows that, or carries on."""
        way = self._way
        if way is None or not way.placed:
            self._show_doubtful()
            return
        image, document = self._here()
        if image is None or document is None or image.key != way.carry.target:
            return
        self._way = None
        why, target = self._why_stop(image, document), self._next(document)
        if why or target is None or way.number == way.total:
            self._stop_at(why, way, image)
            return
        ids = {*(c.id for c in image.found), *image.same}
        objects = tuple(a for a in document.annotations if a.id in ids)
        carry = Carry(document, objects, target, 0, way.carry.chosen, way.carry.run_id)
        self._set_out(_CarryUnderWay(carry, way.number + 1, way.total))

    def _why_stop(self, image: CarriedImage, document: ImageDocument) -> str:
        """Why not to carry on from an image, in words; "": there is no reason."""
        if any(c.doubt for c in image.pending(document)) or image.left or image.rejected or image.note:
            return "Stopped"  # the bar says the rest
        if any(c.mask is None for c in image.pending(document)):
            return "Stopped before all was drawn anew"
        return "Stopped, as you are drawing" if self._parts.drawing() else ""

    def _stop_at(self, why: str, way: _CarryUnderWay, image: CarriedImage) -> None:
        """Notes on the image where a carry through several has ended."""
        if why:
            text = f"{why} at image {way.number} of {way.total}"
        else:
            last = f": {image.key} is the last one" if way.number < way.total else ""
            text = f"Carried to {counted(way.number, 'image')}{last}"
        self._keep(replace(image, note=". ".join(filter(None, (text, image.note)))))
        self._show_doubtful()
        self.refresh()

    # -- deciding

    def accept(self) -> None:
        """Accepts what was carried to this image, but what is hidden."""
        image, document = self._here()
        seen = [c.id for c in self.pending if self._parts.canvas.shape(c.id) is not None]
        if image is None or document is None or not seen:
            return
        self._at = None
        if self._parts.session.edit(accepted_text(len(seen)), edits.accept(document, seen)):
            self._parts.tools.select(frozenset(seen if image.chosen else ()))

    def escape(self) -> None:
        """Cancels a carry in progress, else lets the selection go, else rejects what was carried here."""
        if self.carrying:
            self.cancel()
        elif self._parts.tools.selection:
            self._parts.tools.select(frozenset())
        else:
            self.reject()

    def reject(self) -> None:
        """Rejects what was carried to this image and is not decided about."""
        _, document = self._here()
        ids = [c.id for c in self.pending]
        if document is not None and ids:
            self._at = None
            self._parts.session.edit(rejected_text(len(ids)), edits.reject(document, ids))

    def cancel(self) -> None:
        """Ends a carry in progress; what it has made stays."""
        way, self._way = self._way, None
        self._client.drop()
        if way is not None and not way.placed:
            self._notify(f"Carrying to {way.carry.target} was cancelled.")
        elif way is not None and (image := self._images.get(way.carry.target)) is not None:
            self._stop_at("Stopped", way, image)
        self.refresh()

    def swap(self) -> None:
        """Swaps the moved outline and that of the mask model, of the selected annotations or of all."""
        _, document = self._here()
        chosen = self._parts.tools.selection
        carried = [c for c in self.pending if not chosen or c.id in chosen]
        if document is None or not carried:
            return
        known = {a.id: a for a in document.annotations}
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
            self._notify(self._why_no_other(carried))

    def _why_no_other(self, carried: Sequence[CarriedAnnotation]) -> str:
        if any(c.mask is None for c in carried):
            if self._parts.refits.waits_for_model:
                return "The mask model is not loaded yet: there is the moved outline only."
            return "The mask model has not drawn this yet: there is the moved outline only."
        if all(c.result.redrawn is None for c in carried):
            return "The mask model finds no object here: there is the moved outline only."
        return "You have edited the outline since it was carried: it was left as it is."

    # -- following the window

    def _here(self) -> tuple[CarriedImage | None, ImageDocument | None]:
        """What was carried to the image on screen, and its document."""
        document = self._parts.session.model.document
        return (None, None) if document is None else (self._images.get(document.key), document)

    def _keep(self, image: CarriedImage) -> None:
        self._images.pop(image.key, None)
        self._images[image.key] = image
        while len(self._images) > MOST_IMAGES:
            del self._images[next(iter(self._images))]

    def reset(self, _dataset: object = None) -> None:
        """Forgets everything: another dataset is open."""
        self._client.drop()
        self._way = self._redrawing = self._at = None
        self._images.clear()
        self.refresh()

    def stop(self) -> bool:
        """Ends the thread. Returns False if it is still busy."""
        self._way = None
        return self._client.stop()

    def _leave(self, left: str) -> None:
        """Another image was requested: of this one the user need not be told again if all is decided."""
        image, document = self._here()
        if image is not None and document is not None and image.key == left and not image.pending(document):
            self._keep(replace(image, closed=True))
        self._at = None

    def _follow_key(self, key: str) -> None:
        """Cancels a carry if the user goes elsewhere."""
        way = self._way
        if way is not None and key != way.carry.target:
            self._way = None
            self._client.drop()
            if not way.placed:
                self._notify(f"Carrying to {way.carry.target} was cancelled, as you went on.")
        self.refresh()

    def _image_shown(self, _key: str) -> None:
        if self._way is not None:
            self._place(self._way)
        self._redraw()
        self.refresh()

    def _image_failed(self, key: str) -> None:
        way = self._way
        if way is not None and key == way.carry.target:
            self._way = None
            self._client.drop()
            self._notify(f"Nothing was carried: {key} cannot be read.")
            self.refresh()

    def _follow_document(self) -> None:
        if self._at is not None and self._at not in {c.id for c in self.pending}:
            self._at = None
            self._next_doubt.start()  # whatever was decided selects the next annotation first
        self.refresh()

    def _show_doubtful(self) -> None:
        """Shows the first doubtful annotation, unless the user is doing something else."""
        doubtful = [c.id for c in self.pending if c.doubt]
        others = self._parts.tools.selection - {c.id for c in self.pending}
        if doubtful and not self._parts.drawing() and not others and doubtful[0] != self._at:
            self._at = doubtful[0]
            self._parts.tools.show(doubtful[0])

    def refresh(self) -> None:
        """Shows what there is to say of the image on screen."""
        image, document = self._here()
        way = self._way
        pending = () if image is None or document is None else image.pending(document)
        self._parts.canvas.set_doubtful(frozenset(c.id for c in pending if c.doubt))
        if way is not None and not (way.placed and image is not None):
            self._bar.show_progress(*_progress(way))
        elif image is None or document is None or not image.is_news(document):
            self._bar.vanish()
        else:
            more = self._waits() if self._redrawing == image.key else ""
            detail = ". ".join(filter(None, (details(image, document), more)))
            some = bool(image.present(document))
            self._bar.show_result(heading(image, document), detail, pending=bool(pending), some=some)
        self.changed.emit()

    def _waits(self) -> str:
        waits = self._parts.refits.waits_for_model
        return "Redrawn as soon as the mask model is loaded" if waits else "Redrawing…"

    def close_bar(self) -> None:
        """Hides the bar: the user has read it."""
        image, _ = self._here()
        if self.carrying:
            self.cancel()
        elif image is not None:
            self._keep(replace(image, closed=True))
            self.refresh()

    def _notify(self, text: str) -> None:
        self._parts.messages.info(text, key=_KEY, seconds=8)


def _progress(way: _CarryUnderWay) -> tuple[str, str]:
    carry = way.carry
    what = f"Carrying {counted(len(carry.objects), 'object')} from {carry.source.key} to {carry.target}…"
    return what, f"Image {way.number} of {way.total}" if way.total > 1 else ""
