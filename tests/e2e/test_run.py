"""Auto-annotate through the real dialog, with a detector and a predictor for the drawn photos."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from samdesk.app import Services
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.domain.annotation import Source
from samdesk.domain.review import AnnotationReview
from samdesk.settings.table import AUTO_DET_MODEL
from samdesk.ui.auto_annotate.dialog import AutoAnnotateDialog
from samdesk.ui.auto_annotate.scope import Scope
from samdesk.ui.images.model import ImageRole, RunMark
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import CONTROL, SHIFT, User, lines
from tests.helpers.finding import NAMES, ColourModels
from tests.helpers.gated import Gate

K = Qt.Key


@pytest.fixture
def runner(open_window: OpenWindow, folder: Path) -> User:
    user = open_window(Services(loaders=ColourModels().loaders))
    user.open(folder)
    return user


def dialog_of(user: User) -> AutoAnnotateDialog:
    user.key(K.Key_B, CONTROL)
    user.until(lambda: any(d.isVisible() for d in user.window.findChildren(AutoAnnotateDialog)))
    (dialog,) = (d for d in user.window.findChildren(AutoAnnotateDialog) if d.isVisible())
    dialog.detector.setEditText("colour.pt")
    dialog._set_sam("inner.pt")
    user.until(lambda: dialog.counted)
    return dialog


def run(user: User) -> None:
    dialog = dialog_of(user)
    user.qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    user.until(lambda: not user.desk.flows.batch.running)


def test_a_run_and_its_undo(runner: User, folder: Path) -> None:
    runner.add_labels("cat")
    dialog = dialog_of(runner)
    assert dialog.summary.text() == "3 images will be annotated"
    runner.qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    runner.until(lambda: not runner.desk.flows.batch.running)
    runner.until(lambda: len(runner.annotations) == 2)
    assert sorted(runner.names) == ["box", "ellipse"]
    assert {a.source for a in runner.annotations} == {Source.YOLO_SAM}
    assert {a.review for a in runner.annotations} == {AnnotationReview.PENDING}
    runner.until_saved()
    assert [len(lines(folder / f"{i}.png").lines) for i in range(3)] == [2, 2, 2]
    assert "to review" in runner.desk.view.annotations.count.text()
    review = runner.desk.flows.review
    runner.qtbot.mouseClick(runner.desk.view.batch_bar.review, Qt.MouseButton.LeftButton)
    runner.until(lambda: review.shown is not None)
    runner.key(K.Key_Escape)
    runner.until(lambda: not review.active and len(runner.annotations) == 2)
    runner.key(K.Key_Z, CONTROL)
    assert "on 3 images" in runner.message_text
    assert len(runner.annotations) == 2, "a run is named before it is undone"
    runner.key(K.Key_Z, CONTROL)
    runner.until(lambda: runner.annotations == ())
    runner.until_saved()
    assert not any((folder / f"{i}.txt").exists() and (folder / f"{i}.txt").read_text() for i in range(3))
    runner.key(K.Key_Z, CONTROL | SHIFT)
    runner.until(lambda: len(runner.annotations) == 2)


def test_selected_images_then_the_one_on_screen_with_the_same_parameters(runner: User, folder: Path) -> None:
    images = runner.desk.view.images
    film = images.view
    third = film.visualRect(film.model().index(2, 0)).center()
    runner.qtbot.mouseClick(film.viewport(), Qt.MouseButton.LeftButton, CONTROL, third)
    dialog = dialog_of(runner)
    assert dialog.scope.scope is Scope.SELECTED
    assert dialog.summary.text() == "2 images will be annotated"
    dialog.set_detector_names(NAMES)
    runner.qtbot.mouseClick(dialog.classes.none_button, Qt.MouseButton.LeftButton)
    dialog.classes.table.classes.set_used(True, [2])
    assert dialog.start_button.isEnabled()
    dialog.scope.buttons[Scope.SELECTED].setFocus()
    QTest.keyClick(dialog.focusWidget(), K.Key_Return)
    runner.until(lambda: not runner.desk.flows.batch.running)
    runner.until_saved()
    assert [len(lines(folder / f"{i}.png").lines) for i in (0, 2)] == [1, 1]
    assert not (folder / "1.txt").exists()
    marks = [film.model().index(row, 0).data(ImageRole.RUN) for row in range(3)]
    assert marks == [RunMark.DONE, None, RunMark.DONE]
    runner.go("1.png")
    runner.key(K.Key_B, CONTROL | Qt.KeyboardModifier.AltModifier)
    runner.until(lambda: len(runner.annotations) == 1 and not runner.desk.flows.batch.running)
    assert runner.names == ["box"], "the class that was chosen before"
    assert runner.desk.view.batch_bar.detail.text() == "1 annotation on 1 image"


def test_the_result_of_a_search_is_the_scope(runner: User, folder: Path) -> None:
    runner.desk.flows.search.search_for("name:1")
    runner.until(lambda: runner.desk.view.images.found == ("1.png",))
    dialog = dialog_of(runner)
    assert (dialog.scope.scope, dialog.plan().keys) == (Scope.FOUND, ("1.png",))
    assert dialog.scope.buttons[Scope.FOUND].text() == "Search result (1)"
    runner.qtbot.mouseClick(dialog.scope.buttons[Scope.FOLDER], Qt.MouseButton.LeftButton)
    runner.until(lambda: dialog.summary.text() == "3 images will be annotated")
    dialog.reject()


def test_an_image_edited_by_hand_is_skipped(runner: User, folder: Path) -> None:
    drawn = runner.draw(160, 30)
    runner.until_saved()
    run(runner)
    assert runner.annotations == (drawn,)
    runner.go("1.png")
    assert len(runner.annotations) == 2
    assert runner.desk.view.batch_bar.isVisible()
    runner.key(K.Key_R, CONTROL)
    assert not runner.desk.view.batch_bar.isVisible(), "what it says was read"


@pytest.mark.parametrize("existing", ["add", "replace"])
def test_a_rejected_object_does_not_come_back_in_a_re_run(runner: User, folder: Path, existing: str) -> None:
    run(runner)
    runner.until(lambda: len(runner.annotations) == 2)
    boxes = [a for a, name in zip(runner.annotations, runner.names, strict=True) if name == "box"]
    runner.desk.flows.tools.select(frozenset(a.id for a in boxes))
    runner.key(K.Key_X)
    assert runner.names == ["ellipse"]
    runner.until_saved()
    dialog = dialog_of(runner)
    dialog.policies[existing].click()  # type: ignore[index]
    runner.until(lambda: dialog.counted and dialog.start_button.isEnabled())
    runner.qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    runner.until(lambda: not runner.desk.flows.batch.running)
    runner.until_saved()
    runner.go("1.png")
    runner.go("0.png")
    assert runner.names == ["ellipse"]
    assert len(lines(folder / "0.png").lines) == 1


def test_undo_of_a_run_keeps_annotations_edited_since(runner: User) -> None:
    run(runner)
    runner.until(lambda: len(runner.annotations) == 2)
    kept = runner.annotations[0]
    runner.select(kept)
    runner.key(K.Key_E, SHIFT)
    assert runner.annotations[0].review is AnnotationReview.ACCEPTED
    runner.key(K.Key_Z, CONTROL)
    runner.key(K.Key_Z, CONTROL)  # names the run
    runner.key(K.Key_Z, CONTROL)
    runner.until(lambda: runner.annotations == ())


def test_work_goes_on_while_it_runs(open_window: OpenWindow, folder: Path) -> None:
    gate = Gate()
    user = open_window(Services(loaders=ColourModels(before=lambda _n: gate.pass_through()).loaders))
    user.open(folder)
    gate.close()
    dialog = dialog_of(user)
    user.qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    user.until(gate.has_arrival)
    assert user.desk.view.batch_bar.isVisible()
    assert not user.is_enabled("run.auto_annotate")
    drawn = user.draw(160, 30)
    gate.open()
    user.until(lambda: not user.desk.flows.batch.running)
    assert user.annotations == (drawn,), "edited during the run"
    assert user.desk.session.history.texts == ("Add label object", "Add object", "Auto-annotate")
    while user.is_enabled("edit.undo"):
        user.key(K.Key_Z, CONTROL)
    user.until_saved()
    user.go("1.png")
    user.until(lambda: user.annotations == ())
    assert not (folder / "0.txt").exists()


def test_stopped_finished_images_stay_as_one_step(open_window: OpenWindow, folder: Path) -> None:
    gate = Gate()
    user = open_window(Services(loaders=ColourModels(before=lambda n: gate.pass_through()).loaders))
    user.open(folder)
    gate.close()
    dialog = dialog_of(user)
    user.qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    user.until(gate.has_arrival)
    user.qtbot.mouseClick(user.desk.view.batch_bar.stop, Qt.MouseButton.LeftButton)
    gate.open()
    user.until(lambda: not user.desk.flows.batch.running)
    assert user.is_enabled("run.auto_annotate")


def test_flints_classes_are_shown_without_a_request(runner: User) -> None:
    runner.key(K.Key_B, CONTROL)
    dialog = runner.window.findChild(AutoAnnotateDialog)
    assert dialog is not None
    assert dialog.detector_name == "flint"
    runner.until(lambda: dialog.classes.known)
    assert dialog.classes.count.text() == "80 of 80 classes"


def test_classes_of_the_previous_detector_are_not_shown(runner: User) -> None:
    dialog = dialog_of(runner)  # from Flint to another at once; what was asked first is answered first
    assert not dialog.classes.known


def test_a_detector_is_remembered_only_if_it_is_not_the_default(runner: User) -> None:
    run(runner)
    assert runner.desk.settings.get(AUTO_DET_MODEL) == "colour.pt"
    assert runner.desk.flows.batch.default_plan().det_model == "colour.pt"
    runner.desk.flows.batch.start(AutoAnnotatePlan(det_model="flint", sam_model="inner.pt"))
    plan = AutoAnnotatePlan("yolo11n-seg.pt", "inner.pt", objects_from="boxes")
    runner.until(lambda: not runner.desk.flows.batch.running)
    runner.desk.flows.batch.start(plan)
    assert runner.desk.settings.get(AUTO_DET_MODEL) == ""
    assert runner.desk.flows.batch.default_plan().det_model == "flint"
    runner.until(lambda: not runner.desk.flows.batch.running)


def test_a_better_detector_on_disk_is_offered(
    open_window: OpenWindow, folder: Path, samdesk_home: Path
) -> None:
    (samdesk_home / "weights").mkdir()
    (samdesk_home / "weights" / "yolo11s.pt").write_bytes(b"weights")
    user = open_window(Services(loaders=ColourModels().loaders))
    user.until(lambda: user.desk.flows.batch.default_plan().det_model == "yolo11s.pt")


def test_a_missing_detector_is_reported(runner: User) -> None:
    dialog = dialog_of(runner)
    dialog.detector.setEditText("nothing.pt")
    runner.until(lambda: dialog.counted)
    runner.qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    runner.until(lambda: "nothing.pt" in runner.message_text)
    assert not runner.desk.flows.batch.running
    assert runner.annotations == ()


def test_a_run_waits_while_the_user_is_served_and_the_mouse_moves(
    open_window: OpenWindow, folder: Path
) -> None:
    shelf = ColourModels()
    user = open_window(Services(loaders=shelf.loaders))
    user.open(folder)
    foreground = user.desk.workers.foreground
    with foreground.serving():
        dialog = dialog_of(user)
        user.qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
        user.until(lambda: bool(shelf.predictors))
        user.qtbot.wait(50)
        assert shelf.detectors[0].calls == 0, "the run went on while the user waited"
    user.until(lambda: not user.desk.flows.batch.running)
    assert shelf.detectors[0].calls == 3
    foreground._busy_until = 0.0
    assert not foreground.busy
    user.mouse.move(60, 60)
    assert foreground.busy, "the mouse over the canvas was not noticed"
