"""What there is to train on, as the trainer finds it: images and instances by split, from data.yaml."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samdesk.base import atomic, json_file
from samdesk.base.errors import reason
from samdesk.dataset.readonly import open_read_only
from samdesk.dataset.trainer.reading import SplitPlaces, read_as_trainer
from samdesk.dataset.trainer.settings import TRAIN_SIZE, training_settings
from samdesk.domain.split import SPLITS
from samdesk.formats.yolo.yaml_keys import read_mapping
from samdesk.training.fit.errors import FitError


@dataclass(frozen=True)
class FitMaterial:
    """A dataset as a training would use it.

    Attributes:
        folder: The dataset.
        file: Its data.yaml.
        names: Class names by class id.
        places: Split -> where its images are.
        images: Split -> number of images.
        annotated: Split -> those with annotations.
        instances: Split -> number of annotations.
        split: Whether training and validation images differ.
        train_size: The training size that its label files are made for, pixels.
        problem: Why the trainer would refuse it, as a sentence; "" if it would not.
    """

    folder: Path
    file: Path
    names: tuple[str, ...] = ()
    places: Mapping[str, SplitPlaces] = field(default_factory=dict)
    images: Mapping[str, int] = field(default_factory=dict)
    annotated: Mapping[str, int] = field(default_factory=dict)
    instances: Mapping[str, int] = field(default_factory=dict)
    split: bool = False
    train_size: int = TRAIN_SIZE
    problem: str = ""

    def check(self) -> None:
        """Raises ``FitError`` if there is nothing that can be trained."""
        if self.problem:
            raise FitError(self.problem)
        if not self.annotated.get("train"):
            raise FitError(
                f"No training image of {self.folder} has annotations.",
                next="Annotate some, or split the dataset anew (samdesk split).",
            )


def read_fit_material(folder: Path) -> FitMaterial:
    """Reads what there is to train on; takes no lock and writes nothing.

    Raises:
        StoreError: The dataset cannot be opened.
    """
    with open_read_only(folder) as dataset:
        file = dataset.data_yaml
        names = dataset.names
        counts = {key: image.count for key, image in dataset.images().items()}
        counts |= {key: dataset.count_in_file(key) for key in dataset.only_in_files()}
        keys, folder = dataset.keys, dataset.folder
        size = training_settings(dataset.setting).train_size
    content = _content(file)
    if isinstance(content, str):
        return FitMaterial(folder, file, names, train_size=size, problem=content)
    reading = read_as_trainer(content, file)
    places = reading.places
    problem = f"{file} cannot be trained on: {reading.refusals[0].text}." if reading.refusals else ""
    images, annotated, instances = Counter[str](), Counter[str](), Counter[str]()
    for key in keys:
        path = str(folder / key)
        split = next((s for s in SPLITS if s in places and places[s].path(path)), None)
        if split is None:
            continue
        count = counts.get(key, 0)
        images[split] += 1
        annotated[split] += count > 0
        instances[split] += count
    is_split = places.get("train") != places.get("val")
    return FitMaterial(folder, file, names, places, images, annotated, instances, is_split, size, problem)


def train_size(folder: Path) -> int:
    """The training size of a dataset, pixels. Raises ``StoreError``."""
    with open_read_only(folder) as dataset:
        return training_settings(dataset.setting).train_size


def write_data(material: FitMaterial, to: Path) -> Path:
    """Writes the data.yaml that the trainer reads, with the split as it is now; returns its path.

    Raises:
        OSError: It cannot be written.
    """
    content: dict[str, Any] = {"path": str(material.folder)}
    for split in SPLITS:
        places = material.places.get(split)
        if places is None:
            continue
        found = list(places.folders)
        if places.listed:
            listing = to.with_name(f"{split}.txt")
            atomic.write_text(listing, "".join(f"{image}\n" for image in sorted(places.listed)))
            found.append(str(listing))
        content[split] = found
    content["names"] = dict(enumerate(material.names))
    json_file.write(to, content, indent=1)  # JSON is YAML
    return to


def _content(file: Path) -> Mapping[Any, Any] | str:
    """The keys and values of data.yaml, or why there are none."""
    try:
        return read_mapping(file)
    except FileNotFoundError:
        return f"There is no {file}: annotate some images first."
    except OSError as error:
        return f"{file} cannot be read: {reason(error)}."
    except ValueError as error:
        return f"{file} cannot be read: {error}."
