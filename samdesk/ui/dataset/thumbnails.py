"""Thumbnails and annotation counts of the images panel, requested as rows come into view."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtGui import QImage

from samdesk.dataset import queries
from samdesk.dataset.dataset import ImageSummary
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.ui.dataset.files import FilesController
from samdesk.ui.editing.session import Session
from samdesk.ui.images.panel import ImagesPanel
from samdesk.ui.labels.controller import LabelsController
from samdesk.workers.failure import Failure
from samdesk.workers.storage.client import DatasetChange, DatasetInfo, StorageClient
from samdesk.workers.thumbnails import ThumbnailLoader

SUMMARIES_PER_QUERY = 50
_MANY = 2000
"""Images from which on asking for all in large parts is quicker."""
"""Images per question, so that a save never waits for the whole list."""


class ThumbnailsController(QObject):
    """Loads the rows of the images panel lazily and keeps their counts up to date."""

    def __init__(
        self,
        session: Session,
        storage: StorageClient,
        loader: ThumbnailLoader,
        files: FilesController,
        labels: LabelsController,
        panel: ImagesPanel,
    ) -> None:
        super().__init__(panel)
        self._storage, self._loader, self._files = storage, loader, files
        self._session, self._labels, self._panel = session, labels, panel
        self._unsummarized: list[ImageKey] = []
        """Images whose summaries are still to come."""
        self._of: DatasetInfo | None = None
        """The dataset they belong to."""
        panel.visible_changed.connect(self._request)
        loader.ready.connect(self._show)
        loader.failed.connect(self._show_problem)
        storage.changed.connect(self._follow_store)
        session.images_changed.connect(self.refresh)
        files.dataset_opened.connect(lambda _info: self._start())

    def _open_key(self) -> ImageKey | None:
        return self._session.model.key

    def _request(self, keys: Sequence[ImageKey]) -> None:
        info = self._files.info
        if info is not None:
            self._loader.request([(key, info.folder / key) for key in keys])
            self._summarize(keys)

    def _show(self, key: str, pixels: RgbImage) -> None:
        height, width = pixels.shape[:2]
        image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
        self._panel.set_thumbnail(ImageKey(key), image.copy())

    def _show_problem(self, failure: Failure) -> None:
        if failure.key is not None:
            self._panel.set_problem(failure.key, failure.what)

    def _start(self) -> None:
        self._loader.clear()
        self._ask_known(0)

    def _ask_known(self, start: int) -> None:
        """Asks for the summaries of all images, a part at a time."""

        def receive(summaries: list[ImageSummary]) -> None:
            if summaries:
                self._panel.set_summaries(summaries)
                self._ask_known(start + len(summaries))

        query = partial(queries.known_summaries, start=start)
        self._storage.ask(query, receive, doing="counting the annotations")

    def _follow_store(self, change: DatasetChange) -> None:
        if change.keys:
            self.refresh(change.keys)

    def refresh(self, keys: Sequence[ImageKey]) -> None:
        """Counts the annotations of some images again; of many, those of all."""
        if len(keys) >= _MANY:
            self._ask_known(0)
        else:
            self._summarize(keys)
        if list(keys) != [self._open_key()]:
            self._labels.count_soon()

    def _summarize(self, keys: Sequence[ImageKey]) -> None:
        if self._of is not self._files.info:  # another dataset: queries of the previous one are not answered
            self._of = self._files.info
            self._unsummarized.clear()
        idle = not self._unsummarized
        self._unsummarized += keys
        if idle:
            self._summarize_next()

    def _summarize_next(self) -> None:
        keys = self._unsummarized[:SUMMARIES_PER_QUERY]
        if keys:
            self._storage.ask(
                partial(queries.summaries, keys=keys),
                partial(self._show_summaries, keys),
                self._stop_summaries,
                doing="counting the annotations",
            )

    def _show_summaries(self, keys: list[ImageKey], summaries: list[ImageSummary]) -> None:
        self._panel.set_summaries(summaries)
        if self._unsummarized[: len(keys)] == keys:
            del self._unsummarized[: len(keys)]
            self._summarize_next()

    def _stop_summaries(self, failure: Failure) -> None:
        self._unsummarized.clear()
        self._storage.failed.emit(failure)
