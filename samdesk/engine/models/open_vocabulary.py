"""The models of this machine with an open vocabulary: files of a family that is prompted with concepts."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path

from samdesk.base import places
from samdesk.engine.families import FAMILIES, find_family
from samdesk.engine.models import weights
from samdesk.engine.models.registry import ModelSpec
from samdesk.engine.models.weights_file import WeightsFile
from samdesk.engine.protocols import PromptKind
from samdesk.engine.yoloe.family import TEXT_ENCODERS

SUGGESTED = "yoloe-11s-seg.pt"
"""The file that users without any are told of."""
SOURCE = "https://github.com/ultralytics/assets/releases"
"""Where its makers offer it."""
_SUFFIX = ".pt"
_FILES = 500
"""Of a folder of weights that are looked at."""

_OPEN = frozenset(
    family.id for family in FAMILIES if family.finds_boxes and PromptKind.EXEMPLAR in family.answers
)


def where_to_get(name: str) -> str:
    """What to do about a checkpoint that is not here: none is downloaded, as no digest of them is known."""
    return f"Get {name} from {SOURCE} and put it into {places.weights()}."


def is_open(model: ModelSpec) -> bool:
    """Whether a model of the registry is prompted with concepts."""
    family = find_family(model.family)
    return family is not None and family.id in _OPEN


def has_open_vocabulary(path: Path) -> bool:
    """Whether a checkpoint is of a family that is prompted with concepts; it is read, not run."""
    return use_of(path) is ModelUse.CONCEPTS


class ModelUse(Enum):
    """What a checkpoint can be used for first."""

    MASKS = "masks"
    CONCEPTS = "concepts"
    BOXES = "boxes"


def use_of(path: Path) -> ModelUse | None:
    """What a checkpoint is for; None: no family knows it. It is read, not run."""
    file = WeightsFile(path)
    family = next((family for family in FAMILIES if family.recognise(file)), None)
    if family is None:
        return None
    if family.draws_masks:
        return ModelUse.MASKS
    return ModelUse.CONCEPTS if family.id in _OPEN else ModelUse.BOXES


def open_vocabulary_models() -> tuple[str, ...]:
    """The file names of those in the folders of weights, the suggested one first, then by name."""
    found: set[str] = set()
    for folder in weights.folders():
        try:
            with os.scandir(folder) as entries:
                names = sorted(entry.name for entry in entries if entry.name.endswith(_SUFFIX))[:_FILES]
        except OSError:
            continue
        found |= {name for name in names if name not in found and has_open_vocabulary(folder / name)}
    return tuple(sorted(found, key=lambda name: (name != SUGGESTED, name)))


def choose_open_model(preferred: str) -> str:
    """The preferred model, name or path, if its file is there, else the first that is found; "": none."""
    if preferred and weights.find(preferred) is not None:
        return preferred
    return next(iter(open_vocabulary_models()), "")


def words_missing(name_or_path: str) -> str:
    """Why a model cannot be prompted with words: the file that is missing, and where to put it.

    "" if it can, or if it is not on this machine.
    """
    path = weights.find(name_or_path)
    if path is None:
        return ""
    strings = WeightsFile(path).names
    kinds = (kind for kind in TEXT_ENCODERS if any(s.startswith(f"{kind}:") for s in strings))
    file = TEXT_ENCODERS.get(next(kinds, ""), "")
    if not file or weights.find(file) is not None:
        return ""
    return f"Words need {file}, which is not on this computer: put it into {places.weights()}."
