"""Which image is on screen, and getting there without waiting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import accept_image
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.review import ImageReview
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.editing.session import Session
from samdesk.ui.images.panel import ImagesPanel
from samdesk.workers.failure import Failure
from samdesk.workers.images import ImageLoader
from samdesk.workers.inference.client import InferenceClient
from samdesk.workers.storage.client import DatasetChange, StorageClient

BLANK_AFTER_MS = 120
"""The last photo stays up this long while the next is read, so that paging does not flicker."""


class NavigateController(QObject):
    """Goes from image to image: photo, document, embedding and the neighbours ahead.

    Signals:
        image_shown: Key of the image whose photo and document are now on screen.
        leaving: Another image is on its way; what is begun on this one is dropped.
    """

    image_shown = Signal(str)
    leaving = Signal()

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
        self._wanted: ImageKey | None = None
        self._document: ImageDocument | None = None
        self._pixels: RgbImage | None = None
        self._edits_before = 0
        self.prefetch = True
        self.held: Callable[[], bool] = lambda: False
        """Whether an accepted mask still waits for the model: paging waits for it, so it is not lost."""
        self._later: Callable[[], object] | None = None
        self._blank = QTimer(self, singleShot=True, interval=BLANK_AFTER_MS)
        self._blank.timeout.connect(self._show_waiting)
        storage.changed.connect(self._follow_store)
        loader.loaded.connect(self._take_pixels)
        loader.failed.connect(self._take_failure)
        panel.image_chosen.connect(self.go)
        session.image_wanted.connect(self._show_again)

    @property
    def key(self) -> ImageKey | None:
        """The image on screen or on its way there."""
        return self._wanted

    @property
    def folder(self) -> Path:
        """The dataset's folder."""
        return self._folder

    @property
    def keys(self) -> tuple[ImageKey, ...]:
        """All images of the dataset."""
        return self._keys

    def blank_after(self, ms: int) -> None:
        """How long the last photo stays up while the next is read."""
        self._blank.setInterval(ms)

    def set_dataset(self, folder: Path, keys: Sequence[ImageKey], start: ImageKey | None) -> None:
        """Starts on a dataset at the image where the user left off, else at the first."""
        self._folder, self._keys = folder, tuple(keys)
        self._wanted = self._later = None
        self._session.model.open(None)
        self._panel.set_images(self._keys)
        if not self._keys:
            self._canvas.set_image(None, None, f"There are no images in {folder}. Drop photos on the window.")
            return
        self.go(start if start in set(self._keys) else self._keys[0])

    def go(self, key: str | None) -> None:
        """Shows an image as soon as its photo and document are there."""
        self._later = None
        if key is None or key == self._wanted:
            return
        if self.held():
            self._later = partial(self.go, key)
            return
        self.leaving.emit()
        self._wanted = ImageKey(key)
        self._document, self._pixels = None, None
        self._panel.set_current(self._wanted)
        self._blank.start()
        path = self._path(self._wanted)
        self._loader.load(self._wanted, path)
        self._load(self._wanted)
        self._inference.show_image(self._wanted, path)
        self._prefetch()
        self._storage.set_setting("last_image", self._wanted)

    def _show_again(self, key: str) -> None:
        """An undo or redo changed an image: goes there, or reads it again if it is on its way already."""
        if key == self._wanted:
            self._load(ImageKey(key))
        else:
            self.go(key)

    def _load(self, key: ImageKey) -> None:
        self._edits_before = self._session.edits_shown
        self._storage.ask(
            lambda dataset: dataset.load(key),
            self._take_document,
            self._take_failure,
            doing="loading the annotations",
            key=key,
        )

    def when_free(self, action: Callable[[], object]) -> None:
        """Leaves the image by another way (another folder, the end), as soon as no mask is waited for."""
        if self.held():
            self._later = action
        else:
            action()

    def release(self) -> None:
        """No mask is waited for any more: goes where the user wanted meanwhile."""
        later, self._later = self._later, None
        if later is not None:
            later()

    def stay(self) -> None:
        """There is something to see here first: does not go where the user wanted."""
        self._later = None
        self._panel.set_current(self._wanted)

    def step(self, by: int) -> None:
        """Shows the next (+1) or previous (-1) image of the list as filtered."""
        self.go(self._panel.next_key() if by > 0 else self._panel.previous_key())

    def accept_and_step(self) -> None:
        """Marks the image done and goes on; the next one has to be seen before it can be accepted."""
        document = self._session.model.document
        if document is None or document.key != self._wanted:
            return
        edit = accept_image(document)
        if edit.put or document.review is not ImageReview.ACCEPTED:
            self._session.edit("Accept image", edit)
        self.step(1)

    def _follow_store(self, change: DatasetChange) -> None:
        if self._wanted is not None and self._wanted in change.keys:
            self._load(self._wanted)

    def _path(self, key: ImageKey) -> Path:
        return self._folder / key

    def _prefetch(self) -> None:
        if not self.prefetch:
            return
        ahead = self._panel.neighbours()
        self._loader.preload([self._path(k) for k in ahead])
        self._inference.prefetch([(k, self._path(k)) for k in ahead])

    def _take_document(self, document: ImageDocument) -> None:
        if document.key != self._wanted:
            return
        if self._session.model.key == document.key and self._edits_before != self._session.edits_shown:
            self._load(document.key)  # it was read before the newest edit, which it would take back
            return
        self._document = document
        self._show_if_ready()

    def _take_pixels(self, key: str, pixels: RgbImage) -> None:
        if key != self._wanted:
            return
        self._pixels = pixels
        self._show_if_ready()

    def _take_failure(self, failure: Failure) -> None:
        if failure.key != self._wanted:
            return
        self._blank.stop()
        self._session.model.open(None)
        self._canvas.set_image(self._wanted, None, f"{failure.what}\n{failure.next}".strip())

    def _show_if_ready(self) -> None:
        if self._document is None or self._wanted is None:
            return
        if self._session.model.key == self._wanted:
            self._blank.stop()  # the user came back before it was taken away
            self._session.show_loaded(self._document)
        elif self._pixels is not None:
            self._blank.stop()
            self._canvas.set_image(self._wanted, self._pixels)
            self._session.model.open(self._document)
            self.image_shown.emit(self._wanted)

    def _show_waiting(self) -> None:
        self._session.model.open(None)
        self._canvas.set_image(None, None, "")
