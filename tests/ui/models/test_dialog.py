"""The model chooser, driven with real clicks."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QDialog, QFileDialog
from pytestqt.qtbot import QtBot

from samdesk.base import places
from samdesk.base.places import flint_weights
from samdesk.base.plugins import Plugin, PluginError
from samdesk.engine.models.plugins import AddedModels
from samdesk.engine.models.registry import MODELS
from samdesk.ui.models import rows
from samdesk.ui.models.dialog import ModelsDialog

LONG_REASON = (
    "SAM large could not be downloaded from https://github.com/ultralytics/assets/releases/download/v8.4.0/"
    "sam_l.pt: the address of the server was not found; this machine may be offline. Check the network and "
    "try again; the download will resume."
)


@pytest.fixture
def clock() -> list[float]:
    """The seconds that the dialog's clock shows."""
    return [100.0]


@pytest.fixture
def dialog(qtbot: QtBot, clock: list[float]) -> ModelsDialog:
    dialog = ModelsDialog(clock=lambda: clock[0])
    qtbot.addWidget(dialog)
    dialog.set_downloaded({"mobile_sam.pt"})
    dialog.set_devices([("cuda:0", "NVIDIA H100"), ("cpu", "CPU, 2 threads")])
    with qtbot.waitExposed(dialog):
        dialog.show()
    return dialog


@pytest.fixture
def weights() -> Path:
    path = places.weights() / "mobile_sam.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"weights")
    return path


def click(dialog: ModelsDialog, qtbot: QtBot, name: str) -> None:
    qtbot.mouseClick(dialog.button(name), Qt.MouseButton.LeftButton)


def texts(dialog: ModelsDialog, row: int) -> list[str]:
    items = [dialog.table.item(row, column) for column in range(4)]
    return [item.text() if item else "" for item in items]


def row_of(dialog: ModelsDialog, title: str) -> int:
    return next(row for row in range(dialog.table.rowCount()) if texts(dialog, row)[0].startswith(title))


def test_every_predictor_has_a_row_and_no_detector_has(dialog: ModelsDialog) -> None:
    titles = [texts(dialog, row)[0] for row in range(dialog.table.rowCount())]
    assert titles == [model.title for model in MODELS if model.draws_masks]
    assert texts(dialog, row_of(dialog, "SAM base")) == ["SAM base", "375 MB", "93.7 M", "Apache-2.0"]


def test_plug_ins_are_below_flint_and_those_that_cannot_be_chosen_are_named(
    dialog: ModelsDialog, qtbot: QtBot
) -> None:
    entry = EntryPoint("flood-fill", "samdesk_blobs:predictor", "samdesk.predictors")
    added = AddedModels(
        predictors=(Plugin("flood-fill", "samdesk-blobs", "1.0", entry),),
        problems=(PluginError("The predictor 'flint' of the package p has a name that is taken."),),
    )
    dialog.set_choice("flood-fill", "cpu", "auto")
    dialog.set_added(added)
    assert texts(dialog, 1) == ["flood-fill  ✓", "–", "–", "Plug-in"]
    assert dialog.state_text("flood-fill") == "From samdesk-blobs 1.0"
    assert dialog.problem.text() == str(added.problems[0])
    button = dialog.button("flint")
    button.setFocus()
    dialog.set_added(added)
    assert dialog.button("flint") is button, "the table is made again only if something is new"
    assert button.hasFocus()


def test_installed_models_can_be_used_and_others_downloaded(dialog: ModelsDialog) -> None:
    assert (dialog.state_text("mobile_sam.pt"), dialog.button("mobile_sam.pt").text()) == (
        "Installed",
        "Use",
    )
    assert (dialog.state_text("sam_b.pt"), dialog.button("sam_b.pt").text()) == ("Not downloaded", "Download")
    assert dialog.button("flint").text() == "Use"
    assert dialog.state_text("flint") == "Built in, instant. Download MobileSAM for finer edges."
    assert texts(dialog, 0) == ["Flint", "–", "3.4 M", "AGPL-3.0"]


def test_flint_given_by_its_file_is_flint(dialog: ModelsDialog) -> None:
    dialog.set_choice(str(flint_weights()), "cpu", "fp32")
    assert dialog.button("flint").text() == "In use"


def test_use_emits_name_device_and_precision_and_closes(dialog: ModelsDialog, qtbot: QtBot) -> None:
    dialog.device.setCurrentIndex(1)
    dialog.precision.setCurrentIndex(dialog.precision.findData("bf16"))
    with qtbot.waitSignal(dialog.chosen) as told:
        click(dialog, qtbot, "mobile_sam.pt")
    assert told.args == ["mobile_sam.pt", "cuda:0", "bf16"]
    assert dialog.result() == QDialog.DialogCode.Accepted


def test_a_download_from_start_to_use(dialog: ModelsDialog, qtbot: QtBot, clock: list[float]) -> None:
    with qtbot.waitSignal(dialog.download_requested) as told:
        click(dialog, qtbot, "sam_b.pt")
    assert told.args == ["sam_b.pt"]
    assert dialog.state_text("sam_b.pt") == "Downloading 0%"
    assert dialog.button("sam_b.pt").text() == "Cancel"
    dialog.set_progress("sam_b.pt", 4_000_000, 400_000_000)
    clock[0] += 1.0
    dialog.set_progress("sam_b.pt", 16_000_000, 400_000_000)
    assert dialog.state_text("sam_b.pt") == "Downloading 4%  ·  12.0 MB/s"
    dialog.set_downloaded({"mobile_sam.pt", "sam_b.pt"})
    assert dialog.state_text("sam_b.pt") == "Installed"
    assert dialog.button("sam_b.pt").text() == "Use"


def test_cancel_and_failure(dialog: ModelsDialog, qtbot: QtBot) -> None:
    click(dialog, qtbot, "sam_b.pt")
    with qtbot.waitSignal(dialog.cancel_requested) as told:
        click(dialog, qtbot, "sam_b.pt")
    assert told.args == ["sam_b.pt"]
    dialog.set_failed("sam_b.pt", "")
    assert dialog.state_text("sam_b.pt") == "Not downloaded"
    click(dialog, qtbot, "sam_l.pt")
    dialog.set_failed("sam_l.pt", LONG_REASON)
    assert dialog.state_text("sam_l.pt") == "Download failed"
    assert dialog.button("sam_l.pt").text() == "Retry"
    with qtbot.waitSignal(dialog.download_requested):
        click(dialog, qtbot, "sam_l.pt")


def test_the_reason_of_a_failure_is_shown_whole(dialog: ModelsDialog, qtbot: QtBot) -> None:
    click(dialog, qtbot, "sam_l.pt")
    assert not dialog.problem.isVisible()
    dialog.set_failed("sam_l.pt", LONG_REASON)
    label = dialog.problem
    qtbot.waitUntil(lambda: label.isVisible() and label.height() >= label.heightForWidth(label.width()))
    assert label.text() == LONG_REASON
    assert label.visibleRegion().boundingRect() == label.rect()
    words = QFontMetrics(label.font())
    assert max(words.horizontalAdvance(word) for word in LONG_REASON.split()) <= label.width()
    click(dialog, qtbot, "sam_l.pt")
    assert not label.isVisible()


def test_a_download_of_unknown_size_shows_megabytes(dialog: ModelsDialog) -> None:
    row = rows.ModelRow("x.pt", "X", done=12_400_000)
    assert row.state_text == "Downloading 12 MB"


def test_the_current_model_is_marked_by_name_or_by_path(dialog: ModelsDialog, weights: Path) -> None:
    dialog.set_choice(str(weights), "cpu", "fp32")
    assert texts(dialog, row_of(dialog, "MobileSAM"))[0] == "MobileSAM  ✓"
    button = dialog.button("mobile_sam.pt")
    assert (button.text(), button.isEnabled()) == ("In use", False)
    assert dialog.choice == ("cpu", "fp32")


def test_an_own_file_of_a_known_name_is_an_own_file(
    dialog: ModelsDialog, weights: Path, tmp_path: Path
) -> None:
    own = tmp_path / "mobile_sam.pt"
    own.write_bytes(b"other")
    dialog.set_choice(str(own), "cpu", "fp32")
    assert dialog.button("mobile_sam.pt").text() == "Use"
    assert dialog.button(str(own)).text() == "In use"


def test_another_device_makes_the_current_model_usable_again(dialog: ModelsDialog, qtbot: QtBot) -> None:
    dialog.set_choice("mobile_sam.pt", "cpu", "auto")
    dialog.device.setCurrentIndex(dialog.device.findData("cuda:0"))
    assert dialog.button("mobile_sam.pt").text() == "Use"
    with qtbot.waitSignal(dialog.chosen) as told:
        click(dialog, qtbot, "mobile_sam.pt")
    assert told.args == ["mobile_sam.pt", "cuda:0", "auto"]


def test_devices_may_be_set_later(qtbot: QtBot) -> None:
    dialog = ModelsDialog()
    qtbot.addWidget(dialog)
    dialog.set_choice("flint", "cuda:1", "auto")
    dialog.set_devices([("cuda:0", "A"), ("cuda:1", "B"), ("cpu", "CPU")])
    assert dialog.choice == ("cuda:1", "auto")
    assert [dialog.device.itemText(i) for i in range(dialog.device.count())] == [
        "Automatic",
        "A (cuda:0)",
        "B (cuda:1)",
        "CPU (cpu)",
    ]


def test_an_own_checkpoint_file(dialog: ModelsDialog, qtbot: QtBot, tmp_path: Path) -> None:
    path = str(tmp_path / "mine.pt")
    Path(path).write_bytes(b"x")
    qtbot.mouseClick(dialog.file_button, Qt.MouseButton.LeftButton)
    picker = dialog.findChild(QFileDialog)
    assert picker is not None
    with qtbot.waitSignal(dialog.chosen) as told:
        picker.fileSelected.emit(path)
    assert told.args == [path, "", "auto"]
    picker.close()


def test_an_own_checkpoint_in_use_has_a_row(dialog: ModelsDialog) -> None:
    dialog.set_choice("/data/mine.pt", "", "auto")
    row = row_of(dialog, "mine.pt")
    assert texts(dialog, row) == ["mine.pt  ✓", "–", "–", "Your file"]
    dialog.set_downloaded(set())
    assert dialog.button("/data/mine.pt").text() == "In use"
