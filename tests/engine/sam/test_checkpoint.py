"""Checkpoints that are damaged, of other models or of any file name, and the choice of models."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from samdesk.engine.models.load import default_detector, default_model, load_detector, load_predictor
from samdesk.engine.protocols import EngineError
from samdesk.engine.sam.architectures import ARCHITECTURES
from samdesk.engine.sam.checkpoint import load_network, read_tensors, recognise
from samdesk.engine.ultralytics import build_network

torch = pytest.importorskip("torch")


def fault(path: Path) -> str:
    with pytest.raises(EngineError) as caught:
        load_network(path)
    assert str(path) in str(caught.value), "the message names the file"
    return str(caught.value)


def test_any_file_name_and_wrapping_is_recognised(mobile_sam_checkpoint: Path, tmp_path: Path) -> None:
    state = read_tensors(mobile_sam_checkpoint)
    mine = tmp_path / "my fine-tune ü.pth"
    torch.save({"epoch": 3, "state_dict": {f"module.{k}": v.half() for k, v in state.items()}}, mine)
    name, network = load_network(mine)
    assert name == "mobile_sam"
    key = "mask_decoder.iou_token.weight"
    assert torch.allclose(network.state_dict()[key], state[key], atol=1e-2)
    assert network.state_dict()[key].dtype == torch.float32


@pytest.mark.parametrize("name", [a.name for a in ARCHITECTURES if a.name[-2:] not in ("_l", "_h")])
def test_every_network_is_recognised_by_its_tensors(name: str) -> None:
    assert recognise(build_network(name).state_dict()) == name


def test_attention_biases_come_from_the_checkpoint(mobile_sam_checkpoint: Path) -> None:
    # MobileSAM caches them when it enters evaluation mode, which is before the weights are loaded.
    _, network = load_network(mobile_sam_checkpoint)
    attention = network.image_encoder.layers[1].blocks[0].attn  # type: ignore[union-attr, index]
    assert torch.equal(attention.ab, attention.attention_biases[:, attention.attention_bias_idxs])


def test_a_missing_file(tmp_path: Path) -> None:
    assert "does not exist" in fault(tmp_path / "gone.pt")


def test_an_incomplete_file(mobile_sam_checkpoint: Path, tmp_path: Path) -> None:
    path = tmp_path / "mobile_sam.pt"
    path.write_bytes(mobile_sam_checkpoint.read_bytes()[:1_000_000])
    assert "incomplete" in fault(path)


@pytest.mark.parametrize(
    "content", [b"", b"<html>not found</html>", b"\x80\x02}q\x00.", b"(lp0\n.", b"}K", b"u."]
)
def test_a_file_that_is_not_a_checkpoint(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "sam_b.pt"
    path.write_bytes(content)
    fault(path)


def test_another_models_tensors(tmp_path: Path) -> None:
    path = tmp_path / "resnet.pt"
    torch.save({"conv1.weight": torch.zeros(3)}, path)
    assert "conv1.weight" in fault(path)


def test_a_mismatch_is_named(mobile_sam_checkpoint: Path, tmp_path: Path) -> None:
    state = dict(read_tensors(mobile_sam_checkpoint))
    del state["mask_decoder.iou_token.weight"]
    state["prompt_encoder.no_mask_embed.weight"] = torch.zeros(1, 128)
    path = tmp_path / "half.pt"
    torch.save(state, path)
    message = fault(path)
    assert "mask_decoder.iou_token.weight" in message
    assert "(1, 128), expected (1, 256)" in message


def test_unknown_and_unsuitable_model_names(samdesk_home: Path) -> None:
    with pytest.raises(EngineError, match="not on this machine"):
        load_predictor("sam_b.pt")
    with pytest.raises(EngineError, match="neither a known model nor a file"):
        load_predictor("samurai.pt")
    with pytest.raises(EngineError, match="finds boxes"):
        load_predictor("yolo11n.pt")
    with pytest.raises(EngineError, match="draws masks"):
        load_detector("mobile_sam")
    with pytest.raises(EngineError, match="neither a known model nor a file"):
        load_predictor("samurai.safetensors")


def test_an_installation_without_flint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samdesk.engine.models.weights.flint_weights", lambda: tmp_path / "gone.safetensors")
    for load in (load_predictor, load_detector):
        with pytest.raises(EngineError, match="Flint is missing from this installation"):
            load("flint")


def test_a_missing_device(mobile_sam_checkpoint: Path) -> None:
    with pytest.raises(EngineError, match="no device 'cuda:77' on this machine"):
        load_predictor(str(mobile_sam_checkpoint), "cuda:77")
    with pytest.raises(EngineError, match="no precision"):
        load_predictor(str(mobile_sam_checkpoint), "cpu", "fp8")


def test_the_default_model_is_the_best_on_disk(samdesk_home: Path, mobile_sam_checkpoint: Path) -> None:
    assert default_model() == "flint"
    assert load_predictor("", "cpu").info.title == "Flint"
    (samdesk_home / "weights").mkdir(exist_ok=True)
    shutil.copy(mobile_sam_checkpoint, samdesk_home / "weights" / "mobile_sam.pt")
    assert default_model() == "mobile_sam.pt"
    assert load_predictor("", "cpu").info.title == "MobileSAM"


def test_the_default_detector_is_the_best_on_disk(samdesk_home: Path) -> None:
    assert default_detector() == "flint"
    assert load_detector("", "cpu").info.title == "Flint detector"
    (samdesk_home / "weights").mkdir(exist_ok=True)
    (samdesk_home / "weights" / "yolo11n.pt").write_bytes(b"the same as Flint's")
    assert default_detector() == "flint"
    (samdesk_home / "weights" / "yolo11m.pt").write_bytes(b"a better one")
    assert default_detector() == "yolo11m.pt"


def test_class_names_are_read_without_torch(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom samdesk.engine.models.load import class_names\n"
        "print(class_names('flint')[:2], class_names('yolo11n.pt'), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "('person', 'bicycle') None False"
