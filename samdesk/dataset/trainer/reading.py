"""Reads a data.yaml as the Ultralytics trainer does: where it looks for images, or why it refuses."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from samdesk.base.boundary import is_on_other_machine
from samdesk.base.regular import read_bytes
from samdesk.base.text import counted
from samdesk.dataset.trainer.paths import has_images
from samdesk.formats.label_format import label_format

TRAINED = ("train", "val")


@dataclass(frozen=True)
class Refusal:
    """Why the trainer does not start with a data.yaml.

    Attributes:
        code: Which rule is broken ("val-missing").
        text: What is wrong, a clause in which "it" is the file.
    """

    code: str
    text: str


@dataclass(frozen=True)
class SplitPlaces:
    """Where the trainer looks for the images of a split.

    Attributes:
        folders: Searched with their subfolders; with links resolved.
        listed: Single images, as the trainer names them.
    """

    folders: tuple[str, ...] = ()
    listed: frozenset[str] = frozenset()

    @cached_property
    def _real_folders(self) -> dict[str, str]:
        """Folder of images -> as the trainer names it; "" if it does not reach it."""
        return {}

    def path(self, image: str) -> str | None:
        """Returns the path under which the trainer reads an image, or None if it does not reach it."""
        if image in self.listed:
            return image
        folder, name = os.path.split(image)
        known = self._real_folders
        if folder not in known:
            known[folder] = self._folder(folder)
        return os.path.join(known[folder], name) if known[folder] else None  # noqa: PTH118

    def _folder(self, folder: str) -> str:
        # Only the folders that data.yaml names are resolved; links below them are followed as they are.
        names = dict.fromkeys((folder, os.path.realpath(folder)))
        return next((name for name in names for top in self.folders if _is_in(name, top)), "")


@dataclass(frozen=True)
class TrainerReading:
    """What the trainer makes of a data.yaml.

    Attributes:
        refusals: Why it does not start; empty if it does.
        places: Split -> where its images are; a split without images that can be found is left out.
    """

    refusals: tuple[Refusal, ...] = ()
    places: Mapping[str, SplitPlaces] = field(default_factory=dict)

    def path(self, image: str) -> str | None:
        """Returns the path under which an image is trained on or validated with; None: it is not."""
        found = (self.places[split].path(image) for split in TRAINED if split in self.places)
        return next((path for path in found if path is not None), None)

    def reaches(self, image: str) -> bool:
        """Whether an image is in a split, the test split included."""
        return any(places.path(image) is not None for places in self.places.values())


def trainer_label_path(image: str) -> str:
    """The label file of an image, given as the trainer names it."""
    return label_format().label_path(image)


def read_as_trainer(
    content: Mapping[Any, Any], file: Path, listings: Mapping[Path, str] | None = None
) -> TrainerReading:
    """Returns what the trainer makes of the content of a data.yaml.

    Args:
        content: Its keys and values.
        file: The file, absolute.
        listings: The content of lists of images that are not written yet.
    """
    refusals = [*_names_refusals(content)]
    root = _root(content, file, refusals)
    places = {}
    for split in (*TRAINED, "test"):
        value = content.get("validation") if split == "val" and "val" not in content else content.get(split)
        if not value:
            if split in TRAINED:
                refusals.append(Refusal(f"{split}-missing", f"it has no {split} folder"))
        elif not _is_paths(value):
            refusals.append(Refusal(f"{split}-type", f"its {split} is neither a path nor a list of paths"))
        else:
            found = _places(root, [value] if isinstance(value, str) else value, listings or {}, file)
            if isinstance(found, SplitPlaces):
                places[split] = found
            elif split in TRAINED and not content.get("download"):
                refusals.append(Refusal(f"{split}-gone-folder", f"its {split} folder {found}"))
    return TrainerReading(tuple(refusals), places)


def _names_refusals(content: Mapping[Any, Any]) -> list[Refusal]:
    names, count = content.get("names"), content.get("nc")
    if names is None:
        return [] if isinstance(count, int) else [Refusal("names-missing", "it has no class names")]
    if not isinstance(names, list | dict):
        return [Refusal("names-type", "its names are neither a list nor a mapping")]
    if not names:
        return [Refusal("names-missing", "it has no class names")]
    refusals, classes = [], counted(len(names), "class", "classes")
    if count is not None and str(count) not in (str(len(names)), f"{len(names)}.0"):
        refusals.append(Refusal("nc", f"its nc is {count}, but it names {classes}"))
    if isinstance(names, dict) and {str(key).strip() for key in names} != set(map(str, range(len(names)))):
        refusals.append(Refusal("class-ids", f"the ids of its {classes} are not 0, 1, 2, ..."))
    return refusals


def _root(content: Mapping[Any, Any], file: Path, refusals: list[Refusal]) -> Path:
    """Returns the folder that paths are relative to."""
    value = content.get("path")
    if not value:
        return file.parent
    path = Path(str(value))
    if not path.is_absolute():
        refusals.append(
            Refusal(
                "path-relative",
                f"its path ({value}) is relative to the folder in which training is started",
            )
        )
        return Path(os.path.normpath(file.parent / path))
    if not is_on_other_machine(str(path), str(file)) and not path.exists():
        refusals.append(Refusal("path-gone", f"its path ({value}) does not exist"))
    return path


def _is_paths(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(v, str) for v in value))


def _places(root: Path, values: list[str], listings: Mapping[Path, str], file: Path) -> SplitPlaces | str:
    """Returns where the images are; for what cannot be read, a phrase that says so."""
    folders, listed = [], set[str]()
    for value in values:
        if is_on_other_machine(str(root / value), str(file)):
            return f"is on another machine, where samdesk does not look ({root / value})"
        path = (root / value).resolve()
        if not path.exists() and value.startswith("../"):
            path = (root / value[3:]).resolve()
        if path.is_dir():
            folders.append(str(path))
        elif path in listings or path.is_file():
            listed |= _listed(path, listings.get(path) or _list_text(path))
        else:
            return f"does not exist ({value})"
    if not listed and not any(has_images(Path(folder)) for folder in folders):
        return f"has no images ({', '.join(values)})"
    return SplitPlaces(tuple(folders), frozenset(listed))


def _list_text(path: Path) -> str:
    try:
        return read_bytes(path).decode("utf-8-sig", "replace")
    except OSError:
        return ""


def _listed(path: Path, text: str) -> set[str]:
    """Returns the images that a text file lists; those given relative to the current folder are left out."""
    here = f"{path.parent}{os.sep}"
    return {
        (line.replace("./", here, 1) if line.startswith("./") else line).replace("/", os.sep)
        for line in text.strip().splitlines()
        if line.startswith(("./", "/")) or Path(line).is_absolute()
    }


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
