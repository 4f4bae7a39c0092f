"""The auto-annotate dialog, driven with real events."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QAbstractItemView, QComboBox, QDialog, QFileDialog, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from samdesk.base import places
from samdesk.base.places import flint_weights
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.report import DryRun, ImageFailure, SkippedImage
from samdesk.domain.document import ImageKey
from samdesk.domain.labels import LabelSet
from samdesk.ui.auto_annotate.dialog import AutoAnnotateDialog, count_text
from samdesk.ui.auto_annotate.scope import Scope, Scopes

NAMES = ("person", "bicycle", "car", "bus")


def dry_run(annotate: int, skipped: int = 0) -> DryRun:
    return DryRun(
        tuple(ImageKey(f"{i}.jpg") for i in range(annotate)),
        tuple(SkippedImage(ImageKey(f"s{i}.jpg"), "already has annotations") for i in range(skipped)),
    )


@pytest.fixture
def dialog(qtbot: QtBot) -> AutoAnnotateDialog:
    dialog = AutoAnnotateDialog(LabelSet.from_names(["person", "Fahrrad"]))
    qtbot.addWidget(dialog)
    with qtbot.waitExposed(dialog):
        dialog.show()
    return dialog


def click(qtbot: QtBot, widget: object, pos: QPoint | None = None) -> None:
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=pos or QPoint(8, 8))


def check(dialog: AutoAnnotateDialog, qtbot: QtBot, row: int) -> None:
    table = dialog.classes.table
    rect = table.visualRect(table.model().index(row, 0))
    click(qtbot, table.viewport(), QPoint(rect.left() + 12, rect.center().y()))


def test_the_plan_goes_in_and_comes_out(dialog: AutoAnnotateDialog) -> None:
    plan = AutoAnnotatePlan(
        det_model="/data/own.pt",
        sam_model="sam2.1_t.pt",
        device="cuda:0",
        precision="bf16",
        conf=0.4,
        iou=0.6,
        imgsz=1280,
        max_det=50,
        classes=(0, 2),
        mapping=(("car", "vehicle"),),
        existing="replace",
        keys=(ImageKey("a.jpg"),),
        objects_from="segmenter",
        class_conf=(("bus", 0.7),),
        tile=640,
        duplicate_iou=0.8,
    )
    dialog.set_plan(plan)
    assert dialog.plan() == plan
    assert dialog.sam.currentText() == "SAM 2.1 tiny"
    dialog.set_detector_names(NAMES)
    assert dialog.plan() == plan


def test_the_default_is_all_classes(dialog: AutoAnnotateDialog) -> None:
    assert dialog.plan() == AutoAnnotatePlan()
    dialog.set_detector_names(NAMES)
    assert dialog.plan().classes is None
    assert dialog.classes.count.text() == "4 of 4 classes"


def test_start_waits_for_something_to_do(dialog: AutoAnnotateDialog, qtbot: QtBot) -> None:
    assert dialog.summary.text() == "Counting…"
    assert not dialog.start_button.isEnabled()
    dialog.set_dry_run(dry_run(0, 32))
    assert not dialog.start_button.isEnabled()
    dialog.set_dry_run(dry_run(380, 32))
    assert dialog.summary.text() == "380 of 412 images will be annotated; 32 skipped: already has annotations"
    with qtbot.waitSignal(dialog.started) as told:
        click(qtbot, dialog.start_button)
    assert told.args == [AutoAnnotatePlan()]
    assert dialog.result() == QDialog.DialogCode.Accepted


def test_count_text() -> None:
    assert count_text(DryRun()) == "There are no images."
    run = DryRun((ImageKey("a"),), (), (ImageFailure(ImageKey("b"), "cut off"),))
    assert count_text(run) == "1 of 2 images will be annotated; 1 cannot be read"
    assert count_text(dry_run(1)) == "1 image will be annotated"


@pytest.mark.parametrize("policy", ["add", "replace"])
def test_another_policy_is_counted_again(dialog: AutoAnnotateDialog, qtbot: QtBot, policy: str) -> None:
    dialog.set_dry_run(dry_run(3))
    with qtbot.waitSignal(dialog.count_requested) as told:
        click(qtbot, dialog.policies[policy])
    plan = told.args[0] if told.args else None
    assert isinstance(plan, AutoAnnotatePlan)
    assert plan.existing == policy
    assert dialog.summary.text() == "Counting…"
    assert not dialog.start_button.isEnabled()


def test_class_names_are_requested(dialog: AutoAnnotateDialog, qtbot: QtBot) -> None:
    dialog.detector.setCurrentText("yolo11s.pt")
    with qtbot.waitSignal(dialog.names_requested) as told:
        click(qtbot, dialog.classes.show_button)
    assert told.args == ["yolo11s.pt", "", "auto"]
    assert dialog.classes.show_button.text() == "Loading the detector…"
    dialog.set_names_failed("no such file")
    assert "no such file" in dialog.classes.message.text()
    assert dialog.classes.show_button.isEnabled()


def test_flint_is_listed_first_and_shows_its_classes_without_a_request(
    dialog: AutoAnnotateDialog, qtbot: QtBot
) -> None:
    assert dialog.detector.itemText(0) == "Flint (built in)"
    with qtbot.waitSignal(dialog.names_requested) as told:
        dialog.set_plan(AutoAnnotatePlan(det_model="flint", sam_model="flint"))
    assert told.args == ["flint", "", "auto"]
    assert dialog.detector.currentText() == "Flint (built in)"
    assert (dialog.detector_name, dialog.sam.currentText()) == ("flint", "Flint")
    dialog.set_downloaded(set())
    assert not dialog.note.isVisible(), "nothing has to be downloaded"
    with qtbot.waitSignal(dialog.names_requested, timeout=100, raising=False) as told:
        dialog.detector.setCurrentText("yolo11s.pt")
    assert not told.signal_triggered, "it would have to be loaded"
    with qtbot.waitSignal(dialog.names_requested) as told:
        dialog.detector.setCurrentText("/data/taught.safetensors")
    assert told.args == ["/data/taught.safetensors", "", "auto"]


def test_flint_given_by_its_file_is_flint(dialog: AutoAnnotateDialog) -> None:
    dialog.set_plan(AutoAnnotatePlan(det_model=str(flint_weights()), sam_model=str(flint_weights())))
    assert dialog.plan() == AutoAnnotatePlan(det_model="flint", sam_model="flint")


SCOPES = Scopes(
    folder=tuple(ImageKey(f"{i}.jpg") for i in range(64)),
    image=ImageKey("7.jpg"),
    selected=(ImageKey("7.jpg"), ImageKey("9.jpg"), ImageKey("8.jpg")),
    found=tuple(ImageKey(f"{i}.jpg") for i in range(12)),
)


@pytest.mark.parametrize(
    ("scopes", "likely"),
    [
        (SCOPES, Scope.SELECTED),
        (replace(SCOPES, selected=(ImageKey("7.jpg"),)), Scope.FOUND),
        (replace(SCOPES, selected=(), found=None), Scope.FOLDER),
        (replace(SCOPES, selected=(), found=()), Scope.FOLDER),
    ],
    ids=["several selected", "a search", "neither", "a search that finds nothing"],
)
def test_the_likely_scope_is_chosen(dialog: AutoAnnotateDialog, scopes: Scopes, likely: Scope) -> None:
    dialog.set_scopes(scopes)
    assert dialog.scope.scope is likely
    assert dialog.plan().keys == (None if likely is Scope.FOLDER else scopes.keys(likely))
    for scope, button in dialog.scope.buttons.items():
        assert button.isEnabled() == scopes.offers(scope)


def test_another_scope_is_counted_again(dialog: AutoAnnotateDialog, qtbot: QtBot) -> None:
    dialog.set_scopes(SCOPES)
    texts = [button.text() for button in dialog.scope.buttons.values()]
    assert texts == ["This image", "Selected images (3)", "Search result (12)", "Folder (64)"]
    dialog.set_dry_run(dry_run(3))
    with qtbot.waitSignal(dialog.count_requested) as told:
        click(qtbot, dialog.scope.buttons[Scope.IMAGE])
    assert [plan.keys for plan in told.args or ()] == [(ImageKey("7.jpg"),)]
    assert not dialog.counted


def test_only_the_fields_that_matter_are_enabled(dialog: AutoAnnotateDialog, qtbot: QtBot) -> None:
    def choose(source: str) -> None:
        dialog.source.setCurrentIndex(dialog.source.findData(source))

    dialog.set_plan(AutoAnnotatePlan(det_model="yolo11s.pt"))
    assert "mask in each of its boxes" in dialog.source_text.text()
    choose("segmenter")
    assert (dialog.detector_name, dialog.detector_caption.text()) == ("yolo11n-seg.pt", "Segmentation model")
    assert not dialog.sam.isEnabled()
    assert "itself" in dialog.source_text.text()
    with qtbot.waitSignal(dialog.count_requested) as told:
        choose("boxes")
    assert [plan.objects_from for plan in told.args or ()] == ["boxes"]
    assert dialog.sam.isEnabled()
    assert not dialog.detector.isEnabled()
    assert not any(field.isEnabled() for field in dialog.parameters.widgets)
    assert not dialog.classes.isEnabled()
    assert [name for name, button in dialog.policies.items() if button.isEnabled()] == ["skip", "replace"]
    assert "Boxes become masks, those you drew included" in dialog.policy_text.text()
    click(qtbot, dialog.policies["replace"])
    assert "made anew" in dialog.policy_text.text()
    choose("detector")
    assert dialog.detector_name == "yolo11s.pt", "as it was"
    assert all(field.isEnabled() for field in dialog.parameters.widgets)


def press_return(qtbot: QtBot, widget: QWidget) -> None:
    widget.setFocus()
    qtbot.keyClick(widget, Qt.Key.Key_Return)


def test_enter_starts_where_nothing_is_typed_and_nothing_replaced(
    dialog: AutoAnnotateDialog, qtbot: QtBot
) -> None:
    started: list[object] = []
    dialog.started.connect(started.append)
    dialog.set_detector_names(NAMES)
    dialog.set_scopes(SCOPES)
    press_return(qtbot, dialog.parameters.widget("conf"))
    assert dialog.isVisible(), "nothing is counted yet"
    dialog.set_dry_run(dry_run(3))
    for field in (dialog.detector, dialog.classes.search, dialog.classes.table):
        press_return(qtbot, field)
    click(qtbot, dialog.policies["replace"])
    dialog.set_dry_run(dry_run(3))
    press_return(qtbot, dialog.policies["replace"])
    press_return(qtbot, dialog.parameters.widget("conf"))
    assert dialog.isVisible()
    assert started == []
    click(qtbot, dialog.policies["add"])
    dialog.set_dry_run(dry_run(3))
    press_return(qtbot, dialog.parameters.widget("conf"))
    assert started == [dialog.plan()]
    assert not dialog.isVisible()


def test_esc_closes_and_tab_goes_from_top_to_bottom(dialog: AutoAnnotateDialog, qtbot: QtBot) -> None:
    dialog.set_detector_names(NAMES)
    dialog.set_scopes(SCOPES)
    dialog.set_dry_run(dry_run(3))
    dialog.activateWindow()
    first = dialog.scope.buttons[Scope.SELECTED]
    first.setFocus()
    passed = [dialog.focusWidget()]
    while True:
        qtbot.keyClick(dialog.focusWidget(), Qt.Key.Key_Tab)
        if dialog.focusWidget() in passed:
            break
        passed.append(dialog.focusWidget())
    places = [widget.mapTo(dialog, QPoint()) for widget in passed if widget is not None]
    left = [place.y() for place in places if place.x() < dialog.width() // 2]
    assert left == sorted(left)
    assert {dialog.source, dialog.detector, dialog.classes.search, dialog.classes.table} < set(passed)
    assert passed.index(dialog.classes.search) > passed.index(dialog.parameters.widget("duplicate_iou"))
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_it_fits_a_small_screen(dialog: AutoAnnotateDialog) -> None:
    dialog.set_detector_names(NAMES)
    dialog.set_downloaded(set())
    assert dialog.minimumSizeHint().width() <= 1200
    assert dialog.minimumSizeHint().height() <= 640
    assert dialog.height() <= 680


def test_classes_are_searched_by_name_or_id(dialog: AutoAnnotateDialog, qtbot: QtBot) -> None:
    dialog.set_detector_names(NAMES)
    table = dialog.classes.table
    qtbot.keyClicks(dialog.classes.search, "BUS, 0")
    shown = [table.model().index(row, 0).data() for row in range(table.model().rowCount())]
    assert shown == ["person", "bus"]
    assert dialog.classes.count.text() == "4 of 4 classes  ·  2 listed"
    click(qtbot, dialog.classes.none_button)
    assert dialog.plan().classes == (1, 2), "those not listed stay"
    check(dialog, qtbot, 1)
    assert dialog.plan().classes == (1, 2, 3)
    qtbot.keyClick(dialog.classes.search, Qt.Key.Key_Escape)
    assert dialog.isVisible(), "the first Esc empties the field"
    assert table.model().rowCount() == 4


def edit_cell(dialog: AutoAnnotateDialog, qtbot: QtBot, row: int, column: int, text: str) -> None:
    """Double-clicks a cell of the class table and types into its editor."""
    table = dialog.classes.table
    point = table.visualRect(table.model().index(row, column)).center()
    click(qtbot, table.viewport(), point)
    qtbot.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=point)
    editor = next(e for e in table.viewport().findChildren(QLineEdit) if e.isVisible())
    editor.selectAll()
    if text:
        qtbot.keyClicks(editor, text)
    else:
        qtbot.keyClick(editor, Qt.Key.Key_Delete)
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: table.state() == QAbstractItemView.State.NoState)


def test_a_class_has_a_minimum_confidence_of_its_own(dialog: AutoAnnotateDialog, qtbot: QtBot) -> None:
    dialog.set_detector_names(NAMES)
    cell = dialog.classes.table.model().index(2, 2)
    assert cell.data() == "0.25", "that of the run"
    dialog.parameters.widget("conf").setValue(0.3)  # type: ignore[attr-defined]
    assert cell.data() == "0.30"
    edit_cell(dialog, qtbot, 2, 2, "60%")
    assert cell.data() == "0.60"
    assert dialog.plan().class_conf == (("car", 0.6),)
    edit_cell(dialog, qtbot, 2, 2, "7")
    assert dialog.plan().class_conf == (("car", 0.6),), "no confidence"
    edit_cell(dialog, qtbot, 2, 2, "")
    assert (cell.data(), dialog.plan().class_conf) == ("0.30", ())


def test_a_label_is_matched_whatever_its_letter_case(dialog: AutoAnnotateDialog) -> None:
    dialog.set_detector_names(("Person", "FAHRRAD", "car"))
    model = dialog.classes.table.model()
    labels = [model.index(row, 1) for row in range(3)]
    assert [label.data() for label in labels] == ["person", "Fahrrad", "car (new)"]
    assert "letter case" in labels[1].data(Qt.ItemDataRole.ToolTipRole)
    assert "if the run finds" in labels[2].data(Qt.ItemDataRole.ToolTipRole)
    assert dialog.plan().mapping == (), "the run matches it the same way"


def test_unchecked_classes_are_not_used(dialog: AutoAnnotateDialog, qtbot: QtBot) -> None:
    dialog.set_detector_names(NAMES)
    check(dialog, qtbot, 1)
    check(dialog, qtbot, 2)
    assert dialog.plan().classes == (0, 3)
    assert dialog.classes.count.text() == "2 of 4 classes"
    check(dialog, qtbot, 1)
    check(dialog, qtbot, 2)
    assert dialog.plan().classes is None


def test_no_class_at_all_cannot_start(dialog: AutoAnnotateDialog, qtbot: QtBot) -> None:
    dialog.set_detector_names(NAMES)
    dialog.set_dry_run(dry_run(3))
    click(qtbot, dialog.classes.none_button)
    assert dialog.summary.text() == "Choose at least one class."
    assert not dialog.start_button.isEnabled()
    click(qtbot, dialog.policies["add"])  # requests no count of an invalid plan
    click(qtbot, dialog.policies["skip"])
    dialog.set_dry_run(dry_run(3))
    click(qtbot, dialog.classes.all_button)
    assert dialog.start_button.isEnabled()


def test_a_class_can_become_another_label(dialog: AutoAnnotateDialog, qtbot: QtBot) -> None:
    dialog.set_detector_names(NAMES)
    table = dialog.classes.table
    cell = table.model().index(1, 1)
    assert [table.model().index(i, 1).data() for i in (0, 1)] == ["person", "bicycle (new)"]
    point = table.visualRect(cell).center()
    click(qtbot, table.viewport(), point)
    qtbot.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=point)
    editor = table.findChild(QComboBox)
    assert isinstance(editor, QComboBox)
    offered = [editor.itemText(i) for i in range(editor.count())]
    assert offered[:2] == ["person", "Fahrrad"], "existing labels come first"
    line = editor.lineEdit()
    assert line is not None
    line.selectAll()
    qtbot.keyClicks(line, "Fahrrad")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: cell.data() == "Fahrrad")
    assert dialog.plan().mapping == (("bicycle", "Fahrrad"),)
    assert dialog.plan().classes is None


def test_another_detector_has_other_classes(dialog: AutoAnnotateDialog, qtbot: QtBot) -> None:
    dialog.set_detector_names(NAMES)
    check(dialog, qtbot, 0)
    dialog.detector.setCurrentText("yolo11m.pt")
    plan = dialog.plan()
    assert (plan.det_model, plan.classes, plan.mapping) == ("yolo11m.pt", None, ())
    assert dialog.classes.show_button.isVisible()


def test_no_detector_cannot_start(dialog: AutoAnnotateDialog, qtbot: QtBot) -> None:
    dialog.set_dry_run(dry_run(3))
    dialog.detector.setFocus()
    line = dialog.detector.lineEdit()
    assert line is not None
    line.selectAll()
    qtbot.keyClick(line, Qt.Key.Key_Backspace)
    assert dialog.summary.text() == "Choose a detector."
    assert not dialog.start_button.isEnabled()


def test_files_can_be_chosen(dialog: AutoAnnotateDialog, qtbot: QtBot) -> None:
    for button, path in ((dialog.detector_browse, "/data/det.pt"), (dialog.sam_browse, "/data/sam.pt")):
        click(qtbot, button)
        picker = next(p for p in dialog.findChildren(QFileDialog) if p.isVisible())
        picker.fileSelected.emit(path)
        picker.close()
    plan = dialog.plan()
    assert (plan.det_model, plan.sam_model) == ("/data/det.pt", "/data/sam.pt")
    assert dialog.sam.currentText() == "sam.pt"


def test_models_to_download_are_named(dialog: AutoAnnotateDialog) -> None:
    assert not dialog.note.isVisible()
    dialog.set_plan(AutoAnnotatePlan(det_model="yolo11n.pt", sam_model="mobile_sam.pt"))
    dialog.set_downloaded({"yolo11n.pt"})
    assert dialog.note.text() == "To be downloaded first: MobileSAM (41 MB)."
    dialog.set_downloaded({"yolo11n.pt", "mobile_sam.pt"})
    assert not dialog.note.isVisible()


def test_a_predictor_given_by_its_path_is_found(dialog: AutoAnnotateDialog) -> None:
    path = places.weights() / "mobile_sam.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"weights")
    dialog.set_plan(AutoAnnotatePlan(sam_model=str(path)))
    assert dialog.sam.currentText() == "MobileSAM"
    dialog.set_plan(AutoAnnotatePlan(sam_model="/my/own/mobile_sam.pt"))
    assert dialog.plan().sam_model == "/my/own/mobile_sam.pt"
