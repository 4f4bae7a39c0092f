"""Teaching in the real window: dialog, bar, use and undo; the training process is a stand-in."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton

from samdesk.app import Services
from samdesk.engine.models.registry import FLINT
from samdesk.training.record.taught_record import DETECTOR, MASKS, TaughtRecord
from samdesk.ui.auto_annotate.dialog import AutoAnnotateDialog
from samdesk.ui.models.dialog import ModelsDialog
from samdesk.ui.teach.bar import TeachBar
from samdesk.ui.teach.dialog import TeachDialog
from samdesk.ui.teach.result_dialog import TeachResultDialog
from tests.e2e.conftest import OpenWindow
from tests.helpers import teach_processes
from tests.helpers.desk import CONTROL, User, photos
from tests.helpers.flint_files import weights_file
from tests.helpers.gated import GatedPredictor, Models
from tests.helpers.make import photo

K = Qt.Key
PATCH = "0.2 0.2 0.6 0.2 0.5 0.7"


class FlintModels(Models):
    """Loads Flint and taught weights; the path of a file is its name."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.broken = False

    def __call__(self, name: str, device: str, precision: str) -> GatedPredictor:
        if self.broken and name.endswith(".safetensors"):
            raise_broken(name)
        self.loaded.append(name)
        return TaughtPredictor(name or FLINT)


class TaughtPredictor(GatedPredictor):
    @property
    def info(self):  # type: ignore[no-untyped-def]
        from dataclasses import replace

        known = super().info
        if not self.name.endswith(".safetensors"):
            return replace(known, title="Flint" if self.name == FLINT else self.name)
        return replace(known, name=Path(self.name).name, title="Flint, taught", path=self.name)


def raise_broken(name: str) -> None:
    from samdesk.engine.protocols import EngineError

    raise EngineError(f"{name} is broken.")


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """Ten images with labels, nine of them with masks."""
    folder = tmp_path / "parts"
    for i in range(10):
        photo(folder / f"{i}.png", 320, 240, seed=i)
        (folder / f"{i}.txt").write_text(f"0 {PATCH}\n1 {PATCH}\n" if i else "0 0.5 0.5 0.2 0.2\n")
    (folder / "data.yaml").write_text("names: [washer, gear]\n")
    return folder


class Teacher:
    """Drives the window for these tests, with its models and the mode of the training process."""

    def __init__(self, open_window: OpenWindow, folder: Path, mode: str = "through") -> None:
        self.mode = mode
        self.models = FlintModels()
        self.arguments = teach_processes.stand_in(lambda: self.mode)
        self.person: User = open_window(Services(load_predictor=self.models, teach=self.arguments))
        self.person.open(folder)
        self.person.until(lambda: self.person.desk.flows.taught.taught is not None)

    @property
    def bar(self) -> TeachBar:
        return self.person.desk.view.teach_bar

    def click(self, button: QAbstractButton) -> None:
        assert button.isEnabled()
        self.person.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def ask(self) -> TeachDialog:
        self.person.key(K.Key_T, CONTROL)
        dialog = self.person.window.findChild(TeachDialog)
        assert dialog is not None
        self.person.until(lambda: "Reading" not in dialog.found.text())
        return dialog

    def teach(self, *kinds: str) -> None:
        dialog = self.ask()
        for kind, check in dialog.checks.items():
            if check.isChecked() != (not kinds or kind in kinds):
                self.click(check)
        self.click(dialog.start_button)
        assert self.bar.isVisible()

    def teach_through(self, *kinds: str) -> None:
        self.teach(*kinds)
        self.person.until(lambda: not self.person.desk.flows.teach.running)

    def until_drawn_by(self, title: str) -> None:
        chip = self.person.window.top_bar.chip
        self.person.until(lambda: chip.text().split("·")[0].strip() == title)


@pytest.fixture
def teacher(open_window: OpenWindow, parts: Path) -> Teacher:
    return Teacher(open_window, parts)


def test_the_training_material_in_the_dialog(teacher: Teacher) -> None:
    dialog = teacher.ask()
    assert dialog.found.text() == "18 accepted masks on 9 images. 10 accepted images."
    assert dialog.classes.text() == "washer\u00a010\u00a0\u00a0·  gear\u00a09"
    assert dialog.notes.text() == "1 plain box: used for the detector only."
    assert dialog.checks[MASKS].isChecked()
    assert dialog.minutes[MASKS].text().startswith("about ")
    assert "10 images are enough to start; 20 or more work well." in dialog.hints[DETECTOR].text()
    teacher.click(dialog.checks[MASKS])
    assert dialog.kinds == (DETECTOR,)
    teacher.click(dialog.checks[DETECTOR])
    assert not dialog.start_button.isEnabled()


def test_too_few_images_give_advice(open_window: OpenWindow, tmp_path: Path) -> None:
    teacher = Teacher(open_window, photos(tmp_path / "few"))
    teacher.person.draw(160, 100)
    teacher.person.until_saved()
    dialog = teacher.ask()
    assert dialog.found.text() == "1 accepted mask on 1 image. 1 accepted image."
    assert not dialog.checks[MASKS].isEnabled()
    assert "Accept masks on 7 more." in dialog.hints[MASKS].text()
    assert not dialog.start_button.isEnabled()


def test_taught_used_and_undone(teacher: Teacher, parts: Path) -> None:
    user = teacher.person
    teacher.until_drawn_by("Flint")
    teacher.teach_through()
    assert teacher.bar.title.text() == "Flint has improved"
    assert teacher.bar.detail.text() == (
        "Masks: box 0.74 → 0.82, click 0.55 → 0.71;  Detector: mAP50 0.02 → 0.61"
    )
    assert not TaughtRecord.read(parts).in_use, "the user decides"
    assert not user.is_enabled("teach.undo")
    teacher.click(teacher.bar.use)
    teacher.until_drawn_by("Flint, taught")
    assert not teacher.bar.isVisible()
    assert "parts now uses the taught masks and detector." in user.message_text
    assert "Auto-annotate finds washer, gear." in user.message_text
    record = TaughtRecord.read(parts)
    assert record.in_use.masks is not None
    assert teacher.models.loaded[-1] == str(record.in_use.masks.path)
    assert user.is_enabled("teach.undo")
    user.click(100, 100)
    assert user.proposed_at(100, 100), "the taught one draws"
    user.press("Undo")
    teacher.until_drawn_by("Flint")
    assert not TaughtRecord.read(parts).in_use
    assert "Flint's own weights" in user.message_text
    user.press("Use again")
    teacher.until_drawn_by("Flint, taught")


def test_the_taught_detector_is_the_first_choice(teacher: Teacher, parts: Path) -> None:
    teacher.teach_through(DETECTOR)
    teacher.click(teacher.bar.use)
    user = teacher.person
    user.until(lambda: bool(TaughtRecord.read(parts).in_use.detector))
    user.until(lambda: user.desk.flows.batch.taught is not None)
    user.key(K.Key_B, CONTROL)
    dialog = user.window.findChild(AutoAnnotateDialog)
    assert dialog is not None
    assert dialog.detector.itemText(0) == "Taught here (washer, gear)"
    assert dialog.detector.currentText() == "Taught here (washer, gear)"
    taught = TaughtRecord.read(parts).in_use.detector
    assert taught is not None
    assert dialog.plan().det_model == str(taught.path)
    user.until(lambda: dialog.classes.known)
    assert [row.label for row in dialog.classes.table.classes.rows] == ["washer", "gear"]
    dialog.reject()


def test_a_dataset_opens_with_its_taught_weights(
    open_window: OpenWindow, parts: Path, tmp_path: Path
) -> None:
    first = Teacher(open_window, parts)
    first.teach_through(MASKS)
    first.click(first.bar.use)
    first.until_drawn_by("Flint, taught")
    first.person.close_window()
    second = Teacher(open_window, parts)
    second.until_drawn_by("Flint, taught")
    second.person.open(photos(tmp_path / "others"))
    second.until_drawn_by("Flint")
    assert not second.person.is_enabled("teach.undo")
    second.person.open(parts)
    second.until_drawn_by("Flint, taught")
    second.person.desk.flows.models.choose()
    dialog = second.person.window.findChild(ModelsDialog)
    assert dialog is not None
    assert dialog.button(FLINT).text() in ("In use", "Use")
    assert not [name for name in dialog._rows if name.endswith("taught-masks.safetensors")]
    dialog.reject()


def test_no_improvement_changes_nothing(open_window: OpenWindow, parts: Path) -> None:
    teacher = Teacher(open_window, parts, "worse")
    teacher.teach_through()
    assert teacher.bar.title.text() == "No improvement"
    assert "box 0.74 → 0.72" in teacher.bar.detail.text()
    assert "Flint is unchanged" in teacher.bar.detail.text()
    assert not teacher.bar.use.isVisible()
    teacher.click(teacher.bar.dismiss)
    assert not teacher.bar.isVisible()
    assert not TaughtRecord.read(parts).in_use


def test_a_hint_if_another_mask_model_is_in_use(teacher: Teacher) -> None:
    user = teacher.person
    user.desk.flows.models.use("mobile_sam.pt", "", "auto")
    teacher.until_drawn_by("mobile_sam.pt")
    teacher.teach_through(MASKS)
    teacher.click(teacher.bar.use)
    user.until(lambda: "The current mask model is mobile_sam.pt; choose Flint" in user.message_text)
    user.press("Use Flint")
    teacher.until_drawn_by("Flint, taught")


def test_the_details_are_not_modal(teacher: Teacher) -> None:
    teacher.teach_through()
    teacher.click(teacher.bar.details)
    dialog = teacher.person.window.findChild(TeachResultDialog)
    assert dialog is not None
    assert not dialog.isModal()
    texts = [[dialog.table.item(r, c).text().strip() for c in range(4)] for r in range(5)]  # type: ignore[union-attr]
    assert texts[0] == ["Mask from a box, mean IoU", "0.74", "0.82", "+0.08"]
    assert texts[2] == ["Detector, mAP50", "0.02", "0.61", "+0.59"]
    assert texts[3] == ["washer, AP50", "–", "0.70", "new"]
    teacher.click(dialog.use_button)
    teacher.until_drawn_by("Flint, taught")


def test_dismissed_and_used_later(teacher: Teacher, parts: Path) -> None:
    teacher.teach_through(MASKS)
    teacher.click(teacher.bar.dismiss)
    assert not TaughtRecord.read(parts).in_use
    dialog = teacher.ask()
    assert "not in use: Masks: box 0.74 → 0.82" in dialog.before.text()
    teacher.click(dialog.use_button)
    teacher.until_drawn_by("Flint, taught")


def test_stopped_and_resumed(open_window: OpenWindow, parts: Path) -> None:
    teacher = Teacher(open_window, parts, "wait")
    teacher.teach(MASKS)
    teacher.person.until(lambda: "3 of 6" in teacher.bar.detail.text())
    assert teacher.bar.detail.text() == "Masks: 3 of 6  ·  2.0 steps/s  ·  2 s left"
    assert not teacher.person.is_enabled("teach.start")
    teacher.person.click(100, 100)
    assert teacher.person.proposed_at(100, 100), "the canvas is used meanwhile"
    teacher.click(teacher.bar.dismiss)
    assert teacher.bar.dismiss.text() in ("Stopping…", "Close")
    teacher.person.until(lambda: not teacher.person.desk.flows.teach.running)
    assert "teach again to resume" in teacher.bar.detail.text()
    teacher.mode = "through"
    dialog = teacher.ask()
    assert "Resumes where it stopped" in dialog.hints[MASKS].text()
    teacher.click(dialog.start_button)
    teacher.person.until(lambda: not teacher.person.desk.flows.teach.running)
    assert teacher.bar.title.text() == "Flint has improved"


@pytest.mark.logs("workers.training_process: ")
def test_a_crash_is_reported_and_the_window_works(open_window: OpenWindow, parts: Path) -> None:
    teacher = Teacher(open_window, parts, "crash")
    teacher.teach_through(MASKS)
    assert "The training process was killed by the system" in teacher.person.message_text
    assert not teacher.bar.isVisible()
    assert teacher.person.is_enabled("teach.start")
    teacher.person.click(100, 100)
    assert teacher.person.proposed_at(100, 100)


def test_the_window_closes_while_it_teaches(open_window: OpenWindow, parts: Path) -> None:
    teacher = Teacher(open_window, parts, "wait")
    teacher.teach(MASKS)
    teacher.person.until(lambda: "3 of 6" in teacher.bar.detail.text())
    teacher.person.close_window()
    assert not teacher.person.desk.workers.teach.running
    assert TaughtRecord.read(parts).unfinished(MASKS)


def test_export_and_import_into_another_dataset(teacher: Teacher, tmp_path: Path) -> None:
    teacher.teach_through(MASKS)
    teacher.click(teacher.bar.use)
    teacher.until_drawn_by("Flint, taught")
    user, file = teacher.person, tmp_path / "out.safetensors"
    user.answers.new_file = user.answers.file = file
    user.desk.view.actions.trigger("teach.export")
    user.until(file.is_file)
    user.open(photos(tmp_path / "others"))
    teacher.until_drawn_by("Flint")
    user.desk.view.actions.trigger("teach.bring")
    teacher.until_drawn_by("Flint, taught")
    imported = TaughtRecord.read(tmp_path / "others").in_use.masks
    assert imported is not None
    assert imported.origin == str(file)
    file.write_text("no weights")
    user.desk.view.actions.trigger("teach.bring")
    user.until(lambda: "does not contain Flint weights" in user.message_text)


def test_taught_weights_that_cannot_be_loaded(teacher: Teacher, parts: Path) -> None:
    teacher.models.broken = True
    teacher.teach_through(MASKS)
    teacher.click(teacher.bar.use)
    teacher.person.until(lambda: "The taught weights cannot be used" in teacher.person.message_text)
    teacher.until_drawn_by("Flint")
    teacher.person.press("Undo teaching")
    teacher.person.until(lambda: not TaughtRecord.read(parts).in_use)


def test_a_damaged_record_is_reported(open_window: OpenWindow, parts: Path) -> None:
    one = TaughtRecord.read(parts).import_weights(weights_file(parts.parent / "w.safetensors", "head.a"))
    TaughtRecord.read(parts).use(one)
    (parts / ".samdesk" / "taught" / "use.json").write_text("{")
    teacher = Teacher(open_window, parts)
    assert "use.json cannot be read" in teacher.person.message_text
    teacher.until_drawn_by("Flint")
