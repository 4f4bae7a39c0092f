"""Keeps the file with the class names (data.yaml) in step with the label set."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from samdesk.base import atomic, json_file
from samdesk.base.boundary import Boundary, LeadsOutsideError
from samdesk.dataset.labels.files import BAD_LINES, CHANGED
from samdesk.dataset.links import link_notice
from samdesk.dataset.trainer.paths import SplitPaths, training_paths
from samdesk.dataset.types import NAMES, Notice, StoreError
from samdesk.domain.document import ImageKey
from samdesk.domain.labels import LabelSet, unique_names
from samdesk.formats.yolo import data_yaml
from samdesk.formats.yolo.keypoints import keypoint_values
from samdesk.formats.yolo.names import UnreadableNamesError, read_text_of

Names = tuple[str, ...]


def write_names(names: Names) -> str:
    """What was last seen of data.yaml, as text for the store."""
    return json.dumps(names)


def read_names(text: str | None) -> Names | None:
    """The names in the text of ``write_names``; None if there are none, or it is damaged."""
    try:
        found = None if text is None else json_file.parse(text) or []
    except json_file.JsonError:
        return None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        return None
    return tuple(unique_names(found))


class ClassNamesFile:
    """Reads the class names of a dataset and writes them where the Ultralytics trainer reads them.

    Attributes:
        path: The dataset's YAML file, else data.yaml above ``images`` or in the dataset's folder.
        found: The names found on opening, by class id, unique.
        seen: The names last read from or written to the file; None: not known. If the file holds others,
            another program has changed it. The caller keeps it in the store.
        lists: The lists of the splits, by split, that a new file names; empty: the folders of images.
        conflict: The file was changed by another program or cannot be read; it is not written until the user
            has chosen.
    """

    def __init__(self, folder: Path, keys: Sequence[ImageKey], boundary: Boundary,
        notify: Callable[[Notice], None], run_outputs: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self._folder = folder
        self._boundary = boundary
        self._notify = notify
        self._failing = False
        self._synced: tuple[Names, tuple[int, int] | None] | None = None
        self._overwrite: tuple[int, int] | None = None
        self._notified: tuple[int, int] | None = None
        self._retracted: tuple[Names | None, tuple[int, int] | None] | None = None
        self.conflict = False
        self.seen: Names | None = None
        self.lists: SplitPaths = {}
        self._paths = training_paths(folder, keys, run_outputs)
        search = data_yaml.search_names(folder, boundary.real_path)
        self.path = search.yaml or self._paths.root / "data.yaml"
        for problem in search.problems:
            if not problem.startswith(f"{self.path} "):  # reported by ``check``
                notify(Notice("labels", f"{problem}."))
        self.found: Names = tuple(unique_names(search.found.names)) if search.found else ()

    def set_images(self, keys: Sequence[ImageKey], run_outputs: Sequence[str]) -> None:
        """Replaces the list of images."""
        self._paths = training_paths(self._folder, keys, run_outputs)

    def names(self) -> Names:
        """Reads the names of the file, made unique; () if there is no file or it holds none.

        Raises:
            UnreadableNamesError: Its names cannot be read; the message says why.
            OSError: The file cannot be read.
        """
        self._boundary.real_path(self.path)
        return tuple(unique_names(data_yaml.read_yaml(self.path)))

    def keypoint_values(self) -> int:
        """Returns the number of values after the box in a line with keypoints; 0: there are no keypoints."""
        try:
            return keypoint_values(self._boundary.real_path(self.path))
        except OSError:
            return 0

    def check(self, *, ask: bool) -> None:
        """Notes the names of the file as last seen; if they cannot be read, reports it.

        Args:
            ask: Opens a conflict then; False: the dataset cannot be changed.
        """
        try:
            self.seen = self.names()
        except OSError as error:
            self._report_failure(error)
        except UnreadableNamesError as error:
            if ask:
                self._mark_unreadable(error)
            else:
                self._notify(Notice("labels", f"{self.path} cannot be read: {error}.", str(self.path)))

    def recheck(self, labels: LabelSet) -> bool:
        """Looks at the file again. Returns whether another program has changed its names; reports it then."""
        if not labels or self._synced == (labels.names, _stamp(self.path)):
            return False
        try:
            on_disk = self.names()
        except OSError:
            return False  # reported when it is to be written
        except UnreadableNamesError as error:
            self._mark_unreadable(error)
            return True
        if not on_disk or on_disk == labels.names or self._may_replace(on_disk, labels.names):
            return False
        self._mark_changed()
        return True

    def sync(self, labels: LabelSet, complete: Callable[[], LabelSet | None]) -> None:
        """Writes the names of the label set if the file's differ and are those last seen.

        Args:
            labels: The label set.
            complete: Called before writing; returns the label set with a label for every class id in use, or
                None if these are not known yet. Then nothing is written: call again later.
        """
        if not labels or self._synced == (labels.names, _stamp(self.path)):
            return
        stamp = _stamp(self.path)
        try:
            on_disk = self.names()
        except OSError as error:
            self._report_failure(error)
            return
        except UnreadableNamesError as error:
            if stamp is None or stamp != self._overwrite:
                self._mark_unreadable(error)
                return
            on_disk = ()
        if on_disk == labels.names:
            with contextlib.suppress(OSError):  # the trainer only lacks the newest images
                self._paths.write_listing(self._boundary)
        elif on_disk and stamp != self._overwrite and not self._may_replace(on_disk, labels.names):
            self._mark_changed()
            return
        else:
            found = complete()
            if found is None or not (found.names == on_disk or self._write(found)):
                return
            labels = found
        self.conflict, self._retracted = False, None
        self.seen = labels.names
        self._synced = (labels.names, _stamp(self.path))

    def accept(self) -> None:
        """Ends the conflict: the present content of the file may be overwritten."""
        self._retracted = (self.seen, self._overwrite)
        self.conflict, self._notified = False, None
        self._overwrite = _stamp(self.path)
        with contextlib.suppress(UnreadableNamesError, OSError):
            self.seen = self.names()

    def ask_again(self) -> None:
        """Reopens and reports the conflict: the choice of the user could not be carried out."""
        if self._retracted is not None:
            self.seen, self._overwrite = self._retracted
        self._notified = None
        try:
            self.names()
        except UnreadableNamesError as error:
            self._mark_unreadable(error)
        except OSError as error:
            self.conflict = True
            self._report_failure(error)
        else:
            self._mark_changed()

    def merged(self, labels: LabelSet) -> LabelSet:
        """Returns the label set with the names of the file, matched by class id.

        Raises:
            StoreError: The names cannot be read.
        """
        try:
            names = self.names()
        except UnreadableNamesError as error:
            raise StoreError(
                f"{self.path} cannot be read: {error}.", next="Correct the file first."
            ) from error
        except OSError as error:
            raise StoreError(f"{self.path} cannot be read: {error.strerror or error}.") from error
        if not names:
            return labels
        kept = tuple(replace(label, name=name) for label, name in zip(labels, names, strict=False))
        return LabelSet(kept).extended(names[len(labels) :])

    def _may_replace(self, on_disk: Names, names: Names) -> bool:
        """Whether nobody has changed the file since it was last seen."""
        if self.seen is None:  # by a samdesk that did not remember what it had read
            return on_disk == names[: len(on_disk)]
        return on_disk == self.seen

    def _write(self, labels: LabelSet) -> bool:
        try:
            old = read_text_of(self.path) if self.path.exists() else None
            splits = self.lists or self.planned_splits()
            overwrite = self._overwrite is not None and _stamp(self.path) == self._overwrite
            try:
                text = data_yaml.render(
                    old, labels.names, splits, folder=self.path.parent, overwrite=overwrite
                )
            except UnreadableNamesError:
                if not overwrite:
                    raise
                text = data_yaml.render(None, labels.names, splits)  # there is a copy
            atomic.write_text(self._boundary.real_path(self.path), text)
            self._paths.write_listing(self._boundary)
        except (OSError, ValueError) as error:
            self._report_failure(error)
            return False
        self._failing = False
        return True

    def planned_splits(self) -> SplitPaths:
        """What the splits of a new file name where there are no lists."""
        return self._paths.relative_to(self.path.parent)

    def _mark_changed(self) -> None:
        text = (
            f"{self.path} was changed by another program: its class names differ from samdesk's. It is not "
            "written until you choose: keep samdesk's labels, or use those of the file."
        )
        self._mark(CHANGED, text)

    def _mark_unreadable(self, error: UnreadableNamesError) -> None:
        text = (
            f"The class names in {self.path} cannot be read: {error}. The file is not written until you "
            "correct it, or overwrite it with samdesk's labels."
        )
        self._mark(BAD_LINES, text)

    def _mark(self, kind: str, text: str) -> None:
        self.conflict = True
        stamp = _stamp(self.path)
        if stamp is None or stamp != self._notified:
            self._notified = stamp
            self._notify(Notice(kind, text, str(self.path), key=NAMES))

    def _report_failure(self, error: Exception) -> None:
        if self._failing:
            return
        self._failing = True
        if isinstance(error, LeadsOutsideError):
            self._notify(link_notice(error, "Class names", NAMES))
        else:
            reason = error.strerror if isinstance(error, OSError) else None
            text = (
                f"{self.path} cannot be written: {reason or error}. The class names are saved in the store."
            )
            self._notify(Notice("save", text, str(self.path)))


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return (stat.st_size, stat.st_mtime_ns)
