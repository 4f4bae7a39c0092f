"""Events of a training run; between processes each is one line of JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, TypeAlias

from samdesk.base import json_file
from samdesk.training.record.taught_weights import KINDS, Kind, TaughtWeights


@dataclass(frozen=True)
class MaterialFound:
    """The training material has been read.

    Attributes:
        masks: Number of accepted masks.
        mask_images: Number of images with any.
        whole_images: Number of images without pending annotations.
    """

    masks: int
    mask_images: int
    whole_images: int
    event: ClassVar[str] = "found"


@dataclass(frozen=True)
class TrainingStarted:
    """The training of a kind starts, or is resumed (``again``)."""

    kind: Kind
    again: bool = False
    event: ClassVar[str] = "begun"


@dataclass(frozen=True)
class TrainingProgress:
    """The progress of the training of a kind.

    Attributes:
        kind: Masks or detector.
        done: Steps done.
        total: Total steps; 0 while unknown.
        rate: Steps per second; 0 while unknown.
        seconds_left: Estimated; None while unknown.
    """

    kind: Kind
    done: int
    total: int
    rate: float = 0.0
    seconds_left: float | None = None
    event: ClassVar[str] = "progress"


@dataclass(frozen=True)
class TrainingResult:
    """The training of a kind has finished, and its weights are in the record."""

    entry: TaughtWeights
    event: ClassVar[str] = "result"

    @property
    def kind(self) -> Kind:
        """Masks or detector."""
        return self.entry.kind


@dataclass(frozen=True)
class WeightsUsed:
    """Entries of the record have been put in use."""

    ids: tuple[str, ...]
    event: ClassVar[str] = "used"


@dataclass(frozen=True)
class TrainingFailed:
    """The training of a kind failed; ``kind`` is None if nothing could be trained."""

    message: str
    kind: Kind | None = None
    event: ClassVar[str] = "failed"


@dataclass(frozen=True)
class TrainingStopped:
    """The user stopped the run; its state is kept, so that it can be resumed."""

    event: ClassVar[str] = "stopped"


@dataclass(frozen=True)
class TrainingEnded:
    """The last event of a run."""

    event: ClassVar[str] = "ended"


Event: TypeAlias = (
    MaterialFound
    | TrainingStarted
    | TrainingProgress
    | TrainingResult
    | WeightsUsed
    | TrainingFailed
    | TrainingStopped
    | TrainingEnded
)

_EVENT_TYPES: dict[str, Any] = {
    event_type.event: event_type
    for event_type in (
        MaterialFound,
        TrainingStarted,
        TrainingProgress,
        TrainingResult,
        WeightsUsed,
        TrainingFailed,
        TrainingStopped,
        TrainingEnded,
    )
}


def to_line(event: Event) -> str:
    """Returns an event as one line of JSON."""
    if isinstance(event, TrainingResult):
        return json.dumps({"event": event.event, "teaching": event.entry.to_json()})
    return json.dumps({"event": event.event, **asdict(event)})


def from_line(line: str) -> Event | None:
    """Parses the result of ``to_line``; None for any other line."""
    try:
        value = json_file.parse_object(line)
        event_type = _EVENT_TYPES[value.pop("event")]
        if event_type is TrainingResult:
            return TrainingResult(TaughtWeights.from_json(value["teaching"]))
        if value.get("kind") not in (*KINDS, None):
            return None
        event: Event = event_type(**value)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return replace(event, ids=tuple(event.ids)) if isinstance(event, WeightsUsed) else event
