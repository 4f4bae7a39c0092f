"""The YOLO label files of a folder of images, and which of them are of these images."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from samdesk.base.atomic import write_bytes
from samdesk.base.boundary import Boundary
from samdesk.base.disk import letter_case, temporaries
from samdesk.base.errors import UserError, reason
from samdesk.base.hashing import hash_bytes, hash_file
from samdesk.base.regular import read_bytes
from samdesk.batch.targets.written_files import WrittenFiles
from samdesk.dataset.links import boundary_of
from samdesk.dataset.lock import DatasetLock
from samdesk.domain.document import ImageKey
from samdesk.formats.label_format import LabelFormat, label_format
from samdesk.images.reader import TRAINER_SUFFIXES

CLASSES = "classes.txt"
"""In a label folder that the trainer does not look into: the class names, one a line."""
_LOCK = ".samdesk-runs.lock"
"""In the label folder while a run writes to it."""


class LabelFolderError(UserError):
    """A run cannot write to a folder of label files."""

    code = "label-folder"


class LabelFolder:
    """The label files of a folder of images without a store.

    A label file belongs to one image: to that whose labels a run wrote there, and to that for which the
    trainer would read it. Images of another folder with the same name are a ``clash``.

    Attributes:
        folder: The folder that holds them, and the record of the files that runs wrote.
        format: Their format.
        of_trainer: The label files are where the trainer looks for those of the images.
    """

    def __init__(
        self,
        folder: Path,
        keys: Iterable[ImageKey],
        file_format: LabelFormat | None = None,
        images: Path | None = None,
        *,
        of_trainer: bool = False,
        folds_case: bool | None = None,
    ) -> None:
        """Finds out which files there are to be.

        Args:
            folder: Holds the label files; created with the first file.
            keys: The images.
            file_format: Of the label files; None: the default format.
            images: The folder of the images; None: ``folder``.
            of_trainer: The label files are where the trainer looks for them; otherwise they are in ``folder``
                as the images are in theirs.
            folds_case: Whether names that differ only in letter case are one file; None: found out.
        """
        self.folder = Path(os.path.realpath(folder))
        self.format = file_format or label_format()
        self.of_trainer = of_trainer
        self._images = os.path.realpath(images or folder)
        self._boundary = boundary_of(Path(self._images)) if of_trainer else Boundary((str(self.folder),))
        self._folds_case = letter_case.folds_case(self.folder) if folds_case is None else folds_case
        self._owners: dict[str, ImageKey] = {}
        for key in keys:
            self._owners.setdefault(self._folded(self._name(key)), key)
        self._lock = DatasetLock(self.folder, self.folder / _LOCK, "being annotated")
        self._written = WrittenFiles(self.folder, self._boundary)
        self._listed: dict[str, dict[str, str]] = {}

    @classmethod
    def beside(cls, images: Path, keys: Iterable[ImageKey]) -> LabelFolder:
        """The label files where the trainer and the window look for them.

        Args:
            images: The folder of the images, absolute.
            keys: The images.
        """
        images = images.resolve()  # as the trainer does
        return cls(trainers_folder(images), keys, images=images, of_trainer=True)

    @property
    def problem(self) -> str:
        """Message for the user about a record that cannot be read; "" if there is none."""
        return self._written.problem

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
            self._written.read()
            folders = {os.path.dirname(self._name(key)) for key in self._owners.values()}  # noqa: PTH120
            temporaries.clear(self.folder, *(self.folder / name for name in sorted(folders)))
            yield
        finally:
            self._written.close()
            self._lock.release()

    def path(self, key: ImageKey) -> Path:
        """The label file of an image."""
        return self.folder / self._name(key)

    def clash(self, key: ImageKey) -> str:
        """Why an image's label file is that of another image, for the user; "" if it is not."""
        name = self._name(key)
        if name == CLASSES and not self.of_trainer:
            return f"its label file would be {CLASSES}, which holds the class names: rename it"
        owner = self._owners.get(self._folded(name), key)
        if owner != key:
            return f"its label file {self.path(key)} is that of {owner}: rename one"
        mine = self._folded(os.path.splitext(f"{self._images}/{key}")[0])  # noqa: PTH122
        other = self._written.image(name)
        if other is not None and self._folded(other.as_posix()) != mine and self.path(key).exists():
            return f"{self.path(key)} holds the labels of {other}: give another output folder"
        other = None if self.of_trainer else self._trainers_image(self.path(key))
        if other is not None and self._folded(os.path.splitext(other.as_posix())[0]) != mine:  # noqa: PTH122
            return f"{self.path(key)} is the label file of {other}: give another output folder"
        return ""

    def read(self, key: ImageKey) -> str | None:
        """Returns the text of an image's label file, None if it does not exist. Raises ``OSError``."""
        path = self._real_path(key)
        return read_bytes(path, follow=False).decode("utf-8-sig", "replace") if path.exists() else None

    def from_run(self, key: ImageKey) -> bool:
        """Whether the label file is unchanged since a run wrote it. Raises ``OSError``."""
        path = self._real_path(key)
        return path.exists() and self._written.wrote(self._name(key), hash_file(path))

    def begin(self) -> None:
        """Prepares the record of what is written. Raises ``OSError``."""
        self._written.begin()

    def write(self, key: ImageKey, text: str, *, from_run: bool) -> None:
        """Writes a label file atomically. Raises ``OSError``.

        Args:
            key: The image.
            text: Its lines.
            from_run: The file holds only objects that runs found, so a later run may replace it.
        """
        path, data = self._real_path(key), text.encode("utf-8")
        self._lock.renew()
        # Before the file: a run that is killed between the two leaves no file that counts as edited by hand.
        image = Path(f"{self._images}{os.sep}{key}")
        self._written.add(self._name(key), image, hash_bytes(data) if from_run else "")
        write_bytes(path, data)

    def _trainers_image(self, path: Path) -> Path | None:
        """The image whose label file this is by the trainer's rule; None if there is none."""
        before, found, after = f"{path.parent}{os.sep}".rpartition(f"{os.sep}labels{os.sep}")
        folder = f"{before}{os.sep}images{os.sep}{after}"
        if found and folder not in self._listed:
            try:
                names = sorted(os.listdir(folder))  # noqa: PTH208
            except OSError:
                names = []
            split = [(*os.path.splitext(name), name) for name in names]  # noqa: PTH122
            self._listed[folder] = {
                self._folded(stem): name for stem, suffix, name in split if suffix.lower() in TRAINER_SUFFIXES
            }
        name = self._listed[folder].get(self._folded(path.stem)) if found else None
        return None if name is None else Path(folder, name)

    def _real_path(self, key: ImageKey) -> Path:
        return self._boundary.real_path(self.path(key))

    def _folded(self, name: str) -> str:
        return letter_case.folded(name, folds_case=self._folds_case)

    def _name(self, key: ImageKey) -> str:
        if not self.of_trainer:
            return str(PurePosixPath(key).with_suffix(self.format.suffix))
        path = self.format.label_path(f"{self._images}{os.sep}{key.replace('/', os.sep)}")
        return os.path.relpath(path, self.folder).replace(os.sep, "/")


def trainers_folder(images: Path) -> Path:
    """The folder in which the trainer looks for the label files of a folder of images."""
    return Path(label_format().label_path(str(images / "x.jpg"))).parent
