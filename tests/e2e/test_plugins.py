"""Plug-ins in the real window: chosen, used by click and by run, remembered, gone, and broken."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from samdesk.app import Services
from samdesk.engine.models.plugins import DETECTORS, PREDICTORS
from samdesk.settings.table import AUTO_DET_MODEL, MODEL_NAME
from samdesk.ui.auto_annotate.dialog import AutoAnnotateDialog
from samdesk.ui.models.dialog import ModelsDialog
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import CONTROL, User
from tests.helpers.packages import EXAMPLES, entry_points_of, install

K = Qt.Key


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example of the documentation, and packages that end the program or return nonsense."""
    folder = tmp_path / "packages"
    install(folder, "samdesk-blobs", entry_points_of("samdesk-blobs"))
    broken = {"exits": "exits_at_import:model", "nonsense": "returns_nonsense:model"}
    install(folder, "zz-broken", {DETECTORS: broken, PREDICTORS: broken | {"flint": "exits_at_import:model"}})
    (folder / "exits_at_import.py").write_text("import sys\nsys.exit('no licence')\n")
    (folder / "returns_nonsense.py").write_text("def model(device, precision):\n    return device\n")
    monkeypatch.syspath_prepend(str(EXAMPLES / "samdesk-blobs"))
    monkeypatch.syspath_prepend(str(folder))
    for module in ("samdesk_blobs", "returns_nonsense"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    return folder


def chip(user: User) -> str:
    return user.window.top_bar.chip.text()


def choose(user: User, name: str) -> ModelsDialog:
    """Opens the model chooser and waits until it lists the plug-ins; then clicks Use."""
    user.desk.flows.models.choose()
    dialog = user.window.findChildren(ModelsDialog)[-1]
    user.until(lambda: "zz-broken" in dialog.problem.text())
    assert dialog.state_text("flood-fill") == "From samdesk-blobs 1.0"
    user.qtbot.mouseClick(dialog.button(name), Qt.MouseButton.LeftButton)
    return dialog


def auto_annotate(user: User) -> AutoAnnotateDialog:
    user.key(K.Key_B, CONTROL)
    user.until(lambda: any(d.isVisible() for d in user.window.findChildren(AutoAnnotateDialog)))
    (dialog,) = (d for d in user.window.findChildren(AutoAnnotateDialog) if d.isVisible())
    user.until(lambda: dialog.counted)
    return dialog


def test_a_plug_in_is_chosen_used_and_remembered(
    open_window: OpenWindow, folder: Path, packages: Path, monkeypatch: pytest.MonkeyPatch, real: Services
) -> None:
    user = open_window(real)
    user.open(folder)
    user.until(lambda: "Flint" in chip(user))
    assert "samdesk_blobs" not in sys.modules
    dialog = choose(user, "flood-fill")
    assert "'flint' of the package zz-broken has the name of a model of samdesk" in dialog.problem.text()
    user.until(lambda: "Flood fill" in chip(user))
    drawn = user.draw(100, 120)
    assert drawn.region.area > 0

    runs = auto_annotate(user)
    user.until(lambda: runs.detector.findText("blobs (samdesk-blobs 1.0)") >= 0)
    assert runs.sam.currentText() == "flood-fill (samdesk-blobs 1.0)"
    runs.detector.setCurrentIndex(runs.detector.findData("blobs"))
    user.until(lambda: runs.start_button.isEnabled())
    user.qtbot.mouseClick(runs.start_button, Qt.MouseButton.LeftButton)
    user.until(lambda: not user.desk.flows.batch.running)
    user.go("1.png")
    user.until(lambda: {a.model for a in user.annotations} == {"blobs + flood-fill"})
    assert (user.desk.settings.get(MODEL_NAME), user.desk.settings.get(AUTO_DET_MODEL)) == (
        "flood-fill",
        "blobs",
    )
    user.close_window()

    again = open_window(real)
    again.until(lambda: "Flood fill" in chip(again))
    assert again.desk.flows.batch.usual_plan().det_model == "blobs"
    again.close_window()

    (packages / "samdesk_blobs-1.0.dist-info").rename(packages / "gone")
    later = open_window(real)
    later.open(folder)
    later.until(lambda: "'flood-fill' is neither a known model nor a file" in later.message_text)
    later.until(lambda: "blobs is no longer installed; Flint finds the objects" in later.message_text)
    later.until(lambda: "Flint" in chip(later))
    assert later.desk.flows.batch.usual_plan().det_model == "flint"


def test_broken_plug_ins_are_named_and_harm_nothing(
    open_window: OpenWindow, folder: Path, packages: Path, real: Services
) -> None:
    user = open_window(real)
    user.open(folder)
    user.until(lambda: "Flint" in chip(user))
    for name, words in (("exits", "SystemExit: no licence"), ("nonsense", "is str, which is no predictor")):
        choose(user, name)
        user.until(lambda name=name: f"'{name}' of the package zz-broken" in user.message_text)
        assert words in user.message_text
        assert "Flint" in chip(user)
        assert user.desk.settings.get(MODEL_NAME) == ""
    user.draw(100, 120)
    for name, words in (("exits", "SystemExit: no licence"), ("nonsense", "is str, which is no detector")):
        user.desk.settings.set(AUTO_DET_MODEL, name)
        runs = auto_annotate(user)
        user.until(lambda runs=runs: runs.start_button.isEnabled())
        user.qtbot.mouseClick(runs.start_button, Qt.MouseButton.LeftButton)
        user.until(lambda: not user.desk.flows.batch.running)
        user.until(lambda words=words: words in user.message_text)
        assert f"'{name}' of the package zz-broken" in user.message_text
    assert len(user.annotations) == 1
