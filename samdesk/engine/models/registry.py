"""The registry of models that can be chosen and downloaded."""

from __future__ import annotations

from dataclasses import dataclass

from samdesk.engine.families import find_family
from samdesk.engine.sam.architectures import architecture

_ASSETS = "https://github.com/ultralytics/assets/releases/download/v8.3.0"
_META = "https://dl.fbaipublicfiles.com/segment_anything"
_APACHE, _AGPL = "Apache-2.0", "AGPL-3.0"
FLINT = "flint"
"""The built-in model: it draws masks and finds boxes."""


@dataclass(frozen=True)
class ModelSpec:
    """One model.

    Attributes:
        name: Its name, which is that of its file in the weights folder.
        title: For users.
        family: ``families.Family.id``.
        url: Of its checkpoint; "" for the built-in model.
        bytes: Approximate download size (the server knows the exact one).
        sha256: Of the checkpoint (hex); None where it is not known for certain.
        licence: Of the weights.
        parameters: Approximate number.
        note: Advice for users; "" for none.
    """

    name: str
    title: str
    family: str
    url: str
    bytes: int
    sha256: str | None
    licence: str
    parameters: int
    note: str = ""

    @property
    def finds_boxes(self) -> bool:
        found = find_family(self.family)
        return found is not None and found.finds_boxes

    @property
    def draws_masks(self) -> bool:
        found = find_family(self.family)
        return found is not None and found.draws_masks


def _sam(name: str, size: int, parameters: int) -> ModelSpec:
    title = architecture(name.removesuffix(".pt")).title
    return ModelSpec(name, title, "sam", f"{_ASSETS}/{name}", size, None, _APACHE, parameters)


def _yolo(name: str, size: int, parameters: float, sha256: str | None = None) -> ModelSpec:
    stem, _, task = name.removesuffix(".pt").partition("-")
    title = f"{stem.upper().replace('YOLOV', 'YOLOv')[:-1]}{stem[-1]}{' segment' if task else ''}"
    return ModelSpec(
        name, title, "yolo", f"{_ASSETS}/{name}", size, sha256, _AGPL, round(parameters * 1_000_000)
    )


MODELS: tuple[ModelSpec, ...] = (
    ModelSpec(
        FLINT,
        "Flint",
        "flint",
        "",
        0,
        None,
        _AGPL,
        3_449_477,
        note="Built in, instant. Download MobileSAM for finer edges.",
    ),
    _sam("mobile_sam.pt", 40_728_226, 10_130_092),
    _sam("sam2.1_t.pt", 78_100_000, 38_962_498),
    _sam("sam2.1_s.pt", 92_300_000, 46_059_714),
    _sam("sam2.1_b.pt", 162_000_000, 80_850_178),
    _sam("sam2.1_l.pt", 449_000_000, 224_446_642),
    _sam("sam2_t.pt", 78_100_000, 38_945_986),
    _sam("sam2_s.pt", 92_300_000, 46_043_202),
    _sam("sam2_b.pt", 162_000_000, 80_833_666),
    _sam("sam2_l.pt", 449_000_000, 224_430_130),
    _sam("sam_b.pt", 375_042_383, 93_735_472),
    _sam("sam_l.pt", 1_249_524_607, 312_342_832),
    # Ultralytics does not host the largest one: this is Meta's own file.
    ModelSpec(
        "sam_h.pt",
        "SAM huge",
        "sam",
        f"{_META}/sam_vit_h_4b8939.pth",
        2_564_550_879,
        "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        _APACHE,
        641_090_608,
    ),
    _yolo("yolo11n.pt", 5_613_764, 2.6, "0ebbc80d4a7680d14987a577cd21342b65ecfd94632bd9a8da63ae6417644ee1"),
    _yolo("yolo11s.pt", 19_300_000, 9.4),
    _yolo("yolo11m.pt", 40_700_000, 20.1),
    _yolo("yolo11l.pt", 51_400_000, 25.3),
    _yolo("yolo11x.pt", 114_600_000, 56.9),
    _yolo("yolov8n.pt", 6_550_000, 3.2),
    _yolo("yolov8s.pt", 22_600_000, 11.2),
    _yolo("yolov8m.pt", 52_100_000, 25.9),
    _yolo("yolov8l.pt", 87_800_000, 43.7),
    _yolo("yolov8x.pt", 136_900_000, 68.2),
    _yolo("yolo11n-seg.pt", 6_180_000, 2.9),
    _yolo("yolo11s-seg.pt", 20_700_000, 10.1),
    _yolo("yolo11m-seg.pt", 45_400_000, 22.4),
    _yolo("yolo11l-seg.pt", 56_100_000, 27.6),
    _yolo("yolo11x-seg.pt", 125_100_000, 62.1),
)

PREFERRED = (
    "mobile_sam.pt", "sam2.1_t.pt", "sam2.1_s.pt", "sam2.1_b.pt", "sam2_t.pt", "sam2_s.pt", "sam2_b.pt",
    "sam_b.pt", "sam2.1_l.pt", "sam2_l.pt", "sam_l.pt", "sam_h.pt",
)  # fmt: skip
"""Predictors, the most responsive on any machine first: the first installed one is the default."""

PREFERRED_DETECTORS = (
    "yolo11s.pt", "yolo11m.pt", "yolov8s.pt", "yolov8m.pt", "yolo11l.pt", "yolov8l.pt", "yolo11x.pt",
    "yolov8x.pt",
)  # fmt: skip
"""Detectors that find more than Flint's, the most suitable for any machine first."""


def spec(name: str) -> ModelSpec | None:
    """The model of this name ("sam_b.pt", also "sam_b"), or None."""
    wanted = name.lower().removesuffix(".pt")
    if wanted == f"{FLINT}.safetensors":
        wanted = FLINT
    return next((m for m in MODELS if m.name.removesuffix(".pt") == wanted), None)
