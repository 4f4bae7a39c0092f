"""Fine-tuning the head: measured on held-out images, resumable, and only its own file is written."""

from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from samdesk.base.jobs import Cancelled, CancelToken
from samdesk.base.places import flint_weights
from samdesk.domain.prompts import BoxPrompt, PromptSet
from samdesk.engine.flint.arrays import ENCODER_KEY
from samdesk.engine.flint.weights import write_weights
from samdesk.engine.models.load import load_predictor
from samdesk.engine.protocols import EngineError
from samdesk.images.reader import read_image
from samdesk.training.masks.teach_masks import TAUGHT, MaskTeachResult, MaskTeachSettings, Scores, teach_masks
from samdesk.training.samples import TrainingImage
from tests.helpers.machine_parts import parts_folder

Training: TypeAlias = tuple[MaskTeachResult, list[tuple[int, int]]]
"""What it left, and its reports: (steps done, all steps)."""

TINY = MaskTeachSettings(
    recipe=replace(TAUGHT, steps=6, warmup=2, views=2, size=96, small_size=64, save_every=2), most_judged=6
)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[TrainingImage]:
    return parts_folder(tmp_path_factory.mktemp("parts"), 8, height=120, width=160)


@pytest.fixture(scope="module")
def finished(images: list[TrainingImage], tmp_path_factory: pytest.TempPathFactory) -> Training:
    """An uninterrupted training, for the tests that only look at what it left."""
    return taught(images, tmp_path_factory.mktemp("finished"))


def taught(
    images: list[TrainingImage], folder: Path, stop_at: int = 0, reports: list[tuple[int, int]] | None = None
) -> Training:
    reports = [] if reports is None else reports
    token = CancelToken()

    def progress(done: int, total: int) -> None:
        reports.append((done, total))
        if done == stop_at:
            token.cancel()

    result = teach_masks(
        images, base=flint_weights(), out=folder / "out.safetensors", work=folder / "work",
        settings=TINY, progress=progress, cancel=token,
    )  # fmt: skip
    return result, reports


def test_a_trained_head_is_measured_and_can_be_loaded(
    images: list[TrainingImage], finished: Training
) -> None:
    result, reports = finished
    assert (result.n_train, result.n_held_out) == (6, 2)
    assert reports[-1] == (10, 10)
    assert [d for d, _ in reports] == sorted(d for d, _ in reports)
    assert 0.3 < result.before.box <= 1
    assert 0 < result.after.click <= 1
    assert result.path.stat().st_size < 3_000_000
    assert list((result.path.parent / "work").iterdir()) == []
    predictor = load_predictor(str(result.path), "cpu")
    assert predictor.info.title == "Flint, taught"
    photo = read_image(images[0].path)
    drawn = predictor.predict(
        predictor.encode(photo), PromptSet(box=BoxPrompt(*images[0].instances[0].region.bounds))
    )
    assert drawn[0].raster().any()


def test_a_resumed_training_ends_as_an_uninterrupted_one(
    images: list[TrainingImage], tmp_path: Path, finished: Training
) -> None:
    whole, _ = finished
    with pytest.raises(Cancelled):
        taught(images, tmp_path / "parts", stop_at=5)
    assert not (tmp_path / "parts" / "out.safetensors").exists()
    again, reports = taught(images, tmp_path / "parts")
    assert reports[0][0] == 6  # neither evaluated nor trained again
    assert (again.before, again.after) == (whole.before, whole.after)
    first, second = load_file(whole.path), load_file(again.path)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_training_stopped_with_other_masks_is_not_resumed(
    images: list[TrainingImage], tmp_path: Path
) -> None:
    with pytest.raises(Cancelled):
        taught(images, tmp_path, stop_at=5)
    other = [replace(images[0], instances=images[0].instances[:1]), *images[1:]]
    reports: list[tuple[int, int]] = []
    with pytest.raises(Cancelled):
        taught(other, tmp_path, 1, reports)
    assert reports[0][0] == 1


def test_too_few_images(images: list[TrainingImage], tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="7 images with accepted masks; at least 8 are needed"):
        taught([*images[:7], replace(images[7], instances=())], tmp_path)


def test_it_is_better_only_if_no_kind_of_prompt_suffers() -> None:
    def result(box: float, click: float) -> MaskTeachResult:
        return MaskTeachResult(Scores(0.8, 0.6), Scores(box, click), 6, 2, 1.0, Path())

    assert result(0.82, 0.7).better
    assert result(0.795, 0.7).better
    assert not result(0.78, 0.9).better
    assert not result(0.8, 0.6).better
    assert result(0.8, 0.6).before.mean == pytest.approx(0.7)


def test_taught_weights_hold_plain_tensors_only(
    finished: Training,
) -> None:
    result, _ = finished
    tensors = load_file(result.path)
    assert tensors
    assert all(name.startswith("head.") for name in tensors)
    assert all(t.dtype in (torch.float16, torch.int8) for t in tensors.values())


def test_a_head_taught_on_another_encoder_is_refused_in_words(finished: Training, tmp_path: Path) -> None:
    result, _ = finished
    with safe_open(result.path, framework="pt") as file:
        words = dict(file.metadata())
    assert len(words[ENCODER_KEY]) == 16
    tensors = load_file(result.path)
    other = tmp_path / "other.safetensors"
    write_weights(other, tensors, {**words, ENCODER_KEY: "0" * 16})
    with pytest.raises(EngineError, match="another version of Flint"):
        load_predictor(str(other), "cpu")
    write_weights(other, tensors, {"title": "Flint, taught"})
    assert load_predictor(str(other), "cpu").info.title == "Flint, taught"
