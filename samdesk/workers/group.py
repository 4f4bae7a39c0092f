"""The clients of all worker threads of a window, which end together."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from samdesk.base.jobs import Foreground
from samdesk.engine.cache.disk import DiskCache
from samdesk.workers.batch.ahead import AheadClient
from samdesk.workers.batch.client import AutoAnnotateClient
from samdesk.workers.computing import ComputingThread
from samdesk.workers.crops import CropLoader
from samdesk.workers.dataset_jobs import DatasetJobs
from samdesk.workers.downloads import DownloadClient
from samdesk.workers.fit import FitClient
from samdesk.workers.folder_watch import FolderWatch
from samdesk.workers.images import ImageLoader
from samdesk.workers.inference.client import InferenceClient
from samdesk.workers.inference.taught_loader import TaughtLoader
from samdesk.workers.storage.client import StorageClient
from samdesk.workers.teach import TeachClient
from samdesk.workers.thumbnails import ThumbnailLoader

log = logging.getLogger(__name__)

READER_STOP_MS = 5_000
"""Who only reads has nothing to save, and a network drive may never answer."""


@dataclass(frozen=True)
class Workers:
    """The clients of the worker threads."""

    storage: StorageClient
    loader: ImageLoader
    thumbnails: ThumbnailLoader
    crops: CropLoader
    watch: FolderWatch
    inference: InferenceClient
    batch: AutoAnnotateClient
    ahead: AheadClient
    downloads: DownloadClient
    teach: TeachClient
    fit: FitClient
    operations: ComputingThread
    jobs: DatasetJobs
    predictors: TaughtLoader
    disk: DiskCache
    foreground: Foreground

    def stop(self, patience_ms: int, gives_up: Callable[[], bool]) -> bool:
        """Stops every thread after its current job; pending edits are saved first.

        Args:
            patience_ms: Time between two calls of ``gives_up``, milliseconds.
            gives_up: Called while the disk does not answer; returns whether to end without saving the rest.

        Returns:
            Whether all threads have stopped; if not, the process has to end with ``os._exit``.
        """
        if self.storage.given_up:
            return False
        writers = (self.teach, self.fit, self.batch, self.ahead, self.jobs, self.downloads, self.operations)
        ended = [client.stop() for client in writers]
        readers = (self.thumbnails, self.crops, self.loader, self.watch)
        ended += [client.stop(READER_STOP_MS) for client in readers]
        while not self.storage.stop(patience_ms):
            log.warning("still saving")
            if gives_up():
                self.storage.given_up = True
                return False
        ended.append(self.inference.stop())
        self.disk.close()  # embeddings not written yet are encoded again when needed
        return all(ended)
