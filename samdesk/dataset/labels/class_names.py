"""Keeps the file with the class names (data.yaml) in step with the label set."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from samdesk.base import atomic
from samdesk.dataset.labels.files import CHANGED
from samdesk.dataset.trainer.paths import training_paths
from samdesk.dataset.types import NAMES, Notice
from samdesk.domain.document import ImageKey
from samdesk.domain.labels import LabelSet, unique_names
from samdesk.formats.yolo import data_yaml

_YAML = (".yaml", ".yml")


class ClassNamesFile:
    """Reads the class names of a dataset and writes them where the Ultralytics trainer reads them.

    Attributes:
        path: The YAML file: the one with names that was found, else data.yaml above ``images`` or in the
            dataset's folder.
        found: The names found on opening, by class id.
        conflict: Another program has changed the names; the file is not written until the user has chosen.
    """

    def __init__(self, folder: Path, keys: Sequence[ImageKey], notify: Callable[[Notice], None],
        run_outputs: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self._folder = folder
        self._notify = notify
        self._failing = False
        self._synced: tuple[tuple[str, ...], tuple[int, int] | None] | None = None
        self.conflict = False
        self._paths = training_paths(folder, keys, run_outputs)
        search = data_yaml.search_names(folder)
        for problem in search.problems:
            notify(Notice("labels", f"{problem}."))
        found = search.found
        self.found = found.names if found else ()
        self.path = (
            found.path if found and found.path.suffix.lower() in _YAML else self._paths.root / "data.yaml"
        )

    def names(self) -> tuple[str, ...] | None:
        """Reads the names of the YAML file; None if there is no such file or it holds none."""
        if not self.path.is_file():
            return None
        found = data_yaml.read_names(self.path.parent)
        return found.names if found is not None and found.path == self.path else None

    def sync(self, labels: LabelSet, last: tuple[str, ...] | None) -> bool:
        """Writes the names of the label set if they differ. Returns whether the file holds them now.

        Args:
            labels: The label set.
            last: The names that samdesk last wrote or read; if the file holds others, another program has
                changed it.
        """
        if self.conflict or not labels:
            return False
        if self._synced == (labels.names, _stamp(self.path)):
            return True
        on_disk = self.names()
        if on_disk == labels.names:
            with contextlib.suppress(OSError):  # the trainer only lacks the newest images
                self._paths.write_listing()
            self._synced = (labels.names, _stamp(self.path))
            return True
        if on_disk is not None and on_disk != last:
            self._mark_conflict()
            return False
        try:
            old = self.path.read_text("utf-8") if self.path.is_file() else None
            splits = self._paths.relative_to(self.path.parent)
            atomic.write_text(self.path, data_yaml.render(old, labels.names, splits))
            self._paths.write_listing()
        except (OSError, ValueError) as error:
            self._report_failure(error)
            return False
        self._failing = False
        return True

    def merged(self, labels: LabelSet) -> LabelSet:
        """Returns the label set with the names of the file, matched by class id."""
        names = unique_names(self.names() or ())
        kept = tuple(replace(label, name=name) for label, name in zip(labels, names, strict=False))
        result = LabelSet(kept)
        for name in names[len(labels) :]:
            result = result.add(name)
        return result

    def _mark_conflict(self) -> None:
        self.conflict = True
        text = (
            f"{self.path} was changed by another program: its class names differ from samdesk's. It is not "
            "written until you choose: keep samdesk's labels, or use those of the file."
        )
        self._notify(Notice(CHANGED, text, str(self.path), key=NAMES))

    def _report_failure(self, error: Exception) -> None:
        if not self._failing:
            self._failing = True
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
