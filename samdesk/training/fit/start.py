"""What a training starts from: weights on this machine, those of a detector of its size, or none."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from samdesk.base import places
from samdesk.engine import ultralytics
from samdesk.engine.checkpoints.read import read_checkpoint
from samdesk.engine.flint.detector import VARIANT, build_yolo, read_yolo
from samdesk.engine.models import registry, weights
from samdesk.training.fit.errors import FitError

Kind: TypeAlias = Literal["weights", "detector", "flint", "scratch"]

SIZES = ("n", "s", "m", "l", "x")
_SIZE = re.compile(r"(yolo(?:v8|11|26))([nsmlx])(?:-seg)?(?:\.pt)?", re.IGNORECASE)
_CHOOSE = "Choose n, s, m, l or x, a model trained here, or the path of a checkpoint (./best.pt)."
_YAML = re.compile(r"yolo(?:v8|11|26)[nsmlx]-seg\.ya?ml", re.IGNORECASE)


@dataclass(frozen=True)
class FitStart:
    """What a training starts from.

    Attributes:
        kind: A segmentation checkpoint; a detector, whose layers but the masks' are taken; Flint's detector,
            likewise; or random weights.
        model: The checkpoint for ``weights``, else the name of the network ("yolo11n-seg.yaml").
        source: The file of the weights; None for random ones.
        title: In words ("yolo11n-seg.pt", "yolo11n-seg with the detector yolo11n.pt").
        note: What the user should know, as a sentence; "": nothing.
    """

    kind: Kind
    model: str
    source: Path | None
    title: str
    note: str = ""

    def weights(self) -> Any:
        """The network whose weights are taken over; None where the trainer reads them itself or has none.

        Raises:
            EngineError: The file cannot be read.
        """
        if self.source is None or self.kind not in ("detector", "flint"):
            return None
        if self.kind == "flint":
            return build_yolo(read_yolo(self.source), str(self.source)).model
        return ultralytics.load_yolo(self.source, read_checkpoint(self.source)).model


def find_start(model: str) -> FitStart:
    """Returns what a training starts from, the best that is on this machine; imports no torch.

    Args:
        model: As ``FitSettings.model``.

    Raises:
        FitError: There is no such model or file.
    """
    text = model.strip()
    if not text:
        raise FitError("There is no model to start from.", next=_CHOOSE)
    if _YAML.fullmatch(text):
        name = Path(text).stem
        return FitStart("scratch", f"{name}.yaml", None, f"{name} from scratch")
    sized = _SIZE.fullmatch(f"yolo11{text}" if text in SIZES else text)
    if sized is not None:
        return _of_size(f"{sized[1].lower()}{sized[2].lower()}")
    path = weights.find(text)
    if path is None:
        raise FitError(f"There is no model {model!r} to train.", next=weights.overlooked(text) or _CHOOSE)
    if path.suffix.lower() != ".pt":
        raise FitError(f"{path} is no checkpoint of Ultralytics.", next="Choose a .pt file.")
    return FitStart("weights", str(path), path, path.stem if weights.find(path.stem) else str(path))


def _of_size(variant: str) -> FitStart:
    segmenter = weights.find(f"{variant}-seg.pt")
    if segmenter is not None:
        return FitStart("weights", str(segmenter), segmenter, f"{variant}-seg.pt")
    model, missing = f"{variant}-seg.yaml", f"{variant}-seg.pt is not on this machine"
    known = registry.spec(f"{variant}-seg.pt")
    better = " Download it (Model > Choose model) for a better start." if known and known.url else ""
    detector = weights.find(f"{variant}.pt")
    if detector is not None:
        title = f"{variant}-seg with the layers of {variant}.pt"
        note = f"{missing}: the training starts from {variant}.pt; the masks are learnt anew.{better}"
        return FitStart("detector", model, detector, title, note)
    if variant == VARIANT and places.flint_weights().is_file():
        title = f"{variant}-seg with the layers of Flint's detector"
        note = f"{missing}: the training starts from Flint's detector; the masks are learnt anew.{better}"
        return FitStart("flint", model, places.flint_weights(), title, note)
    note = f"{missing}: the training starts from scratch, which takes many more epochs and images.{better}"
    return FitStart("scratch", model, None, f"{variant}-seg from scratch", note)


def with_task(start: FitStart, read: Callable[[Path], Any] = read_checkpoint) -> FitStart:
    """Returns a start whose checkpoint can be trained; of a detector's only the layers are taken.

    Raises:
        FitError: It is a model of another kind.
        EngineError: It cannot be read.
    """
    if start.kind != "weights" or start.source is None:
        return start
    checkpoint = read(start.source)
    network = (checkpoint.get("ema") or checkpoint.get("model")) if isinstance(checkpoint, dict) else None
    head = type(getattr(network, "model", [None])[-1]).__name__
    if head.startswith("Segment"):
        return start
    config = getattr(network, "yaml", None) or {}
    variant = Path(str(config.get("yaml_file", ""))).stem
    if head in ("Detect", "v10Detect") and _SIZE.fullmatch(variant):
        title = f"{variant}-seg with the layers of {start.title}"
        note = f"{start.source.name} finds boxes: its layers are taken over, the masks are learnt anew."
        return FitStart("detector", f"{variant}-seg.yaml", start.source, title, note)
    raise FitError(
        f"{start.source} is neither a segmentation model nor a detector of Ultralytics.",
        next="Choose n, s, m, l or x, or a checkpoint such as yolo11n-seg.pt.",
    )
