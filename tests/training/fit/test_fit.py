"""Training with Ultralytics' real trainer: a model, its entry among the detectors, stop, resume, refusals."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from samdesk.base.jobs import CancelToken
from samdesk.cli.main import cli
from samdesk.engine.models.load import class_names, load_detector
from samdesk.engine.models.trained import TrainedModel, read_trained, register, trained_models
from samdesk.engine.protocols import MaskDetector
from samdesk.training.fit import events
from samdesk.training.fit.errors import FitError
from samdesk.training.fit.fit import FitPlan, fit, in_words
from samdesk.training.fit.material import read_fit_material
from samdesk.training.fit.record import FitRun, fit_runs, interrupted, read_results, read_run, training_lock
from samdesk.training.fit.settings import FitSettings, check_folder, parse_more
from samdesk.training.fit.split import ensure_split, parse_ratio
from samdesk.training.fit.start import find_start
from tests.helpers.shapes import NAMES, shapes_dataset
from tests.helpers.ultralytics_kept import ultralytics_kept

SETTINGS = FitSettings("yolo11n-seg.yaml", epochs=2, imgsz=32, batch=4, device="cpu", more="workers=0")


@dataclass(frozen=True)
class Trained:
    """A training of two epochs that was stopped after the first and resumed."""

    folder: Path
    before: dict[str, str]
    first: list[Any]
    stopped: FitRun | None
    left: FitRun | None
    second: list[Any]
    model: TrainedModel | None
    home: Path


@pytest.fixture
def at_home(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    """samdesk's folders are those of the training."""
    monkeypatch.setenv("SAMDESK_HOME", str(trained.home))


def content(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and ".samdesk" not in path.parts)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    with pytest.MonkeyPatch.context() as patch, ultralytics_kept():
        home = tmp_path_factory.mktemp("home")
        patch.setenv("SAMDESK_HOME", str(home))
        folder = shapes_dataset(tmp_path_factory.mktemp("data") / "shapes", 4)
        (folder / "labels" / "000.txt").rename(folder / "labels" / "cut.txt")
        cut = folder / "images" / "cut.jpg"  # a JPEG that ends too early, which Ultralytics rewrites
        write_cut_jpeg(cut)
        (folder / "train.txt").write_text((folder / "train.txt").read_text() + "./images/cut.jpg\n")
        before, cancel = content(folder), CancelToken()
        first: list[Any] = []
        second: list[Any] = []

        def stop_after_one(event: Any) -> None:
            first.append(event)
            if isinstance(event, events.FitEpoch):
                cancel.cancel()

        assert fit(FitPlan(folder, SETTINGS), stop_after_one, cancel) is None
        stopped, left = read_run(fit_runs(folder)[0].folder), interrupted(folder)
        model = fit(FitPlan(folder, resume=True), second.append, CancelToken())
        yield Trained(folder, before, first, stopped, left, second, model, home)


def write_cut_jpeg(path: Path) -> None:
    from samdesk.base.cv import cv2

    _, data = cv2.imencode(".jpg", np.full((64, 64, 3), 120, np.uint8))
    path.write_bytes(data.tobytes()[:-2])


def test_it_says_what_it_trains_on_and_how_it_gets_on(trained: Trained) -> None:
    begun = next(e for e in trained.first if isinstance(e, events.FitBegun))
    assert (begun.images, begun.instances) == ({"train": 3, "val": 1}, {"train": 4, "val": 2})
    assert "leaves out 1 image" in str(trained.first[0].text), "the JPEG that ends too early"
    assert (begun.epochs, begun.done, begun.imgsz, begun.batch) == (2, 0, 32, 4)
    progress = [e for e in trained.first if isinstance(e, events.FitProgress)]
    assert {e.stage for e in progress} == {"train", "val"}
    assert progress[0].losses.keys() >= {"box_loss", "seg_loss", "cls_loss"}
    assert progress[0].seconds_left is None, "before the first epoch is done"
    epoch = next(e for e in trained.first if isinstance(e, events.FitEpoch))
    assert epoch.values.keys() >= {
        "train/seg_loss",
        "val/seg_loss",
        "metrics/mAP50(M)",
        "metrics/mAP50-95(B)",
    }
    assert epoch.best
    assert epoch.seconds_left is not None
    assert all(events.from_line(events.to_line(e)) == e for e in (*trained.first, *trained.second))


@pytest.mark.usefixtures("at_home")
def test_stopped_it_keeps_the_epoch_and_is_resumed_from_there(trained: Trained) -> None:
    assert trained.first[-1] == events.FitStopped(1)
    assert trained.stopped is not None
    assert trained.stopped.state == "stopped"
    assert trained.left is not None
    assert trained.left.name == trained.stopped.name
    begun = next(e for e in trained.second if isinstance(e, events.FitBegun))
    assert begun.done == 1
    assert [e.epoch for e in trained.second if isinstance(e, events.FitEpoch)] == [2]
    run = fit_runs(trained.folder)[0]
    assert [epoch.epoch for epoch in run.epochs()] == [1, 2]
    assert run.state == "done"
    assert not run.last.exists()
    assert interrupted(trained.folder) is None


def test_nothing_of_the_dataset_is_written(trained: Trained) -> None:
    assert content(trained.folder) == trained.before


@pytest.mark.usefixtures("at_home")
def test_the_model_is_a_detector_by_its_name(trained: Trained) -> None:
    model = trained.model
    assert model is not None
    assert model.name.startswith("shapes-seg 20")
    assert (model.names, model.images, model.epochs) == (NAMES, {"train": 3, "val": 1}, 2)
    assert model.mask_map50 is not None
    assert trained_models() == (model,)
    assert class_names(model.name) == NAMES
    detector = load_detector(model.name, "cpu")
    assert isinstance(detector, MaskDetector)
    assert detector.names == NAMES
    assert len(detector.segment([np.zeros((64, 64, 3), np.uint8)], imgsz=32)) == 1
    assert register(replace(model, epochs=99), lambda: pytest.fail("it is there")) == model
    assert find_start(model.name).source == model.path, "it can be trained on"


@pytest.mark.usefixtures("at_home")
def test_a_training_that_was_killed_before_its_model_was_kept(trained: Trained) -> None:
    """best.pt is there and last.pt is of the last epoch: the model is made of it without more training."""
    run = fit_runs(trained.folder)[0]
    again = replace(run, name=f"{run.name} again", state="running").write()
    run.last.write_bytes(run.best.read_bytes())
    done: list[Any] = []
    settings = replace(run.settings, epochs=1) if run.best_epoch == 1 else run.settings
    replace(again, settings=settings).write()
    model = fit(FitPlan(trained.folder, resume=True), done.append, CancelToken())
    assert model is not None
    assert model.name == again.name
    assert [type(event) for event in done] == [events.FitResult]
    assert model.values == trained.model.values if trained.model else False
    assert read_trained(model.name) == model


def test_a_dataset_without_a_split_gets_one_that_undo_takes_back(tmp_path: Path) -> None:
    from samdesk.dataset.dataset import Dataset

    folder = shapes_dataset(tmp_path / "shapes", 10, split=False)
    assert not read_fit_material(folder).split
    assert ensure_split(folder, "70/20/10").endswith("7 train, 2 val, 1 test.")
    material = read_fit_material(folder)
    assert material.split
    assert dict(material.instances) == {"train": 14, "val": 4, "test": 2}
    assert ensure_split(folder, "50/50") == "", "it has one"
    dataset = Dataset.open(folder)
    dataset.undo()
    dataset.close()
    assert not read_fit_material(folder).split


def test_the_command_changes_nothing_if_an_argument_is_wrong(tmp_path: Path) -> None:
    folder = shapes_dataset(tmp_path / "shapes", 4, split=False)
    before = content(folder)
    for wrong, words in (("lr0", "is no argument"), ("--model=nope.pt", "There is no model 'nope.pt'")):
        done = CliRunner().invoke(cli, ["fit", str(folder), wrong])
        assert (done.exit_code, words in done.output) == (2, True), done.output
    assert content(folder) == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epocs=3", "no argument 'epocs'. Did you mean epochs?"),
        ("lr0", "'lr0' is no argument. Write key=value"),
        ("data=x.yaml", "samdesk names the dataset"),
        ("epochs=3", "field of their own"),
        ("cache=disk", "beside your images"),
        ("lr0='1", "cannot be read"),
    ],
)
def test_other_arguments_are_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(FitError) as refused:
        parse_more(text)
    assert words in str(refused.value)


def test_other_arguments_are_read_as_ultralytics_does() -> None:
    found = parse_more("lr0=0.001 cos_lr=true freeze=[0,1] optimizer=AdamW patience=20")
    assert found == {"lr0": 0.001, "cos_lr": True, "freeze": [0, 1], "optimizer": "AdamW", "patience": 20}


def refusal(plan: FitPlan) -> str:
    with pytest.raises(FitError) as refused:
        fit(plan, lambda _: None, CancelToken())
    return str(refused.value)


def test_what_cannot_begin_is_refused_in_words(tmp_path: Path) -> None:
    folder = shapes_dataset(tmp_path / "shapes", 4)
    assert "There is no interrupted training" in refusal(FitPlan(folder, resume=True))
    assert "no model 'nope.pt' to train" in refusal(FitPlan(folder, replace(SETTINGS, model="nope.pt")))
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").touch()
    assert "exists already" in refusal(FitPlan(folder, SETTINGS, out))
    bad = replace(SETTINGS, more="lr0=fast")
    assert "Ultralytics does not accept the other arguments: 'lr0=fast'" in refusal(FitPlan(folder, bad))
    with training_lock(folder):
        assert "being trained on" in refusal(FitPlan(folder, SETTINGS))
    for label in (folder / "labels").iterdir():
        label.unlink()
    assert "No training image" in refusal(FitPlan(folder, SETTINGS))
    (folder / "data.yaml").unlink()
    assert "There is no" in refusal(FitPlan(folder, SETTINGS))
    assert fit_runs(folder) == (), "nothing was begun"
    with pytest.raises(FitError, match="is no split"):
        parse_ratio("80:20")
    with pytest.raises(FitError, match="epochs is 0"):
        FitSettings(epochs=0)
    check_folder(tmp_path / "new")


def test_the_trainers_own_refusals_come_in_words() -> None:
    boxes = "Segment dataset requires equal numbers of boxes and segments, but got len(segments) = 0"
    assert in_words(ValueError(boxes)).startswith("Some label files hold boxes")
    assert in_words(KeyError("x")) == "Ultralytics' trainer stopped: 'x'."


def test_without_weights_it_starts_from_what_there_is_and_says_so() -> None:
    flint = find_start("n")
    assert (flint.kind, flint.model) == ("flint", "yolo11n-seg.yaml")
    assert "starts from Flint's detector" in flint.note
    assert find_start("m").kind == "scratch"
    assert "from scratch" in find_start("m").note
    assert find_start("yolo11s-seg.yaml") == replace(find_start("yolo11s-seg.yaml"), kind="scratch", note="")


def test_torn_and_doubled_lines_of_results(tmp_path: Path) -> None:
    file = tmp_path / "results.csv"
    file.write_text("epoch,time,a\n1,2,0.5\n2,3,0.25\n2,4,0.75\nx,1,1\n3,5,nan\n4")
    assert [(e.epoch, e.value("a")) for e in read_results(file)] == [(1, 0.5), (2, 0.75)]
    (tmp_path / "fit.json").write_text('{"name": 1, "settings": []}')
    assert read_run(tmp_path) is None
