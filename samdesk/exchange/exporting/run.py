"""Exports a dataset: reads, encodes, writes and proves."""

from __future__ import annotations

import errno
import shutil
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from samdesk.base import json_file
from samdesk.base.bulk import in_parts
from samdesk.base.errors import reason
from samdesk.base.jobs import Cancelled, CancelToken, Progress
from samdesk.base.text import counted, printable
from samdesk.dataset.resizing import resized as resized_document
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.split import SPLITS
from samdesk.exchange.access import DatasetAccess
from samdesk.exchange.exporting.encoding import EncodedTask, ExportWork, ImageTask
from samdesk.exchange.exporting.errors import ExportError, FolderExistsError
from samdesk.exchange.exporting.images import ImageFile, ImagePlacer, suffix_of
from samdesk.exchange.exporting.labels import ExportedLabels, exported_labels
from samdesk.exchange.exporting.names import ImageNames
from samdesk.exchange.exporting.pieces import pieces
from samdesk.exchange.exporting.plan import ExportPlan
from samdesk.exchange.exporting.reading import (
    AT_ONCE,
    DatasetFacts,
    Unreadable,
    documents,
    facts,
    keys_of,
)
from samdesk.exchange.exporting.report import (
    JSON_NAME,
    LIST_NAME,
    TEXT_NAME,
    ExportReport,
    ReportBuilder,
)
from samdesk.exchange.exporting.staging import StagedFolder
from samdesk.exchange.processes.pool import WorkPool, default_processes
from samdesk.formats.base import EncodedImage, Format, WriteContext, Writer
from samdesk.formats.registry import find_format
from samdesk.images.errors import ImageError
from samdesk.images.reader import read_size

_PUTTING = 128
"""Images that may be on their way to their place."""
_FOR_EACH = 8
"""Images in one question to a process."""
_BAD_FOLDER = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


def ignore_progress(_done: int, _total: int) -> None:
    """The ``Progress`` that shows nothing."""


def export(
    access: DatasetAccess,
    plan: ExportPlan,
    out: Path,
    *,
    overwrite: bool = False,
    processes: int | None = None,
    progress: Progress = ignore_progress,
    cancel: CancelToken | None = None,
    row: Format | None = None,
) -> ExportReport:
    """Exports images with their annotations into a new folder.

    The folder appears when it is whole. Cancelled, ended by an error or killed, nothing of it is left; what
    had that name before is there as it was.

    Args:
        access: The dataset.
        plan: What is exported, and how.
        out: The folder; those above it are made.
        overwrite: Replace an earlier export that is there.
        processes: How many encode the images; 0: this one does, None: as many as there are cores.
        progress: Called with the number of images that are done, and of all; the last one is done when the
            folder is in its place.
        cancel: Cancels it.
        row: The format, if it is none of the registry.

    Raises:
        Cancelled: It was cancelled.
        ExportError: It cannot be made, or the disk ended it.
        SearchError: The search of the plan is none.
    """
    cancel = cancel or CancelToken()
    plan.check()
    found_format = row or _format(plan.format_id)
    plan = replace(plan, options=_options(found_format, plan))
    known = access.ask_now(facts)
    target = check_folder(out, known.folder, overwrite=overwrite)
    labels = exported_labels(plan, known.labels)
    keys = keys_of(access, plan, cancel)
    if not keys:
        raise _no_images(plan)
    assert found_format.write is not None
    try:
        staged = StagedFolder(target)
    except OSError as error:
        raise _disk_error(error, target) from error
    try:
        keeps_tracks = "tracks" in found_format.carries
        run = _Run(
            access, plan, found_format.write, known, labels, keys, staged, progress, cancel, keeps_tracks
        )
        report = run.run(default_processes(len(keys)) if processes is None else processes)
        cancel.check()
        staged.commit(overwrite=overwrite)
    except FileExistsError as error:
        staged.discard()
        raise _exists(target) from error
    except OSError as error:
        staged.discard()
        raise _disk_error(error, target) from error
    except BaseException:
        staged.discard()
        raise
    with suppress(Cancelled):  # too late
        progress(len(keys), len(keys))
    return report


def check_folder(out: Path, dataset: Path, *, overwrite: bool) -> Path:
    """Returns the folder to export to, absolute and with links resolved.

    Raises:
        FolderExistsError: There is something in it, and it is not to be overwritten.
        ExportError: It is no place for an export.
    """
    target = out.expanduser().resolve()
    shown = printable(str(target))
    if target == dataset or dataset in target.parents:
        raise ExportError(
            f"{shown} is inside the dataset: the exported images would become images of the dataset.",
            next="Choose a folder elsewhere.",
        )
    if target in dataset.parents:
        raise ExportError(f"{shown} holds the dataset itself.", next="Choose a folder elsewhere.")
    if target.exists() and not target.is_dir():
        raise ExportError(f"{shown} is a file.", next="Choose a folder.")
    try:
        occupied = target.is_dir() and any(target.iterdir())
    except OSError as error:
        raise _disk_error(error, target) from error
    if occupied and not overwrite:
        raise _exists(target)
    if occupied and not (target / JSON_NAME).is_file():
        raise ExportError(
            f"{shown} was not made by an export: its files are not deleted.",
            next="Choose another folder, or empty this one yourself.",
        )
    return target


@dataclass
class _Run:
    """One export. Its images go through it in order, a bounded number at a time."""

    access: DatasetAccess
    plan: ExportPlan
    writer: Writer
    known: DatasetFacts
    labels: ExportedLabels
    keys: tuple[ImageKey, ...]
    staged: StagedFolder
    progress: Progress
    cancel: CancelToken
    keeps_tracks: bool

    def run(self, processes: int) -> ExportReport:
        """Writes everything but does not put the folder in its place."""
        plan, known = self.plan, self.known
        self.splits = known.splits if plan.splits else {}
        self.names = ImageNames(self.keys, self.splits)
        size = plan.train_size or known.train_size
        used = {self.splits[key] for key in self.keys if key in self.splits}
        context = WriteContext(
            self.labels.names,
            self.labels.colors,
            dict(plan.options),
            size,
            tuple(split for split in SPLITS if split in used),
            {track: number for number, track in enumerate(known.tracks, start=1)},
        )
        job = ExportWork(known.folder, plan, self.labels.targets, self.writer, context, self.keeps_tracks)
        threads = max(processes, 1)
        with (
            self.staged.open(LIST_NAME) as listing,
            WorkPool(job, processes) as self.pool,
            ImagePlacer(known.folder, self.staged, plan, threads) as self.placer,
        ):
            self.report = ReportBuilder(listing)
            self.done = 0
            self.progress(0, len(self.keys))
            images = self._images()
            self.writer.assemble(images, context, self.staged)
            for _ in images:  # a format that wants no images still gets them counted and put in place
                pass
            empty = ExportReport(
                plan.format_id, str(self.staged.target), size, len(self.keys), plan=plan.to_json()
            )
            report = self.report.finish(empty, self._notes())
        self.staged.write(JSON_NAME, json_file.to_bytes(report.to_json(), indent=1))
        self.staged.write(TEXT_NAME, report.text.encode("utf-8", "backslashreplace"))
        return report

    def _tasks(self) -> Iterator[list[ImageTask]]:
        """The annotations of the images, a few at a time; those that cannot be read are reported."""
        for some in in_parts(self.keys, AT_ONCE):
            self.cancel.check()
            tasks = []
            for key, found in zip(some, self.access.ask_now(partial(documents, keys=some)), strict=True):
                if isinstance(found, Unreadable):
                    self._fail(key, found.message)
                    continue
                try:
                    tasks.append(self._task(found))
                except ImageError as error:
                    self._fail(key, error.reason)
            yield from in_parts(tasks, _FOR_EACH)

    def _task(self, document: ImageDocument) -> ImageTask:
        key, suffix = document.key, suffix_of(self.plan, document.key)
        tiles: list[tuple[int, int] | None] = [None]
        if self.plan.tile:
            size = read_size(self.known.folder / key)
            if size != (document.width, document.height):
                document = resized_document(document, *size)
            found = pieces(self.plan, *size)
            tiles = [(piece.x, piece.y) if piece.is_tile else None for piece in found]
        return ImageTask(
            document, tuple(self.names.give(key, tile, suffix) for tile in tiles), self.splits.get(key)
        )

    def _images(self) -> Iterator[EncodedImage]:
        """The encoded images, each when its file is in its place."""
        putting: deque[tuple[EncodedTask, Future[str]]] = deque()
        for answers in self.pool.answers(self._tasks(), self.cancel):
            for task in answers:
                files = [ImageFile(piece.image.record.path, piece.piece) for piece in task.pieces]
                putting.append((task, self.placer.put(task.key, files)))
            while len(putting) > _PUTTING:
                yield from self._placed(*putting.popleft())
        while putting:
            yield from self._placed(*putting.popleft())

    def _placed(self, task: EncodedTask, put: Future[str]) -> Iterator[EncodedImage]:
        self.cancel.check()
        problem = task.problem or put.result()
        if problem:
            self._fail(task.key, problem)
            return
        report = self.report
        report.count("instances_in", task.instances)
        report.add(task.key, "", task.left_out)
        if not task.pieces:
            report.count("images_dropped")
        for piece in task.pieces:
            image = piece.image
            report.count("images_out")
            if not any(instance.written for instance in image.instances):
                report.count("images_empty")
                report.count("images_open", task.is_open)
            report.add(task.key, image.record.path, image.instances)
            self._note_name(task, piece.piece.is_tile, image.record.name)
            yield EncodedImage(replace(image.record, instances=()), image.payload, image.instances)
        self._step()

    def _note_name(self, task: EncodedTask, is_tile: bool, name: str) -> None:
        plain = self.names.plain(task.key)
        if not is_tile and name.rpartition(".")[0] != plain.rpartition(".")[0]:
            self.report.rename(task.key, name)

    def _fail(self, key: ImageKey, message: str) -> None:
        self.report.fail(key, message)
        self._step()

    def _step(self) -> None:
        self.done += 1
        self.progress(min(self.done, len(self.keys) - 1), len(self.keys))

    def _notes(self) -> Sequence[str]:
        notes = []
        if self.placer.copied:
            kind = "hard" if self.plan.images == "hardlink" else "symbolic"
            notes.append(
                f"{counted(self.placer.copied, 'image')} copied: {kind} links from the folder to the images "
                "are not possible."
            )
        if self.plan.images == "leave" and self.plan.format_id.startswith("yolo"):
            notes.append(
                "The images were left in their places. The trainer looks for label files beside the images, "
                "so it does not find these until the images are copied or linked."
            )
        return notes


def _no_images(plan: ExportPlan) -> ExportError:
    if plan.scope == "accepted":
        return ExportError("No image is accepted yet.", next="Accept images, or export all of them.")
    if plan.scope == "search":
        return ExportError(
            f"{plan.search!r} finds no images.", next="Search for others, or export all of them."
        )
    return ExportError("The dataset has no images to export.")


def _format(format_id: str) -> Format:
    try:
        found = find_format(format_id)
    except KeyError as error:
        raise ExportError(
            f"There is no format {format_id!r}.", next="'samdesk formats' lists them."
        ) from error
    if found.write is None:
        raise ExportError(f"{found.title} can only be imported.", next="'samdesk formats' lists the others.")
    return found


def _options(row: Format, plan: ExportPlan) -> tuple[tuple[str, str], ...]:
    """The value of every option of a format."""
    given = dict(plan.options)
    known = {option.id: option for option in row.options}
    for name, value in given.items():
        option = known.get(name)
        if option is None:
            options = ", ".join(known) or "none"
            raise ExportError(f"{row.title} has no option {name!r}.", next=f"It has: {options}.")
        if value not in option.values:
            values = ", ".join(option.values)
            raise ExportError(f"{name} is {value!r}.", next=f"It can be {values}.")
    return tuple((name, given.get(name, next(iter(option.values)))) for name, option in known.items())


def _exists(target: Path) -> FolderExistsError:
    return FolderExistsError(
        f"{printable(str(target))} is there already.", next="Choose another folder, or let it be overwritten."
    )


def _disk_error(error: OSError, target: Path) -> ExportError:
    shown = printable(str(target))
    if error.errno in _NO_SPACE:
        free = ""
        with suppress(OSError):
            free = f" ({shutil.disk_usage(target.parent).free // 1_000_000:,} MB are free)"
        return ExportError(
            f"{shown} could not be written: the disk is full{free}. Nothing of the export is left.",
            next="Make room, or link the images instead of copying them.",
        )
    if error.errno in _BAD_FOLDER:
        return ExportError(f"{shown} cannot be written: {reason(error)}.", next="Choose another folder.")
    return ExportError(f"{shown} could not be written: {reason(error)}.")
