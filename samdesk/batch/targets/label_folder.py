"""The YOLO label files of a folder of images, and a record of the files that runs wrote."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from samdesk.base import json_file
from samdesk.base.atomic import write_text
from samdesk.base.boundary import Boundary
from samdesk.base.disk import letter_case, temporaries
from samdesk.base.errors import UserError, reason
from samdesk.base.hashing import hash_file
from samdesk.base.json_file import JsonError, rename_bad
from samdesk.base.regular import read_bytes
from samdesk.dataset.links import boundary_of
from samdesk.dataset.lock import DatasetLock
from samdesk.domain.document import ImageKey
from samdesk.formats.registry import LabelFormat, label_format

MANIFEST = ".samdesk-runs.json"
"""JSON file in the label folder: label file name -> SHA-256 of the contents that a run wrote."""
_LOCK = ".samdesk-runs.lock"
"""In the label folder while a run writes to it."""


class LabelFolderError(UserError):
    """A run cannot write to a folder of label files."""

    code = "label-folder"


class LabelFolder:
    """The label files of a folder of images without a store.

    Attributes:
        folder: The folder that holds them, and the record of the files that runs wrote.
        format: Their format.
        problem: Message for the user about a record that cannot be read; "" if there is none.
    """

    def __init__(
        self,
        folder: Path,
        keys: Iterable[ImageKey],
        file_format: LabelFormat | None = None,
        images: Path | None = None,
        folds_case: bool | None = None,
    ) -> None:
        """Finds out which files there are to be.

        Args:
            folder: Holds the label files; created with the first file.
            keys: The images.
            file_format: Of the label files; None: the default format.
            images: The folder of the images, if their label files are where the trainer looks for them; None:
                the label files are in ``folder`` as the images are in theirs.
            folds_case: Whether names that differ only in letter case are one file; None: found out.
        """
        self.problem = ""
        self.folder = Path(os.path.realpath(folder))
        self._boundary = Boundary((str(self.folder),)) if images is None else boundary_of(images)
        self.format = file_format or label_format()
        self._images = images
        self._folds_case = letter_case.folds_case(self.folder) if folds_case is None else folds_case
        self._owners: dict[str, ImageKey] = {}
        for key in keys:
            self._owners.setdefault(self._folded_name(key), key)
        self._lock = DatasetLock(self.folder, self.folder / _LOCK, "being annotated")
        self._written = self._read_manifest()

    @classmethod
    def of_trainer(cls, images: Path, keys: Iterable[ImageKey]) -> LabelFolder:
        """The label files where the trainer and the window look for them.

        Args:
            images: The folder of the images, absolute.
            keys: The images.
        """
        images = images.resolve()  # as the trainer does
        beside = Path(label_format().label_path(str(images / "x.jpg"))).parent
        return cls(beside, keys, images=images)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other runs from the folder, removes what killed ones have left, and reads their record.

        Raises:
            LabelFolderError: A run of another process writes to it, or it cannot be written to.
        """
        try:
            self._boundary.real_path(self._lock.path)
            holder = self._lock.acquire()
        except OSError as error:
            raise LabelFolderError(
                f"{self.folder} cannot be written to: {reason(error)}.", next="Give another output folder."
            ) from error
        if holder:
            raise LabelFolderError(
                f"{holder}.", next="Wait until it finishes, stop it there, or give another output folder."
            )
        try:
            self._written = self._read_manifest()
            folders = {os.path.dirname(self._name(key)) for key in self._owners.values()}  # noqa: PTH120
            temporaries.clear(self.folder, *(self.folder / name for name in sorted(folders)))
            yield
        finally:
            self._lock.release()

    def path(self, key: ImageKey) -> Path:
        """The label file of an image."""
        return self.folder / self._name(key)

    def owner(self, key: ImageKey) -> ImageKey:
        """The image that owns this image's label file: another one if only suffix or letter case differ."""
        return self._owners.get(self._folded_name(key), key)

    def read(self, key: ImageKey) -> str | None:
        """Returns the text of an image's label file, None if it does not exist. Raises ``OSError``."""
        path = self._real_path(key)
        return read_bytes(path, follow=False).decode("utf-8-sig", "replace") if path.exists() else None

    def from_run(self, key: ImageKey) -> bool:
        """Whether the label file is unchanged since a run wrote it. Raises ``OSError``."""
        path = self._real_path(key)
        known = self._written.get(self._name(key))
        return known is not None and path.exists() and known == hash_file(path)

    def write(self, key: ImageKey, text: str, *, from_run: bool) -> None:
        """Writes a label file atomically. Raises ``OSError``.

        Args:
            key: The image.
            text: Its lines.
            from_run: The file holds only objects that runs found, so a later run may replace it.
        """
        path = self._real_path(key)
        self._lock.renew()
        write_text(path, text)
        if from_run:
            self._written[self._name(key)] = hash_file(path)
        else:
            self._written.pop(self._name(key), None)

    def save_manifest(self) -> None:
        """Writes the record; after a crash, files of the last run count as edited by hand."""
        if self.folder.is_dir():
            if self.problem:
                rename_bad(self._manifest_path())
                self.problem = ""
            json_file.write(self._manifest_path(), self._written, indent=0, sort_keys=True)

    def _read_manifest(self) -> dict[str, str]:
        try:
            found = json_file.read_object(self._manifest_path())
        except FileNotFoundError:
            return {}
        except (OSError, JsonError) as error:
            self.problem = (
                f"{self.folder / MANIFEST} cannot be read ({reason(error)}), so all label files there count "
                f"as edited by hand. It will be kept as {MANIFEST}.bad."
            )
            return {}  # safe: nothing is replaced
        return {key: value for key, value in found.items() if isinstance(value, str)}

    def _manifest_path(self) -> Path:
        return self._boundary.real_path(self.folder / MANIFEST)

    def _real_path(self, key: ImageKey) -> Path:
        return self._boundary.real_path(self.path(key))

    def _folded_name(self, key: ImageKey) -> str:
        return letter_case.folded(self._name(key), folds_case=self._folds_case)

    def _name(self, key: ImageKey) -> str:
        if self._images is None:
            return str(PurePosixPath(key).with_suffix(self.format.suffix))
        path = self.format.label_path(f"{self._images}{os.sep}{key.replace('/', os.sep)}")
        return os.path.relpath(path, self.folder).replace(os.sep, "/")
