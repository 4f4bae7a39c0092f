"""CarryController: carries annotations to the next image, as pending ones to decide about there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from samdesk.base.text import counted
from samdesk.carry import CarriedObject, LeftBehind
from samdesk.domain import edits
from samdesk.domain.annotation import AnnotationId, new_run_id
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.ui.carry.bar import CarryBar
from samdesk.ui.carry.carried import CarriedAnnotation, CarriedImage, Carry, Redrawn, place
from samdesk.ui.carry.deciding import CarriedDecisions
from samdesk.ui.carry.parts import CarriedImages, CarryParts
from samdesk.ui.carry.words import carried_text, details, heading, sentences
from samdesk.ui.prompting.refits import RefitJob
from samdesk.workers.carry import CarryClient, CarryRequest
from samdesk.workers.failure import Failure
from samdesk.workers.group import READER_STOP_MS


@dataclass(eq=False)
class _CarryUnderWay:
    """Where a carry to one or more images is.

    Attributes:
        carry: To the next image.
        number: Of that image, from 1.
        total: How many images it is to.
        proposed: How many annotations it has made so far.
        results: Where the objects are; None: not known yet.
        placed: They are annotations by now.
        objects: Those annotations, and those that were the same objects already.
    """

    carry: Carry
    number: int
    total: int
    proposed: int = 0
    results: Sequence[CarriedObject | LeftBehind] | None = None
    placed: bool = False
    objects: frozenset[AnnotationId] = frozenset()

    @property
    def text(self) -> str:
        """What is being done, for the bar."""
        source, target = self.carry.source.key, self.carry.target
        return f"Carrying {counted(len(self.carry.objects), 'object')} from {source} to {target}…"

    @property
    def place(self) -> str:
        """Which of several images it is at: "image 2 of 5"; "" if it is to one."""
        return f"image {self.number} of {self.total}" if self.total > 1 else ""


class CarryController(QObject):
    """Carries the selected annotations, or all, to the next image, or through the next ones.

    The next image is shown at once. What was carried becomes pending annotations there as soon as it is known
    where the objects are, in one step; then the mask model redraws each of them, which says what is doubtful,
    and is the other outline that the user can choose.

    Attributes:
        decisions: What the user does about what was carried.

    Signals:
        changed: ``live``, ``pending`` or ``carrying`` may have changed.
    """

    changed = Signal()

    def __init__(self, client: CarryClient, parts: CarryParts, bar: CarryBar) -> None:
        super().__init__(bar)
        self._client, self._parts, self._bar = client, parts, bar
        self._images = CarriedImages(parts.session)
        self.decisions = CarriedDecisions(parts, self._images, self)
        self._way: _CarryUnderWay | None = None
        self._redrawing: ImageKey | None = None
        """The image that the mask model is drawing on."""
        self._state: tuple[object, ...] = ()
        self._soon = self._timer(self._go_on)
        self._keys_soon = self._timer(self._notify_changed)
        navigate, model = parts.navigate, parts.session.model
        navigate.key_changed.connect(self._follow_key)
        navigate.leaving.connect(self._leave)
        navigate.image_shown.connect(self._image_shown)
        navigate.failed.connect(self._image_failed)
        # Methods, not functions: they are disconnected when the window is gone, before its workers end.
        model.document_opened.connect(self._follow_opened)
        model.document_changed.connect(self._follow_document)
        parts.inference.model_loaded.connect(self._follow_model)
        bar.closed.connect(self._close_bar)

    def _timer(self, slot: Callable[[], object]) -> QTimer:
        """A timer for what need not be done within the event that is being handled."""
        timer = QTimer(self, singleShot=True, interval=0)
        timer.timeout.connect(slot)
        return timer

    # -- what the window asks

    @property
    def carrying(self) -> bool:
        """Whether objects are being carried just now."""
        return self._way is not None

    @property
    def redrawing(self) -> bool:
        """Whether the mask model is redrawing what was carried to the image on screen, or will."""
        return self._redrawing is not None

    @property
    def pending(self) -> tuple[CarriedAnnotation, ...]:
        """What was carried to the image on screen and is not decided about."""
        return self._images.pending

    @property
    def live(self) -> bool:
        """Whether the keys of carrying come before others: not while Enter would keep something else."""
        busy = self._parts.unfinished() or self._parts.reviewing()
        return (bool(self.pending) or self.carrying) and not busy

    def escape(self) -> None:
        """Cancels a carry in progress, else lets the selection go, else rejects what was carried here."""
        if self.carrying:
            self.cancel()
        else:
            self.decisions.escape()

    # -- carrying

    def carry(self, images: int = 1) -> None:
        """Carries the selected annotations, or all that are shown, to the next image, or through several."""
        if self._parts.session.read_only:
            self._parts.notify("This dataset is open read-only: nothing can be carried to another image.")
        elif self.carrying:
            self._parts.notify("Wait until the objects have been carried, or cancel it with Esc.")
        elif self._parts.reviewing():
            self._parts.notify("End the review first (Esc): it has an order of images of its own.")
        else:
            self._parts.navigate.run_after_masks(partial(self._begin, images))

    def _begin(self, images: int) -> None:
        parts = self._parts
        parts.session.end_run()
        document = parts.session.model.document
        if document is None or document.key != parts.navigate.key:
            return
        chosen = self._chosen()
        wanted = [a for a in document.annotations if not chosen or a.id in chosen]
        objects = tuple(a for a in wanted if chosen or parts.canvas.shape(a.id) is not None)
        target = self._next(document)
        if not objects:
            why = "All annotations of this image are hidden" if wanted else "This image has no annotations"
            parts.notify(f"{why}: there is nothing to carry.")
        elif target is None:
            parts.notify(f"{document.key} is the last image: there is none to carry to.")
        else:
            parts.canvas.setFocus(Qt.FocusReason.OtherFocusReason)  # Enter and Tab are meant for it now
            hidden = len(wanted) - len(objects)
            carry = Carry(document, objects, target, hidden, bool(chosen), new_run_id())
            self._set_out(_CarryUnderWay(carry, 1, images))

    def _chosen(self) -> frozenset[AnnotationId]:
        """The annotations that the user has selected, here or on the image that they were carried from."""
        chosen, here = self._parts.tools.selection, self._images.here
        if here is None or not self.decisions.has_selected(chosen):
            return chosen
        return frozenset(c.id for c in here[0].found) if here[0].chosen else frozenset()

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
        self.decisions.take_view()
        navigate.go(carry.target)
        self.refresh()

    def _receive(self, way: _CarryUnderWay, results: tuple[CarriedObject | LeftBehind, ...]) -> None:
        way.results = results
        self._place(way)

    def _place(self, way: _CarryUnderWay) -> None:
        """Makes annotations of what was found, once the image is on screen."""
        session, carry, results = self._parts.session, way.carry, way.results
        document = session.model.document
        if way is not self._way or way.placed or results is None:
            return
        if document is None or document.key != carry.target:
            return
        source = session.with_labels_shown(carry.source)
        objects = tuple(found for a in carry.objects if (found := source.find(a.id)) is not None)
        before = self._images.get(source.key)
        image, made = place(
            replace(carry, source=source, objects=objects),
            results,
            document,
            session.model.labels,
            frozenset() if before is None else before.settled_by(source),
        )
        way.placed = True
        text = carried_text(len(made), source.key)
        if made and not session.propose(text, edits.add(made), carry.run_id, source.key):
            self._give_up(way, "its annotations have just changed.")
            return
        way.proposed += len(made)
        way.objects = frozenset((*(a.id for a in made), *image.same))
        self._images.keep(image.after(self._images.get(image.key), document))
        self._soon.start()

    def _go_on(self) -> None:
        """Has redrawn what was placed."""
        if self._way is not None and self._way.placed and self._way.total == 1:
            self._way = None
        self._redraw()
        self.refresh()

    def _refuse(self, way: _CarryUnderWay, failure: Failure) -> None:
        if way is self._way:
            self._give_up(way, failure.text)

    def _give_up(self, way: _CarryUnderWay, why: str) -> None:
        self._way = None
        self._parts.notify(f"Nothing was carried to {way.carry.target}: {why}")
        self.refresh()

    # -- the outlines of the mask model

    def _redraw(self) -> None:
        """Has what is pending redrawn by the mask model, unless it was."""
        here = self._images.here
        if here is None or self._redrawing == here[0].key:
            return
        missing = [c for c in self.pending if c.mask is None]
        if not missing:
            self._settle()
            return
        self._redrawing = here[0].key
        self._parts.refits.start(
            [c.result.moved for c in missing],
            with_masks=False,
            progress=lambda _job: None,
            done=partial(self._receive_masks, here[0].key, missing),
        )

    def _receive_masks(self, key: ImageKey, asked: Sequence[CarriedAnnotation], job: RefitJob) -> None:
        self._redrawing = None
        image = self._images.get(key)
        if image is None:
            return
        drawn = zip(asked, job.masks, strict=False)
        masks = {c.id: Redrawn(m.region, m.score, m.stability) for c, m in drawn}
        failed = "" if job.failure is None else f"Not redrawn: {job.failure.what.rstrip('.')}"
        self._images.keep(replace(image.with_masks(masks), failed=failed))
        if not job.stopped:
            self._settle()
        self.refresh()

    def _settle(self) -> None:
        """It is known what is doubtful: shows that, or carries on."""
        way, here = self._way, self._images.here
        if way is None or not way.placed:
            self.decisions.show_doubtful()
            return
        if here is None or here[0].key != way.carry.target:
            return
        image, document = here
        why, target = self._why_stop(image), self._next(document)
        if why or target is None or way.number == way.total:
            self._end(way, image, why)
            return
        objects = tuple(a for a in document.annotations if a.id in way.objects)
        carry = Carry(document, objects, target, 0, way.carry.chosen, way.carry.run_id)
        self._set_out(_CarryUnderWay(carry, way.number + 1, way.total, way.proposed))

    def _why_stop(self, image: CarriedImage) -> str:
        """Why not to carry on from an image, in words; "": there is no reason."""
        if any(c.doubt for c in self.pending) or image.left or image.rejected or image.failed:
            return "Stopped"  # the bar says the rest
        if any(c.mask is None for c in self.pending):
            return "Stopped before all was redrawn"
        return "Stopped, as you are drawing," if self._parts.drawing() else ""

    def _end(self, way: _CarryUnderWay, image: CarriedImage, why: str) -> None:
        """Ends a carry through several images: says where, and offers a review of what it has made."""
        self._way = None
        last = f": {image.key} is the last one" if way.number < way.total else ""
        text = f"{why} at {way.place}" if why else f"Carried to {counted(way.number, 'image')}{last}"
        self._images.keep(replace(image, note=text))
        if way.number > 1:
            review = partial(self._parts.review, f"run:{way.carry.run_id}")
            what = f"{counted(way.proposed, 'carried annotation')} on {counted(way.number, 'image')}"
            self._parts.messages.info(f"{what} to review.", key="carry", actions=[("Review", review)])
        self.decisions.show_doubtful()
        self.refresh()

    def cancel(self) -> None:
        """Ends a carry in progress; what it has made stays."""
        way, self._way = self._way, None
        self._client.drop()
        if way is None:
            return
        here = self._images.here
        if way.placed and here is not None:
            self._end(way, here[0], "Stopped")
        else:
            self._parts.notify(f"Carrying to {way.carry.target} was cancelled.")
        self.refresh()

    # -- following the window

    def reset(self) -> None:
        """Forgets everything: another dataset is open."""
        self._client.drop()
        self._way = self._redrawing = None
        self._images.clear()
        self.refresh()

    def stop(self) -> bool:
        """Ends the thread. Returns False if it is still busy."""
        self._way = None
        return self._client.stop(READER_STOP_MS)

    def _leave(self, left: str) -> None:
        """Another image was requested: of this one the user need not be told again if all is decided."""
        here = self._images.here
        if here is not None and here[0].key == left and not self.pending:
            self._images.keep(replace(here[0], closed=True))
        self.decisions.leave_image()

    def _follow_key(self, key: str) -> None:
        """Cancels a carry if the user goes elsewhere."""
        way = self._way
        if way is not None and key != way.carry.target:
            self._way = None
            self._client.drop()
            if not way.placed:
                self._parts.notify(f"Carrying to {way.carry.target} was cancelled, as you went on.")
        self.refresh()

    def _image_shown(self, _key: str) -> None:
        self.decisions.arrive()
        if self._way is not None:
            self._place(self._way)
        self._soon.start()

    def _image_failed(self, key: str) -> None:
        way = self._way
        if way is not None and key == way.carry.target:
            self._client.drop()
            self._give_up(way, "it cannot be read.")

    def _follow_opened(self, _document: object) -> None:
        self.refresh()

    def _follow_model(self, _info: object) -> None:
        self._soon.start()

    def _follow_document(self, _changes: object) -> None:
        self.decisions.follow_document()
        self.refresh()

    def refresh(self) -> None:
        """Shows what there is to say of the image on screen."""
        here = self._images.here
        reviewing = self._parts.reviewing()  # which has a bar, keys and a spotlight of its own
        pending = () if reviewing else self.pending
        doubtful = frozenset(c.id for c in pending if c.doubt)
        self._parts.canvas.set_checked(frozenset(c.id for c in pending) - doubtful, doubtful)
        if self._way is not None:
            self._show_progress(self._way)
        elif reviewing or here is None or not here[0].is_news(here[1]):
            self._bar.vanish()
        else:
            image, document = here
            self._bar.show_result(
                heading(image, document),
                sentences(details(image, document), self._redraws),
                pending=bool(self.pending),
                some=bool(image.present(document)),
            )
        self.refresh_keys()

    def refresh_keys(self) -> None:
        """Emits ``changed`` soon, if something has changed."""
        self._keys_soon.start()

    def _notify_changed(self) -> None:
        state = (self.live, self.carrying, tuple(c.id for c in self.pending))
        if state != self._state:
            self._state = state
            self.changed.emit()

    def _show_progress(self, way: _CarryUnderWay) -> None:
        here = self._images.here
        text = heading(*here) if way.placed and here is not None else way.text
        self._bar.show_progress(text, sentences(way.place, self._redraws))

    @property
    def _redraws(self) -> str:
        """What the mask model is at on the image on screen, in words."""
        here = self._images.here
        if here is None or self._redrawing != here[0].key:
            return ""
        waits = self._parts.refits.waits_for_model
        return "redrawn as soon as the mask model is loaded" if waits else "redrawing…"

    def _close_bar(self) -> None:
        """The user has read it."""
        here = self._images.here
        if self.carrying:
            self.cancel()
        elif here is not None:
            self._images.keep(replace(here[0], closed=True))
            self.refresh()
