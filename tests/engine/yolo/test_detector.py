"""The YOLO detector on the real YOLO11n, and on files that are none."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samdesk.engine.models.load import load_detector
from samdesk.engine.protocols import Detector, EngineError
from tests.helpers.networks import seeded_mobile_sam

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def detector(yolo11n: Path) -> Detector:
    return load_detector(str(yolo11n), "cpu")


def test_objects_of_an_image(detector: Detector, coco64: Path) -> None:
    photo = np.array(Image.open(sorted((coco64 / "images").glob("*.jpg"))[0]).convert("RGB"))
    (found,) = detector.detect([photo])
    assert found
    assert [d.score for d in found] == sorted((d.score for d in found), reverse=True)
    assert all(0 <= d.x0 < d.x1 <= photo.shape[1] and 0 <= d.y0 < d.y1 <= photo.shape[0] for d in found)
    assert detector.names[found[0].class_id] == "bowl"
    assert len(detector.names) == 80
    best = found[0].class_id
    (only,) = detector.detect([photo], classes=[best])
    assert {d.class_id for d in only} == {best}
    assert detector.detect([photo], classes=[]) == [[]]
    assert len(detector.detect([photo], max_det=1)[0]) == 1
    assert all(d.score > 0.6 for d in detector.detect([photo], conf=0.6)[0])


def test_torchvision_is_not_imported_and_would_change_nothing(
    detector: Detector, coco64: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = sorted((coco64 / "images").glob("*.jpg"))[:4]
    photos = [np.array(Image.open(path).convert("RGB")) for path in paths]
    with monkeypatch.context() as without:
        without.delitem(sys.modules, "torchvision", raising=False)
        found = [detector.detect([photo], conf=0.05) for photo in photos]
        assert "torchvision" not in sys.modules
    import torchvision  # noqa: F401 - Ultralytics uses its non-maximum suppression where it is loaded

    assert sum(len(boxes) for (boxes,) in found) > 20
    assert [detector.detect([photo], conf=0.05) for photo in photos] == found


def test_images_of_different_sizes_in_one_batch(detector: Detector, coco64: Path) -> None:
    photo = np.array(Image.open(sorted((coco64 / "images").glob("*.jpg"))[0]).convert("RGB"))
    both = detector.detect([photo, np.zeros((50, 333, 3), np.uint8)])
    assert both[0]
    assert both[1] == []
    assert detector.detect([]) == []


def test_channels_are_not_swapped(detector: Detector, coco64: Path) -> None:
    # A detector that got BGR for RGB would score the swapped photo higher, over many photos.
    right = wrong = 0.0
    for path in sorted((coco64 / "images").glob("*.jpg"))[:3]:
        photo = np.array(Image.open(path).convert("RGB"))
        right += sum(d.score for d in detector.detect([photo])[0])
        wrong += sum(d.score for d in detector.detect([np.ascontiguousarray(photo[..., ::-1])])[0])
    assert right > wrong


def test_torchs_thread_count_is_unchanged(detector: Detector) -> None:
    before = torch.get_num_threads()
    detector.detect([np.zeros((64, 64, 3), np.uint8)])
    assert torch.get_num_threads() == before


def test_found_by_name_in_the_weights_folder(yolo11n: Path, samdesk_home: Path) -> None:
    (samdesk_home / "weights").mkdir()
    shutil.copy(yolo11n, samdesk_home / "weights" / "yolo11n.pt")
    detector = load_detector("yolo11n", "cpu")
    assert detector.info.parameters == 2_624_080


@pytest.mark.parametrize("content", [b"", b"not a model"])
def test_no_model_at_all(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "best.pt"
    path.write_bytes(content)
    with pytest.raises(EngineError, match=r"best\.pt is not a PyTorch checkpoint"):
        load_detector(str(path), "cpu")


def test_an_exported_model(tmp_path: Path) -> None:
    path = tmp_path / "best.onnx"
    path.write_bytes(b"onnx")
    with pytest.raises(EngineError, match="exported model"):
        load_detector(str(path), "cpu")


def test_a_sam_checkpoint_is_no_detector(tmp_path: Path) -> None:
    path = seeded_mobile_sam(tmp_path).rename(tmp_path / "mine.pt")
    with pytest.raises(EngineError, match=r"mine\.pt cannot be loaded as a YOLO model"):
        load_detector(str(path), "cpu")
