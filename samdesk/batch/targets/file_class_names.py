"""The class ids of label files that a run writes without a store, and the file that names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, TypeAlias

from samdesk.base.atomic import write_text
from samdesk.base.boundary import Boundary
from samdesk.base.errors import reason
from samdesk.base.regular import read_bytes, read_text
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.targets.base import RunStopped
from samdesk.batch.targets.label_folder import CLASSES
from samdesk.dataset.links import boundary_of
from samdesk.dataset.store.errors import StoreError
from samdesk.dataset.trainer.checks import findings
from samdesk.dataset.trainer.facts import TrainingFacts, read_content
from samdesk.dataset.trainer.paths import TrainingPaths, training_paths
from samdesk.domain.labels import Label, LabelId, LabelSet, unique_names
from samdesk.formats.class_ids import class_id_limit
from samdesk.formats.label_format import label_format
from samdesk.formats.yolo import data_yaml
from samdesk.formats.yolo.names import UnreadableNamesError, read_list
from samdesk.images.sources import ImageSet, Survey, survey

Notify: TypeAlias = Callable[[str], None]


class NamesFile(Protocol):
    """Where the class names of the label files are written."""

    @property
    def path(self) -> Path:
        """The file."""

    def write(self, names: Sequence[str]) -> None:
        """Writes the names by class id. Raises ``OSError`` or ``UnreadableNamesError``."""


class FileLabels:
    """The labels of the label files of a run; one is added, and named, when its first object is found.

    Args:
        labels: The labels; a label's index is the class id in the files.
        file: Where their names are written.
        names: Detector class id -> name of its label.
        highest: Returns the highest class id in label files, given the number of labels; -1: none.
        ids: Detector class id -> label, where that is known.

    Attributes:
        labels: The labels so far.
        written: Their names were written.
    """

    def __init__(
        self,
        labels: LabelSet,
        file: NamesFile,
        names: Mapping[int, str],
        highest: Callable[[int], int] = lambda _count: -1,
        ids: Mapping[int, LabelId] = MappingProxyType({}),
    ) -> None:
        self.labels = labels
        self.written = False
        self._file, self._names, self._highest, self._ids = file, names, highest, dict(ids)

    @property
    def path(self) -> Path:
        """The file with their names."""
        return self._file.path

    def label_id(self, class_id: int) -> LabelId:
        """The label of a detector's class, added if it is missing.

        Raises:
            RunStopped: The names cannot be written, so that the class ids would stand for nothing.
        """
        if class_id not in self._ids:
            name = self._names[class_id]
            self._ids[class_id] = (self.labels.match(name) or self._added(name)).id
        return self._ids[class_id]

    def write(self, labels: LabelSet) -> None:
        """Writes the class names of these labels, and takes them. Raises ``RunStopped``."""
        try:
            self._file.write(labels.names)
        except (OSError, UnreadableNamesError) as error:
            raise RunStopped(f"{self._file.path} cannot be written: {reason(error)}.") from error
        self.labels, self.written = labels, True

    def _added(self, name: str) -> Label:
        # Class ids that label files use, and that nothing names, keep their places.
        count = len(self.labels)
        nameless = self._highest(count) + 1 - count
        labels = self.labels.extended(unique_names([*self.labels.names, *[""] * nameless])[count:])
        label = labels.match(name)
        if label is None:
            labels = labels.add(name)
            label = labels.labels[-1]
        self.write(labels)  # before the first label file with the class id
        return label


@dataclass(frozen=True)
class ClassList:
    """``CLASSES`` of a label folder, which LabelImg and others read."""

    path: Path

    def read(self) -> tuple[str, ...]:
        """The names; () if there is no such file. Raises ``StoreError``."""
        try:
            return read_list(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except (OSError, UnreadableNamesError) as error:
            raise StoreError(
                f"{self.path} cannot be read: {reason(error)}.", next="Correct it, or give an output folder."
            ) from error

    def write(self, names: Sequence[str]) -> None:
        """Writes the names."""
        write_text(self.path, "".join(f"{name}\n" for name in names))


@dataclass(frozen=True)
class DataYaml:
    """The data.yaml of the dataset that the images belong to.

    Attributes:
        path: The file.
        folder: The folder of images, with links resolved.
        survey: All its images.
        paths: What ``train`` and ``val`` name.
        boundary: Nothing outside is written.
    """

    path: Path
    folder: Path
    survey: Survey
    paths: TrainingPaths
    boundary: Boundary

    def write(self, names: Sequence[str]) -> None:
        """Writes the names, and leaves the rest as it is."""
        real = self.boundary.real_path(self.path)
        old = read_text(real) if real.exists() else None
        text = data_yaml.render(old, names, self.paths.relative_to(self.path.parent))
        if text != old:
            write_text(real, text)
        self.paths.write_listing(self.boundary)

    def highest_class_id(self, count: int) -> int:
        """The highest class id in the label files of the dataset that can be meant; -1: there is none."""
        limit, highest = class_id_limit(count), -1
        for key in self.survey.keys:
            with suppress(OSError):  # there is none
                data = read_bytes(Path(label_format().label_path(str(self.folder / key))))
                used = (i for i in label_format().count_classes(data) if i < limit)
                highest = max(highest, *used, -1)
        return highest

    def notices(self, names: Sequence[str], annotated: ImageSet) -> list[str]:
        """What would surprise the user about a training."""
        facts = TrainingFacts(self.folder, self.survey, self.path, tuple(names), annotated=annotated.keys)
        return [f.message for f in findings(facts.with_content(read_content(self.path, self.folder)))]


def joined_labels(
    images: ImageSet, plan: AutoAnnotatePlan, names: Sequence[str], *, own_ids: bool = False
) -> tuple[FileLabels, DataYaml]:
    """The class ids of the dataset that the images belong to: classes are found by name, or added.

    Args:
        images: The images.
        plan: Which classes are used, under which names.
        names: The detector's class names.
        own_ids: If nothing names classes, those of the detector keep their ids, all of them.

    Raises:
        StoreError: The names cannot be read, so that class ids would stand for something else.
    """
    folder = images.root.resolve()
    boundary = boundary_of(folder)
    search = data_yaml.search_names(folder, boundary.real_path)
    found = search.found
    if found is None and search.problems:
        raise StoreError(f"{search.problems[0]}.", next="Correct it, or give an output folder.")
    images_there = survey(folder)
    paths = training_paths(folder, images_there.keys, images_there.run_outputs)
    file = DataYaml(search.yaml or paths.root / "data.yaml", folder, images_there, paths, boundary)
    if found is None and own_ids:
        own = _detectors(file, plan, names)
        own.write(own.labels)
        return own, file
    labels = LabelSet.from_names(unique_names(found.names if found else ()))
    result = FileLabels(labels, file, plan.label_names(names), file.highest_class_id)
    if found is not None and found.path != file.path:
        result.write(labels)
    return result, file


def folder_labels(
    folder: Path, images: ImageSet, plan: AutoAnnotatePlan, names: Sequence[str], notify: Notify
) -> FileLabels:
    """The class ids of a label folder of its own: the detector's, or those that its ``CLASSES`` names."""
    file = ClassList(folder / CLASSES)
    known = file.read()
    own = tuple(LabelSet.from_names(unique_names(names)).names)
    if known and known != own:
        labels = LabelSet.from_names(unique_names(known))
        return FileLabels(labels, file, plan.label_names(names))
    found = data_yaml.read_names(images.root)
    if found is not None and found.names != tuple(names):
        notify(f"{found.path} names other classes; the new labels use the detector's class ids.")
    result = _detectors(file, plan, names)
    if not known:
        result.write(result.labels)
    return result


def _detectors(file: NamesFile, plan: AutoAnnotatePlan, names: Sequence[str]) -> FileLabels:
    """The detector's own class ids, also where it has nameless or equally named classes."""
    labels = LabelSet.from_names(unique_names(names))
    ids = {i: labels.labels[i].id for i in plan.used_classes(names)}
    return FileLabels(labels, file, {}, ids=ids)
