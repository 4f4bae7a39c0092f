"""The file with the class names (data.yaml), kept equal to the label set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from samdesk.base import atomic
from samdesk.dataset.labels.files import CHANGED
from samdesk.dataset.types import NAMES, Notice
from samdesk.domain.document import ImageKey
from samdesk.domain.labels import LabelSet
from samdesk.formats.yolo import data_yaml

_YAML = (".yaml", ".yml")


class NamesFile:
    """Reads the class names of a dataset, and writes them where the trainer reads them.

    Attributes:
        path: The yaml file: the one with names that was found, else data.yaml above ``images`` or in the
            dataset's folder.
        conflict: It holds other names than samdesk knows of, and is left alone until the user has chosen.
    """

    def __init__(self, folder: Path, keys: Sequence[ImageKey], tell: Callable[[Notice], None]) -> None:
        self._folder = folder
        self._tell = tell
        self._failing = False
        self._agreed: tuple[tuple[str, ...], tuple[int, int] | None] | None = None
        self.conflict = False
        root, self._images = _layout(folder, keys)
        search = data_yaml.search_names(folder)
        for problem in search.problems:
            tell(Notice("labels", problem))
        found = search.found
        self.found = found.names if found else ()
        self.path = found.path if found and found.path.suffix.lower() in _YAML else root / "data.yaml"
        if self.path.parent != root:  # found elsewhere: paths in it start there
            self._images = _relative(root / self._images, self.path.parent)

    def names(self) -> tuple[str, ...] | None:
        """The names that the yaml file holds now; None if it is not there or holds none."""
        if not self.path.is_file():
            return None
        found = data_yaml.read_names(self.path.parent)
        return found.names if found is not None and found.path == self.path else None

    def sync(self, labels: LabelSet, last: tuple[str, ...] | None) -> bool:
        """Writes the names if they differ; True if the file now holds them.

        Args:
            labels: The label set.
            last: The names that samdesk last wrote to or read from the file; others are another program's.
        """
        if self.conflict or not labels:
            return False
        if self._agreed == (labels.names, _stamp(self.path)):
            return True
        there = self.names()
        if there == labels.names:
            self._agreed = (labels.names, _stamp(self.path))
            return True
        if there is not None and there != last:
            self._clash()
            return False
        try:
            old = self.path.read_text("utf-8") if self.path.is_file() else None
            atomic.write_text(self.path, data_yaml.render(old, labels.names, self._images))
        except (OSError, ValueError) as error:
            self._fail(error)
            return False
        self._failing = False
        return True

    def merged(self, labels: LabelSet) -> LabelSet:
        """The label set with the file's names: the class id decides which label a name belongs to."""
        names = unique_names(self.names() or ())
        kept = tuple(replace(label, name=name) for label, name in zip(labels, names, strict=False))
        result = LabelSet(kept)
        for name in names[len(labels) :]:
            result = result.add(name)
        return result

    def _clash(self) -> None:
        self.conflict = True
        text = (
            f"{self.path} was changed by another program: its class names are not samdesk's. It is left as "
            "it is until you choose: keep samdesk's labels, or take those of the file"
        )
        self._tell(Notice(CHANGED, text, str(self.path), key=NAMES))

    def _fail(self, error: Exception) -> None:
        if not self._failing:
            self._failing = True
            reason = error.strerror if isinstance(error, OSError) else None
            text = f"{self.path} cannot be written: {reason or error}. The class names are saved in the store"
            self._tell(Notice("save", text, str(self.path)))


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return (stat.st_size, stat.st_mtime_ns)


def unique_names(names: Sequence[str]) -> list[str]:
    """Names a label set can take, by class id: none empty, none twice."""
    result: list[str] = []
    for i, name in enumerate(names):
        name = " ".join(str(name).split()) or f"class_{i}"
        while name in result:
            name = f"{name}_{i}"
        result.append(name)
    return result


def _layout(folder: Path, keys: Sequence[ImageKey]) -> tuple[Path, str]:
    """The folder for data.yaml, and where the images are as seen from it."""
    if folder.name == "images":
        return folder.parent, "images"
    if folder.parent.name == "images":
        return folder.parent.parent, f"images/{folder.name}"
    if any(key.startswith("images/") for key in keys):
        return folder, "images"
    return folder, "."


def _relative(path: Path, start: Path) -> str:
    try:
        return path.relative_to(start).as_posix()
    except ValueError:
        return str(path)
