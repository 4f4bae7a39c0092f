"""The engine on a GPU: its masks are those of the CPU, replayed graphs are exact, memory may run out.

Skipped where torch finds no CUDA device. Networks have seeded weights, as trained ones are not at hand.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import samdesk
from samdesk.domain.geometry.types import FloatArray, RgbImage
from samdesk.domain.prompts import BoxPrompt, PointPrompt, PromptSet
from samdesk.engine.cache.memory import MemoryCache, model_key
from samdesk.engine.models.load import load_detector, load_predictor
from samdesk.engine.protocols import OutOfMemory
from samdesk.engine.sam.decoder.cuda_graphs import DecoderInputs, EagerRunner, GraphRunner
from samdesk.engine.sam.predictor import SamPredictor
from samdesk.images.stamp import ImageStamp
from tests.engine.sam.test_reference import made_up_photo
from tests.helpers.networks import save_seeded

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")

NETWORKS = ("mobile_sam", "sam_b", "sam2_t")
PHOTOS = (made_up_photo(480, 640, 3), made_up_photo(700, 500, 5))
PROMPTS = (
    PromptSet((PointPrompt(320.0, 240.0),)),
    PromptSet((PointPrompt(100.0, 240.0), PointPrompt(300.0, 100.0, False))),
    PromptSet(box=BoxPrompt(80, 60, 400, 420)),
    PromptSet((PointPrompt(200.0, 200.0),), BoxPrompt(80, 60, 400, 420)),
)
LEAST_IOU = {"fp32": 0.99, "bf16": 0.85, "fp16": 0.95}
"""Of masks from seeded weights, whose logits cross zero everywhere: trained ones agree better."""


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("weights")
    return {name: save_seeded(name, folder) for name in NETWORKS}


@pytest.fixture
def gpu() -> Iterator[str]:
    yield "cuda:0"
    torch.cuda.set_per_process_memory_fraction(1.0)
    torch.cuda.empty_cache()


def loaded(path: Path, device: str, precision: str) -> SamPredictor:
    predictor = load_predictor(str(path), device, precision)
    assert isinstance(predictor, SamPredictor)
    return predictor


def iou(a: FloatArray, b: FloatArray) -> float:
    union = np.count_nonzero((a > 0) | (b > 0))
    return 1.0 if union == 0 else float(np.count_nonzero((a > 0) & (b > 0)) / union)


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16", "auto"])
@pytest.mark.parametrize("network", NETWORKS)
def test_masks_are_those_of_the_cpu(
    checkpoints: dict[str, Path], gpu: str, network: str, precision: str, capsys: pytest.CaptureFixture[str]
) -> None:
    expected, found = (
        loaded(checkpoints[network], "cpu", "fp32"),
        loaded(checkpoints[network], gpu, precision),
    )
    assert found.info.device == gpu
    assert found.info.precision == ("fp16" if precision == "auto" else precision), "the self-test passes"
    ious = []
    for photo in PHOTOS:
        a, b = expected.encode(photo), found.encode(photo)
        for prompts in PROMPTS:
            for multimask in (True, False):
                (x, x_scores), (y, y_scores) = (
                    expected.raw(a, prompts, multimask),
                    found.raw(b, prompts, multimask),
                )
                assert y.dtype == np.float32
                assert np.isfinite(y).all()
                ious += [iou(p, q) for p, q in zip(x, y, strict=True)]
                if found.info.precision == "fp32":
                    assert np.abs(x_scores - y_scores).max() < 0.01
    with capsys.disabled():
        print(f"\n{network} {found.info.precision}: IoU least {min(ious):.4f}, median {np.median(ious):.4f}")
    assert np.median(ious) >= LEAST_IOU[found.info.precision]


@pytest.mark.parametrize("network", NETWORKS)
def test_replayed_graphs_give_what_the_decoder_gives(
    checkpoints: dict[str, Path], gpu: str, network: str
) -> None:
    predictor = loaded(checkpoints[network], gpu, "auto")
    runner = predictor._run_decoder
    assert isinstance(runner, GraphRunner)
    assert runner.captured, "the self-test captures the common ones"
    eager = EagerRunner(predictor.network.decoder)
    images = [predictor.encode(photo).data for photo in PHOTOS]
    random = torch.Generator().manual_seed(0)
    kept = []
    with torch.inference_mode():
        for turn in range(60):
            count = 1 + turn * 7 % 9
            masks = torch.randn(1, 1, 256, 256, generator=random) * 5 if turn % 3 == 2 else None
            points = torch.rand(1, count, 2, generator=random) * 1024
            inputs = DecoderInputs(points, torch.ones(1, count), masks, turn % 4 != 3)
            kept.append((runner(images[turn % 2], inputs), eager(images[turn % 2], inputs)))
    assert runner.enabled
    for found, exact in kept:  # compared at the end: no result changes after it was returned
        for x, y in zip(found, exact, strict=True):
            assert float((x - y).abs().max()) <= 0.02 * float(y.abs().max())


def test_graphs_are_captured_while_another_thread_uses_the_gpu(
    checkpoints: dict[str, Path], gpu: str
) -> None:
    predictor = loaded(checkpoints["mobile_sam"], gpu, "auto")
    embedding = predictor.encode(PHOTOS[0])
    stop, failed = threading.Event(), []
    matrix = torch.rand(512, 512, device=gpu)

    def other_work() -> None:
        try:
            torch.cuda.synchronize(gpu)  # torch warns of a thread that begins with a matrix product
            while not stop.is_set():
                matrix.mm(matrix).cpu()
                torch.empty(40 << 20, device=gpu)
                torch.cuda.empty_cache()
        except RuntimeError as error:
            failed.append(error)

    thread = threading.Thread(target=other_work)
    thread.start()
    try:
        for count in range(6, 20):
            predictor.predict(embedding, PromptSet((PointPrompt(100.0, 100.0),) * count))
    finally:
        stop.set()
        thread.join()
    assert not failed
    assert isinstance(predictor._run_decoder, GraphRunner)
    assert predictor._run_decoder.enabled


@pytest.mark.parametrize("network", NETWORKS)
def test_many_boxes_are_each_decoded_as_alone(checkpoints: dict[str, Path], gpu: str, network: str) -> None:
    predictor = loaded(checkpoints[network], gpu, "auto")
    embedding = predictor.encode(PHOTOS[0])
    random = np.random.default_rng(0)
    corner = random.uniform(0, 300, (70, 2))
    boxes = np.concatenate([corner, corner + random.uniform(20, 150, (70, 2))], 1)
    found = predictor.predict_boxes(embedding, boxes)
    assert len(found) == 70
    alone = [
        predictor.predict(embedding, PromptSet(box=BoxPrompt(*b)), multimask=False)[0] for b in boxes[::9]
    ]
    assert min(iou(a.logits, b.logits) for a, b in zip(found[::9], alone, strict=True)) > 0.95


@pytest.mark.parametrize("network", NETWORKS)
def test_embeddings_give_the_same_mask_after_they_left_the_gpu(
    checkpoints: dict[str, Path], gpu: str, network: str
) -> None:
    predictor = loaded(checkpoints[network], gpu, "auto")
    embedding = predictor.encode(PHOTOS[0])
    before = predictor.raw(embedding, PROMPTS[0])[0].copy()
    cache, key = MemoryCache(embedding.nbytes + 1, 10 * embedding.nbytes), model_key(predictor.info)
    stamps = [ImageStamp(str(i), 1, 1) for i in range(3)]
    for stamp in stamps:
        cache.put(stamp, key, predictor.encode(PHOTOS[0]), gpu)
    assert cache.device_bytes <= embedding.nbytes + 1
    found = cache.find(stamps[0], key)
    assert found is not None
    assert found.place == "host"
    assert found.embedding.data.tokens.device.type == "cuda"
    assert np.array_equal(predictor.raw(found.embedding, PROMPTS[0])[0], before)
    stored = predictor.to_arrays(embedding)
    restored = predictor.from_arrays(stored, embedding.image_hw, embedding.frame)
    assert iou(predictor.raw(restored, PROMPTS[0])[0], before) > 0.95


@pytest.mark.parametrize("network", NETWORKS)
def test_out_of_memory_is_an_error_that_passes(checkpoints: dict[str, Path], gpu: str, network: str) -> None:
    predictor = loaded(checkpoints[network], gpu, "auto")
    embedding = predictor.encode(PHOTOS[0])
    before = predictor.raw(embedding, PROMPTS[0])[0].copy()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + (2 << 20)) / total)
    with pytest.raises(OutOfMemory, match="needs more memory than cuda:0 has left"):
        predictor.encode(PHOTOS[1])
    with pytest.raises(OutOfMemory):
        load_predictor(str(checkpoints["sam_b"]), gpu, "auto")
    torch.cuda.set_per_process_memory_fraction(1.0)
    assert iou(predictor.raw(embedding, PROMPTS[0])[0], before) == 1.0
    predictor.encode(PHOTOS[1])


def test_flint_on_the_gpu(gpu: str, capsys: pytest.CaptureFixture[str]) -> None:
    expected, found = load_predictor("flint", "cpu", "fp32"), load_predictor("flint", gpu)
    a, b = expected.encode(PHOTOS[0]), found.encode(PHOTOS[0])
    ious = []
    clear = PromptSet((PointPrompt(150.0, 200.0),))  # in the middle of an even rectangle
    for prompts in (clear, *PROMPTS[1:]):
        x, y = expected.predict(a, prompts)[0], found.predict(b, prompts)[0]
        ious.append(iou(x.raster().astype(np.float32), y.raster().astype(np.float32)))
    with capsys.disabled():
        print(f"\nFlint {found.info.precision}: IoU {ious}")
    assert min(ious) > 0.9


def objects(device: str, name: str, photo: RgbImage) -> list[tuple[int, float, FloatArray]]:
    (found,) = load_detector(name, device).detect([photo])
    return [(d.class_id, d.score, np.array([d.x0, d.y0, d.x1, d.y1])) for d in found if d.score > 0.4]


def test_detectors_find_on_the_gpu_what_they_find_on_the_cpu(gpu: str, yolo11n: Path, coco64: Path) -> None:
    photo = np.array(Image.open(sorted((coco64 / "images").glob("*.jpg"))[0]).convert("RGB"))
    for name in ("flint", str(yolo11n)):
        expected, found = objects("cpu", name, photo), objects(gpu, name, photo)
        assert expected
        assert [c for c, _, _ in found][:3] == [c for c, _, _ in expected][:3]
        for (_, x_score, x), (_, y_score, y) in zip(expected[:3], found[:3], strict=True):
            assert abs(x_score - y_score) < 0.05
            assert np.abs(x - y).max() < 4


def test_auto_annotate_on_the_gpu(gpu: str, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for number in range(4):
        Image.fromarray(made_up_photo(240, 320, number)).save(images / f"{number}.png")
    summary = samdesk.auto_annotate(
        images, "flint", "flint", device="cuda", output_dir=tmp_path / "out", conf=0.05
    )
    assert summary.ok
    assert len(list((tmp_path / "out").glob("*.txt"))) == 4
