"""Training a detector in the real window; the training process is a stand-in."""

from __future__ import annotations

import json
import os
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton
from typer.testing import CliRunner

from samdesk.app import Services
from samdesk.cli.main import cli
from samdesk.engine.models.trained import trained_models
from samdesk.training.fit import events
from samdesk.training.fit.settings import FitSettings
from samdesk.ui.auto_annotate.dialog import AutoAnnotateDialog
from samdesk.ui.fit.bar import FitBar
from samdesk.ui.fit.dialog import FitDialog
from samdesk.ui.fit.result_dialog import FitResultDialog
from samdesk.workers.fit import fit_arguments
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import User
from tests.helpers.shapes import NAMES, shapes_dataset
from tests.helpers.ultralytics_kept import ultralytics_kept


class Trainer:
    """Drives the window for these tests, with the mode of the training process."""

    def __init__(self, open_window: OpenWindow, folder: Path, mode: str = "through") -> None:
        self.mode = mode
        self.asked: list[FitSettings | None] = []
        self.user: User = open_window(Services(fit=self._arguments))
        self.user.open(folder)

    def _arguments(self, folder: Path, settings: FitSettings | None) -> list[str]:
        self.asked.append(settings)
        resume = ["--resume"] if settings is None else []
        return ["-m", "tests.helpers.fit_stand_in", str(folder), self.mode, *resume]

    @property
    def bar(self) -> FitBar:
        return self.user.desk.view.fit_bar

    def choose(self, command: str) -> None:
        action = self.user.desk.view.actions.action(command)
        self.user.until(action.isEnabled)
        action.trigger()

    def click(self, button: QAbstractButton) -> None:
        assert button.isEnabled()
        self.user.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def dialog(self) -> FitDialog:
        self.choose("fit.start")
        (found,) = self.user.window.findChildren(FitDialog)
        self.user.until(lambda: "Reading" not in found.found.text())
        return found

    def train(self) -> None:
        self.click(self.dialog().start_button)

    def say(self, text: str) -> None:
        self.user.until(lambda: text in self.bar.detail.text())


@pytest.fixture
def shapes(tmp_path: Path) -> Path:
    return shapes_dataset(tmp_path / "shapes", 4)


def test_a_model_is_trained_looked_at_and_used(open_window: OpenWindow, shapes: Path) -> None:
    trainer = Trainer(open_window, shapes)
    dialog = trainer.dialog()
    assert "Training: 3 images with 6 annotations. Validation: 1 image with 2 annotations. 2 classes." in (
        dialog.found.text()
    )
    assert not dialog.split.isVisible(), "there is a split"
    dialog.epochs.setValue(2)
    dialog.more.setText("lr0=")
    assert not dialog.start_button.isEnabled()
    assert "lr0" in dialog.problem.text()
    dialog.more.setText("lr0=0.001")
    trainer.click(dialog.start_button)
    (settings,) = trainer.asked
    assert settings is not None
    assert (settings.model, settings.epochs, settings.more) == ("n", 2, "lr0=0.001")
    (name,) = _until_trained(trainer)
    trainer.say(f"{name}: mask mAP50 0.62, mAP50-95 0.41")
    trainer.click(trainer.bar.details)
    (results,) = trainer.user.window.findChildren(FitResultDialog)
    assert "2 of 2 epochs" in results.summary.text()
    assert [results.table.item(row, 0).text() for row in range(2)] == ["disc", "square"]  # type: ignore[union-attr]
    results.close()
    trainer.click(trainer.bar.use)
    trainer.user.until(lambda: bool(trainer.user.window.findChildren(AutoAnnotateDialog)))
    (auto,) = trainer.user.window.findChildren(AutoAnnotateDialog)
    assert (auto.plan().objects_from, auto.plan().det_model, auto.plan().imgsz) == ("segmenter", name, 32)
    auto.close()


def _until_trained(trainer: Trainer) -> list[str]:
    trainer.user.until(lambda: trainer.bar.title.text() == "Training finished")
    return [model.name for model in trained_models()]


def test_without_a_split_one_is_made_which_undo_takes_back(open_window: OpenWindow, tmp_path: Path) -> None:
    folder = shapes_dataset(tmp_path / "shapes", 4, split=False)
    trainer = Trainer(open_window, folder)
    dialog = trainer.dialog()
    assert dialog.split.isVisible()
    trainer.click(dialog.start_button)
    _until_trained(trainer)
    lists = folder / "train.txt", folder / "val.txt"
    trainer.user.until(lambda: all(path.exists() for path in lists))
    assert sorted(line for path in lists for line in path.read_text().split()) == [
        f"./images/{number:03}.png" for number in range(4)
    ]
    trainer.user.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    trainer.user.until(lambda: not any(path.exists() for path in lists))


def test_stopped_and_resumed_in_the_next_window(open_window: OpenWindow, shapes: Path) -> None:
    trainer = Trainer(open_window, shapes, "wait")
    trainer.train()
    trainer.user.until(lambda: trainer.bar.details.isVisible())
    assert not trainer.user.desk.view.actions.action("fit.start").isEnabled(), "one at a time"
    trainer.click(trainer.bar.dismiss)
    trainer.say("Stopped. 1 epoch kept; resume with Model > Resume training.")
    assert not trained_models()
    trainer.user.close_window()
    again = Trainer(open_window, shapes)
    again.user.until(
        lambda: any("was interrupted after 1 of 2 epochs" in t for t in again.user.window.message_bar.texts())
    )
    again.user.press("Resume training")
    _until_trained(again)
    assert again.asked == [None]
    assert len(trained_models()) == 1


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("fail", "The disk is full. Free some space, then resume."),
        pytest.param(
            "crash", "killed by the system", marks=pytest.mark.logs("workers.training_process: .*exited")
        ),
    ],
)
def test_a_failure_comes_in_words_and_the_epoch_is_kept(
    open_window: OpenWindow, shapes: Path, mode: str, words: str
) -> None:
    trainer = Trainer(open_window, shapes, mode)
    trainer.train()
    trainer.user.until(lambda: any(words in text for text in trainer.user.window.message_bar.texts()))
    trainer.user.until(lambda: not trainer.bar.isVisible())
    trainer.mode = "through"
    trainer.choose("fit.resume")
    _until_trained(trainer)


def test_closing_the_window_ends_the_process(open_window: OpenWindow, shapes: Path) -> None:
    trainer = Trainer(open_window, shapes, "wait")
    trainer.train()
    trainer.user.until(lambda: trainer.bar.details.isVisible())
    (process,) = [p for p in psutil.Process().children() if "tests.helpers.fit_stand_in" in p.cmdline()]
    trainer.user.close_window()
    assert not process.is_running()


def test_the_arguments_of_the_process_are_those_of_the_command(shapes: Path) -> None:
    """The real trainer, with the very arguments that the window gives its process."""
    settings = FitSettings("yolo11n-seg.yaml", 1, 32, 4, "cpu", "workers=0 lr0=0.001")
    _, _, *arguments = fit_arguments(shapes, settings)
    with ultralytics_kept():
        result = CliRunner().invoke(cli, [a for a in arguments if a != "--background"])
    assert result.exit_code == 0, result.output
    lines = [events.from_line(line) for line in result.stdout.splitlines()]
    assert events.FitEnded() in lines
    (model,) = trained_models()
    assert model.names == NAMES
    assert [e.name for e in lines if isinstance(e, events.FitResult)] == [model.name]
    (run,) = (Path(e.folder) for e in lines if isinstance(e, events.FitBegun))
    assert json.loads((run / "fit.json").read_text())["settings"]["more"] == "workers=0 lr0=0.001"
