"""The registry of models that can be chosen and downloaded."""

from __future__ import annotations

from dataclasses import dataclass

from samdesk.engine.families import find_family
from samdesk.engine.sam.architectures import architecture

_ASSETS = "https://github.com/ultralytics/assets/releases/download/v8.4.0"
_META = "https://dl.fbaipublicfiles.com/segment_anything"
_MOBILE_SAM = (
    "https://raw.githubusercontent.com/ChaoningZhang/MobileSAM/f706ad9c4eb7f219c00d9050e46328518ffb65d2"
)
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
        bytes: Download size.
        sha256: Of the checkpoint, hex; "" for the built-in model. Those of Ultralytics are the digests that
            GitHub publishes for the release.
        licence: Of the weights.
        parameters: Approximate number.
        note: Advice for users; "" for none.
    """

    name: str
    title: str
    family: str
    url: str
    bytes: int
    sha256: str
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


def _sam(name: str, url: str, size: int, sha256: str) -> ModelSpec:
    row = architecture(name.removesuffix(".pt"))
    return ModelSpec(name, row.title, "sam", url, size, sha256, _APACHE, row.parameters)


def _sam2(name: str, size: int, sha256: str) -> ModelSpec:
    return _sam(name, f"{_ASSETS}/{name}", size, sha256)


def _yolo(name: str, size: int, parameters: float, sha256: str) -> ModelSpec:
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
        "",
        _AGPL,
        3_449_477,
        note="Built in, instant. Download MobileSAM for finer edges.",
    ),
    # The authors' own files: for these Ultralytics publishes no digest.
    _sam(
        "mobile_sam.pt",
        f"{_MOBILE_SAM}/weights/mobile_sam.pt",
        40_728_226,
        "6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f",
    ),
    _sam2("sam2.1_t.pt", 78_105_722, "3c1e81ca9b037dd39d70a014ddb9a813d6c4c4e12555420db7eaff31689bd4e3"),
    _sam2("sam2.1_s.pt", 92_319_866, "60f9e43f1307be192eef341437e02c40f32cd61cf36a97a203a0998a2952873a"),
    _sam2("sam2.1_b.pt", 161_935_802, "f1a9cf2dd69d84bb463b5ad98246d03e2d47a130a9295db0ec967e6cd95e2e47"),
    _sam2("sam2.1_l.pt", 449_239_354, "ab7e1ac9cb9f6eb3bcf197ece044f06a707ec49129361a2b47e93e1db6989efd"),
    _sam2("sam2_t.pt", 78_064_050, "94375f988270836169320bd901960c67b5770e8bef3867d70102f01a8b5ca501"),
    _sam2("sam2_s.pt", 92_278_178, "6ba91d739a6adfc1dcaf76336b2f380f3eae8d24a88f56c62798907f7fd62dad"),
    _sam2("sam2_b.pt", 161_894_082, "39722bb0ce2a086058cf64e50dffd6f9e9931b5fcbee79e33b30441c6c40264d"),
    _sam2("sam2_l.pt", 449_203_114, "fd618bcfc7b84c8f2e0a6997548e197b907098196dd075387d01f64d9cf8a93b"),
    _sam(
        "sam_b.pt",
        f"{_META}/sam_vit_b_01ec64.pth",
        375_042_383,
        "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
    ),
    _sam(
        "sam_l.pt",
        f"{_META}/sam_vit_l_0b3195.pth",
        1_249_524_607,
        "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
    ),
    _sam(
        "sam_h.pt",
        f"{_META}/sam_vit_h_4b8939.pth",
        2_564_550_879,
        "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
    ),
    _yolo("yolo11n.pt", 5_613_764, 2.6, "0ebbc80d4a7680d14987a577cd21342b65ecfd94632bd9a8da63ae6417644ee1"),
    _yolo("yolo11s.pt", 19_313_732, 9.4, "85a76fe86dd8afe384648546b56a7a78580c7cb7b404fc595f97969322d502d5"),
    _yolo("yolo11m.pt", 40_684_120, 20.1, "d5ffc1a674953a08e11a8d21e022781b1b23a19b730afc309290bd9fb5305b95"),
    _yolo("yolo11l.pt", 51_387_343, 25.3, "9ebd0e09d59811db4b1d61e2bc6730649608b1ac47f8dd01e2da6bca7c20023f"),
    _yolo(
        "yolo11x.pt", 114_636_239, 56.9, "7bc158aa95c0ebfdd87f70f01653c1131b93e92522dbe15c228bcd742e773a24"
    ),
    _yolo("yolov8n.pt", 6_549_796, 3.2, "f59b3d833e2ff32e194b5bb8e08d211dc7c5bdf144b90d2c8412c47ccfc83b36"),
    _yolo("yolov8s.pt", 22_588_772, 11.2, "1f47a78bf100391c2a140b7ac73a1caae18c32779be7d310658112f7ac9aa78a"),
    _yolo("yolov8m.pt", 52_136_884, 25.9, "5d4a90cdc7a21786cc59cd19778e9eafff836df9e2da32524737c7ee6efe4fe5"),
    _yolo("yolov8l.pt", 87_792_836, 43.7, "64c9115303f6a25575f82200d1b22ec409fa6bd7d08d0313884fc20d919478cd"),
    _yolo(
        "yolov8x.pt", 136_890_692, 68.2, "3df4ada6b4dad6d657868f2fdf7faecfb34dcfccf3a25c4b82079064718524c8"
    ),
    _yolo(
        "yolo11n-seg.pt", 6_182_636, 2.9, "55ed65c56c91713d23e8402371c6c49a6fd84f257f7dce452e8d70e41dcbe152"
    ),
    _yolo(
        "yolo11s-seg.pt", 20_669_228, 10.1, "1caa81c0195412efa411b632bcfb8c184939dddb6ae41f6a80c41b211ff257c3"
    ),
    _yolo(
        "yolo11m-seg.pt", 45_400_152, 22.4, "eb9a06f63e2206c35d68d839b08c362429ebecf933ad54c1ad68b2fd001c17cf"
    ),
    _yolo(
        "yolo11l-seg.pt", 56_096_965, 27.6, "cabe90049795dfc9a370b7934d6dec7f6b9e44a20e573b0ff81b7e205512c872"
    ),
    _yolo(
        "yolo11x-seg.pt",
        125_090_821,
        62.1,
        "4e53a5f5fd3ee2ae3361c62169c6bb3ed4ae251dd0e57606e230955aa52d919c",
    ),
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
