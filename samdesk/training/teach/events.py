"""What a teaching says while it goes on, as values; a line of JSON each between processes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, TypeAlias

from samdesk.training.record.teaching import KINDS, Kind, Teaching


@dataclass(frozen=True)
class Found:
    """What there is to teach from.

    Attributes:
        masks: Accepted outlines.
        mask_images: Images with any.
        whole_images: Images accepted as a whole.
    """

    masks: int
    mask_images: int
    whole_images: int
    event: ClassVar[str] = "found"


@dataclass(frozen=True)
class Begun:
    """The teaching of a kind begins, or goes on."""

    kind: Kind
    again: bool = False
    event: ClassVar[str] = "begun"


@dataclass(frozen=True)
class Progressed:
    """Where the teaching of a kind stands.

    Attributes:
        kind: Which.
        done: Steps done.
        total: Steps in all; 0 while it is not known.
        rate: Steps a second; 0 while it is not known.
        seconds_left: About; None while it is not known.
    """

    kind: Kind
    done: int
    total: int
    rate: float = 0.0
    seconds_left: float | None = None
    event: ClassVar[str] = "progress"


@dataclass(frozen=True)
class Result:
    """The teaching of a kind is over, and kept."""

    teaching: Teaching
    event: ClassVar[str] = "result"

    @property
    def kind(self) -> Kind:
        """Which."""
        return self.teaching.kind


@dataclass(frozen=True)
class Used:
    """What was taught is in use from now on."""

    ids: tuple[str, ...]
    event: ClassVar[str] = "used"


@dataclass(frozen=True)
class Failed:
    """The teaching of a kind did not work; ``kind`` is None where it is about the whole."""

    message: str
    kind: Kind | None = None
    event: ClassVar[str] = "failed"


@dataclass(frozen=True)
class Stopped:
    """The user asked for a stop; what was learned so far is kept, to go on from there."""

    event: ClassVar[str] = "stopped"


@dataclass(frozen=True)
class Ended:
    """Nothing more comes."""

    event: ClassVar[str] = "ended"


Event: TypeAlias = Found | Begun | Progressed | Result | Used | Failed | Stopped | Ended

_KINDS: dict[str, Any] = {
    kind.event: kind for kind in (Found, Begun, Progressed, Result, Used, Failed, Stopped, Ended)
}


def to_line(event: Event) -> str:
    """One line of JSON."""
    if isinstance(event, Result):
        return json.dumps({"event": event.event, "teaching": event.teaching.to_json()})
    return json.dumps({"event": event.event, **asdict(event)})


def from_line(line: str) -> Event | None:
    """What ``to_line`` made; None for a line that is something else."""
    try:
        value = json.loads(line)
        kind = _KINDS[value.pop("event")]
        if kind is Result:
            return Result(Teaching.from_json(value["teaching"]))
        if value.get("kind") not in (*KINDS, None):
            return None
        event: Event = kind(**value)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return replace(event, ids=tuple(event.ids)) if isinstance(event, Used) else event
