"""What the inference thread says to the main thread: frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import Frame, Region
from samdesk.domain.prompts import MaskCandidate, PromptSet
from samdesk.engine.protocols import ModelInfo
from samdesk.workers.failure import Failure


@dataclass(frozen=True, eq=False)
class Shown:
    """A mask candidate as the canvas shows it.

    Attributes:
        candidate: The model's answer, for feedback and exact rasters.
        region: Its outline, image pixels; it may be empty.
        score: Predicted IoU, 0..1.
    """

    candidate: MaskCandidate
    region: Region
    score: float


@dataclass(frozen=True, eq=False)
class Prediction:
    """The answer to a prompt.

    Attributes:
        token: Of the request it answers.
        key: The image.
        prompts: What was asked.
        masks: Best first; a hover brings only the best.
        decode_ms: What the decoder and the outline took, milliseconds.
        hover: Whether it answers a hover.
    """

    token: int
    key: ImageKey
    prompts: PromptSet
    masks: tuple[Shown, ...]
    decode_ms: float
    hover: bool


@dataclass(frozen=True)
class ModelLoaded:
    """A model is in use."""

    token: int
    info: ModelInfo


@dataclass(frozen=True)
class ModelFailed:
    """A model could not be loaded; ``still`` is the one that goes on being used, if any."""

    token: int
    failure: Failure
    still: ModelInfo | None


@dataclass(frozen=True)
class Described:
    """All about the model in use."""

    info: ModelInfo


@dataclass(frozen=True)
class Encoding:
    """The image of this epoch is being encoded."""

    epoch: int
    key: ImageKey


@dataclass(frozen=True)
class Encoded:
    """The image of this epoch can be asked about."""

    epoch: int
    key: ImageKey
    ms: float
    cached: bool


@dataclass(frozen=True)
class Looking:
    """A part of the image of this epoch is being encoded."""

    epoch: int
    view: Frame


@dataclass(frozen=True)
class ViewReady:
    """Prompts inside this part of the image of this epoch are answered from it; None: from the whole."""

    epoch: int
    view: Frame | None


@dataclass(frozen=True, eq=False)
class Predicted:
    """A prompt is answered."""

    epoch: int
    prediction: Prediction


@dataclass(frozen=True)
class Failed:
    """Something asked of the image of this epoch failed."""

    epoch: int
    failure: Failure


@dataclass(frozen=True)
class Note:
    """Something the user should know, in words."""

    text: str


@dataclass(frozen=True)
class EverythingProgress:
    """How far "segment everything" is."""

    epoch: int
    done: int
    total: int


@dataclass(frozen=True, eq=False)
class EverythingDone:
    """The proposals of the whole image; None: it was cancelled."""

    epoch: int
    key: ImageKey
    masks: tuple[Shown, ...] | None


Event: TypeAlias = (
    ModelLoaded
    | ModelFailed
    | Described
    | Encoding
    | Encoded
    | Looking
    | ViewReady
    | Predicted
    | Failed
    | Note
    | EverythingProgress
    | EverythingDone
)
