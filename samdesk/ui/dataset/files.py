"""FilesController: opens folders and shows whether everything is saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication

from samdesk.base.bulk import BulkProgress
from samdesk.base.places import user_home
from samdesk.dataset.dataset import Notice
from samdesk.dataset.links import LINK, allow
from samdesk.dataset.store.errors import DamagedError
from samdesk.dataset.types import TRAINING
from samdesk.domain.document import ImageKey
from samdesk.images.reader import IMAGE_SUFFIXES
from samdesk.images.samples import fresh_demo_folder, make_demo_folder
from samdesk.settings.table import LAST_IMAGES, REOPEN_LAST, Settings
from samdesk.ui.dataset.conflicts import CONFLICTS
from samdesk.ui.dataset.navigate import NavigateController
from samdesk.ui.editing.session import Session
from samdesk.ui.kit import file_manager
from samdesk.ui.kit.message_bar import Action
from samdesk.ui.kit.messages import Messages
from samdesk.ui.shell.main_window import MainWindow
from samdesk.workers.failure import Failure
from samdesk.workers.job import Job
from samdesk.workers.storage.changes import RefusedChange
from samdesk.workers.storage.client import DatasetChange, DatasetInfo, StorageClient


class FilesController(QObject):
    """Opens datasets and shows whether everything is saved.

    Signals:
        dataset_opened: The DatasetInfo of the dataset now open.
        store_moved: The DatasetInfo after a store in memory got a file.
    """

    dataset_opened = Signal(object)
    store_moved = Signal(object)

    def __init__(
        self,
        session: Session,
        storage: StorageClient,
        navigate: NavigateController,
        settings: Settings,
        window: MainWindow,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._storage, self._navigate = session, storage, navigate
        self._settings, self._window, self._messages = settings, window, messages
        self._start: str | None = None
        self._about: set[str] = set()
        """Keys of the messages about the open dataset."""
        self._refused: dict[str, RefusedChange] = {}
        """The refused changes whose messages are shown, by the keys of these."""
        self._job: Job | None = None
        self._bulk: BulkProgress | None = None
        self.info: DatasetInfo | None = None
        self.has_changes: Callable[[], bool] = lambda: bool(storage.history.texts)
        """Returns whether anything would be lost with a store in memory."""
        self.takers: list[Callable[[Sequence[Path]], bool]] = []
        """Take files that are neither images nor folders, and return whether they do; the first that does."""
        storage.opened.connect(self._show_dataset)
        storage.progressed.connect(self._follow_bulk)
        storage.notice.connect(self._show_notice)
        storage.history.save_failed.connect(self._show_save_failure)
        storage.history.refused.connect(self._show_refused)
        storage.history.changed.connect(self._forget_tried_again)
        storage.history.pending_changed.connect(self._show_pending)
        storage.changed.connect(self._follow_store)
        storage.failed.connect(self._show_failure)
        navigate.image_shown.connect(self._remember_image)
        navigate.key_changed.connect(self._show_title)
        window.paths_dropped.connect(self.open_paths)
        window.recent_chosen.connect(self.open_folder)
        self.show_recent()

    def set_images(self, keys: tuple[ImageKey, ...]) -> None:
        """Replaces the images of the open dataset."""
        if self.info is not None:
            self.info = replace(self.info, keys=keys)

    def choose_folder(self) -> None:
        """Lets the user choose a folder and opens it."""
        recent = self._settings.recent()
        folder = self._messages.choose_folder("Open a folder of images", recent[0] if recent else user_home())
        if folder is not None:
            self.open_folder(folder)

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Opens a folder, or the folder of an image at that image; of several paths the first."""
        if not paths:
            return
        first = Path(paths[0])
        if first.is_file() and first.suffix.lower() in IMAGE_SUFFIXES:
            self.open_folder(first.parent, first.name)
        elif first.is_dir():
            self.open_folder(first)
        elif not (first.is_file() and any(take(paths) for take in self.takers)):
            self.leave_announcement()
            self._messages.warn(f"{first} is neither a folder, an image nor a video.", key="open")

    def open_folder(self, folder: Path, start: str | None = None) -> None:
        """Opens a dataset; ``start`` is the image to show first."""
        self._navigate.run_after_masks(lambda: self._open(folder.absolute(), start))

    def announce(self, path: Path) -> None:
        """Shows the canvas instead of the welcome page: a folder is about to be opened."""
        self._window.show_canvas()
        self._navigate.announce(f"Opening {path.name or path}…")

    def reopen_last(self) -> None:
        """Opens the folder of the last session, unless there is none or the user does not want it."""
        recent, wanted = self._settings.recent(), self._settings.get(REOPEN_LAST)
        if recent and wanted:
            self.announce(recent[0])
            self.open_folder(recent[0])

    def confirm_close(self) -> bool:
        """Returns whether the dataset may be closed: all is saved, or the user agrees to lose changes."""
        if self._storage.history.stuck:
            lost = "Your last changes could not be saved and will be lost."
        elif self.info is not None and self.info.in_memory and self.has_changes():
            lost = "This folder cannot be written to: what you have annotated is in memory and will be lost."
        else:
            return self._may_leave_unwritten()
        return self._messages.confirm(
            "Leave without saving?",
            f"{lost} Cancel to try again or to save it somewhere else.",
            action="Leave without saving",
            danger=True,
        )

    def _may_leave_unwritten(self) -> bool:
        """Whether the dataset may be closed while label files are written: training would misread them."""
        if self._bulk is None or self._bulk.cancels:
            return True
        return self._messages.confirm(
            "Leave before all label files are written?",
            f"{self._bulk.done:,} of {self._bulk.total:,} are written. Label files and data.yaml do not "
            "match until all are; samdesk goes on when you open this folder again. "
            "Your annotations are saved.",
            action="Leave",
        )

    def _follow_bulk(self, progress: BulkProgress | None) -> None:
        self._bulk = progress

    def _open(self, folder: Path, start: str | None) -> None:
        if self.confirm_close():
            self._start = start
            self._storage.open(folder, refused=partial(self._show_open_failure, folder))

    def open_demo(self) -> None:
        """Opens a new folder with the sample images of Ultralytics."""
        job = Job(lambda: make_demo_folder(fresh_demo_folder()), self)
        job.done.connect(self._open_guided)
        job.failed.connect(lambda why: self._messages.error(why, key="open"))
        self._job = job
        job.start()

    def _open_guided(self, folder: Path) -> None:
        self._window.guide.begin()
        self.open_folder(folder)

    def stop(self) -> None:
        """Waits for the demo folder if it is being made."""
        if self._job is not None:
            self._job.wait()

    def show_recent(self) -> None:
        """Updates the window's list of recent folders."""
        self._window.set_recent(self._settings.recent())

    def save(self) -> None:
        """Shows that all is saved; every edit is saved as it is made."""
        if self.info is None:
            return
        if self.info.in_memory:
            self._offer_store()
        elif self._storage.history.pending == 0:
            self._messages.info(
                f"All changes are saved in {self.info.folder}, including the label files.",
                key="saved",
                seconds=4,
            )

    def show_in_folder(self) -> None:
        """Shows the image, or the folder if there is none, in the file manager."""
        if self._navigate.path is not None:
            file_manager.reveal(self._navigate.path, self)
        elif self.info is not None:
            file_manager.open_folder(self.info.folder)

    def copy_path(self) -> None:
        """Copies the path of the image, or of the folder if there is none, to the clipboard."""
        path = self._navigate.path or (self.info.folder if self.info is not None else None)
        if path is not None:
            QGuiApplication.clipboard().setText(str(path))
            self._messages.info(f"Copied {path}", key="copied", seconds=3)

    def _show_dataset(self, info: DatasetInfo) -> None:
        self.info = info
        self._forget_messages()
        self._session.read_only = info.read_only
        self._session.model.set_labels(info.labels)
        self._settings.add_recent(info.folder)
        self.show_recent()
        self._window.show_canvas()
        if info.read_only:
            self._warn(info.reason, "locked", [("Try again", lambda: self.open_folder(info.folder))])
        start = self._start or self._settings.get(LAST_IMAGES).get(str(info.folder)) or info.last_image
        self._start = None
        self._navigate.set_dataset(info.folder, info.keys, ImageKey(start) if start else None)
        self.dataset_opened.emit(info)

    def _show_title(self, key: str) -> None:
        if self.info is not None:
            self._window.set_title(key, self.info.folder.name, read_only=self.info.read_only)

    def _follow_store(self, change: DatasetChange) -> None:
        if change.labels is not None:
            self._session.show_stored_labels(change.labels)

    def _show_open_failure(self, folder: Path, failure: Failure) -> None:
        self.leave_announcement()
        actions: list[Action] = [("Open another folder…", self.choose_folder)]
        if failure.code == DamagedError.code:
            actions.insert(0, ("Use the label files…", partial(self._open_from_label_files, folder, failure)))
        self._messages.error(failure.text, key="open", actions=actions)

    def _open_from_label_files(self, folder: Path, failure: Failure) -> None:
        """Opens a folder whose store is damaged with a new store, if the user agrees."""
        agreed = self._messages.confirm(
            "Start with a new store?",
            f"The annotations are read from the label files in {folder}, which stay as they are. "
            "The undo history, review states, prompts, scores, and annotations that no label file has "
            "are lost. The damaged store is kept beside the new one as dataset.damaged.db.",
            action="Use the label files",
            danger=True,
        )
        if agreed:
            self._messages.dismiss("open")
            refused = partial(self._show_open_failure, folder)
            self._storage.open(folder, refused=refused, from_label_files=True)
        else:
            self._show_open_failure(folder, failure)

    def leave_announcement(self) -> None:
        """Shows the welcome page again, unless a folder is open: nothing is going to be opened yet."""
        if self.info is None:
            self._navigate.announce("")
            self._window.show_welcome()

    def _forget_messages(self) -> None:
        for key in self._about:
            self._messages.dismiss(key)
        self._about.clear()

    def _warn(self, text: str, key: str, actions: Sequence[Action] = ()) -> None:
        self._about.add(key)
        self._messages.warn(text, key=key, actions=actions)

    def _remember_image(self, key: str) -> None:
        kept = {str(folder) for folder in self._settings.recent()}
        before = {f: k for f, k in self._settings.get(LAST_IMAGES).items() if f in kept}
        self._settings.set(LAST_IMAGES, {**before, str(self._navigate.folder): key})

    def _show_notice(self, notice: Notice) -> None:
        if notice.kind in ("locked", TRAINING, *CONFLICTS):
            return  # shown when the dataset was opened, or by its own controller
        if notice.kind == LINK:
            allow: list[Action] = [("Allow", partial(self._allow_link, Path(notice.path)))]
            self._warn(notice.message, f"{LINK}:{notice.path}", allow)
            return
        actions = [("Choose where to save…", self._offer_store)] if notice.kind == "read-only" else []
        self._warn(notice.message, f"{notice.kind}:{notice.key or ''}", actions)

    def _allow_link(self, target: Path) -> None:
        """Lets links of this dataset lead to a folder outside, and opens it again with what is there."""

        def reopen(folder: Path) -> None:
            self.open_folder(folder, self._navigate.key)

        self._storage.ask(lambda dataset: allow(dataset.folder, target), reopen, doing="allowing the link")

    def _offer_store(self) -> None:
        folder = self._messages.choose_folder("Choose a folder for the labels and the store", user_home())
        if folder is not None:
            self._storage.save_store_to(folder / "dataset.db", self._show_store)

    def _show_save_failure(self, failure: Failure) -> None:
        self._messages.error(
            failure.text,
            key="save",
            actions=[
                ("Try again", self._storage.history.retry),
                ("Choose another place…", self._offer_store),
            ],
        )
        self._window.set_saved("not saved")

    def _show_refused(self, refused: RefusedChange) -> None:
        """Shows a change that the store has refused; the image and the labels are shown without it."""
        key, history = f"refused:{refused.text}", self._storage.history
        actions: list[Action] = []
        if refused in history.refused_changes:
            actions = [("Try again", history.try_again)]
            self._refused[key] = refused
        self._about.add(key)
        self._messages.error(refused.text, key=key, actions=actions)

    def _forget_tried_again(self) -> None:
        kept = self._storage.history.refused_changes
        for key in [key for key, refused in self._refused.items() if refused not in kept]:
            del self._refused[key]
            self._messages.dismiss(key)

    def _show_store(self, info: DatasetInfo) -> None:
        self.info = info
        self._messages.dismiss("read-only:")
        self._messages.info("The store is on disk now; every edit is saved immediately.", key="saved")
        self._show_pending(self._storage.history.pending)
        self.store_moved.emit(info)

    def _show_failure(self, failure: Failure) -> None:
        self._messages.warn(failure.text, key="store")

    def _show_pending(self, pending: int) -> None:
        if not pending:
            self._messages.dismiss("save")
        in_memory = self.info is not None and self.info.in_memory
        self._window.set_saved("saving…" if pending else "in memory only" if in_memory else "saved")
