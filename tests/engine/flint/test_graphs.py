"""Flint on ONNX Runtime: the masks of torch, with the shipped weights and with taught ones."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file, save_file

from samdesk.base.places import flint_weights
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.prompts import BoxPrompt, MaskCandidate, MaskPrompt, PointPrompt, PromptSet
from samdesk.engine.families import describe
from samdesk.engine.flint.crops import square
from samdesk.engine.flint.family import load, load_on_torch
from samdesk.engine.flint.graphs import GraphRuntime
from samdesk.engine.flint.maps import CropPrompts, prompt_maps
from samdesk.engine.flint.predictor import FlintPredictor
from samdesk.engine.flint.prompting import crop_prompts
from samdesk.engine.flint.torch_runtime import TorchRuntime
from samdesk.engine.models.load import load_predictor
from samdesk.engine.protocols import EngineError
from samdesk.images.samples import make_demo_folder

LOGITS, SCORES, IOU = 1e-3, 1e-4, 0.999
"""How far the two may differ: logits reach 20. Measured on coco64: 8e-5, 3e-6, 0.9998."""
COAT, LEG, ROAD = PointPrompt(148, 600), PointPrompt(180, 800), PointPrompt(420, 1000, positive=False)
MAN = BoxPrompt(46, 396, 246, 908)


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> RgbImage:
    folder = make_demo_folder(tmp_path_factory.mktemp("photos"))
    return np.asarray(Image.open(folder / "bus.jpg").convert("RGB"))


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A head that was trained further: every weight moved a little."""
    moved = np.random.default_rng(0)
    head = {name: value for name, value in load_file(flint_weights()).items() if name.startswith("head.")}
    for name, value in head.items():
        if value.dtype == np.float16:
            head[name] = (value * moved.normal(1, 0.02, value.shape)).astype(np.float16)
    path = tmp_path_factory.mktemp("taught") / "head.safetensors"
    save_file(head, path, {"format": "flint-1", "title": "Flint, taught"})
    return path


def both(path: Path) -> tuple[FlintPredictor, FlintPredictor]:
    graphs, on_torch = load(path, "cpu", "fp32"), load_on_torch(path, "cpu", "fp32")
    assert isinstance(graphs, FlintPredictor)
    assert isinstance(graphs.runtime, GraphRuntime)
    assert isinstance(on_torch.runtime, TorchRuntime)
    return graphs, on_torch


def assert_same(found: list[MaskCandidate], wanted: list[MaskCandidate]) -> None:
    assert len(found) == len(wanted) > 0
    for mine, theirs in zip(found, wanted, strict=True):
        assert mine.frame == theirs.frame
        assert mine.score == pytest.approx(theirs.score, abs=SCORES)
        np.testing.assert_allclose(mine.logits, theirs.logits, atol=LOGITS)
        a, b = mine.raster(), theirs.raster()
        assert a.any()
        assert (a & b).sum() >= IOU * (a | b).sum()


def assert_same_masks(
    graphs: FlintPredictor, on_torch: FlintPredictor, image: RgbImage
) -> list[MaskCandidate]:
    """Compares every kind of prompt; returns the candidates of a point."""
    mine, theirs = graphs.encode(image), on_torch.encode(image)
    assert mine.nbytes == theirs.nbytes
    first = graphs.predict(mine, PromptSet((COAT,)))
    mask = MaskPrompt(first[0].logits, first[0].frame)
    for prompts in (
        PromptSet((COAT,)),
        PromptSet((COAT, ROAD)),
        PromptSet(box=MAN),
        PromptSet((COAT,), MAN),
        PromptSet((COAT, LEG), mask=mask),
    ):
        assert_same(graphs.predict(mine, prompts), on_torch.predict(theirs, prompts))
    boxes = np.array([MAN.xyxy, (14, 222, 803, 762), (660, 380, 810, 880)], np.float64)
    assert_same(graphs.predict_boxes(mine, boxes), on_torch.predict_boxes(theirs, boxes))
    return first


def test_the_masks_are_those_of_torch(bus: RgbImage) -> None:
    graphs, on_torch = both(flint_weights())
    assert_same_masks(graphs, on_torch, bus)
    assert graphs.info == replace(on_torch.info, device_title=graphs.info.device_title)
    assert describe(graphs).gflops == pytest.approx(describe(on_torch).gflops)


def test_a_taught_head_runs_on_the_same_graphs(taught: Path, bus: RgbImage) -> None:
    graphs, on_torch = both(taught)
    (first, *_) = assert_same_masks(graphs, on_torch, bus)
    built_in = load(flint_weights(), "cpu", "fp32")
    (shipped, *_) = built_in.predict(built_in.encode(bus), PromptSet((COAT,)))
    assert np.abs(first.logits - shipped.logits).max() > 10 * LOGITS, "its own weights"


def test_the_masks_of_real_photos_are_those_of_torch(coco64: Path) -> None:
    graphs, on_torch = both(flint_weights())
    for path in sorted((coco64 / "images").glob("*.jpg"))[:2]:
        photo = np.asarray(Image.open(path).convert("RGB"))
        mine, theirs = graphs.encode(photo), on_torch.encode(photo)
        height, width = photo.shape[:2]
        prompts = PromptSet((PointPrompt(width / 2, height / 2),))
        assert_same(graphs.predict(mine, prompts), on_torch.predict(theirs, prompts))


def test_the_prompt_maps_of_numpy_are_those_of_torch() -> None:
    frame = square(0.0, 0.0, 320.0)
    mask = MaskPrompt(np.linspace(-9, 9, 256 * 256, dtype=np.float32).reshape(256, 256), frame)
    prompts = [PromptSet((COAT, ROAD), MAN), PromptSet((LEG,), mask=mask), PromptSet(box=MAN)]
    arrays = crop_prompts(prompts, [frame] * 3, 320)
    tensors = CropPrompts(*(torch.from_numpy(getattr(arrays, field.name)) for field in fields(arrays)))
    mine, theirs = (prompt_maps(each, (80, 80)) for each in (arrays, tensors))
    np.testing.assert_allclose(mine, theirs.numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop("head.coarse.weight"), "coarse"),
        (lambda t: t.update({"head.coarse.bias": np.zeros(3, np.float16)}), "coarse"),
        (lambda t: t.pop("yolo.model.3.bn.running_mean"), "running_mean"),
        (lambda t: t.update({"yolo.model.3.bn.weight": np.zeros(5, np.float16)}), "broadcast"),
        (lambda t: t.pop("encoder.layers.3.conv.weight.step"), "step"),
    ],
)
def test_weights_that_do_not_fit_are_refused_in_words(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    tensors = load_file(flint_weights())
    change(tensors)
    path = tmp_path / "other.safetensors"
    save_file(tensors, path, {"format": "flint-1", "names": "[]", "yolo": "yolo11n"})
    with pytest.raises(EngineError, match=rf"other\.safetensors has no supported Flint network: .*{words}"):
        load_predictor(str(path), "cpu")


def test_an_error_of_the_runtime_is_told_in_words() -> None:
    runtime = GraphRuntime(flint_weights())
    failed = pytest.raises(EngineError, match="Encoding the image failed on cpu: ")
    with failed, runtime.errors("Encoding the image"):
        runtime.embed(np.zeros((1, 33, 47, 3), np.uint8))


def test_without_onnx_runtime_torch_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    predictor = load_predictor("flint", "cpu")
    assert isinstance(predictor, FlintPredictor)
    assert isinstance(predictor.runtime, TorchRuntime)
