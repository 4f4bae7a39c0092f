"""Checkpoints of every kind that Ultralytics saves load without a question; one with code asks first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from samdesk.engine.checkpoints.trusted import UntrustedFileError
from samdesk.engine.models.load import load_detector
from samdesk.engine.protocols import EngineError
from samdesk.engine.ultralytics import import_ultralytics
from tests.helpers.payload import save_with_payload

torch = pytest.importorskip("torch")

RTDETR = """
nc: 2
backbone:
  - [-1, 1, Conv, [8, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
head:
  - [-1, 1, AIFI, [32, 2]]
  - [[2, 3, 4], 1, RTDETRDecoder, [nc, 32, 10, 2, 2, 1, 32]]
"""
"""RT-DETR's own modules, so small that it is made in a moment."""


def save(path: Path, name: str) -> Path:
    """Saves a network with random weights as Ultralytics' trainer does."""
    package = import_ultralytics()
    if name == "rtdetr":
        source = path.with_name("rtdetr-tiny.yaml")
        source.write_text(RTDETR)
        model = package.RTDETR(str(source))
    else:
        model = package.YOLO(f"{name}.yaml")
    network = model.model.half()
    arguments = {**package.utils.DEFAULT_CFG_DICT, "task": model.task, "data": "/somebody/else.yaml"}
    network.args = package.utils.IterableSimpleNamespace(**arguments)
    torch.save(
        {
            "epoch": 3, "best_fitness": np.float64(0.5), "model": None, "ema": network, "updates": 7,
            "optimizer": {"state": {}, "param_groups": [{"lr": 0.1, "params": [0, 1]}]}, "scaler": {},
            "train_args": arguments, "train_metrics": {"fitness": np.float32(0.25)},
            "train_results": {"epoch": [1]}, "save_dir": Path("runs/detect"), "version": package.__version__,
        },
        path,
    )  # fmt: skip
    return path


@pytest.mark.parametrize("name", ["yolov8n", "yolo11n-seg", "yolov5n", "rtdetr"])
def test_detection_and_segmentation(name: str, tmp_path: Path) -> None:
    detector = load_detector(str(save(tmp_path / "best.pt", name)), "cpu")
    (found,) = detector.detect([np.zeros((64, 64, 3), np.uint8)], conf=0.0, imgsz=64, max_det=3)
    assert len(found) <= 3
    assert len(detector.names) in (2, 80)


@pytest.mark.parametrize(("name", "task"), [("yolov8n-pose", "pose"), ("yolo11n-cls", "classify")])
def test_other_tasks_are_read_and_refused_as_such(name: str, task: str, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=f"YOLO model for '{task}'"):
        load_detector(str(save(tmp_path / "best.pt", name)), "cpu")


def test_the_real_checkpoint_needs_no_permission(yolo11n: Path) -> None:
    from samdesk.engine.checkpoints.read import read_checkpoint

    ours = read_checkpoint(yolo11n)["model"].state_dict()
    theirs = torch.load(yolo11n, map_location="cpu", weights_only=False)["model"].state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def test_a_detector_with_code(tmp_path: Path) -> None:
    marker, source = tmp_path / "it-ran", save(tmp_path / "good.pt", "yolov8n")
    file = save_with_payload(source, tmp_path / "best.pt", marker)
    with pytest.raises(UntrustedFileError, match="--trust"):
        load_detector(str(file), "cpu")
    assert not marker.exists()
    detector = load_detector(str(file), "cpu", trust=True)
    assert marker.exists()
    assert len(detector.names) == 80
    marker.unlink()
    load_detector(str(file), "cpu")  # the answer is remembered
    assert marker.exists()


def test_a_network_whose_text_would_be_run(tmp_path: Path) -> None:
    # Ultralytics builds a network of a yaml with eval().
    marker = tmp_path / "it-ran"
    file = tmp_path / "model.yaml"
    file.write_text(f"nc: 1\nactivation: open({str(marker)!r}, 'w')\nbackbone: []\nhead: []\n")
    with pytest.raises(EngineError, match="exported model"):
        load_detector(str(file), "cpu")
    renamed = file.rename(tmp_path / "model.pt")
    with pytest.raises(EngineError):
        load_detector(str(renamed), "cpu")
    assert not marker.exists()


class TestDamaged:
    @pytest.fixture
    def network(self) -> Any:
        return import_ultralytics().YOLO("yolov8n.yaml").model

    def refused(self, network: Any, path: Path, why: str) -> None:
        torch.save({"model": network}, path)
        with pytest.raises(EngineError, match=why):
            load_detector(str(path), "cpu")

    def test_numbers(self, network: Any, tmp_path: Path) -> None:
        conv = network.model[0].conv
        conv.weight.data[0, 0, 0, 0] = float("nan")
        self.refused(network, tmp_path / "a.pt", "NaN or infinity")
        conv.weight.data[0, 0, 0, 0] = 0
        network.model[0].bn.running_var[0] = -1
        self.refused(network, tmp_path / "a.pt", "negative")

    def test_sizes_that_ask_for_gigabytes(self, network: Any, tmp_path: Path) -> None:
        network.model[0].conv.padding = (1 << 20, 1 << 20)
        self.refused(network, tmp_path / "a.pt", "sizes of its layers")

    def test_a_network_in_itself(self, network: Any, tmp_path: Path) -> None:
        network.model[0].add_module("again", network.model)
        self.refused(network, tmp_path / "a.pt", "contains itself")

    def test_a_network_that_torch_would_visit_for_ever(self, network: Any, tmp_path: Path) -> None:
        inner = torch.nn.Sequential()
        for _ in range(60):
            inner = torch.nn.Sequential(torch.nn.Sequential(inner), torch.nn.Sequential(inner))
        network.model[0].add_module("deep", inner)
        self.refused(network, tmp_path / "a.pt", "contains itself")


def test_ultralytics_is_told_to_install_and_send_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from samdesk.engine.ultralytics import set_environment

    monkeypatch.setenv("YOLO_AUTOINSTALL", "true")
    monkeypatch.setenv("YOLO_OFFLINE", "false")
    set_environment()
    import os

    assert (os.environ["YOLO_AUTOINSTALL"], os.environ["YOLO_OFFLINE"]) == ("false", "true")
    settings = import_ultralytics().settings
    services = ("sync", "hub", "platform", "comet", "mlflow", "clearml", "wandb", "tensorboard")
    assert not any(settings.get(service) for service in services)


def test_other_threads_of_the_program_keep_ultralytics_own_loading(tmp_path: Path) -> None:
    from samdesk.engine.ultralytics import checkpoints_read_with

    file = save(tmp_path / "best.pt", "yolov8n")
    read: list[Path] = []

    def note(path: Path) -> dict[str, Any]:
        read.append(path)
        raise EngineError("not now")

    package = import_ultralytics()
    with checkpoints_read_with(note), pytest.raises(EngineError, match="not now"):
        package.YOLO(str(file))
    assert read == [file]
    assert package.YOLO(str(file)).task == "detect"
    assert read == [file]
