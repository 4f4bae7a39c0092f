"""Flint's detector: weights from safetensors, and files without a detector."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from samdesk.domain.geometry.types import RgbImage
from samdesk.engine.flint.detector import load_flint_detector, read_yolo
from samdesk.engine.models.load import load_detector
from samdesk.engine.protocols import Detection, EngineError
from samdesk.engine.ultralytics import detection_predictor
from samdesk.engine.yolo.detector import load_checkpoint
from samdesk.training.detector.pack import metadata, network_tensors, write_detector
from tests.helpers.seeded_yolo import save_seeded_yolo, seeded_yolo

torch = pytest.importorskip("torch")

NAMES = ("bolt", "große Mutter", "washer")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_seeded_yolo(tmp_path_factory.mktemp("flint") / "flint.safetensors", NAMES)


@pytest.fixture
def image() -> RgbImage:
    rng = np.random.default_rng(3)
    rows = np.kron(rng.integers(0, 255, (6, 8, 3)), np.ones((20, 20, 1)))
    return (rows + rng.integers(0, 9, rows.shape)).astype(np.uint8)


def numbers(found: list[Detection]) -> np.ndarray:
    return np.array([[d.x0, d.y0, d.x1, d.y1, d.score, d.class_id] for d in found])


def test_the_loaded_detector_matches_the_network_it_was_saved_from(weights: Path, image: RgbImage) -> None:
    detector = load_flint_detector(weights, "cpu", "auto")
    (found,) = detector.detect([image], conf=0.3, imgsz=160, max_det=20)
    bgr = np.ascontiguousarray(image[..., ::-1])
    yolo = seeded_yolo(NAMES)
    # With torchvision, which Ultralytics' usual class imports, boxes of equal scores come in another order.
    kind = detection_predictor(yolo, "cpu")
    (wanted,) = yolo.predict(
        bgr,
        predictor=kind,
        conf=0.3,
        iou=0.45,
        imgsz=160,
        max_det=20,
        device="cpu",
        verbose=False,
        save=False,
    )
    assert len(found) > 5
    assert {d.class_id for d in found} <= set(range(len(NAMES)))
    np.testing.assert_allclose(numbers(found), wanted.boxes.data.numpy(), atol=1e-3)


def test_model_information(weights: Path) -> None:
    detector = load_flint_detector(weights, "cpu", "fp16", title="Flint, taught")
    assert detector.names == NAMES
    assert detector.info.title == "Flint, taught"
    assert detector.info.name == "flint.safetensors"
    assert detector.info.path == str(weights)
    assert detector.info.precision == "fp32"  # fp16 is slow on CPUs
    assert len(detector.info.sha256) == 16
    assert load_flint_detector(weights, "cpu", "auto").info.title == "Flint detector"


def test_other_tensors_in_the_file_are_ignored(weights: Path, tmp_path: Path, image: RgbImage) -> None:
    more = {"head.0.weight": torch.ones(3), "encoder.steps": torch.ones(1, dtype=torch.int64)}
    with safe_open(weights, framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    both = tmp_path / "both.safetensors"
    save_file({**more, **tensors}, both, {**metadata(NAMES), "head": "anything"})
    found = load_flint_detector(both, "cpu", "auto").detect([image], conf=0.3, imgsz=160)
    alone = load_flint_detector(weights, "cpu", "auto").detect([image], conf=0.3, imgsz=160)
    assert found == alone
    assert found[0]


def test_a_network_of_many_classes(tmp_path: Path) -> None:
    names = [f"part {i}" for i in range(150)]  # Ultralytics widens the head above 80 classes; ours does not
    path = save_seeded_yolo(tmp_path / "many.safetensors", names)
    assert load_flint_detector(path, "cpu", "auto").names == tuple(names)


def test_batch_norm_counters_are_not_stored(weights: Path) -> None:
    tensors = read_yolo(weights).tensors
    assert all(value.dtype == torch.float16 for value in tensors.values())
    assert not any(key.endswith("num_batches_tracked") for key in tensors)
    assert weights.stat().st_size < 6_000_000


def rewritten(
    change: Callable[[dict[str, object], dict[str, str]], object],
) -> Callable[[Path, Path], object]:
    def write(source: Path, target: Path) -> None:
        weights = read_yolo(source)
        tensors: dict[str, object] = {f"yolo.{key}": value for key, value in weights.tensors.items()}
        words = metadata(weights.names)
        change(tensors, words)
        save_file(tensors, target, words)  # type: ignore[arg-type]

    return write


def cut(share: float) -> Callable[[Path, Path], object]:
    def write(source: Path, target: Path) -> None:
        data = source.read_bytes()
        target.write_bytes(data[: int(len(data) * share)])

    return write


FIRST = "yolo.model.0.conv.weight"
BROKEN: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "empty": (cut(0), "cannot be read as Flint weights"),
    "cut in the header": (cut(0.001), "cannot be read as Flint weights"),
    "cut in the tensors": (cut(0.7), "cannot be read as Flint weights"),
    "text": (lambda _, target: target.write_text("not a model " * 9), "cannot be read"),
    "a folder": (lambda _, target: target.mkdir(), "cannot be read"),
    "another program's": (
        lambda _, target: save_file({"a": torch.ones(2)}, target),
        "is not a Flint weights file .format 'none', expected 'flint-1'",
    ),
    "a later format": (
        rewritten(lambda _, words: words.update(format="flint-9")),
        "format 'flint-9', expected 'flint-1'",
    ),
    "another network": (
        rewritten(lambda _, words: words.update(yolo="yolo11x")),
        "no supported detector .'yolo11x'",
    ),
    "no names": (rewritten(lambda _, words: words.pop("names")), "has no class names"),
    "odd names": (rewritten(lambda _, words: words.update(names='{"0": "a"}')), "has no class names"),
    "no names at all": (rewritten(lambda _, words: words.update(names="[]")), "has no class names"),
    "fewer names": (
        rewritten(lambda _, words: words.update(names='["a"]')),
        "does not fit yolo11n: 6 with a wrong shape .model.23.cv3.0.2.weight, model.23.cv3.0.2.bias, ...",
    ),
    "a tensor missing": (
        rewritten(lambda tensors, _: tensors.pop(FIRST)),
        "1 missing .model.0.conv.weight.",
    ),
    "a tensor more": (
        rewritten(lambda tensors, _: tensors.update({"yolo.extra": torch.ones(1)})),
        "1 unknown .extra.",
    ),
    "whole numbers": (
        rewritten(lambda tensors, _: tensors.update({FIRST: torch.ones(16, 3, 3, 3, dtype=torch.int8)})),
        "1 not floating point .model.0.conv.weight.",
    ),
    "no detector": (
        lambda _, target: save_file({"head.a": torch.ones(2)}, target, metadata(NAMES)),
        r"does not fit yolo11n: \d+ missing",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_files_without_a_detector(kind: str, weights: Path, tmp_path: Path) -> None:
    write, message = BROKEN[kind]
    path = tmp_path / "mine.safetensors"
    write(weights, path)
    with pytest.raises(EngineError, match=message) as raised:
        load_flint_detector(path, "cpu", "auto")
    assert str(path) in str(raised.value)
    assert str(raised.value).endswith("Choose a Flint weights file.")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"gone\.safetensors does not exist"):
        load_flint_detector(tmp_path / "gone.safetensors", "cpu", "auto")


def test_a_pytorch_checkpoint_is_refused(yolo11n: Path) -> None:
    with pytest.raises(EngineError, match=r"yolo11n\.pt cannot be read as Flint weights"):
        load_flint_detector(yolo11n, "cpu", "auto")


def test_the_packed_yolo11n_matches_the_checkpoint(yolo11n: Path, coco64: Path, tmp_path: Path) -> None:
    path = tmp_path / "flint.safetensors"
    model = load_checkpoint(yolo11n)
    write_detector(path, network_tensors(model.model), [model.names[i] for i in range(len(model.names))])
    packed, original = load_flint_detector(path, "cpu", "auto"), load_detector(str(yolo11n), "cpu")
    assert packed.names == original.names
    for image in sorted((coco64 / "images").glob("*.jpg"))[:3]:
        pixels = np.array(Image.open(image).convert("RGB"))
        assert packed.detect([pixels], conf=0.1) == original.detect([pixels], conf=0.1)


def test_network_tensors_are_copies() -> None:
    yolo = seeded_yolo(NAMES)
    tensors = network_tensors(yolo.model)
    before = tensors[FIRST].clone()
    with torch.no_grad():
        yolo.model.model[0].conv.weight.zero_()
    assert torch.equal(tensors[FIRST], before)
