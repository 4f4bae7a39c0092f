"""The work folder of a detector training: its state on disk, consistent after a crash at any moment."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import shapely

from samdesk.base import atomic, json_file
from samdesk.base.hashing import hash_bytes, hash_file
from samdesk.base.json_file import JsonError
from samdesk.training.samples import TrainingImage

_STATE, _BEST = "state.json", "best.safetensors"
_DATASET, _RUN = "dataset", "run"


@dataclass(frozen=True)
class TeachState:
    """The state of a training, as written to ``state.json``.

    Attributes:
        plan: The ``fingerprint`` of images, classes, base weights and settings.
        epochs: Number of finished epochs.
        best_epoch: The epoch of ``best``, counted from 1; 0: none yet.
        seconds: Time spent on them.
        finished: Whether the training is finished.
        checkpoint: The file in the work folder to resume from; "" for none.
        sha256: Hash of ``checkpoint``, which tells whether it is complete.
    """

    plan: str
    epochs: int = 0
    best_epoch: int = 0
    seconds: float = 0.0
    finished: bool = False
    checkpoint: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class WorkFolder:
    """The work folder of one training. Only files that this class names are ever removed."""

    root: Path
    state: TeachState = field(default_factory=lambda: TeachState(""))

    @property
    def dataset(self) -> Path:
        """The folder of the trainer's dataset."""
        return self.root / _DATASET

    @property
    def run(self) -> Path:
        """The output folder of the trainer."""
        return self.root / _RUN

    @property
    def best(self) -> Path:
        """The best weights so far, in the format of Flint's detector."""
        return self.root / _BEST

    @property
    def checkpoint(self) -> Path | None:
        """The trainer's checkpoint to resume from; None for a new training."""
        return self.root / self.state.checkpoint if self.state.checkpoint else None

    @classmethod
    def open(cls, root: Path, plan: str) -> WorkFolder:
        """Opens the folder with its state; removes the files of another plan.

        Raises:
            OSError: The folder cannot be created or cleared.
        """
        root.mkdir(parents=True, exist_ok=True)
        folder = cls(root, _read(root / _STATE) or TeachState(""))
        if folder.state.plan == plan and folder._is_consistent():
            return folder
        folder.clear()
        return cls(root, TeachState(plan)).save()

    def _is_consistent(self) -> bool:
        if self.state.best_epoch and not self.best.is_file():
            return False
        if self.checkpoint is None:
            return True
        return self.checkpoint.is_file() and hash_file(self.checkpoint) == self.state.sha256

    def save(self) -> WorkFolder:
        """Writes the state. Raises ``OSError``."""
        json_file.write(self.root / _STATE, asdict(self.state))
        return self

    def save_checkpoint(self, checkpoint: bytes, **changes: Any) -> WorkFolder:
        """Writes a new checkpoint, then the state that refers to it. Raises ``OSError``."""
        state = replace(self.state, **changes)
        state = replace(state, checkpoint=f"epoch-{state.epochs}.pt", sha256=hash_bytes(checkpoint))
        atomic.write_bytes(self.root / state.checkpoint, checkpoint, sync=False)
        after = replace(self, state=state).save()
        if self.checkpoint is not None and self.state.checkpoint != state.checkpoint:
            self.checkpoint.unlink(missing_ok=True)
        return after

    def clean_up(self) -> WorkFolder:
        """Removes all files of a finished training but state and best weights. Raises ``OSError``."""
        after = replace(self, state=replace(self.state, checkpoint="")).save()
        self._remove_bulk()
        return after

    def clear(self) -> None:
        """Removes all files of the training."""
        (self.root / _STATE).unlink(missing_ok=True)
        self.best.unlink(missing_ok=True)
        self._remove_bulk()

    def _remove_bulk(self) -> None:
        for path in self.root.glob("epoch-*.pt"):
            path.unlink(missing_ok=True)
        for path in (self.dataset, self.run):
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(path)


def fingerprint(
    images: Sequence[TrainingImage], names: Sequence[str], base: str, settings: dict[str, Any]
) -> str:
    """A hash of everything that determines the result of a training.

    Args:
        images: Hashed by keys, paths, file sizes and times, and instances.
        names: Class names by class id.
        base: Content hash of the weights to start from.
        settings: Settings by name.
    """
    digest = hashlib.sha256(json.dumps([list(names), base, settings], sort_keys=True).encode())
    for image in images:
        with contextlib.suppress(OSError):  # reported when the image is read
            stat = image.path.stat()
            digest.update(f"{stat.st_size} {stat.st_mtime_ns} ".encode())
        digest.update(json.dumps([image.key, str(image.path), image.image_hw]).encode())
        for instance in image.instances:
            digest.update(f"{instance.label} ".encode() + bytes(shapely.to_wkb(instance.region)))
    return digest.hexdigest()


def _read(path: Path) -> TeachState | None:
    """Reads the state; None if there is none. It lies beside a dataset, which others may have made."""
    try:
        state = TeachState(**json_file.read_object(path))
    except (OSError, JsonError, TypeError):
        return None
    empty, values = asdict(TeachState("")), asdict(state)
    fits = all(isinstance(values[n], str if isinstance(v, str) else (float, int)) for n, v in empty.items())
    is_own = fits and (not state.checkpoint or re.fullmatch(r"epoch-\d{1,9}\.pt", state.checkpoint))
    return state if is_own else None
