"""Choosing a model in the window: what works, what fails, what is told."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction

from samdesk.app import Services
from samdesk.settings.table import MODEL_DEVICE, MODEL_NAME
from samdesk.ui.models.dialog import ModelsDialog
from samdesk.ui.models.info_dialog import ModelInfoDialog
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import CONTROL, User
from tests.helpers.gated import GatedPredictor, Models

K = Qt.Key


def chip(user: User) -> str:
    return user.window.top_bar.chip.text()


def test_a_model_that_fails_leaves_the_old_one_working(user: User) -> None:
    user.desk.flows.models.use("broken.pt", "cpu", "auto")
    user.until(lambda: "broken.pt is not a model" in user.message_text)
    user.until(lambda: "gated.pt" in chip(user))
    user.draw(100, 120)
    assert user.desk.settings.get(MODEL_NAME) == ""
    assert user.desk.settings.get(MODEL_DEVICE) == ""
    assert "Choose a model…" in user.buttons


def test_another_model_answers_from_now_on_and_is_remembered(open_window: OpenWindow, folder: Path) -> None:
    other = GatedPredictor("other.pt", radius=50.0)
    user = open_window()
    user.models.default["other.pt"] = other
    user.open(folder)
    user.click(100, 120)
    user.desk.flows.models.use("other.pt", "", "auto")
    user.until(lambda: "other.pt" in chip(user))
    user.key(K.Key_Escape)
    drawn = user.draw(100, 120)
    assert drawn.region.area > 3 * 50**2 * 0.98
    user.close_window()
    assert open_window().desk.settings.get(MODEL_NAME) == "other.pt"


def test_a_saved_model_that_is_gone_falls_back(open_window: OpenWindow, folder: Path) -> None:
    first = open_window()
    first.models.default["mine.pt"] = GatedPredictor("mine.pt")
    first.desk.flows.models.use("mine.pt", "", "auto")
    first.until(lambda: first.desk.settings.get(MODEL_NAME) == "mine.pt")
    first.close_window()
    user = open_window()
    user.open(folder)
    user.until(lambda: "mine.pt is not a model" in user.message_text)
    user.until(lambda: "gated.pt" in chip(user))
    user.draw(100, 120)


def test_no_model_at_all_is_told_when_one_clicks(open_window: OpenWindow, folder: Path) -> None:
    user = open_window(Services(load_predictor=Models()))
    user.open(folder)
    user.until(lambda: user.message_text.count("is not a model") == 1)
    user.until(lambda: "No model" in chip(user))
    user.mouse.click(100, 120)
    user.key(K.Key_Return)
    user.key(K.Key_D)
    user.until(lambda: user.message_text.count("is not a model") == 2)
    assert user.shown == "0.png", "to see that nothing came of it"
    user.key(K.Key_D)
    user.until(lambda: user.shown == "1.png")
    user.key(K.Key_R)
    user.mouse.drag((50, 50), (120, 110))
    assert len(user.annotations) == 1


def test_the_chooser_uses_what_is_clicked(open_window: OpenWindow, folder: Path, real: Services) -> None:
    user = open_window(real)
    user.open(folder)
    user.until(lambda: "Flint · " in chip(user))
    user.key(K.Key_M, CONTROL)
    dialog = user.window.findChild(ModelsDialog)
    assert dialog is not None
    user.until(lambda: dialog.button("flint").text() == "In use")
    assert dialog.button("mobile_sam.pt").text() == "Download"
    dialog.reject()
    user.desk.view.actions.trigger("model.info")
    info = user.window.findChild(ModelInfoDialog)
    assert info is not None
    info.reject()


def test_flint_tells_once_what_it_is(open_window: OpenWindow, real: Services) -> None:
    user = open_window(real)
    user.until(lambda: "drawn by Flint" in user.message_text)
    top = user.window.top_bar.chip
    assert top.state == "good"
    assert "Built in, instant. Download MobileSAM for finer edges." in top.toolTip()
    user.close_window()
    later = open_window(real)
    later.until(lambda: "Flint" in chip(later))
    assert "drawn by Flint" not in later.message_text


def test_offline_a_download_that_fails_leaves_flint(
    open_window: OpenWindow, folder: Path, real: Services
) -> None:
    user = open_window(real)
    user.open(folder)
    user.press("Download MobileSAM")
    user.until(lambda: "MobileSAM could not be downloaded" in user.message_text)
    user.until(lambda: "Flint · " in chip(user))
    user.draw(230, 130)
    assert user.desk.settings.get(MODEL_NAME) == ""


def test_another_model_than_flint_is_told_nothing_of_it(user: User) -> None:
    user.until(lambda: "gated.pt" in chip(user))
    assert "Flint" not in user.message_text


def test_flint_draws_the_box_it_is_given(open_window: OpenWindow, folder: Path, real: Services) -> None:
    user = open_window(real)
    user.open(folder)
    user.until(lambda: user.desk.flows.models.info is not None)
    user.mouse.drag((165, 65), (285, 200))
    user.key(K.Key_Return)
    user.until(lambda: len(user.annotations) == 1)
    x0, y0, x1, y1 = user.annotations[0].region.bounds
    assert abs(x0 - 176) < 6
    assert abs(y0 - 72) < 6
    assert abs(x1 - 272) < 6
    assert abs(y1 - 192) < 6


def test_every_command_has_a_title_and_a_tooltip_with_the_reason(user: User) -> None:
    actions: list[QAction] = [
        user.desk.view.actions.action(command.id) for command in user.desk.view.actions.commands
    ]
    assert all(action.toolTip() and action.text() for action in actions)
    assert "Unavailable: nothing to undo." in user.desk.view.actions.action("edit.undo").toolTip()


def test_a_cancelled_download_can_be_started_again(user: User) -> None:
    models = user.desk.flows.models
    models.choose()
    (dialog,) = user.window.findChildren(ModelsDialog)
    dialog.set_progress("sam_b.pt", 4_000_000, 400_000_000)
    assert dialog.button("sam_b.pt").text() == "Cancel"
    user.desk.workers.downloads.cancelled.emit("sam_b.pt")
    assert dialog.button("sam_b.pt").text() == "Download"
    assert "gated.pt" in chip(user)
    dialog.reject()
