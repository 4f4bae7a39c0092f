"""Every row of the registry of model families: it recognises, loads, describes and uses a file of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from samdesk.base.jobs import CancelToken
from samdesk.base.places import flint_weights
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.prompts import BoxPrompt, MaskCandidate, PointPrompt, PromptSet
from samdesk.engine import families
from samdesk.engine.auto_masks import segment_everything
from samdesk.engine.concepts.concept import Concept, Exemplar, ExemplarImage
from samdesk.engine.embedding import Embedding
from samdesk.engine.families import FAMILIES, Family
from samdesk.engine.models.registry import MODELS
from samdesk.engine.models.weights_file import WeightsFile
from samdesk.engine.protocols import ConceptPredictor, Detector, Predictor, PromptKind
from tests.engine.sam.test_reference import made_up_photo
from tests.helpers.networks import save_seeded, seeded_mobile_sam
from tests.helpers.seeded_yolo import seeded_yolo
from tests.helpers.seeded_yoloe import save_yoloe

Decode = Callable[[Predictor, Embedding], list[MaskCandidate]]
CLICK = PromptSet((PointPrompt(100.0, 75.0),))
SIZE = (150, 200)


def by_mask(predictor: Predictor, embedding: Embedding) -> list[MaskCandidate]:
    first = predictor.predict(embedding, PromptSet(box=BoxPrompt(20, 20, 160, 120)))[0]
    return predictor.predict(embedding, PromptSet(mask=first.as_prompt()))


def everywhere(predictor: Predictor, embedding: Embedding) -> list[MaskCandidate]:
    return segment_everything(
        predictor,
        embedding,
        points_per_side=2,
        predicted_iou=-9,
        stability=0,
        cancel=CancelToken(),
        progress=lambda *_: None,
    )


DECODE: dict[PromptKind, Decode] = {
    PromptKind.POINT: lambda predictor, embedding: predictor.predict(embedding, CLICK),
    PromptKind.BOX: lambda predictor, embedding: predictor.predict_boxes(
        embedding, np.array([[20.0, 20.0, 160.0, 120.0]])
    ),
    PromptKind.MASK: by_mask,
    PromptKind.WHOLE_IMAGE: everywhere,
}


def save_yolo(folder: Path) -> Path:
    path = folder / "best.pt"
    seeded_yolo(("part", "screw")).save(str(path))
    return path


def mobile_sam(folder: Path) -> Path:
    return seeded_mobile_sam(folder).rename(folder / "mine.pth")


CHECKPOINTS: tuple[tuple[str, Callable[[Path], Path]], ...] = (
    ("flint", lambda _folder: flint_weights().resolve()),
    ("sam", mobile_sam),
    ("sam", lambda folder: save_seeded("sam2_t", folder)),
    ("yoloe", lambda folder: save_yoloe(folder / "mine.pt")),
    ("yolo", save_yolo),
    ("yolo", lambda folder: save_yoloe(folder / "best.pt", prompt_free=True)),
)


@pytest.fixture(
    scope="module", params=CHECKPOINTS, ids=["flint", "mobile_sam", "sam2_t", "yoloe", "yolo11n", "yoloe-pf"]
)
def own(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Family, Path]:
    """A family with one of its checkpoints."""
    family_id, make = request.param
    family = families.find_family(family_id)
    assert family is not None
    return family, make(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def image() -> RgbImage:
    return made_up_photo(*SIZE, 3)


def test_every_family_has_a_checkpoint_here() -> None:
    assert {family_id for family_id, _ in CHECKPOINTS} == {family.id for family in FAMILIES}
    assert len({family.id for family in FAMILIES}) == len(FAMILIES)


def test_only_its_own_family_recognises_a_checkpoint(own: tuple[Family, Path]) -> None:
    family, path = own
    assert [row.id for row in FAMILIES if row.recognise(WeightsFile(path))] == [family.id]


def test_its_predictor_answers_every_kind_of_prompt_it_names(
    own: tuple[Family, Path], image: RgbImage
) -> None:
    family, path = own
    if not family.draws_masks:
        assert family.answers in (frozenset(), {PromptKind.TEXT, PromptKind.EXEMPLAR})
        return
    load = families.predictor_loader(path)
    assert load is family.load
    predictor = load(path, "cpu", "fp32")
    assert (predictor.info.family, predictor.info.answers) == (family.id, family.answers)
    assert families.describe(predictor).gflops
    embedding = predictor.encode(image)
    assert family.answers <= set(DECODE), "a kind of prompt that no test gives"
    for kind in family.answers:
        found = DECODE[kind](predictor, embedding)
        assert found or kind is PromptKind.WHOLE_IMAGE, kind
        assert all(c.logits.shape == (256, 256) and c.image_hw == SIZE for c in found)


def test_its_detector_finds_boxes(own: tuple[Family, Path], image: RgbImage) -> None:
    family, path = own
    if not family.finds_boxes:
        return
    load = families.detector_loader(path)
    assert load is family.load_detector
    detector: Detector = load(path, "cpu", "fp32")
    assert isinstance(detector, ConceptPredictor) == (PromptKind.EXEMPLAR in family.answers)
    if isinstance(detector, ConceptPredictor):
        example = Exemplar(ExemplarImage("a.png", "", lambda: image), (20.0, 20.0, 160.0, 120.0))
        detector = detector.find([Concept("thing", (), (example,))])
    assert families.describe(detector).gflops
    (found,) = detector.detect([image], conf=0.0, max_det=3)
    assert len(found) <= 3
    assert all(0 <= d.class_id < len(detector.names) for d in found)
    names = families.class_names(path)
    assert names is None or names == detector.names


def test_every_model_a_user_can_choose_is_of_a_family() -> None:
    for model in MODELS:
        family = families.find_family(model.family)
        assert family is not None, model.name
        assert (model.draws_masks, model.finds_boxes) == (family.draws_masks, family.finds_boxes)


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"<html>", b"\x80\x02}q\x00.", b"\x80\x02X\xff\xff\xff\x7f"]
)
def test_a_file_that_is_no_checkpoint_is_of_no_family(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "sam_b.pt"
    path.write_bytes(content)
    assert not any(family.recognise(WeightsFile(path)) for family in FAMILIES)
    assert not any(family.recognise(WeightsFile(tmp_path / "gone.pt")) for family in FAMILIES)


def test_the_old_format_of_torch_is_recognised(tmp_path: Path) -> None:
    import torch

    path = tmp_path / "old.pth"
    state = {"module.image_encoder.patch_embed.proj.weight": torch.zeros(3)}
    torch.save({"state_dict": state}, path, _use_new_zipfile_serialization=False)
    assert [family.id for family in FAMILIES if family.recognise(WeightsFile(path))] == ["sam"]
    assert WeightsFile(path).names >= set(state)


def test_the_registry_imports_no_torch() -> None:
    code = "import sys, samdesk.engine.families; print('torch' in sys.modules, 'ultralytics' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
