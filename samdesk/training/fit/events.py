"""Events of the training of a segmentation model; between processes each is one line of JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias

from samdesk.base import json_file


@dataclass(frozen=True)
class FitNote:
    """Something the user should know, as a sentence."""

    text: str
    event: ClassVar[str] = "note"


@dataclass(frozen=True)
class FitBegun:
    """The trainer has read the dataset and begins.

    Attributes:
        name: The name of the model it makes.
        folder: Where its results go.
        start: What it starts from, in words.
        images: Split -> images that are trained on, or validated with.
        instances: Split -> their instances.
        epochs: Epochs to train.
        done: Epochs done, when it is resumed.
        device: In use.
        batch: Images per step.
        imgsz: Longest side of the training images, pixels.
    """

    name: str
    folder: str
    start: str
    images: dict[str, int]
    instances: dict[str, int]
    epochs: int
    done: int = 0
    device: str = ""
    batch: int = 0
    imgsz: int = 0
    event: ClassVar[str] = "begun"


@dataclass(frozen=True)
class FitProgress:
    """How far an epoch has got.

    Attributes:
        epoch: From 1.
        epochs: Epochs to train.
        batch: Batches done.
        batches: Of one epoch.
        stage: Training, or validating after it.
        losses: Mean of the epoch so far, by Ultralytics' names ("box_loss").
        seconds_left: Of the whole training; None before the first epoch is done.
    """

    epoch: int
    epochs: int
    batch: int
    batches: int
    stage: Literal["train", "val"] = "train"
    losses: dict[str, float] = field(default_factory=dict)
    seconds_left: float | None = None
    event: ClassVar[str] = "progress"


@dataclass(frozen=True)
class FitEpoch:
    """An epoch is done, and its state is on disk.

    Attributes:
        epoch: From 1.
        epochs: Epochs to train.
        values: Figures by Ultralytics' names ("metrics/mAP50(M)", "train/seg_loss").
        best: Whether it is the best so far.
        seconds_left: Of the whole training.
    """

    epoch: int
    epochs: int
    values: dict[str, float]
    best: bool
    seconds_left: float | None = None
    event: ClassVar[str] = "epoch"


@dataclass(frozen=True)
class FitResult:
    """The training has finished, and its model is among the trained ones.

    Attributes:
        name: The model's name.
        folder: The training's.
        path: The model's checkpoint.
    """

    name: str
    folder: str
    path: str
    event: ClassVar[str] = "result"


@dataclass(frozen=True)
class FitFailed:
    """The training failed; ``next``: what to do."""

    message: str
    next: str = ""
    event: ClassVar[str] = "failed"


@dataclass(frozen=True)
class FitStopped:
    """The user stopped the training; ``epoch``: epochs done, from which it can be resumed (0: none)."""

    epoch: int = 0
    event: ClassVar[str] = "stopped"


@dataclass(frozen=True)
class FitEnded:
    """The last event."""

    event: ClassVar[str] = "ended"


FitEvent: TypeAlias = (
    FitNote | FitBegun | FitProgress | FitEpoch | FitResult | FitFailed | FitStopped | FitEnded
)
_EVENT_TYPES: dict[str, Any] = {
    kind.event: kind
    for kind in (FitNote, FitBegun, FitProgress, FitEpoch, FitResult, FitFailed, FitStopped, FitEnded)
}


def to_line(event: FitEvent) -> str:
    """Returns an event as one line of JSON."""
    return json.dumps({"event": event.event, **asdict(event)})


def from_line(line: str) -> FitEvent | None:
    """Parses the result of ``to_line``; None for any other line."""
    try:
        value = json_file.parse_object(line)
        event: FitEvent = _EVENT_TYPES[value.pop("event")](**value)
    except (ValueError, KeyError, TypeError):
        return None
    return event
