"""VideoController: asks which frames of a video are wanted, extracts them, and opens the folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from samdesk.base.errors import UserError
from samdesk.base.jobs import CancelToken
from samdesk.base.places import user_home
from samdesk.exchange.frames.extract import FramesReport, extract
from samdesk.exchange.frames.folder import FolderContents, FramesFolder, default_folder
from samdesk.exchange.frames.preview import VideoPreview, read_preview
from samdesk.exchange.frames.values import VIDEO_SUFFIXES, FramesPlan, VideoFacts
from samdesk.ui.dataset.files import FilesController
from samdesk.ui.frames.dialog import VideoChoice, VideoDialog
from samdesk.ui.kit.message_bar import Action
from samdesk.ui.kit.messages import Messages
from samdesk.workers.dataset_jobs import DatasetJobs, JobContext
from samdesk.workers.failure import Failure
from samdesk.workers.job import Job

_KEY = "video"
T = TypeVar("T")
_FILTER = f"Videos ({' '.join(f'*{suffix}' for suffix in sorted(VIDEO_SUFFIXES))});;All files (*)"


class VideoController(QObject):
    """Makes folders of images of videos.

    Args:
        window: The window.
        messages: For the user.
        jobs: Extracts.
        files: Opens the folder.
        busy: Returns whether another folder must not be opened now: the user is drawing, or a run goes on.
        hint: Returns what to do with the images then, as a sentence.

    Attributes:
        dialog: The dialog, while it is open.
    """

    def __init__(
        self,
        window: QWidget,
        messages: Messages,
        jobs: DatasetJobs,
        files: FilesController,
        busy: Callable[[], bool],
        hint: Callable[[], str],
    ) -> None:
        super().__init__(window)
        self._window, self._messages, self._jobs, self._files = window, messages, jobs, files
        self._busy, self._hint = busy, hint
        self._plan = FramesPlan()
        self._looking: list[Job] = []
        self._cancel = CancelToken()
        self._last: Path | None = None
        self.dialog: VideoDialog | None = None
        files.takers.append(self.take)

    def ask(self) -> None:
        """Lets the user choose a video and opens the dialog."""
        if self.dialog is not None:
            self.dialog.raise_()
            return
        start = user_home() if self._last is None else self._last.parent
        path = self._messages.choose_file("Open video", start, _FILTER)
        if path is not None:
            self.open(path)

    def take(self, paths: Sequence[Path]) -> bool:
        """Opens the dialog for a video that was dropped on the window; False: it is none."""
        if paths[0].suffix.lower() not in VIDEO_SUFFIXES:
            return False
        self._files.leave_announcement()
        self.open(paths[0])
        return True

    def open(self, path: Path) -> None:
        """Opens the dialog for a video."""
        if self.dialog is not None:
            self.dialog.reject()
        path = self._last = path.absolute()
        dialog = self.dialog = VideoDialog(self._window)
        dialog.folder_wanted.connect(self._choose_folder)
        dialog.started.connect(self._start)
        dialog.finished.connect(lambda _result: self._forget(dialog))
        dialog.show_reading(path)
        dialog.open()
        cancel = self._cancel = CancelToken()
        self._run(lambda: _look_at(path, cancel), partial(self._show, dialog), partial(self._refuse, dialog))

    def stop(self) -> None:
        """Waits for the video or the folder that is being looked at."""
        self._cancel.cancel()
        for job in self._looking:
            job.wait()

    # -- the dialog

    def _show(self, dialog: VideoDialog, found: tuple[VideoPreview, Path, FolderContents | str]) -> None:
        if self.dialog is dialog:
            preview, folder, contents = found
            dialog.show_folder(folder, contents)
            dialog.show_video(preview, self._plan)

    def _refuse(self, dialog: VideoDialog, why: str) -> None:
        if self.dialog is dialog:
            dialog.show_nothing(why)

    def _choose_folder(self) -> None:
        dialog = self.dialog
        if dialog is None or dialog.preview is None:
            return
        start = None if dialog.folder is None else dialog.folder.parent
        folder = self._messages.choose_folder("Choose a folder for the images", start)
        if folder is not None:
            self._check(dialog, dialog.preview.facts, folder.absolute())

    def _check(self, dialog: VideoDialog, facts: VideoFacts, folder: Path) -> None:
        """Looks at a folder; the newest one is shown."""
        dialog.show_folder(folder, None)

        def show(contents: FolderContents | str) -> None:
            if self.dialog is dialog and dialog.folder == folder:
                dialog.show_folder(folder, contents)

        self._run(lambda: _contents(folder, facts), show, show)

    def _run(self, work: Callable[[], T], then: Callable[[T], None], failed: Callable[[str], None]) -> None:
        """Looks at something in a thread of its own, whatever else is going on."""
        job = Job(work, self)
        job.done.connect(then)
        job.failed.connect(failed)
        job.finished.connect(lambda: self._looking.remove(job))
        job.finished.connect(job.deleteLater)
        self._looking.append(job)
        job.start()

    def _forget(self, dialog: VideoDialog) -> None:
        self._cancel.cancel()
        if self.dialog is dialog:
            self.dialog = None
        dialog.deleteLater()

    # -- the extraction

    def _start(self, choice: VideoChoice) -> None:
        self._plan = choice.plan

        def work(context: JobContext) -> FramesReport:
            return extract(choice.video, choice.folder, choice.plan, context.progress, context.cancel)

        started = self._jobs.start(
            f"Extracting frames of {choice.video.name}",
            work,
            partial(self._finish, choice),
            partial(self._fail, choice),
            unit="frame",
        )
        if started:
            self._messages.dismiss(_KEY)
            if self.dialog is not None:
                self.dialog.accept()

    def _finish(self, choice: VideoChoice, report: FramesReport) -> None:
        open_it: Action = ("Open folder", lambda: self._files.open_folder(report.folder))
        if report.stopped:
            resume: Action = ("Resume", lambda: self._start(choice))
            actions = [resume, open_it] if report.images else [resume]
            self._messages.warn(report.text, key=_KEY, actions=actions)
            return
        opens = choice.opens and not self._busy()
        if opens:
            self._files.open_folder(report.folder)
        actions = [] if opens else [open_it]
        text = " ".join((report.text, *report.notes, self._hint())).strip()
        show = self._messages.warn if report.notes else self._messages.info
        show(text, key=_KEY, actions=actions)

    def _fail(self, choice: VideoChoice, failure: Failure) -> None:
        again: Action = ("Try again", lambda: self._start(choice))
        self._messages.error(failure.text, key=_KEY, actions=[again])


def _look_at(path: Path, cancel: CancelToken) -> tuple[VideoPreview, Path, FolderContents | str]:
    """Reads a video, and looks at the folder that its images go to by default."""
    preview = read_preview(path, cancel)
    folder = default_folder(path)
    return preview, folder, _contents(folder, preview.facts)


def _contents(folder: Path, facts: VideoFacts) -> FolderContents | str:
    """What is in a folder, or why it cannot take images."""
    try:
        return FramesFolder(folder, facts).contents()
    except UserError as error:
        return str(error)
