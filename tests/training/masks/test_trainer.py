"""The training loop: seeded, resumable to the bit, and it learns."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from samdesk.base.jobs import Cancelled, CancelToken
from samdesk.base.places import flint_weights
from samdesk.engine.flint.detector import build_yolo, read_yolo
from samdesk.engine.flint.network import FlintNetwork
from samdesk.engine.flint.weights import load_network
from samdesk.engine.models.load import load_predictor
from samdesk.training.evaluate.splits import Split
from samdesk.training.masks.batches import draw_batch, mask_probabilities
from samdesk.training.masks.images import CroppableImage, load_images
from samdesk.training.masks.recipe import Recipe
from samdesk.training.masks.trainer import StepReport, Trainer
from samdesk.training.samples import TrainingImage
from samdesk.training.train_flint import CHECKPOINT, finish, new_network, run_training
from tests.helpers.machine_parts import parts_folder
from tests.helpers.payload import save_with_payload

TINY = Recipe(steps=4, warmup=2, views=2, size=96, small_size=64, check_every=2, save_every=2)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[TrainingImage]:
    return parts_folder(tmp_path_factory.mktemp("parts"), 5, height=120, width=160)


@pytest.fixture(scope="module")
def loaded(images: list[TrainingImage]) -> list[CroppableImage]:
    return load_images(images)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def network(seed: int = 0) -> FlintNetwork:
    return new_network(build_yolo(read_yolo(flint_weights()), "").model, seed)


def trained(
    loaded: list[CroppableImage], recipe: Recipe = TINY, cancel: CancelToken | None = None, **more: object
) -> Trainer:
    trainer = Trainer(network(recipe.seed), loaded, recipe)
    trainer.train(cancel or CancelToken(), lambda _report: None, **more)  # type: ignore[arg-type]
    return trainer


def numbers(trainer: Trainer) -> torch.Tensor:
    return torch.cat([p.flatten() for p in trainer.average.parameters()])


def test_the_same_seed_gives_the_same_network_and_another_seed_another(loaded: list[CroppableImage]) -> None:
    first = numbers(trained(loaded))
    assert torch.equal(first, numbers(trained(loaded)))
    assert not torch.equal(first, numbers(trained(loaded, replace(TINY, seed=1))))


def test_a_resumed_training_ends_as_an_uninterrupted_one(
    loaded: list[CroppableImage], tmp_path: Path
) -> None:
    state, cancel = tmp_path / "state.pt", CancelToken()
    trainer = Trainer(network(), loaded, TINY)
    with pytest.raises(Cancelled):
        trainer.train(cancel, lambda report: cancel.cancel() if report.step == 3 else None, state)
    assert trainer.step == 3
    later = Trainer(network(9), loaded, TINY)
    later.resume(state)
    assert later.step == 3
    later.train(CancelToken(), lambda _report: None, state)
    assert torch.equal(numbers(later), numbers(trained(loaded)))


def test_a_truncated_checkpoint_is_refused(loaded: list[CroppableImage], tmp_path: Path) -> None:
    state = tmp_path / "state.pt"
    trained(loaded, checkpoint=state)
    state.write_bytes(state.read_bytes()[: state.stat().st_size // 2])
    with pytest.raises(ValueError, match="not a checkpoint of this training"):
        Trainer(network(), loaded, TINY).resume(state)


def test_a_checkpoint_with_code_is_refused(loaded: list[CroppableImage], tmp_path: Path) -> None:
    trainer, state, marker = Trainer(network(), loaded, TINY), tmp_path / "state.pt", tmp_path / "it-ran"
    trainer.save(state)
    evil = save_with_payload(state, tmp_path / "evil.pt", marker)
    with pytest.raises(ValueError, match="not a checkpoint of this training"):
        trainer.resume(evil)
    assert not marker.exists()
    trainer.resume(state)


def test_an_encoder_with_rate_0_is_frozen(loaded: list[CroppableImage]) -> None:
    trainer = trained(loaded, replace(TINY, encoder_rate=0.0))
    before = network()
    same = zip(trainer.average.encoder.parameters(), before.encoder.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in same)
    moved = zip(trained(loaded).average.encoder.parameters(), before.encoder.parameters(), strict=True)
    assert not all(torch.equal(a, b) for a, b in moved)


def test_it_learns(loaded: list[CroppableImage]) -> None:
    """Two loaded, the same again and again: the masks of a new head get far better."""
    recipe = replace(TINY, steps=40, warmup=5, views=4, small_until=1.0, head_rate=3e-3)
    reports: list[StepReport] = []
    trainer = Trainer(network(), loaded[:1], recipe)
    trainer.train(CancelToken(), reports.append)
    start, end = (np.mean([r.last_iou for r in part]) for part in (reports[:10], reports[-10:]))
    assert end > start + 0.2


def test_the_prompts_of_a_batch_are_on_their_objects(loaded: list[CroppableImage]) -> None:
    recipe = replace(TINY, views=8)
    probabilities = mask_probabilities(loaded)
    for step in range(6):
        batch = draw_batch(loaded, probabilities, recipe, step)
        size = batch.images.shape[2]
        assert size == recipe.crop_size(step)
        assert batch.targets.shape == (len(batch.objects), size // 2, size // 2)
        assert len(batch.objects) == recipe.views * recipe.prompts == len(batch.crop_index)
        for one in batch.objects:
            for x, y, positive in one.points:
                assert positive
                assert one.target[int(y / 2), int(x / 2)] > 0.5
            assert len(one.points) or not np.isnan(one.box[0])


def test_a_run_leaves_weights_that_load_and_a_report(images: list[TrainingImage], tmp_path: Path) -> None:
    split = Split(tuple(images[:3]), tuple(images[3:4]), tuple(images[4:]))
    trainer = run_training(
        network(), split, TINY, tmp_path, cancel=CancelToken(), on_step=lambda _report: None
    )
    finish(trainer, split, flint_weights(), tmp_path, lambda _done, _total: None)
    file = tmp_path / "flint.safetensors"
    assert file.stat().st_size < 10_000_000
    moved = load_network(file)
    for mine, theirs in zip(moved.parameters(), trainer.average.parameters(), strict=True):
        assert torch.allclose(mine, theirs, atol=float(theirs.abs().max()) / 200 + 1e-6)
    assert load_predictor(str(file), "cpu").info.parameters > 3_000_000
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text("utf-8").splitlines()]
    assert [r["step"] for r in rows] == [1, 2, 3, 4]
    assert "check_iou" in rows[1]
    report = (tmp_path / "report.md").read_text("utf-8")
    assert "| exact box |" in report
    assert (tmp_path / "contact_sheet.jpg").stat().st_size > 1000
    assert (tmp_path / CHECKPOINT).is_file()
