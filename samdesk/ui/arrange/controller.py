"""ArrangeController: copies, pastes, orders, nudges, locks and isolates the selected annotations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from PySide6.QtCore import QObject, Signal, SignalInstance

from samdesk.base.text import counted
from samdesk.domain import edits, painting_order
from samdesk.domain.annotation import Annotation, AnnotationId, Source
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.geometry.regions import translate
from samdesk.domain.geometry.types import Region
from samdesk.domain.labels import LabelId, LabelSet
from samdesk.ui.arrange.clip import Clip, ClipError, ClippedAnnotation
from samdesk.ui.arrange.clipboard import Clipboard
from samdesk.ui.arrange.paste import Pasted, bounds_around, outcome, pasted
from samdesk.ui.canvas.tools.base import edit_title
from samdesk.ui.canvas.tools.drags.body import shifted
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.editing.session import Session
from samdesk.ui.images.panel import ImagesPanel
from samdesk.ui.kit.messages import Messages
from samdesk.workers.storage.client import StorageClient

_KEY = "arrange"
_ORDERS = {
    "raise": ("Raise", painting_order.raised, "Nothing that they overlap is above the selected annotations."),
    "lower": (
        "Lower",
        painting_order.lowered,
        "Nothing that they overlap is under the selected annotations.",
    ),
    "to_top": ("Raise", painting_order.to_top, "The selected annotations are at the top already."),
    "to_bottom": ("Lower", painting_order.to_bottom, "The selected annotations are at the bottom already."),
}


class HiddenRows(Protocol):
    """The list of annotations, which knows what is hidden."""

    visibility_changed: SignalInstance

    @property
    def hidden(self) -> frozenset[AnnotationId]:
        """The hidden annotations."""

    def show_hidden(self, ids: frozenset[AnnotationId]) -> None:
        """Hides these annotations and shows all others."""


class Snap(Protocol):
    """``SnapController.snap``."""

    def __call__(
        self, shapes: Sequence[tuple[Region, LabelId]], text: str, *, labels: LabelSet | None = None
    ) -> object:
        """Adds regions with their labels as the mask model finds them there, as one step with this text."""


class ArrangeController(QObject):
    """Changes where the selected annotations are, and what can be done to them.

    Attributes:
        snap: Re-prompts the mask model for annotations.

    Signals:
        changed: ``solo``, ``selection_locked`` or ``selection`` may have changed.
        selection_changed: (frozenset of AnnotationId) the selected annotations.
        added: Annotations were pasted or taken over, and are selected.
    """

    changed = Signal()
    selection_changed = Signal(object)
    added = Signal()

    def __init__(
        self,
        session: Session,
        storage: StorageClient,
        canvas: CanvasView,
        rows: HiddenRows,
        images: ImagesPanel,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._storage, self._canvas = session, storage, canvas
        self._rows, self._images, self._messages = rows, images, messages
        self._clipboard = Clipboard()
        self._cursor: tuple[float, float] | None = None
        self._before_solo: dict[ImageKey, frozenset[AnnotationId]] = {}
        """What was hidden on each image before all but the selected annotations were."""
        self.snap: Snap | None = None
        canvas.cursor_moved.connect(self._note_cursor)
        canvas.selection_changed.connect(self._follow_selection)
        rows.visibility_changed.connect(lambda _ids: self._follow_visibility())
        session.locked.connect(self._show_locked)
        session.locks.changed.connect(lambda _ids: self.changed.emit())
        session.locks.changed.connect(canvas.set_locked)

    @property
    def document(self) -> ImageDocument | None:
        """The document on screen."""
        return self._session.model.document

    @property
    def selection(self) -> frozenset[AnnotationId]:
        """The selected annotations."""
        return self._canvas.selection

    # -- the clipboard

    def copy(self) -> None:
        """Copies the selected annotations to the clipboard."""
        count = self._copy(self._selected())
        if count:
            self._note(f"Copied {counted(count, 'annotation')}.")

    def cut(self) -> None:
        """Copies the selected annotations to the clipboard and removes them."""
        chosen = self._selected()
        if chosen and self._session.edit(edit_title("Cut", len(chosen)), edits.remove(a.id for a in chosen)):
            self._copy(chosen)

    def paste(self) -> None:
        """Adds the annotations of the clipboard where they were copied."""
        self._paste(None)

    def paste_at_cursor(self) -> None:
        """Adds the annotations of the clipboard at the cursor, or in the middle of what is visible."""
        self._paste(self._cursor or self._middle())

    def paste_snapped(self) -> None:
        """Lets the mask model find the annotations of the clipboard near where they were copied."""
        clip = self._taken()
        if clip is not None:
            self._add(clip, "Paste", "Pasted", snapped=True)

    def take_over(self, *, snapped: bool = False) -> None:
        """Adds every annotation of the previous image; with the mask model if ``snapped``."""
        key, document = self._images.previous_key(), self.document
        if document is None or self._session.read_only:
            return
        if key is None:
            self._note("This is the first image: there is none to take annotations over from.")
            return

        def receive(found: ImageDocument) -> None:
            if self._session.model.key == document.key:
                self._take_over(self._session.with_labels_shown(found), snapped=snapped)

        self._storage.ask(
            lambda dataset: dataset.load(key),
            receive,
            lambda failure: self._messages.warn(failure.text, key=_KEY),
            doing="loading the annotations of the previous image",
        )

    def release_clipboard(self) -> None:
        """Leaves what was copied to the system, before the program ends."""
        self._clipboard.release()

    def _take_over(self, found: ImageDocument, *, snapped: bool) -> None:
        if not found.annotations:
            self._note(f"{found.key} has no annotations to take over.")
            return
        clip = self._clip(found.annotations, found)
        self._add(clip, "Take over", "Took over", skip_present=True, snapped=snapped)

    def _copy(self, annotations: Sequence[Annotation]) -> int:
        document = self.document
        if document is not None and annotations:
            self._clipboard.put(self._clip(annotations, document))
        return len(annotations)

    def _clip(self, annotations: Sequence[Annotation], document: ImageDocument) -> Clip:
        labels = {label.id: label for label in self._session.model.labels}
        copied = tuple(
            ClippedAnnotation(label.name, label.color, a.region, a.attributes)
            for a in annotations
            if (label := labels.get(a.label_id)) is not None
        )
        return Clip(copied, document.key, (document.width, document.height))

    def _taken(self) -> Clip | None:
        """The clip on the clipboard; None, and a message, if there is none."""
        try:
            return self._clipboard.take()
        except ClipError as error:
            self._messages.warn(str(error), key=_KEY)
            return None

    def _paste(self, at: tuple[float, float] | None) -> None:
        clip = self._taken()
        if clip is not None:
            self._add(clip, "Paste", "Pasted", at)

    def _add(
        self,
        clip: Clip,
        title: str,
        done: str,
        at: tuple[float, float] | None = None,
        *,
        skip_present: bool = False,
        snapped: bool = False,
    ) -> None:
        """Adds a clip to the image on screen, selects what is added, and says what is not."""
        document = self.document
        if document is None or self._session.read_only:
            return
        made = pasted(clip, document, self._session.model.labels, at, skip_present=skip_present)
        if not made.annotations:
            self._messages.warn(_why_nothing(made, document), key=_KEY)
            return
        text = edit_title(title, len(made.annotations))
        if snapped:
            self._snap(made, text)
            return
        if self._session.edit(text, edits.add(made.annotations), labels=made.labels):
            self._canvas.set_selection(a.id for a in made.annotations)
            self.added.emit()
            self._note(outcome(made, done))

    def _snap(self, made: Pasted, text: str) -> None:
        """Adds annotations with the mask model, and the labels that are missing."""
        if self.snap is None:
            self._messages.warn("Choose a mask model first.", key=_KEY)
            return
        self.snap([(a.region, a.label_id) for a in made.annotations], text, labels=made.labels)

    def _middle(self) -> tuple[float, float]:
        middle = self._canvas.visible_rect().center()
        return middle.x(), middle.y()

    # -- order and place

    def reorder(self, way: str) -> None:
        """Raises or lowers the selected annotations: "raise", "lower", "to_top" or "to_bottom"."""
        document, selection = self.document, self.selection
        if document is None or not selection:
            return
        verb, order, nothing = _ORDERS[way]
        edit = order(document, selection)
        if edit:
            self._session.edit(edit_title(verb, len(selection)), edit)
        else:
            self._note(nothing)

    def nudge(self, dx: int, dy: int) -> None:
        """Moves the selected annotations by pixels, as far as the image reaches."""
        document, chosen = self.document, self._selected()
        if document is None or not chosen:
            return
        free = [a for a in chosen if a.id not in self._session.locks.locked]
        if not free:
            self._session.locked.emit(self.selection)
            return
        x0, y0, x1, y1 = bounds_around(a.region for a in free)
        moved_x = min(max(dx, min(-x0, 0.0)), max(document.width - x1, 0.0))
        moved_y = min(max(dy, min(-y0, 0.0)), max(document.height - y1, 0.0))
        if moved_x or moved_y:
            edit = edits.update(_moved(a, moved_x, moved_y) for a in free)
            self._session.edit_in_run(edit_title("Move", len(free)), edit, "nudge")

    # -- locked, and alone

    @property
    def selection_locked(self) -> bool:
        """Whether annotations are selected and all of them are locked."""
        return bool(self.selection) and self.selection <= self._session.locks.locked

    def toggle_lock(self) -> None:
        """Locks the selected annotations, or unlocks them if all of them are locked."""
        self._session.locks.set_locked(self.selection, locked=not self.selection_locked)

    @property
    def solo(self) -> bool:
        """Whether the other annotations of this image are hidden, see ``toggle_solo``."""
        return self._session.model.key in self._before_solo

    def toggle_solo(self) -> None:
        """Hides all annotations of this image but the selected ones; again: shows what was shown before."""
        document, selection = self.document, self.selection
        if document is None:
            return
        before = self._before_solo.pop(document.key, None)
        if before is not None:
            self._rows.show_hidden(before)
        elif selection:
            self._before_solo[document.key] = self._rows.hidden
            others = {a.id for a in document.annotations} - selection
            self._rows.show_hidden((self._rows.hidden - selection) | others)
        self.changed.emit()

    # -- following the window

    def _selected(self) -> list[Annotation]:
        """The selected annotations, in painting order."""
        document, selection = self.document, self.selection
        return [a for a in document.annotations if a.id in selection] if document and selection else []

    def _note(self, text: str) -> None:
        self._messages.info(text, key=_KEY, seconds=4)

    def _note_cursor(self, place: tuple[float, float] | None) -> None:
        self._cursor = place

    def _follow_selection(self, ids: frozenset[AnnotationId]) -> None:
        self.selection_changed.emit(ids)
        self.changed.emit()

    def _follow_visibility(self) -> None:
        """Ends solo when the user has shown everything again."""
        document = self.document
        if (
            document is not None
            and self.solo
            and not self._rows.hidden & {a.id for a in document.annotations}
        ):
            del self._before_solo[document.key]
            self.changed.emit()

    def _show_locked(self, ids: frozenset[AnnotationId]) -> None:
        text = "This annotation is locked." if len(ids) == 1 else f"{len(ids):,} annotations are locked."
        unlock = lambda: self._session.locks.set_locked(ids, locked=False)  # noqa: E731
        self._messages.warn(f"{text} Nothing was changed.", key=_KEY, actions=[("Unlock", unlock)], seconds=8)


def _moved(annotation: Annotation, dx: float, dy: float) -> Annotation:
    return replace(
        annotation,
        region=translate(annotation.region, dx, dy),
        source=Source.MANUAL,
        prompts=shifted(annotation.prompts, dx, dy),
    )


def _why_nothing(made: Pasted, document: ImageDocument) -> str:
    if made.present and not made.outside:
        return "Nothing was added: all of it is on this image already."
    size = f"{document.width:,} × {document.height:,}"
    return (
        f"Nothing was pasted: it lies outside this image ({size} pixels). "
        "Paste it at the cursor instead (Ctrl+Shift+V)."
    )
