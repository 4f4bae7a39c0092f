"""The images panel's pictures and counts, asked for as they come into view."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject
from PySide6.QtGui import QImage

from samdesk.dataset.dataset import ImageSummary
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.ui.dataset.files import FilesController
from samdesk.ui.editing.session import Session
from samdesk.ui.images.panel import ImagesPanel
from samdesk.ui.labels.controller import LabelsController
from samdesk.workers.failure import Failure
from samdesk.workers.storage.client import StorageClient
from samdesk.workers.thumbnails import ThumbnailLoader


class ThumbnailsController(QObject):
    """Fills the images panel lazily and keeps its counts true."""

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
        panel.visible_changed.connect(self._ask)
        loader.ready.connect(self._show)
        loader.failed.connect(self._show_problem)
        storage.summaries.connect(self._show_summaries)
        session.images_changed.connect(self._refresh)
        files.dataset_opened.connect(lambda _info: loader.clear())

    def _open_key(self) -> ImageKey | None:
        return self._session.model.key

    def _ask(self, keys: Sequence[ImageKey]) -> None:
        info = self._files.info
        if info is not None:
            self._loader.request([(key, info.folder / key) for key in keys])
            self._storage.refresh_summaries(keys)

    def _show(self, key: str, pixels: RgbImage) -> None:
        height, width = pixels.shape[:2]
        image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
        self._panel.set_thumbnail(ImageKey(key), image.copy())

    def _show_problem(self, failure: Failure) -> None:
        if failure.key is not None:
            self._panel.set_problem(failure.key, failure.what)

    def _show_summaries(self, summaries: list[ImageSummary]) -> None:
        self._panel.set_summaries(summaries)

    def _refresh(self, keys: Sequence[ImageKey]) -> None:
        self._storage.refresh_summaries(list(keys))
        if list(keys) != [self._open_key()]:
            self._labels.count_soon()
