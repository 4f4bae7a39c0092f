"""Flint as a ``Predictor``, with the shipped weights."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import samdesk
from samdesk.base.jobs import CancelToken
from samdesk.base.places import flint_weights
from samdesk.domain.geometry.contours import region_to_logits
from samdesk.domain.geometry.regions import from_box
from samdesk.domain.geometry.types import BoolArray, Frame, RgbImage
from samdesk.domain.prompts import BoxPrompt, MaskCandidate, MaskPrompt, PointPrompt, PromptSet
from samdesk.engine.auto_masks import segment_everything
from samdesk.engine.cache.memory import to_device
from samdesk.engine.embedding import Embedding
from samdesk.engine.families import describe, find_family
from samdesk.engine.models.load import class_names, load_detector, load_predictor
from samdesk.engine.models.registry import spec
from samdesk.engine.models.weights import find
from samdesk.engine.protocols import EngineError, Predictor
from samdesk.images.samples import make_demo_folder

BUS = BoxPrompt(14, 222, 803, 762)
MAN = BoxPrompt(46, 396, 246, 908)
COAT, ROAD = PointPrompt(148, 600), PointPrompt(420, 1000, positive=False)


def iou(a: BoolArray, b: BoolArray) -> float:
    return float((a & b).sum() / max(1, (a | b).sum()))


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return load_predictor("flint", "cpu")


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> RgbImage:
    """Returns an image of a bus and four people, 810 x 1080 pixels."""
    folder = make_demo_folder(tmp_path_factory.mktemp("photos"))
    return np.asarray(Image.open(folder / "bus.jpg").convert("RGB"))


@pytest.fixture(scope="module")
def embedding(predictor: Predictor, bus: RgbImage) -> Embedding:
    return predictor.encode(bus)


@pytest.fixture(scope="module")
def bus_mask(predictor: Predictor, embedding: Embedding) -> BoolArray:
    return predictor.predict(embedding, PromptSet(box=BUS))[0].raster()


# Prompts


def test_a_box_gives_one_mask_inside_it(bus_mask: BoolArray) -> None:
    inside = np.zeros_like(bus_mask)
    inside[222:762, 14:803] = True
    assert bus_mask[300, 400]
    assert not bus_mask[1000, 400]
    assert iou(bus_mask, inside) > 0.5
    assert (bus_mask & ~inside).sum() < 0.1 * bus_mask.sum()


def test_a_point_has_several_candidates_best_first(predictor: Predictor, embedding: Embedding) -> None:
    found = predictor.predict(embedding, PromptSet((COAT,)))
    assert 1 <= len(found) <= 3
    assert [c.score for c in found] == sorted((c.score for c in found), reverse=True)
    for candidate in found:
        mask = candidate.raster()
        assert mask[600, 148], "the point"
        assert mask[:, 400:].sum() < 0.1 * mask.sum(), "the man, not the bus"
        assert 0 <= candidate.score <= 1
        assert 0 <= candidate.stability <= 1
    masks = [c.raster() for c in found]
    assert all(iou(a, b) < 0.9 for i, a in enumerate(masks) for b in masks[:i]), "each is another candidate"


def test_one_mask_without_multimask_or_with_a_box(predictor: Predictor, embedding: Embedding) -> None:
    assert len(predictor.predict(embedding, PromptSet((COAT,)), multimask=False)) == 1
    assert len(predictor.predict(embedding, PromptSet(box=MAN))) == 1
    assert len(predictor.predict(embedding, PromptSet((COAT,), MAN))) == 1


def test_a_box_and_a_point_are_one_object(predictor: Predictor, embedding: Embedding) -> None:
    (both,) = predictor.predict(embedding, PromptSet((COAT,), MAN))
    mask = both.raster()
    assert mask[600, 148]
    assert mask[396:908, 46:246].sum() > 0.9 * mask.sum()


def test_a_box_drawn_backwards_is_the_same_box(
    predictor: Predictor, embedding: Embedding, bus_mask: BoolArray
) -> None:
    (found,) = predictor.predict(embedding, PromptSet(box=BoxPrompt(803, 762, 14, 222)))
    assert np.array_equal(found.raster(), bus_mask)


def test_a_correction_reuses_the_crop_of_its_mask(predictor: Predictor, embedding: Embedding) -> None:
    (bus,) = predictor.predict(embedding, PromptSet(box=BUS))
    not_the_man = replace(COAT, positive=False)
    (second,) = predictor.predict(embedding, PromptSet((not_the_man,), BUS, bus.as_prompt()))
    prompts = PromptSet((not_the_man, PointPrompt(280, 600, False)), BUS, second.as_prompt())
    (third,) = predictor.predict(embedding, prompts)
    assert bus.frame == second.frame == third.frame
    before, after = (c.raster()[480:720, 90:220].mean() for c in (bus, third))
    assert after < 0.7 * before, "the man in front of the bus is removed"


def test_a_distant_point_changes_the_crop(predictor: Predictor, embedding: Embedding) -> None:
    (first,) = predictor.predict(embedding, PromptSet(box=MAN))
    far = PointPrompt(780, 620)
    (second,) = predictor.predict(embedding, PromptSet((far,), MAN, first.as_prompt()))
    assert second.frame != first.frame
    frame = second.frame
    assert frame.x0 <= far.x <= frame.x0 + frame.width
    assert frame.y0 <= far.y <= frame.y0 + frame.height


def test_a_mask_of_any_frame_is_a_prompt(
    predictor: Predictor, embedding: Embedding, bus_mask: BoolArray
) -> None:
    """Such as the mask of an annotation edited again: over the whole padded image."""
    frame = Frame(0.0, 0.0, 1080.0)
    drawn = MaskPrompt(region_to_logits(from_box(46, 396, 246, 908), frame, embedding.image_hw), frame)
    (alone,) = predictor.predict(embedding, PromptSet(mask=drawn))
    assert alone.frame != frame, "it is decoded on a crop"
    box = np.zeros(embedding.image_hw, bool)
    box[396:908, 46:246] = True
    assert iou(alone.raster(), box) > 0.3
    assert iou(alone.raster(), bus_mask) < 0.3


def test_an_empty_prompt_set_has_no_candidates(predictor: Predictor, embedding: Embedding) -> None:
    assert predictor.predict(embedding, PromptSet()) == []
    assert predictor.predict_boxes(embedding, np.zeros((0, 4))) == []


def test_predictions_are_deterministic(predictor: Predictor, bus: RgbImage) -> None:
    for prompts in (PromptSet((COAT,)), PromptSet(box=MAN), PromptSet((COAT, ROAD))):
        first, again = (predictor.predict(predictor.encode(bus), prompts) for _ in range(2))
        assert [c.frame for c in first] == [c.frame for c in again]
        for a, b in zip(first, again, strict=True):
            assert np.array_equal(a.logits, b.logits)
            assert (a.score, a.stability) == (b.score, b.stability)


def test_predictions_do_not_depend_on_earlier_prompts(predictor: Predictor, bus: RgbImage) -> None:
    embedding = predictor.encode(bus)
    first = predictor.predict(embedding, PromptSet((COAT,)))
    for x in range(100, 800, 60):  # more crops than are cached
        predictor.predict(embedding, PromptSet(box=BoxPrompt(x, 300, x + 90, 500)))
    again = predictor.predict(embedding, PromptSet((COAT,)))
    assert all(np.array_equal(a.logits, b.logits) for a, b in zip(first, again, strict=True))


def test_a_batch_of_boxes_equals_single_boxes(predictor: Predictor, embedding: Embedding) -> None:
    boxes = np.array([[x, y, x + w, y + h] for x, y, w, h in _grid(11)])
    together = predictor.predict_boxes(embedding, boxes)
    alone = [predictor.predict(embedding, PromptSet(box=BoxPrompt(*map(float, b))))[0] for b in boxes]
    assert len(together) == len(boxes)
    for a, b in zip(together, alone, strict=True):
        assert a.frame == b.frame
        assert np.allclose(a.logits, b.logits, atol=1e-3)
        assert a.score == pytest.approx(b.score, abs=1e-4)


def _grid(count: int) -> list[tuple[float, float, float, float]]:
    return [(20.0 + 60 * i, 250.0 + 40 * (i % 4), 70.0 + 12 * i, 150.0 + 9 * i) for i in range(count)]


# Unusual images and prompts

EMPTY = np.full((256, 256), -9, np.float32)
ODD = [
    PromptSet((PointPrompt(60, 40, False),)),
    PromptSet((PointPrompt(-500, 9000),)),
    PromptSet((PointPrompt(0, 0),)),
    PromptSet((PointPrompt(159.99, 119.99),)),
    PromptSet(box=BoxPrompt(50, 50, 50, 50)),
    PromptSet(box=BoxPrompt(40, 20, 40, 90)),
    PromptSet(box=BoxPrompt(-100, -100, -50, -50)),
    PromptSet(box=BoxPrompt(-1e6, -1e6, 1e6, 1e6)),
    PromptSet(box=BoxPrompt(150, 0, 160, 120)),
    PromptSet((PointPrompt(1, 1), PointPrompt(1, 1, False)), BoxPrompt(0, 0, 5, 5)),
    PromptSet(mask=MaskPrompt(np.full((256, 256), 9, np.float32), Frame(0, 0, 160))),
    PromptSet(box=BoxPrompt(20, 20, 90, 80), mask=MaskPrompt(EMPTY, Frame(0, 0, 160))),
]


@pytest.mark.parametrize(
    "size", [(120, 160), (1, 1), (3, 200), (200, 3), (31, 33), (640, 640), (5, 3000)], ids=str
)
def test_unusual_prompts_are_decoded_on_any_image(predictor: Predictor, bus: RgbImage, size: Any) -> None:
    embedding = predictor.encode(np.ascontiguousarray(np.resize(bus, (*size, 3))))
    assert embedding.image_hw == size
    for prompts in ODD:
        found = predictor.predict(embedding, prompts)
        assert found
        for candidate in found:
            assert_sound(candidate, size)
    boxes = np.array([p.box.xyxy for p in ODD if p.box is not None])
    for candidate in predictor.predict_boxes(embedding, boxes):
        assert_sound(candidate, size)


@pytest.mark.parametrize("frame", [Frame(0, 0, 160), Frame(5, 5, 9, 9)], ids=["whole", "crop"])
@pytest.mark.parametrize("points", [(), (PointPrompt(80, 60),)], ids=["alone", "with a point"])
def test_an_empty_mask_prompt(
    predictor: Predictor, bus: RgbImage, frame: Frame, points: tuple[PointPrompt, ...]
) -> None:
    """A correction of a prediction that found nothing."""
    embedding = predictor.encode(np.ascontiguousarray(bus[300:420, 100:260]))
    for candidate in predictor.predict(embedding, PromptSet(points, mask=MaskPrompt(EMPTY, frame))):
        assert_sound(candidate, (120, 160))


def assert_sound(candidate: MaskCandidate, size: tuple[int, int]) -> None:
    assert candidate.logits.shape == (256, 256)
    assert candidate.logits.dtype == np.float32
    assert np.isfinite(candidate.logits).all()
    assert candidate.image_hw == size
    assert 0 <= candidate.score <= 1
    assert candidate.raster().shape == size
    region = candidate.region()
    if not region.is_empty:
        x0, y0, x1, y1 = region.bounds
        assert x0 >= -1e-6
        assert y0 >= -1e-6
        assert x1 <= size[1] + 1e-6
        assert y1 <= size[0] + 1e-6


def test_a_huge_image_is_segmented_like_a_small_one(
    predictor: Predictor, bus: RgbImage, bus_mask: BoolArray
) -> None:
    times = 6
    large = np.asarray(Image.fromarray(bus).resize((810 * times, 1080 * times), Image.Resampling.BICUBIC))
    embedding = predictor.encode(large)
    assert embedding.nbytes < 120_000_000
    (found,) = predictor.predict(embedding, PromptSet(box=BoxPrompt(*(times * v for v in BUS.xyxy))))
    small = np.asarray(Image.fromarray(found.raster()).resize((810, 1080), Image.Resampling.NEAREST))
    assert iou(small, bus_mask) > 0.9


def test_an_object_in_the_corner_reaches_the_edge(predictor: Predictor) -> None:
    image = np.full((300, 400, 3), (60, 120, 60), np.uint8)
    image += np.random.default_rng(0).integers(0, 30, image.shape, np.uint8)
    image[200:, 290:] = (220, 60, 40)
    (found,) = predictor.predict(predictor.encode(image), PromptSet(box=BoxPrompt(290, 200, 400, 300)))
    corner = np.zeros((300, 400), bool)
    corner[200:, 290:] = True
    assert iou(found.raster(), corner) > 0.8
    assert found.region().bounds[2:] == pytest.approx((400, 300), abs=3)


def test_a_grey_image(predictor: Predictor, bus: RgbImage, bus_mask: BoolArray) -> None:
    grey = np.asarray(Image.fromarray(bus).convert("L").convert("RGB"))
    (found,) = predictor.predict(predictor.encode(grey), PromptSet(box=BUS))
    assert iou(found.raster(), bus_mask) > 0.7


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((5, 5), np.uint8),
        np.zeros((5, 5, 4), np.uint8),
        np.zeros((5, 5, 3), np.float32),
        np.zeros((0, 5, 3), np.uint8),
    ],
    ids=["no colours", "four channels", "floats", "no rows"],
)
def test_unsupported_images_are_refused(predictor: Predictor, image: Any) -> None:
    with pytest.raises(EngineError, match="8-bit RGB image"):
        predictor.encode(image)


# Embeddings and model information


def test_another_models_embedding_is_refused(predictor: Predictor, embedding: Embedding) -> None:
    other = replace(embedding, model="mobile_sam.pt:0123")
    for predict in (
        lambda: predictor.predict(other, PromptSet((COAT,))),
        lambda: predictor.predict_boxes(other, np.array([[0, 0, 5, 5.0]])),
    ):
        with pytest.raises(EngineError, match=r"mobile_sam.pt:0123, not by flint.*Encode it again"):
            predict()


def test_an_embedding_moved_to_the_host_and_back_is_the_same(predictor: Predictor, bus: RgbImage) -> None:
    embedding = predictor.encode(bus)
    before = predictor.predict(embedding, PromptSet((COAT,)))
    back = to_device(to_device(embedding, "cpu"), "cpu")
    assert back.data is not embedding.data
    after = predictor.predict(back, PromptSet((COAT,)))
    assert all(np.array_equal(a.logits, b.logits) for a, b in zip(before, after, strict=True))


def test_everything_is_found_with_frames_of_many_sizes(predictor: Predictor, bus: RgbImage) -> None:
    """Duplicates are found in image pixels: equal cells of two frames are different boxes."""
    steps: list[tuple[int, int]] = []
    found = segment_everything(
        predictor,
        predictor.encode(bus),
        points_per_side=4,
        predicted_iou=0.3,
        stability=0.3,
        cancel=CancelToken(),
        progress=lambda done, total: steps.append((done, total)),
    )
    assert steps[-1] == (16, 16)
    assert len({c.frame for c in found}) > 2
    assert [c.score for c in found] == sorted((c.score for c in found), reverse=True)
    family = find_family("flint")
    assert family is not None
    least = family.thresholds
    usual = [c for c in found if c.score >= least.predicted_iou and c.stability >= least.stability]
    assert 0 < len(usual) < len(found)
    masks = [c.raster() for c in found]
    assert max(iou(a, b) for i, a in enumerate(masks) for b in masks[:i]) < 0.9


def test_model_information(predictor: Predictor) -> None:
    info = predictor.info
    assert (info.name, info.title, info.device, info.precision) == ("flint", "Flint", "cpu", "fp32")
    assert Path(info.path) == flint_weights().resolve()
    known = spec("flint")
    assert known is not None
    assert known.parameters == pytest.approx(info.parameters, rel=0.2)
    assert (known.licence, known.finds_boxes, known.draws_masks) == ("AGPL-3.0", True, True)
    gflops = describe(predictor).gflops
    assert gflops is not None
    assert 2 < gflops < 20
    assert flint_weights().stat().st_size <= 10_000_000


def test_bf16_is_close_to_fp32(bus: RgbImage, bus_mask: BoolArray) -> None:
    half = load_predictor("flint", "cpu", "bf16")
    assert half.info.precision == "bf16"
    (found,) = half.predict(half.encode(bus), PromptSet(box=BUS))
    assert iou(found.raster(), bus_mask) > 0.95


# Weights files


def test_no_pickle_is_opened(monkeypatch: pytest.MonkeyPatch, bus: RgbImage) -> None:
    import pickle

    import torch

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a pickle was opened")

    monkeypatch.setattr(torch, "load", refuse)
    monkeypatch.setattr(pickle, "load", refuse)
    monkeypatch.setattr(pickle, "Unpickler", refuse)
    predictor, detector = samdesk.load_predictor("flint", "cpu"), samdesk.load_detector("flint", "cpu")
    assert predictor.predict(predictor.encode(bus), PromptSet(box=BUS))
    found = detector.detect([bus])[0]
    assert [detector.names[d.class_id] for d in found[:3]] == ["bus", "person", "person"]


def test_the_detector_has_the_coco_classes(bus: RgbImage) -> None:
    detector = load_detector("flint", "cpu")
    assert len(detector.names) == 80
    assert detector.names == class_names("flint")
    assert detector.info.title == "Flint detector"
    best = detector.detect([bus])[0][0]
    assert np.allclose((best.x0, best.y0, best.x1, best.y1), (4, 229, 796, 728), atol=12)


def test_a_file_is_loaded_by_its_path(tmp_path: Path) -> None:
    mine = tmp_path / "mine.safetensors"
    shutil.copy(flint_weights(), mine)
    info = load_predictor(str(mine), "cpu").info
    assert (info.name, info.title, info.path) == ("mine.safetensors", "mine.safetensors", str(mine))
    assert load_detector(str(mine), "cpu").info.title == "mine.safetensors"
    assert class_names(str(mine)) == class_names("flint")


def test_the_title_is_in_the_metadata(tmp_path: Path) -> None:
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    with safe_open(flint_weights(), framework="np") as file:
        words = file.metadata()
    mine = tmp_path / "taught.safetensors"
    save_file(load_file(flint_weights()), mine, {**words, "title": "Flint, taught"})
    assert load_predictor(str(mine), "cpu").info.title == "Flint, taught"


def test_a_taught_head_uses_the_shipped_encoder(tmp_path: Path, bus: RgbImage, bus_mask: BoolArray) -> None:
    from safetensors.torch import load_file, save_file

    head = {k: v for k, v in load_file(flint_weights()).items() if k.startswith("head.")}
    mine = tmp_path / "head.safetensors"
    save_file(head, mine, {"format": "flint-1", "title": "Flint, taught"})
    taught = load_predictor(str(mine), "cpu")
    assert taught.info.title == "Flint, taught"
    (found,) = taught.predict(taught.encode(bus), PromptSet(box=BUS))
    assert np.array_equal(found.raster(), bus_mask)
    with pytest.raises(EngineError, match=r"head\.safetensors"):
        load_detector(str(mine), "cpu")


@pytest.mark.parametrize("load", [load_predictor, load_detector])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("short", None),
        ("empty", b""),
        ("page", b"<html>not found</html>"),
        ("pickle", b"\x80\x02}q\x00."),
        ("other", "resnet"),
    ],
)
def test_a_damaged_or_foreign_file_is_refused(
    tmp_path: Path, load: Any, name: str, content: bytes | str | None
) -> None:
    import torch
    from safetensors.torch import save_file

    path = tmp_path / f"{name}.safetensors"
    if content is None:
        path.write_bytes(flint_weights().read_bytes()[:2_000_000])
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        save_file({"conv1.weight": torch.zeros(3)}, path)
    with pytest.raises(EngineError) as caught:
        load(str(path), "cpu")
    assert str(path) in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_the_name_flint_is_the_built_in_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("flint").write_bytes(b"something of the user's")
    assert find("flint") == find("Flint") == flint_weights().resolve()
    # A file in the current folder may be anybody's: a name is never looked up there.
    Path("flint.safetensors").write_bytes(b"the user's own")
    assert find("flint.safetensors") == flint_weights().resolve()
    assert find("./flint.safetensors") == (tmp_path / "flint.safetensors").resolve()
