"""Navigation between images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from samdesk.dataset.queries import early_document
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import accept_image, flag_image, unaccept_image
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.review import ImageReview
from samdesk.images.partial import CoarseImage
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.editing.session import Session
from samdesk.ui.images.panel import ImagesPanel
from samdesk.workers.failure import Failure
from samdesk.workers.images import ImageLoader
from samdesk.workers.inference.client import InferenceClient
from samdesk.workers.storage.client import DatasetChange, StorageClient

BLANK_AFTER_MS = 120
"""The last image stays on screen this long while the next one is read, so that paging does not flicker."""


class NavigateController(QObject):
    """Shows an image: requests its pixels, document and embedding, and prefetches its neighbours.

    Signals:
        image_shown: Key of the image whose pixels and document are now on screen.
        recovered: Key of an image that could not be read before and is on screen now.
        leaving: Key of the image that is on screen no longer, "" if there was none: another one was
            requested.
        key_changed: Key of the image that was requested; "" if the dataset has none.
        failed: Key of the image that was requested and cannot be shown.
    """

    image_shown = Signal(str)
    recovered = Signal(str)
    leaving = Signal(str)
    key_changed = Signal(str)
    failed = Signal(str)

    def __init__(
        self,
        session: Session,
        storage: StorageClient,
        loader: ImageLoader,
        inference: InferenceClient,
        canvas: CanvasView,
        panel: ImagesPanel,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._storage, self._loader = session, storage, loader
        self._inference, self._canvas, self._panel = inference, canvas, panel
        self._folder = Path()
        self._keys: tuple[ImageKey, ...] = ()
        self._requested: ImageKey | None = None
        self._document: ImageDocument | None = None
        self._pixels: RgbImage | None = None
        self._edits_before = 0
        self._newest_load = 0
        self.prefetch = True
        self.mask_pending: Callable[[], bool] = lambda: False
        """Returns whether an accepted mask is being predicted; leaving the image earlier would lose it."""
        self.complete: Callable[[], object] = lambda: None
        """Keeps the mask or outline that is being drawn, if it can be, before the image is accepted."""
        self.neighbours: Callable[[], list[ImageKey]] | None = None
        """The images to read ahead; None: those beside this one in the list."""
        self.spared: Callable[[], frozenset[AnnotationId]] = frozenset
        """Returns the annotations of this image that stay pending when it is accepted: the user does not see
        them."""
        self._deferred: Callable[[], object] | None = None
        self._accept_deferred = False
        self._arriving = False
        self._blank_timer = QTimer(self, singleShot=True, interval=BLANK_AFTER_MS)
        self._blank_timer.timeout.connect(self._show_blank)
        storage.changed.connect(self._follow_store)
        loader.coarse.connect(self._receive_coarse)
        loader.loaded.connect(self._receive_pixels)
        loader.failed.connect(self._show_failure)
        panel.image_chosen.connect(self.go)
        session.image_requested.connect(self._show_changed)

    @property
    def key(self) -> ImageKey | None:
        """The image on screen, or requested."""
        return self._requested

    @property
    def folder(self) -> Path:
        """The dataset's folder."""
        return self._folder

    @property
    def path(self) -> Path | None:
        """The file of the image on screen, or requested."""
        return None if self._requested is None else self._path(self._requested)

    @property
    def keys(self) -> tuple[ImageKey, ...]:
        """All images of the dataset."""
        return self._keys

    def set_blank_delay(self, ms: int) -> None:
        """Sets how long the last image stays on screen while the next one is read, milliseconds."""
        self._blank_timer.setInterval(ms)

    def set_dataset(self, folder: Path, keys: Sequence[ImageKey], start: ImageKey | None) -> None:
        """Shows a dataset at the image ``start``, else at the first."""
        self.leaving.emit(self._requested or "")
        self._folder, self._keys = folder, tuple(keys)
        self._requested = self._deferred = None
        self._accept_deferred = False
        self._session.model.open(None)
        self._panel.set_images(self._keys)
        if not self._keys:
            self.key_changed.emit("")
            self._canvas.set_image(None, None, f"There are no images in {folder}. Open another folder.")
            return
        self.go(start if start in set(self._keys) else self._keys[0])

    def announce(self, text: str) -> None:
        """Shows a text on the canvas while there is no dataset yet."""
        self._canvas.set_image(None, None, text)

    def set_images(self, keys: Sequence[ImageKey]) -> None:
        """Replaces the images of the same dataset; the one on screen stays."""
        self._keys = tuple(keys)
        self._panel.update_images(self._keys)
        if self._requested is None and self._keys:
            self.go(self._keys[0])

    def refresh(self, key: ImageKey) -> None:
        """Reads an image that is shown or requested again: its annotations, and pixels not on screen yet."""
        if key != self._requested:
            return
        if self._session.model.key != key:
            self._loader.load(key, self._path(key))
            self._inference.show_image(key, self._path(key))
        self._load(key)

    def go(self, key: str | None) -> None:
        """Shows an image as soon as its pixels and document are read."""
        self._deferred = None
        if key is None or key == self._requested:
            return
        if self.mask_pending():
            self._deferred = partial(self.go, key)
            return
        self.leaving.emit(self._requested or "")
        self._requested = ImageKey(key)
        self.key_changed.emit(self._requested)
        self._arriving = True
        self._document, self._pixels = None, None
        self._panel.set_current(self._requested)
        self._blank_timer.start()
        path = self._path(self._requested)
        self._loader.load(self._requested, path)
        self._load(self._requested)
        self._inference.show_image(self._requested, path)
        self.prefetch_neighbours()
        self._storage.set_setting("last_image", self._requested)

    def _show_changed(self, key: str) -> None:
        """Shows an image that an undo or redo has changed, or reads it again if it is shown or requested."""
        if key == self._requested:
            self._load(ImageKey(key))
        else:
            self.go(key)

    def _load(self, key: ImageKey) -> None:
        self._edits_before = self._session.edits_shown
        self._newest_load += 1
        self._storage.ask(
            lambda dataset: dataset.load(key),
            partial(self._receive_document, self._newest_load),
            self._show_failure,
            doing="loading the annotations",
            key=key,
            early=lambda dataset: early_document(dataset, key),
        )

    def run_after_masks(self, action: Callable[[], object]) -> None:
        """Runs an action that leaves the image (another folder, quitting) once no mask is pending."""
        if self.mask_pending():
            self._deferred = action
        else:
            action()

    def run_deferred(self) -> None:
        """Runs the action that was deferred while a mask was pending."""
        action, self._deferred = self._deferred, None
        if self._accept_deferred:
            self._accept_deferred = False
            self._accept()
            action = action or partial(self.step, 1)
        if action is not None:
            action()

    def drop_deferred(self) -> None:
        """Stays on the image: drops the action that was deferred while a mask was pending."""
        self._deferred, self._accept_deferred = None, False
        self._panel.set_current(self._requested)

    def step(self, by: int) -> None:
        """Shows the next (+1) or previous (-1) image of the filtered list."""
        self.go(self._panel.next_key() if by > 0 else self._panel.previous_key())

    def go_to_end(self, *, first: bool) -> None:
        """Shows the first or the last image of the filtered list."""
        self.go(self._panel.first_key() if first else self._panel.last_key())

    @property
    def image_decided(self) -> bool:
        """Whether the image on screen is accepted or flagged."""
        document = self._session.model.document
        return document is not None and document.review in (ImageReview.ACCEPTED, ImageReview.FLAGGED)

    @property
    def image_flagged(self) -> bool:
        """Whether the image on screen is flagged."""
        document = self._session.model.document
        return document is not None and document.review is ImageReview.FLAGGED

    def unaccept(self) -> None:
        """Makes the image on screen one that is neither accepted nor flagged."""
        if self.image_decided:
            self._session.edit("Mark image as not done", unaccept_image())

    def flag(self) -> None:
        """Flags the image on screen, or takes its flag back."""
        if self.image_flagged:
            self._session.edit("Unflag image", unaccept_image())
        else:
            self._session.edit("Flag image", flag_image())

    def accept_and_step(self) -> None:
        """Keeps what is being drawn, accepts the image and shows the next, each as a step of the history.

        An image that is not on screen yet cannot be accepted.
        """
        if self._session.model.key is None or self._session.model.key != self._requested:
            return
        self.complete()
        self._accept_deferred = True
        if not self.mask_pending():
            self.run_deferred()

    def _accept(self) -> None:
        document = self._session.model.document
        if document is None or document.key != self._requested:
            return
        edit = accept_image(document, self.spared())
        if edit.put or document.review is not ImageReview.ACCEPTED:
            self._session.edit("Accept image", edit)

    def _follow_store(self, change: DatasetChange) -> None:
        if self._requested is not None and self._requested in change.keys:
            self._load(self._requested)

    def _path(self, key: ImageKey) -> Path:
        return self._folder / key

    def prefetch_neighbours(self) -> None:
        """Reads and encodes the images ahead, if the user wants that."""
        if not self.prefetch:
            return
        ahead = self._panel.neighbours() if self.neighbours is None else self.neighbours()
        self._loader.preload([self._path(k) for k in ahead])
        self._inference.prefetch([(k, self._path(k)) for k in ahead])

    def _receive_document(self, load: int, document: ImageDocument) -> None:
        if document.key != self._requested or load != self._newest_load:
            return  # a newer one is on its way; this one may lack an edit that is shown already
        if self._edits_before != self._session.edits_shown:
            self._load(document.key)  # it may be read before the newest edit, which it would revert
            return
        self._document = self._session.with_labels_shown(document)
        self._show_if_ready()

    def _receive_coarse(self, key: str, coarse: CoarseImage) -> None:
        """Shows what there is of a large image, once the last image has gone."""
        shown = self._session.model.key
        if key != self._requested or key == shown or self._pixels is not None:
            return
        if shown is not None:
            if self._blank_timer.isActive():
                return
            self._session.model.open(None)
        self._canvas.set_coarse(ImageKey(key), coarse)

    def _receive_pixels(self, key: str, pixels: RgbImage) -> None:
        if key != self._requested:
            return
        self._pixels = pixels
        self._show_if_ready()

    def _show_failure(self, failure: Failure) -> None:
        if failure.key != self._requested:
            return
        self._blank_timer.stop()
        if self._session.model.key == self._requested:
            self.leaving.emit(self._requested or "")  # it was on screen, and was changed on the disk
        self._session.model.open(None)
        self._canvas.set_image(self._requested, None, f"{failure.what}\n{failure.next}".strip())
        if failure.key is not None:
            self._panel.set_problem(failure.key, failure.what)
            self.failed.emit(failure.key)

    def _show_if_ready(self) -> None:
        document = self._document
        if document is None or self._requested is None:
            return
        if self._session.model.key == self._requested:
            self._blank_timer.stop()  # reloaded, or requested again before another image was shown
            self._document = None  # pixels that arrive later must not show it again, over edits made since
            self._session.show_loaded(document)
            if self._arriving:
                self._arriving = False
                self.image_shown.emit(self._requested)
        elif self._pixels is not None:
            self._blank_timer.stop()
            self._canvas.set_image(self._requested, self._pixels)
            if self._panel.problem(self._requested):
                self._panel.forget_thumbnails([self._requested])  # it has become whole
                self.recovered.emit(self._requested)
            self._document = None
            self._session.model.open(document)
            self._arriving = False
            self.image_shown.emit(self._requested)

    def _show_blank(self) -> None:
        if self._session.model.key == self._requested:
            return  # the last image is requested again: it stays
        self._session.model.open(None)
        if self._canvas.image_key != self._requested:  # else a coarse version is on screen
            self._canvas.set_image(None, None, "")
