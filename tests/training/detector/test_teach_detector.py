"""Fine-tuning the detector: what it learns, and that a stop at any moment loses nothing."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from samdesk.base.jobs import Cancelled, CancelToken, Progress
from samdesk.engine.flint.detector import load_flint_detector, read_yolo
from samdesk.engine.protocols import EngineError
from samdesk.training.detector.state import WorkFolder
from samdesk.training.detector.teach_detector import (
    DetectorTeachResult,
    DetectorTeachSettings,
    teach_detector,
)
from samdesk.training.detector.trainer import can_resume
from samdesk.training.samples import Instance, TrainingImage
from tests.helpers.machine_parts import parts_folder
from tests.helpers.make import square
from tests.helpers.payload import Payload, save_with_payload
from tests.helpers.seeded_yolo import save_seeded_yolo
from tests.training.detector import train_session
from tests.training.detector.train_session import LABELLED, SETTINGS

torch = pytest.importorskip("torch")

ROOT = Path(__file__).resolve().parents[3]
COUNT, BATCHES = 9, 2  # 4 images to learn from, 3 a batch
ONE_EPOCH = replace(SETTINGS, epochs=1)
Teach = Callable[..., DetectorTeachResult]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = ("person", " Washer")
    return save_seeded_yolo(tmp_path_factory.mktemp("base") / "flint.safetensors", names)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[TrainingImage]:
    folder = tmp_path_factory.mktemp("parts")
    return parts_folder(folder, COUNT, height=96, width=128, labelled=LABELLED, most=4)


@pytest.fixture
def teach(base: Path, images: list[TrainingImage], tmp_path: Path) -> Teach:
    return teaching(base, images, tmp_path)


@pytest.fixture(scope="module")
def kept_stopped(base: Path, images: list[TrainingImage], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, cancel = tmp_path_factory.mktemp("stopped"), CancelToken()
    with pytest.raises(Cancelled):
        teaching(base, images, folder)(
            progress=lambda done, _total: cancel.cancel() if done == BATCHES + 1 else None, cancel=cancel
        )
    return folder


@pytest.fixture
def stopped(kept_stopped: Path, tmp_path: Path) -> Path:
    """The work folder of a training that was cancelled in the second epoch, where ``teach`` looks for it."""
    return Path(shutil.copytree(kept_stopped, tmp_path, dirs_exist_ok=True)) / "work"


@pytest.fixture(scope="module")
def kept_short(
    base: Path, images: list[TrainingImage], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, DetectorTeachResult]:
    folder = tmp_path_factory.mktemp("short")
    return folder, teaching(base, images, folder)(ONE_EPOCH)


@pytest.fixture
def short(kept_short: tuple[Path, DetectorTeachResult], tmp_path: Path) -> DetectorTeachResult:
    """A finished training of one epoch, its work folder where ``teach`` looks for it; without its file."""
    folder, result = kept_short
    shutil.copytree(folder / "work", tmp_path / "work")
    return replace(result, path=tmp_path / "out" / "taught.safetensors")


def teaching(base: Path, images: list[TrainingImage], folder: Path) -> Teach:
    def call(
        settings: DetectorTeachSettings = SETTINGS,
        progress: Progress = lambda _done, _total: None,
        cancel: CancelToken | None = None,
        of: list[TrainingImage] = images,
    ) -> DetectorTeachResult:
        return teach_detector(
            of,
            LABELLED,
            base=base,
            out=folder / "out" / "taught.safetensors",
            work=folder / "work",
            settings=settings,
            progress=progress,
            cancel=cancel or CancelToken(),
        )

    return call


def first_batch(teach: Teach, **arguments: object) -> int:
    """The number of the first batch, after which the training is cancelled."""
    ticks: list[int] = []
    cancel = CancelToken()

    def progress(done: int, _total: int) -> None:
        ticks.append(done)
        cancel.cancel()

    with pytest.raises(Cancelled):
        teach(progress=progress, cancel=cancel, **arguments)
    return ticks[0]


def contents(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def state(tmp_path: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((tmp_path / "work" / "state.json").read_text())
    return found


def test_a_whole_training(
    teach: Teach,
    base: Path,
    images: list[TrainingImage],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("YOLO_VERBOSE", raising=False)
    before, threads = contents(images[0].path.parents[1]), torch.get_num_threads()
    ticks: list[tuple[int, int]] = []
    result = teach(progress=lambda done, total: ticks.append((done, total)))

    assert (result.epochs, result.n_train, result.n_held_out) == (2, 4, 5)
    assert 1 <= result.best_epoch <= 2
    assert result.seconds > 0
    assert result.before.known == (True, False)  # " Washer" is the washer
    assert result.after.known == (True, True)
    assert 0.0 <= result.after.map50 <= 1.0
    assert load_flint_detector(result.path, "cpu", "auto").names == LABELLED
    assert [done for done, _ in ticks] == [1, 2, 3, 3]  # it is not all done before it is measured
    assert {total for _, total in ticks} == {4}

    assert contents(images[0].path.parents[1]) == before
    assert list((tmp_path / "here").iterdir()) == []
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["taught.safetensors"]
    assert sorted(p.name for p in (tmp_path / "work").iterdir()) == ["best.safetensors", "state.json"]
    assert capfd.readouterr() == ("", "")
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


def test_the_backbone_and_known_classes_stay(teach: Teach, base: Path) -> None:
    taught = read_yolo(teach(replace(SETTINGS, epochs=1, lr=0.0)).path).tensors
    old = read_yolo(base).tensors
    frozen = [key for key in old if int(key.split(".")[1]) < SETTINGS.freeze]
    assert len(frozen) > 100
    assert all(torch.equal(taught[key], old[key]) for key in frozen)
    last = "model.23.cv3.1.2.weight"
    assert torch.equal(taught[last][0], old[last][1])  # the washer, learned at no speed
    assert not torch.equal(taught[last][1], old[last][0])


def test_a_second_call_trains_no_more(teach: Teach, short: DetectorTeachResult) -> None:
    assert not short.path.exists()
    ticks: list[int] = []
    second = teach(ONE_EPOCH, progress=lambda done, _total: ticks.append(done))
    assert second == short
    assert ticks == []
    assert second.path.is_file()


@pytest.mark.usefixtures("stopped")
def test_cancelled_in_the_second_epoch_and_resumed(teach: Teach, tmp_path: Path) -> None:
    assert not (tmp_path / "out").exists()
    assert state(tmp_path)["epochs"] == 1
    ticks: list[int] = []
    result = teach(progress=lambda done, _total: ticks.append(done))
    assert ticks[0] == BATCHES + 1
    assert result.epochs == 2
    assert result.path.is_file()


def test_cancelled_before_the_first_epoch(teach: Teach, tmp_path: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        teach(cancel=cancel)
    assert not (tmp_path / "out").exists()


def test_killed_twice_and_resumed(teach: Teach, base: Path, tmp_path: Path) -> None:
    parts, out = tmp_path / "parts", tmp_path / "out" / "taught.safetensors"
    arguments = [parts, COUNT, base, out, tmp_path / "work"]
    for wait_at, epochs in ((2, 0), (BATCHES + 1, 1)):
        process = subprocess.Popen(
            [sys.executable, "-m", train_session.__name__, *map(str, arguments), str(wait_at)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert process.stdout is not None
        printed = [process.stdout.readline() for _ in range(wait_at)]
        process.kill()
        process.communicate(timeout=60)
        assert process.returncode != 0
        assert printed == [f"batch {n}\n" for n in range(1, wait_at + 1)]
        assert not out.exists()
        assert state(tmp_path)["epochs"] == epochs
    images = parts_folder(parts, COUNT, height=96, width=128, labelled=LABELLED, most=4)
    ticks: list[int] = []
    result = teach(progress=lambda batch, _total: ticks.append(batch), of=images)
    assert ticks[0] == BATCHES + 1
    assert result.epochs == 2
    assert load_flint_detector(out, "cpu", "auto").names == LABELLED


def test_a_damaged_checkpoint_is_never_opened(teach: Teach, stopped: Path) -> None:
    (checkpoint,) = stopped.glob("epoch-*.pt")
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1] + b"!")
    assert first_batch(teach) == 1  # from the start


@pytest.mark.logs("the training starts over: .* holds program code")
def test_what_others_put_into_the_work_folder_is_not_run(teach: Teach, stopped: Path, tmp_path: Path) -> None:
    marker, work = tmp_path / "it-ran", stopped
    checkpoint = work / str(state(tmp_path)["checkpoint"])
    evil = save_with_payload(checkpoint, tmp_path / "evil.pt", marker)
    assert can_resume(checkpoint)
    assert not can_resume(evil)
    for cache in (work / "dataset" / "labels").glob("*.cache"):
        cache.write_bytes(b"")
        with cache.open("wb") as file:
            np.save(file, np.array({"labels": Payload(marker)}, dtype=object), allow_pickle=True)
    code = f"open({str(marker)!r}, 'w')"
    (work / "dataset" / "data.yaml").write_text(
        f"path: /gone\ntrain: x\nval: x\nnames: [a]\ndownload: {code}\n"
    )
    ticks: list[int] = []
    assert teach(progress=lambda done, _total: ticks.append(done)).epochs == 2
    assert ticks[0] == BATCHES + 1  # it was resumed
    assert not marker.exists()


@pytest.mark.parametrize("name", ["../../mine.pt", "/etc/passwd", "epoch-1.txt"])
def test_the_state_names_no_other_file(name: str, tmp_path: Path) -> None:
    mine = tmp_path / "mine.pt"
    mine.write_bytes(b"mine")
    work = tmp_path / "a" / "work"
    work.mkdir(parents=True)
    (work / "state.json").write_text(json.dumps({"plan": "p", "checkpoint": name, "sha256": "0"}))
    assert WorkFolder.open(work, "p").checkpoint is None
    assert mine.exists()


@pytest.mark.usefixtures("short")
def test_other_images_start_anew(teach: Teach, images: list[TrainingImage], tmp_path: Path) -> None:
    mine = tmp_path / "work" / "mine.txt"
    mine.write_text("not of the training")
    changed = replace(images[0], instances=(Instance(square(), 0),))
    assert first_batch(teach, settings=ONE_EPOCH, of=[changed, *images[1:]]) == 1
    assert mine.is_file()


def test_too_few_images(teach: Teach, images: list[TrainingImage]) -> None:
    empty = replace(images[0], instances=())
    with pytest.raises(EngineError, match=r"There are 7 accepted images .* needs at least 8"):
        teach(of=[empty, *[image for image in images if image.instances][:7]])


def test_a_missing_image(teach: Teach, images: list[TrainingImage], tmp_path: Path) -> None:
    missing = replace(images[3], path=tmp_path / "gone.jpg")
    with pytest.raises(EngineError, match=r"gone\.jpg cannot be used for training: the file"):
        teach(of=[*images[:3], missing, *images[4:]])


def test_a_class_without_a_name(teach: Teach, images: list[TrainingImage]) -> None:
    odd = replace(images[0], instances=(Instance(square(), 2),))
    with pytest.raises(EngineError, match="a class that is not among the 2 names"):
        teach(of=[odd, *images[1:]])


def test_a_work_folder_that_cannot_be_made(images: list[TrainingImage], base: Path, tmp_path: Path) -> None:
    (tmp_path / "work").write_text("a file")
    with pytest.raises(EngineError, match=r"Training the detector stopped: .*work"):
        teach_detector(
            images,
            LABELLED,
            base=base,
            out=tmp_path / "out.safetensors",
            work=tmp_path / "work",
            settings=SETTINGS,
            progress=lambda _done, _total: None,
            cancel=CancelToken(),
        )


def test_many_images_have_fewer_epochs() -> None:
    settings = DetectorTeachSettings(epochs=60, views=1500, least_epochs=10)
    assert [settings.epochs_for(n) for n in (1, 16, 25, 50, 100, 5000)] == [60, 60, 60, 30, 15, 10]
