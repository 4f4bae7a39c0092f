"""RescanController: shows what other programs change in the open folder, found by a watch and by Rescan."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Signal

from samdesk.base.text import counted
from samdesk.dataset import rescan
from samdesk.dataset.rescan import RECHECKED_AT_ONCE, NewImages
from samdesk.domain.document import ImageKey
from samdesk.ui.dataset.files import FilesController
from samdesk.ui.dataset.navigate import NavigateController
from samdesk.ui.images.panel import ImagesPanel
from samdesk.ui.kit.messages import Messages
from samdesk.workers.failure import Failure
from samdesk.workers.folder_watch import FolderReport, FolderWatch
from samdesk.workers.storage.client import DatasetInfo, StorageClient

_MESSAGE = "rescan"


class RescanController(QObject):
    """Updates the image list, marks and counts. The image on screen, its prompts and the focus stay.

    Signals:
        images_changed: Tuple of ImageKey: all images of the dataset, after some were added or removed.
        files_changed: List of ImageKey: images whose file or label file has changed.
    """

    images_changed = Signal(object)
    files_changed = Signal(object)

    def __init__(
        self,
        storage: StorageClient,
        watch: FolderWatch,
        files: FilesController,
        navigate: NavigateController,
        panel: ImagesPanel,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._storage, self._watch, self._files = storage, watch, files
        self._navigate, self._panel, self._messages = navigate, panel, messages
        watch.found.connect(self._take_over)
        files.dataset_opened.connect(self._start)
        navigate.key_changed.connect(self._follow_image)
        navigate.recovered.connect(lambda key: self.files_changed.emit([ImageKey(key)]))

    def rescan(self) -> None:
        """Looks at every file of the folder again; a message says what was found."""
        if self._files.info is not None:
            self._messages.info("Rescanning the folder…", key=_MESSAGE)
            self._watch.rescan()

    def _start(self, info: DatasetInfo) -> None:
        self._messages.dismiss(_MESSAGE)
        self._watch.watch(info.folder, info.keys)
        self._follow_image(self._navigate.key or "")

    def _follow_image(self, key: str) -> None:
        if key:
            self._watch.set_image(self._navigate.folder / key)

    def _take_over(self, report: FolderReport) -> None:
        info = self._files.info
        if info is None or info.folder != report.folder:
            return
        changes = report.changes
        found = _Findings(list(changes.images), list(changes.labels), report.requested)
        if report.requested:
            # What could not be read may be whole now without having changed since the last look.
            found.images += [key for key in self._panel.problems() if key not in found.images]
        if changes.added or changes.removed or report.requested:
            self._storage.ask(
                partial(rescan.update_images, found=changes.survey, keep=self._navigate.key),
                partial(self._show_images, found),
                self._refused,
                doing="rescanning the folder",
            )
        else:
            self._recheck(found)

    def _show_images(self, found: _Findings, images: NewImages) -> None:
        # Compared with what the window shows: an import may have added images itself.
        before = set(self._files.info.keys if self._files.info is not None else images.keys)
        found.added, found.removed = len(set(images.keys) - before), len(before.difference(images.keys))
        if found.added or found.removed:
            self._files.set_images(images.keys)
            self._navigate.set_images(images.keys)
            self.images_changed.emit(images.keys)
        self._recheck(found)

    def _recheck(self, found: _Findings) -> None:
        """Rechecks the next files, some at a time, and says at the end what was found."""
        images, labels = found.images[:RECHECKED_AT_ONCE], found.labels[:RECHECKED_AT_ONCE]
        if not images and not labels:
            self._recheck_class_names(found)
            return
        del found.images[: len(images)], found.labels[: len(labels)]

        def then(changed: tuple[ImageKey, ...]) -> None:
            found.changed_labels += len(changed)
            found.changed_images += len(images)
            again = list(dict.fromkeys([*images, *changed]))
            self._panel.forget_thumbnails(images)
            if again:
                self.files_changed.emit(again)
            if self._navigate.key in again:
                self._navigate.refresh(self._navigate.key)
            self._recheck(found)

        self._storage.ask(
            partial(rescan.recheck, images=images, labels=labels),
            then,
            self._refused,
            doing="rescanning the folder",
        )

    def _recheck_class_names(self, found: _Findings) -> None:
        """A change of data.yaml is looked for on request only; without one it is found at the next save."""
        if not found.requested:
            self._finish(found)
            return

        def then(name: str) -> None:
            found.class_names = name
            self._finish(found)

        self._storage.ask(rescan.recheck_class_names, then, self._refused, doing="rescanning the folder")

    def _finish(self, found: _Findings) -> None:
        if found.added or found.removed or found.changed_labels or found.requested:
            self._messages.info(found.text(), key=_MESSAGE)

    def _refused(self, failure: Failure) -> None:
        self._messages.dismiss(_MESSAGE)
        self._storage.failed.emit(failure)


class _Findings:
    """What a look at the folder has found, and the files that are still to be rechecked."""

    def __init__(self, images: list[ImageKey], labels: list[ImageKey], requested: bool) -> None:
        self.images, self.labels, self.requested = images, labels, requested
        self.added = self.removed = self.changed_images = self.changed_labels = 0
        self.class_names = ""

    def text(self) -> str:
        """One sentence: "3 images added, 1 image removed, 2 label files changed by another program."."""
        counts = (
            (self.added, "image", "added"),
            (self.removed, "image", "removed"),
            (self.changed_labels, "label file", "changed by another program"),
        )
        parts = [f"{counted(number, noun)} {verb}" for number, noun, verb in counts if number]
        if self.class_names:
            parts.append(f"{self.class_names} changed by another program")
        return f"{', '.join(parts)}." if parts else "Nothing in the folder has changed."
