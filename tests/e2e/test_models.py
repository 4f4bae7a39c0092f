"""Choosing a model in the window: what works, what fails, what is told."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction

from samdesk.app import Services
from samdesk.settings.table import MODEL_DEVICE, MODEL_NAME
from samdesk.ui.models.dialog import ModelsDialog
from samdesk.ui.models.info_dialog import ModelInfoDialog
from tests.e2e.conftest import Arrive
from tests.helpers.desk import CONTROL, Person
from tests.helpers.gated import GatedPredictor, Models

K = Qt.Key


def chip(person: Person) -> str:
    return person.window.top_bar.chip.text()


def test_a_model_that_fails_leaves_the_old_one_working(person: Person) -> None:
    person.desk.flows.models.use("broken.pt", "cpu", "auto")
    person.until(lambda: "broken.pt is not a model" in person.told)
    person.until(lambda: "gated.pt" in chip(person))
    person.draw(100, 120)
    assert person.desk.settings.get(MODEL_NAME) == ""
    assert person.desk.settings.get(MODEL_DEVICE) == ""
    assert "Choose a model…" in person.buttons


def test_another_model_answers_from_now_on_and_is_remembered(arrive: Arrive, folder: Path) -> None:
    other = GatedPredictor("other.pt", radius=50.0)
    person = arrive()
    person.models.default["other.pt"] = other
    person.open(folder)
    person.click(100, 120)
    person.desk.flows.models.use("other.pt", "", "auto")
    person.until(lambda: "other.pt" in chip(person))
    person.key(K.Key_Escape)
    drawn = person.draw(100, 120)
    assert drawn.region.area > 3 * 50**2 * 0.98
    person.leave()
    assert arrive().desk.settings.get(MODEL_NAME) == "other.pt"


def test_a_saved_model_that_is_gone_falls_back(arrive: Arrive, folder: Path) -> None:
    first = arrive()
    first.models.default["mine.pt"] = GatedPredictor("mine.pt")
    first.desk.flows.models.use("mine.pt", "", "auto")
    first.until(lambda: first.desk.settings.get(MODEL_NAME) == "mine.pt")
    first.leave()
    person = arrive()
    person.open(folder)
    person.until(lambda: "mine.pt is not a model" in person.told)
    person.until(lambda: "gated.pt" in chip(person))
    person.draw(100, 120)


def test_no_model_at_all_is_told_when_one_clicks(arrive: Arrive, folder: Path) -> None:
    person = arrive(Services(load_predictor=Models()))
    person.open(folder)
    person.until(lambda: person.told.count("is not a model") == 1)
    person.until(lambda: "No model" in chip(person))
    person.hands.click(100, 120)
    person.key(K.Key_Return)
    person.key(K.Key_D)
    person.until(lambda: person.told.count("is not a model") == 2)
    assert person.shown == "0.png", "to see that nothing came of it"
    person.key(K.Key_D)
    person.until(lambda: person.shown == "1.png")
    person.key(K.Key_R)
    person.hands.drag((50, 50), (120, 110))
    assert len(person.annotations) == 1


def test_the_chooser_uses_what_is_clicked(arrive: Arrive, folder: Path, real: Services) -> None:
    person = arrive(real)
    person.open(folder)
    person.until(lambda: "Flint · " in chip(person))
    person.key(K.Key_M, CONTROL)
    dialog = person.window.findChild(ModelsDialog)
    assert dialog is not None
    person.until(lambda: dialog.button("flint").text() == "In use")
    assert dialog.button("mobile_sam.pt").text() == "Download"
    dialog.reject()
    person.desk.view.actions.trigger("model.info")
    info = person.window.findChild(ModelInfoDialog)
    assert info is not None
    info.reject()


def test_flint_tells_once_what_it_is(arrive: Arrive, real: Services) -> None:
    person = arrive(real)
    person.until(lambda: "drawn by Flint" in person.told)
    top = person.window.top_bar.chip
    assert top.state == "good"
    assert "Built in, instant. Download MobileSAM for finer edges." in top.toolTip()
    person.leave()
    later = arrive(real)
    later.until(lambda: "Flint" in chip(later))
    assert "drawn by Flint" not in later.told


def test_offline_a_download_that_fails_leaves_flint(arrive: Arrive, folder: Path, real: Services) -> None:
    person = arrive(real)
    person.open(folder)
    person.press("Download MobileSAM")
    person.until(lambda: "MobileSAM could not be downloaded" in person.told)
    person.until(lambda: "Flint · " in chip(person))
    person.draw(230, 130)
    assert person.desk.settings.get(MODEL_NAME) == ""


def test_another_model_than_flint_is_told_nothing_of_it(person: Person) -> None:
    person.until(lambda: "gated.pt" in chip(person))
    assert "Flint" not in person.told


def test_flint_draws_the_box_it_is_given(arrive: Arrive, folder: Path, real: Services) -> None:
    person = arrive(real)
    person.open(folder)
    person.until(lambda: person.desk.flows.models.info is not None)
    person.hands.drag((165, 65), (285, 200))
    person.key(K.Key_Return)
    person.until(lambda: len(person.annotations) == 1)
    x0, y0, x1, y1 = person.annotations[0].region.bounds
    assert abs(x0 - 176) < 6
    assert abs(y0 - 72) < 6
    assert abs(x1 - 272) < 6
    assert abs(y1 - 192) < 6


def test_every_command_has_a_title_and_a_tooltip_with_the_reason(person: Person) -> None:
    actions: list[QAction] = [
        person.desk.view.actions.action(command.id) for command in person.desk.view.actions.commands
    ]
    assert all(action.toolTip() and action.text() for action in actions)
    assert "Unavailable: nothing to undo." in person.desk.view.actions.action("edit.undo").toolTip()
