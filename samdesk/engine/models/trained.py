"""The segmentation models that were trained on this machine, kept with the weights under their own names.

A model is a folder in ``trained`` of the weights folder: the checkpoint, named as the model, and
``model.json`` with what it was trained on and its figures. It appears complete, with one rename, and is never
changed.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from samdesk.base import atomic, json_file, places
from samdesk.base.json_file import JsonError
from samdesk.base.regular import is_file

_FOLDER, _FACTS, _NEW = "trained", "model.json", ".new-"
_UNSAFE = re.compile(r'[\x00-\x1f<>:"/\\|?*]+')
_MOST_CHARACTERS = 60


@dataclass(frozen=True)
class TrainedModel:
    """A model that was trained on a dataset of the user.

    Attributes:
        name: Its name, by which it is chosen ("shapes-seg 2026-11-28").
        when: Time of its registration, seconds since the epoch.
        dataset: The folder it was trained on.
        names: Class names by class id.
        start: What its training started from, in words.
        images: Split -> number of images.
        epochs: Epochs trained.
        best_epoch: The epoch it is of, from 1.
        imgsz: Longest side of the training images, pixels.
        seconds: Training time.
        values: Figures of the best epoch by Ultralytics' names ("metrics/mAP50(M)").
        by_class: Class name -> mask AP50 and AP50-95 on the validation images.
        path: Its checkpoint.
    """

    name: str
    when: float = 0.0
    dataset: str = ""
    names: tuple[str, ...] = ()
    start: str = ""
    images: dict[str, int] | None = None
    epochs: int = 0
    best_epoch: int = 0
    imgsz: int = 640
    seconds: float = 0.0
    values: dict[str, float] | None = None
    by_class: dict[str, tuple[float, float]] | None = None
    path: Path = Path()

    def value(self, name: str) -> float | None:
        """A figure of the best epoch by Ultralytics' name; None if it has none."""
        return (self.values or {}).get(name)

    @property
    def mask_map50(self) -> float | None:
        """Mean AP50 of the masks on the validation images."""
        return self.value("metrics/mAP50(M)")

    @property
    def mask_map(self) -> float | None:
        """Mean AP50-95 of the masks on the validation images."""
        return self.value("metrics/mAP50-95(M)")

    def to_json(self) -> dict[str, Any]:
        """The model as a value for ``json``, without its path."""
        return {key: value for key, value in asdict(self).items() if key != "path"}


def trained_models() -> tuple[TrainedModel, ...]:
    """The trained models on this machine, the newest first. Damaged ones are left out."""
    try:
        names = [entry.name for entry in os.scandir(_home()) if not entry.name.startswith(".")]
    except OSError:
        return ()
    found = [model for model in map(read_trained, names) if model is not None]
    return tuple(sorted(found, key=lambda model: (-model.when, model.name)))


def read_trained(name: str) -> TrainedModel | None:
    """The trained model of this name; None if there is none."""
    path = find_trained(name)
    if path is None:
        return None
    model = TrainedModel(path.stem, path=path)
    with contextlib.suppress(OSError, JsonError, TypeError, ValueError, KeyError):
        model = replace(_from_json(json_file.read_object(path.parent / _FACTS)), name=path.stem, path=path)
    return model


def find_trained(name: str) -> Path | None:
    """The checkpoint of a trained model, by its name with or without ".pt"; None if there is none."""
    stem = name.removesuffix(".pt")
    if not stem or stem != _safe(stem):
        return None
    path = _home() / stem / f"{stem}.pt"
    return path if is_file(path) else None


def new_name(dataset: Path, taken: Callable[[str], bool] = lambda _: False) -> str:
    """A name for a model to be trained on a dataset today: "shapes-seg 2026-11-28", the next one with " (2)".

    Args:
        dataset: The dataset.
        taken: Whether a name is in use elsewhere.
    """
    folder = dataset.absolute()
    stem = folder.parent.name if folder.name == "images" and folder.parent.name else folder.name
    base = f"{_safe(stem)[:_MOST_CHARACTERS].strip(' .') or 'dataset'}-seg {time.strftime('%Y-%m-%d')}"
    name, number = base, 1
    while (_home() / name).exists() or taken(name):
        number += 1
        name = f"{base} ({number})"
    return name


def register(model: TrainedModel, content: Callable[[], bytes]) -> TrainedModel:
    """Adds a model; one of this name that is there already is left as it is, and returned.

    Args:
        model: The model; ``path`` is set here.
        content: Returns the content of its checkpoint.

    Raises:
        OSError: It cannot be written.
    """
    there = read_trained(model.name)
    if there is not None:
        return there
    home = _home()
    atomic.make_folder(home)
    beside = home / f"{_NEW}{model.name}"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    checkpoint = beside / f"{model.name}.pt"
    atomic.write_bytes(checkpoint, content())
    json_file.write(beside / _FACTS, model.to_json(), indent=1)
    beside.rename(home / model.name)
    atomic.sync_folder(home)
    return replace(model, path=home / model.name / checkpoint.name)


def _home() -> Path:
    return places.weights() / _FOLDER


def _safe(name: str) -> str:
    return _UNSAFE.sub("_", name)


def _from_json(value: dict[str, Any]) -> TrainedModel:
    model = TrainedModel(**{k: v for k, v in value.items() if k != "path"})
    by_class = {str(k): (float(v[0]), float(v[1])) for k, v in (model.by_class or {}).items()}
    return replace(
        model,
        when=float(model.when),
        names=tuple(map(str, model.names)),
        images={str(k): int(v) for k, v in (model.images or {}).items()},
        values={str(k): float(v) for k, v in (model.values or {}).items()},
        by_class=by_class,
    )
