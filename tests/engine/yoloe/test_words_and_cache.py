"""Words, labels that do not depend on each other, and vectors that are made once."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from samdesk.base import places
from samdesk.engine.checkpoints.trusted import UntrustedFileError, trust_file
from samdesk.engine.concepts.cache import VectorCache
from samdesk.engine.concepts.concept import Concept, Exemplar, ExemplarImage
from samdesk.engine.models.load import load_detector
from samdesk.engine.protocols import Detection, EngineError, TextsUnavailable
from samdesk.engine.yoloe.predictor import YoloePredictor
from tests.engine.yoloe.test_predictor import BOXES, stock
from tests.helpers.finding import blocks
from tests.helpers.seeded_yoloe import TEXT_TOWER, save_text_tower, save_yoloe

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*deprecated:FutureWarning")
IMAGE = blocks(150, 223)
ALL = {"conf": 0.2, "iou": 0.6, "imgsz": 160}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_yoloe(tmp_path_factory.mktemp("yoloe") / "yoloe-11n-seg.pt")


@pytest.fixture(scope="module")
def made_tower(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_text_tower(tmp_path_factory.mktemp("tower"))


@pytest.fixture
def tower(made_tower: Path) -> Path:
    """The text encoder in the weights folder, permitted."""
    path = places.weights() / TEXT_TOWER
    path.write_bytes(made_tower.read_bytes())
    trust_file(path)
    return path


def loaded(weights: Path) -> YoloePredictor:
    model = load_detector(str(weights), "cpu")
    assert isinstance(model, YoloePredictor)
    return model


def example(box: int = 0, content: str = "0123") -> Exemplar:
    return Exemplar(ExemplarImage("a.png", content, lambda: IMAGE), BOXES[box])


def of_label(found: Sequence[Detection], label: int) -> list[tuple[float, ...]]:
    return [(d.x0, d.y0, d.x1, d.y1, d.score) for d in found if d.class_id == label]


def test_words_are_those_of_ultralytics(weights: Path, tower: Path) -> None:
    """Ultralytics' own ``set_classes`` with the same encoded texts, the head's text layers included."""
    theirs = stock(weights)
    model = loaded(weights)
    encoded = model._texts.encode(["dog", "traffic light"])
    with torch.inference_mode():
        expected = theirs.model.model[-1].get_tpe(encoded[None]).cpu()
    ours = model.encode_texts(["dog", "traffic light"])
    assert np.abs(ours - expected[0].numpy()).max() < 1e-6
    assert np.abs(ours - encoded.numpy()).max() > 1e-3, "the head's text layers do nothing here"
    theirs.set_classes(["dog"], expected[:, :1])
    options = {"conf": 0.2, "iou": 1.0, "imgsz": 160}
    bgr = np.ascontiguousarray(IMAGE[..., ::-1])
    scores = theirs.predict(bgr, device="cpu", verbose=False, **options)[0].boxes.conf.numpy()
    found = model.find([Concept("dog", ("dog",))]).detect([IMAGE], **options)[0]
    assert len(scores) > 20
    assert all(np.abs(np.array([d.score for d in found]) - score).min() < 1e-6 for score in scores)


def test_a_label_does_not_depend_on_the_other_labels(weights: Path, tower: Path) -> None:
    model = loaded(weights)
    alone = model.find([Concept("dog", ("dog",), (example(1),))]).detect([IMAGE], **ALL)[0]
    others = [Concept(f"thing {i}", (f"thing {i}",), (example(),)) for i in range(7)]
    among = model.find([*others[:3], Concept("dog", ("dog",), (example(1),)), *others[3:]])
    found = among.detect([IMAGE], max_det=10_000, **ALL)[0]
    assert len(of_label(alone, 0)) > 3
    assert np.allclose(of_label(alone, 0), of_label(found, 3), rtol=0, atol=1e-4)
    assert np.allclose(
        [d[4] for d in of_label(alone, 0)], [d[4] for d in of_label(found, 3)], rtol=0, atol=1e-6
    )
    assert len({d.class_id for d in found}) == 8


def test_the_prompts_of_a_label_are_one_class_with_the_best_score(weights: Path) -> None:
    model = loaded(weights)
    options = {"conf": 0.0, "iou": 1.0, "imgsz": 64, "max_det": 10_000}
    single = [model.find([Concept("a", (), (example(i),))]).detect([IMAGE], **options)[0] for i in (0, 1)]
    both = model.find([Concept("a", (), (example(0), example(1)))]).detect([IMAGE], **options)[0]
    places = [{(round(d.x0, 2), round(d.y1, 2)): d.score for d in one} for one in (*single, both)]
    assert len(both) == len(single[0])
    assert all(abs(max(places[0][k], places[1][k]) - v) < 1e-6 for k, v in places[2].items())


def test_a_second_run_encodes_nothing(weights: Path, tower: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    concepts = [Concept("dog", ("dog", "puppy"), (example(0), example(1))), Concept("cat", ("Cat  ",))]
    first = loaded(weights)
    before = first.find(concepts).detect([IMAGE], **ALL)
    calls: list[int] = []
    for name in ("encode_texts", "encode_exemplars"):
        monkeypatch.setattr(YoloePredictor, name, lambda *_a, **_k: calls.append(1))
    tower.unlink()
    for model in (first, loaded(weights)):  # from memory, and from the disk
        assert model.find(concepts).detect([IMAGE], **ALL) == before
    assert not calls


def test_exemplars_of_an_image_take_one_pass(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []
    encode = YoloePredictor.encode_exemplars

    def counted(self: YoloePredictor, image: Any, boxes: Any, **more: Any) -> Any:
        passes.append(len(boxes))
        return encode(self, image, boxes, **more)

    monkeypatch.setattr(YoloePredictor, "encode_exemplars", counted)
    model = loaded(weights)
    model.find([Concept("a", (), (example(0), example(1))), Concept("b", (), (example(2), example(0)))])
    assert passes == [3]
    model.find([Concept("a", (), (example(0, "another image"),))])
    assert passes == [3, 1]


def test_damaged_files_of_vectors_count_as_not_there() -> None:
    vector = np.arange(512, dtype=np.float32)
    VectorCache("model").put("key", vector)
    (file,) = (places.cache() / "concepts").rglob("*.vector")
    good = file.read_bytes()
    assert len(good) < 4096
    for damaged in (b"", good[:-1], good[:-4], b"\0" * len(good), good[:40] + b"\xff" + good[41:]):
        file.write_bytes(damaged)
        assert VectorCache("model").get("key", 512) is None
    file.write_bytes(good)
    cache = VectorCache("model")
    assert cache.get("key", 512).tolist() == vector.tolist()  # type: ignore[union-attr]
    assert cache.get("key", 256) is None
    assert cache.get("another", 512) is VectorCache("another model").get("key", 512) is None
    VectorCache("model").put("key", np.full(512, np.nan, np.float32))
    assert VectorCache("model").get("key", 512) is None


def test_nothing_asks_the_network_or_starts_a_process(
    weights: Path, tower: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_a: Any, **_k: Any) -> Any:
        raise AssertionError("a socket or a process")

    monkeypatch.setattr(socket, "socket", forbidden)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    monkeypatch.setattr(subprocess, "Popen", forbidden)
    detector = loaded(weights).find([Concept("dog", ("dog",), (example(),))])
    assert detector.segment([IMAGE], **ALL)[0]
    tower.unlink()
    with pytest.raises(TextsUnavailable):
        loaded(weights).find([Concept("cat", ("cat",))])
    assert "ultralytics.nn.text_model" not in sys.modules


REFUSED = [
    ([], "nothing to find"),
    ([Concept("dog")], "neither words nor examples"),
    ([Concept("dog", ("  ",))], "neither words nor examples"),
    ([Concept(" ", ("dog",))], "has no name"),
    ([Concept("dog", (), (example(),))] * 2, "'dog' is to be found twice"),
    ([Concept("dog", ("dog",))], rf"Words need the text encoder {TEXT_TOWER}.*Put it into .*examples"),
    ([Concept("a", (), (Exemplar(example().image, (300.0, 0.0, 400.0, 9.0)),))], "outside its image"),
    ([Concept("a", (), (Exemplar(example().image, (np.nan, 0.0, 4.0, 9.0)),))], "no place in an image"),
]


def test_what_cannot_be_found_is_refused_in_words(weights: Path) -> None:
    model = loaded(weights)
    for concepts, words in REFUSED:
        with pytest.raises(EngineError, match=words):
            model.find(concepts)


def test_a_text_encoder_is_a_program_that_the_user_permits(weights: Path, made_tower: Path) -> None:
    path = places.weights() / TEXT_TOWER
    path.write_bytes(made_tower.read_bytes())
    with pytest.raises(UntrustedFileError, match="TorchScript") as refused:
        loaded(weights).find([Concept("dog", ("dog",))])
    refused.value.permit()
    loaded(weights).find([Concept("dog", ("dog",))])
    path.write_bytes(b"no program")
    trust_file(path)
    with pytest.raises(EngineError, match="cannot be used as a text encoder"):
        loaded(weights).find([Concept("cat", ("cat",))])


def test_a_tiny_exemplar_takes_the_cell_of_its_centre(weights: Path) -> None:
    model = loaded(weights)
    tiny, whole = model.encode_exemplars(IMAGE, [(50.2, 50.2, 50.5, 50.5), (0.0, 0.0, 223.0, 150.0)])
    assert np.isfinite(tiny).all()
    assert np.abs(tiny - whole).max() > 1e-3


@pytest.mark.parametrize("damage", ["savpe", "stride"])
def test_a_damaged_head_is_refused(weights: Path, tmp_path: Path, damage: str) -> None:
    content = torch.load(weights, weights_only=False)
    head = content["model"].model[-1]
    if damage == "stride":
        head.stride = torch.tensor([8.0, float("nan"), 32.0])
    else:
        delattr(head, damage)
    path = tmp_path / "bad.pt"
    torch.save(content, path)
    with pytest.raises(EngineError, match="cannot be loaded as a YOLOE"):
        load_detector(str(path), "cpu")


def test_a_yoloe_without_masks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"draws no masks\. Choose"):
        load_detector(str(save_yoloe(tmp_path / "boxes.pt", variant="yoloe-11n")), "cpu")
