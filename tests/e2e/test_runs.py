"""After a run: resume, undo, review, and the list of runs, in the real window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QPushButton

from samdesk.app import Services
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.runs.record import RunRecord
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import add
from samdesk.domain.geometry.regions import from_box
from samdesk.ui.auto_annotate.dialog import AutoAnnotateDialog
from samdesk.ui.auto_annotate.runs_dialog import RunsDialog
from samdesk.ui.images.model import ImageRole
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import User, lines
from tests.helpers.finding import ColourModels
from tests.helpers.gated import Gate
from tests.helpers.make import annotation

PLAN = AutoAnnotatePlan("colour.pt", "inner.pt")
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def runner(open_window: OpenWindow, folder: Path, gate: Gate) -> User:
    user = open_window(Services(loaders=ColourModels(before=lambda _: gate.pass_through()).loaders))
    user.open(folder)
    return user


def run(user: User, plan: AutoAnnotatePlan = PLAN) -> None:
    user.desk.flows.batch.start(plan)
    user.until(lambda: not user.desk.flows.batch.running)


def dialog(user: User, kind: type[QDialog]) -> QDialog:
    user.until(lambda: any(d.isVisible() for d in user.window.findChildren(kind)))
    return next(d for d in user.window.findChildren(kind) if d.isVisible())


def runs_dialog(user: User) -> RunsDialog:
    user.desk.view.actions.action("run.history").trigger()
    found = dialog(user, RunsDialog)
    assert isinstance(found, RunsDialog)
    user.until(lambda: found.run is not None)
    return found


def press(user: User, button: QPushButton) -> None:
    user.until(button.isEnabled)
    assert button.isVisible()
    user.qtbot.mouseClick(button, LEFT)


def run_marks(user: User) -> list[object]:
    model = user.desk.view.images.view.model()
    marks = [model.index(row, 0).data(ImageRole.RUN) for row in range(model.rowCount())]
    return [mark for mark in marks if mark is not None]


def labels(folder: Path) -> list[int]:
    texts = [folder / f"{i}.txt" for i in range(3)]
    return [len(lines(t.with_suffix(".png")).lines) if t.exists() else 0 for t in texts]


def test_a_stopped_run_goes_on_and_is_undone_as_one_step(runner: User, folder: Path, gate: Gate) -> None:
    bar = runner.desk.view.batch_bar
    gate.close()
    runner.desk.flows.batch.start(PLAN)
    runner.until(gate.has_arrival)
    press(runner, bar.stop)
    assert bar.stop.text() == "Stopping…"
    gate.open()
    runner.until(lambda: not runner.desk.flows.batch.running)
    assert sum(labels(folder)) < 6, "there is something left"
    assert bar.detail.text().endswith(f"{3 - sum(map(bool, labels(folder)))} left")
    with runner.qtbot.waitSignal(runner.desk.flows.batch.finished):
        press(runner, bar.resume)
    runner.until_saved()
    assert labels(folder) == [2, 2, 2]
    assert runner.desk.session.history.texts.count("Auto-annotate") == 1
    runner.until(lambda: bar.review.text() == "Review 6, most doubtful first")
    assert run_marks(runner)
    press(runner, bar.undo)
    runner.until(lambda: bar.detail.text() == "The run was undone")
    runner.until(lambda: runner.annotations == ())
    assert labels(folder) == [0, 0, 0]
    assert not bar.undo.isVisible()
    assert not run_marks(runner), "nothing is left of the run"


def test_undo_of_the_menu_takes_the_result_of_the_run_away(runner: User) -> None:
    bar = runner.desk.view.batch_bar
    run(runner)
    assert run_marks(runner)
    runner.until(bar.undo.isEnabled)
    runner.desk.session.undo(newest=True)
    runner.until(lambda: bar.detail.text() == "The run was undone")
    assert not bar.review.isVisible()
    assert not run_marks(runner)


def test_a_run_changes_no_locked_annotation(runner: User) -> None:
    locks = runner.desk.session.locks
    only = AutoAnnotatePlan("colour.pt", "inner.pt", keys=(ImageKey("0.png"),))
    run(runner, only)
    runner.until(lambda: len(runner.annotations) == 2)
    locked, other = runner.annotations
    locks.set_locked([locked.id], locked=True)
    run(runner, replace(only, existing="replace"))
    runner.until(lambda: other not in runner.annotations)
    assert len(runner.annotations) == 2
    assert locked in runner.annotations
    drawn = [
        annotation(f"drawn {a.id}", locked.label_id, region=from_box(*a.region.bounds))
        for a in runner.annotations
    ]
    locks.set_locked([locked.id], locked=False)
    assert runner.desk.session.edit("Draw", replace(add(drawn), drop=(locked.id, runner.annotations[1].id)))
    runner.until_saved()
    locked, other = runner.annotations
    locks.set_locked([locked.id], locked=True)
    run(runner, replace(only, objects_from="boxes"))
    runner.until(lambda: other not in runner.annotations)
    assert [a.id for a in runner.annotations] == [locked.id, other.id]
    assert locked in runner.annotations
    locks.set_locked([other.id], locked=True)
    run(runner, replace(only, objects_from="boxes"))
    assert runner.desk.view.batch_bar.detail.text() == "0.png was skipped: its boxes are locked"


def test_the_bar_says_why_a_run_cannot_be_undone_now(runner: User) -> None:
    bar = runner.desk.view.batch_bar
    run(runner)
    runner.until(bar.undo.isEnabled)
    runner.add_labels("cat")
    runner.until(lambda: not bar.undo.isEnabled())
    assert "first" in bar.undo.toolTip()
    runner.desk.session.undo()
    runner.until(bar.undo.isEnabled)


def test_a_run_is_reviewed_from_the_bar(runner: User) -> None:
    bar, review = runner.desk.view.batch_bar, runner.desk.flows.review
    run(runner, AutoAnnotatePlan("colour.pt", "inner.pt", keys=(ImageKey("0.png"),)))
    run(runner, AutoAnnotatePlan("colour.pt", "inner.pt", keys=(ImageKey("1.png"),)))
    assert bar.review.text() == "Review 2, most doubtful first"
    press(runner, bar.review)
    runner.until(lambda: review.shown is not None and runner.shown == "1.png")
    assert review.queue is not None
    runner.until(lambda: review.queue is not None and review.queue.total == 2)
    assert not bar.isVisible()


def interrupted(folder: Path) -> None:
    """Leaves a run in the store as a process does that is killed in it."""
    dataset = Dataset.open(folder)
    record = RunRecord(PLAN.parameters())
    dataset.begin_run("Auto-annotate", record, dataset.keys, ("box", "ellipse"))
    dataset.close()


def test_an_interrupted_run_is_offered_quietly(open_window: OpenWindow, folder: Path) -> None:
    interrupted(folder)
    user = open_window(Services(loaders=ColourModels().loaders))
    user.open(folder)
    bar = user.desk.view.batch_bar
    user.until(bar.isVisible)
    assert "was interrupted: 0 of 3 images are done" in bar.detail.text()
    assert not [d for d in user.window.findChildren(QDialog) if d.isVisible()], "nothing is in the way"
    with user.qtbot.waitSignal(user.desk.flows.batch.finished):
        press(user, bar.resume)
    user.until(lambda: len(user.annotations) == 2)
    user.until_saved()
    assert labels(folder) == [2, 2, 2]


def test_a_run_is_offered_again_that_the_end_of_the_window_has_stopped(
    runner: User, open_window: OpenWindow, folder: Path, gate: Gate
) -> None:
    gate.close()
    runner.desk.flows.batch.start(PLAN)
    runner.until(gate.has_arrival)
    press(runner, runner.desk.view.batch_bar.stop)
    gate.open()
    runner.until(lambda: not runner.desk.flows.batch.running)
    runner.until_saved()
    runner.close_window()
    again = open_window()
    again.open(folder)
    bar = again.desk.view.batch_bar
    again.until(bar.isVisible)
    assert "was stopped: " in bar.detail.text()
    assert bar.resume.isVisible()


def test_what_was_closed_is_not_offered_again(open_window: OpenWindow, folder: Path) -> None:
    interrupted(folder)
    user = open_window()
    user.open(folder)
    bar = user.desk.view.batch_bar
    user.until(bar.isVisible)
    press(user, bar.stop)
    assert not bar.isVisible()
    user.until_saved()
    user.close_window()
    again = open_window()
    again.open(folder)
    dialog = runs_dialog(again)  # asked for after what is offered
    assert not again.desk.view.batch_bar.isVisible()
    assert dialog.resume.isEnabled(), "there it can be resumed"
    dialog.reject()


def test_runs_are_listed_and_repeated_with_their_parameters(runner: User) -> None:
    run(runner, AutoAnnotatePlan("colour.pt", "inner.pt", conf=0.4, classes=(0, 2), existing="add"))
    runs = runs_dialog(runner)
    shown = runs.list.topLevelItem(0)
    assert shown is not None
    assert [shown.text(column) for column in (1, 2, 3, 4)] == ["Finished", "colour.pt + inner.pt", "3", "6"]
    assert "Minimum confidence: 0.4" in runs.details.toPlainText()
    press(runner, runs.again)
    again = dialog(runner, AutoAnnotateDialog)
    assert isinstance(again, AutoAnnotateDialog)
    plan = again.plan()
    assert (plan.det_model, plan.conf, plan.classes, plan.existing) == ("colour.pt", 0.4, (0, 2), "replace")
    assert plan.replaces == runner.annotations[0].run_id, "not what other runs have made"
    again.reject()
    runs = runs_dialog(runner)
    press(runner, runs.undo)
    runner.until(lambda: runner.annotations == ())
    runner.until(lambda: runs.run is not None and runs.run.state == "undone")
    assert not runs.undo.isEnabled()
    runs.reject()


def test_how_the_last_run_was_made_is_kept_with_the_dataset(open_window: OpenWindow, folder: Path) -> None:
    user = open_window(Services(loaders=ColourModels().loaders))
    user.open(folder)
    batch = user.desk.flows.batch
    batch._start_planned(AutoAnnotatePlan("colour.pt", "inner.pt", mapping=(("box", "crate"),)))
    user.until(lambda: not batch.running)
    user.until_saved()
    user.close_window()
    again = open_window(Services(loaders=ColourModels().loaders))
    again.open(folder)
    again.until(lambda: again.desk.flows.batch.last is not None)
    assert again.desk.flows.batch.default_plan().mapping == (("box", "crate"),)


def test_boxes_drawn_by_hand_become_masks_from_the_dialog(runner: User, folder: Path) -> None:
    runner.add_labels("box")
    runner.key(Qt.Key.Key_R)
    runner.mouse.drag((40, 40), (120, 100))
    runner.until(lambda: len(runner.annotations) == 1)
    runner.until_saved()
    drawn = runner.annotations[0]
    runner.desk.view.actions.action("run.auto_annotate").trigger()
    asked = dialog(runner, AutoAnnotateDialog)
    assert isinstance(asked, AutoAnnotateDialog)
    asked._set_sam("inner.pt")
    detector = asked.detector_name
    asked.source.setCurrentIndex(asked.source.findData("segmenter"))  # in passing
    asked.source.setCurrentIndex(asked.source.findData("boxes"))
    assert asked.plan().det_model == detector, "of the next run with a detector"
    runner.until(lambda: asked.summary.text() == "1 of 3 images will be annotated; 2 skipped: has no boxes")
    press(runner, asked.start_button)
    runner.until(lambda: not runner.desk.flows.batch.running)
    runner.until(lambda: runner.annotations[0].region.area < drawn.region.area)
    assert runner.annotations[0].id == drawn.id, "the same annotation, with its label"
    assert runner.names == ["box"]
