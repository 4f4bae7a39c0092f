"""The registry of model families: how each one's files are recognised, loaded and described.

A new family is one new module, with the functions of its row, and one row of ``FAMILIES``. Neither imports
torch at module level: the window lists models before torch is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from samdesk.engine.flint import family as flint
from samdesk.engine.models.weights_file import WeightsFile
from samdesk.engine.protocols import Detector, ModelInfo, Predictor, PromptKind
from samdesk.engine.sam import family as sam
from samdesk.engine.yolo import family as yolo
from samdesk.engine.yoloe import family as yoloe

T = TypeVar("T")
LoadPredictor: TypeAlias = Callable[[Path, str, str], Predictor]
LoadDetector: TypeAlias = Callable[[Path, str, str], Detector]


@dataclass(frozen=True)
class MaskThresholds:
    """Minimum predicted IoU and stability score of the masks that "segment everything" keeps, each 0..1.

    The defaults are those of Meta's ``SamAutomaticMaskGenerator``.
    """

    predicted_iou: float = 0.88
    stability: float = 0.95


@dataclass(frozen=True)
class Family:
    """The models of one kind: predictors, detectors, or files that hold both.

    Attributes:
        id: Its name ("sam").
        recognise: Whether a file of weights is one of this family; it never raises.
        load: Makes a predictor of (file, resolved device, precision); None: there are only detectors.
        load_detector: Likewise a detector; None: there are only predictors.
        describe: A loaded model's ``ModelInfo`` with what takes seconds to compute (GFLOPs).
        answers: The kinds of prompts that its predictors take; TEXT and EXEMPLAR: its detectors are prompted
            with concepts (``ConceptPredictor``).
        thresholds: For "segment everything".
        class_names: A detector's class names, read from its file without loading it; None: not possible.
    """

    id: str
    recognise: Callable[[WeightsFile], bool]
    load: LoadPredictor | None
    load_detector: LoadDetector | None
    describe: Callable[[Any], ModelInfo]
    answers: frozenset[PromptKind] = frozenset()
    thresholds: MaskThresholds = MaskThresholds()
    class_names: Callable[[Path], tuple[str, ...]] | None = None

    @property
    def draws_masks(self) -> bool:
        return self.load is not None

    @property
    def finds_boxes(self) -> bool:
        return self.load_detector is not None


FAMILIES: tuple[Family, ...] = (
    Family(
        flint.ID,
        flint.recognise,
        flint.load,
        flint.load_detector,
        flint.describe,
        flint.ANSWERS,
        # Flint's predicted IoUs are lower than SAM's, and its edges softer.
        MaskThresholds(predicted_iou=0.75, stability=0.8),
        flint.class_names,
    ),
    Family(sam.ID, sam.recognise, sam.load, None, sam.describe, sam.ANSWERS),
    Family(yoloe.ID, yoloe.recognise, None, yoloe.load_detector, yoloe.describe, yoloe.ANSWERS),
    Family(yolo.ID, yolo.recognise, None, yolo.load_detector, yolo.describe),
)
"""In the order in which they are tried on a file. SAM is the last family of predictors and YOLO of detectors:
they get the files that no row recognises, and their loaders report what is wrong with those."""


def find_family(family_id: str) -> Family | None:
    """The family of this id, or None."""
    return next((family for family in FAMILIES if family.id == family_id), None)


def predictor_loader(path: Path) -> LoadPredictor:
    """The ``load`` of the family that a predictor's file belongs to."""
    return _by_file(path, [(family, family.load) for family in FAMILIES if family.load is not None])


def detector_loader(path: Path) -> LoadDetector:
    """The ``load_detector`` of the family that a detector's file belongs to."""
    rows = [(family, family.load_detector) for family in FAMILIES if family.load_detector is not None]
    return _by_file(path, rows)


def class_names(path: Path) -> tuple[str, ...] | None:
    """A detector's class names, where they can be read without loading it. Raises ``EngineError``."""
    read = _by_file(path, [(family, family.class_names) for family in FAMILIES if family.finds_boxes])
    return None if read is None else read(path)


def _by_file(path: Path, rows: Sequence[tuple[Family, T]]) -> T:
    file = WeightsFile(path)
    return next((value for family, value in rows if family.recognise(file)), rows[-1][1])


def describe(model: Predictor | Detector) -> ModelInfo:
    """``model.info`` with the GFLOPs of one image at the model's input size, where they can be counted.

    For SAM that is the image encoder at 1024 pixels, for Flint its encoder at the 640 pixels of a whole
    image, for YOLO the network at 640 as Ultralytics' ``model.info()`` counts. It may take seconds.
    """
    family = find_family(model.info.family)
    return model.info if family is None else family.describe(model)
