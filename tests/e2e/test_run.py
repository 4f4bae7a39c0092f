"""Auto-annotate through the real dialog, with a detector and a predictor for the drawn photos."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from samdesk.app import Services
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.domain.annotation import Source
from samdesk.domain.review import AnnotationReview
from samdesk.settings.table import AUTO_DET_MODEL
from samdesk.ui.auto_annotate.dialog import AutoAnnotateDialog
from tests.e2e.conftest import Arrive
from tests.helpers.desk import CONTROL, SHIFT, Person, lines
from tests.helpers.finding import Shelf
from tests.helpers.gated import Gate

K = Qt.Key


@pytest.fixture
def runner(arrive: Arrive, folder: Path) -> Person:
    person = arrive(Services(loaders=Shelf().loaders))
    person.open(folder)
    return person


def dialog_of(person: Person) -> AutoAnnotateDialog:
    person.key(K.Key_B, CONTROL)
    dialog = person.window.findChild(AutoAnnotateDialog)
    assert dialog is not None
    dialog.detector.setEditText("colour.pt")
    dialog._set_sam("inner.pt")
    person.until(lambda: dialog.counted)
    return dialog


def run(person: Person) -> None:
    dialog = dialog_of(person)
    person.qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    person.until(lambda: not person.desk.flows.batch.running)


def test_a_run_and_its_undo(runner: Person, folder: Path) -> None:
    runner.add_labels("cat")
    dialog = dialog_of(runner)
    assert dialog.summary.text() == "3 images: 3 to annotate"
    runner.qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    runner.until(lambda: not runner.desk.flows.batch.running)
    runner.until(lambda: len(runner.annotations) == 2)
    assert sorted(runner.names) == ["box", "ellipse"]
    assert {a.source for a in runner.annotations} == {Source.YOLO_SAM}
    assert {a.review for a in runner.annotations} == {AnnotationReview.PENDING}
    runner.until_saved()
    assert [len(lines(folder / f"{i}.png").lines) for i in range(3)] == [2, 2, 2]
    assert "to review" in runner.desk.view.annotations.count.text()
    runner.key(K.Key_Z, CONTROL)
    runner.until(lambda: runner.annotations == ())
    runner.until_saved()
    assert not any((folder / f"{i}.txt").exists() and (folder / f"{i}.txt").read_text() for i in range(3))
    runner.key(K.Key_Z, CONTROL | SHIFT)
    runner.until(lambda: len(runner.annotations) == 2)


def test_an_image_edited_by_hand_is_skipped(runner: Person, folder: Path) -> None:
    drawn = runner.draw(160, 30)
    runner.until_saved()
    run(runner)
    assert runner.annotations == (drawn,)
    runner.go("1.png")
    assert len(runner.annotations) == 2


def test_undo_of_a_run_keeps_annotations_edited_since(runner: Person) -> None:
    run(runner)
    runner.until(lambda: len(runner.annotations) == 2)
    kept = runner.annotations[0]
    runner.select(kept)
    runner.key(K.Key_E, SHIFT)
    assert runner.annotations[0].review is AnnotationReview.ACCEPTED
    runner.key(K.Key_Z, CONTROL)
    runner.key(K.Key_Z, CONTROL)
    runner.until(lambda: runner.annotations == ())


def test_work_goes_on_while_it_runs(arrive: Arrive, folder: Path) -> None:
    gate = Gate()
    person = arrive(Services(loaders=Shelf(before=lambda _n: gate.pass_through()).loaders))
    person.open(folder)
    gate.close()
    dialog = dialog_of(person)
    person.qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    person.until(gate.someone_came)
    assert person.desk.view.batch_bar.isVisible()
    assert not person.is_enabled("run.auto_annotate")
    drawn = person.draw(160, 30)
    gate.open()
    person.until(lambda: not person.desk.flows.batch.running)
    assert person.annotations == (drawn,), "edited during the run"
    assert person.desk.session.history.texts == ("Add 3 labels", "Add ellipse", "Auto-annotate")
    while person.is_enabled("edit.undo"):
        person.key(K.Key_Z, CONTROL)
    person.until_saved()
    person.go("1.png")
    person.until(lambda: person.annotations == ())
    assert not (folder / "0.txt").exists()


def test_stopped_finished_images_stay_as_one_step(arrive: Arrive, folder: Path) -> None:
    gate = Gate()
    person = arrive(Services(loaders=Shelf(before=lambda n: gate.pass_through()).loaders))
    person.open(folder)
    gate.close()
    dialog = dialog_of(person)
    person.qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    person.until(gate.someone_came)
    person.qtbot.mouseClick(person.desk.view.batch_bar.stop, Qt.MouseButton.LeftButton)
    gate.open()
    person.until(lambda: not person.desk.flows.batch.running)
    assert person.is_enabled("run.auto_annotate")


def test_flints_classes_are_shown_without_a_request(runner: Person) -> None:
    runner.key(K.Key_B, CONTROL)
    dialog = runner.window.findChild(AutoAnnotateDialog)
    assert dialog is not None
    assert dialog.detector_name == "flint"
    runner.until(lambda: dialog.classes.known)
    assert dialog.classes.count.text() == "80 of 80 classes"


def test_classes_of_the_previous_detector_are_not_shown(runner: Person) -> None:
    dialog = dialog_of(runner)  # from Flint to another at once; what was asked first is answered first
    assert not dialog.classes.known


def test_a_detector_is_remembered_only_if_it_is_not_the_default(runner: Person) -> None:
    run(runner)
    assert runner.desk.settings.get(AUTO_DET_MODEL) == "colour.pt"
    assert runner.desk.flows.batch.default_plan().det_model == "colour.pt"
    runner.desk.flows.batch.start(AutoAnnotatePlan(det_model="flint", sam_model="inner.pt"))
    assert runner.desk.settings.get(AUTO_DET_MODEL) == ""
    assert runner.desk.flows.batch.default_plan().det_model == "flint"
    runner.until(lambda: not runner.desk.flows.batch.running)


def test_a_better_detector_on_disk_is_offered(arrive: Arrive, folder: Path, samdesk_home: Path) -> None:
    (samdesk_home / "weights").mkdir()
    (samdesk_home / "weights" / "yolo11s.pt").write_bytes(b"weights")
    person = arrive(Services(loaders=Shelf().loaders))
    person.until(lambda: person.desk.flows.batch.default_plan().det_model == "yolo11s.pt")


def test_a_missing_detector_is_reported(runner: Person) -> None:
    dialog = dialog_of(runner)
    dialog.detector.setEditText("nothing.pt")
    runner.until(lambda: dialog.counted)
    runner.qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    runner.until(lambda: "nothing.pt" in runner.told)
    assert not runner.desk.flows.batch.running
    assert runner.annotations == ()
