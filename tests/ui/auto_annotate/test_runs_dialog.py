"""The list of auto-annotate runs, driven with real events."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.dataset.runs.record import CARRY, RunCounts, RunInfo, RunLabel, RunModel, RunRecord
from samdesk.domain.annotation import RunId
from samdesk.domain.labels import Label, LabelId
from samdesk.ui.auto_annotate.runs_dialog import RunsDialog

PLAN = AutoAnnotatePlan(
    "yolo11n.pt", "mobile_sam.pt", conf=0.4, classes=(0, 16), class_conf=(("dog", 0.7),), existing="add"
)
RECORD = RunRecord(
    PLAN.parameters(),
    (
        RunModel("detector", "yolo11n.pt", "ab12", "cpu", "fp32"),
        RunModel("predictor", "mobile_sam.pt", "", "cuda:0", "fp16"),
    ),
)
RUNS = (
    RunInfo(
        RunId("r2"), "Auto-annotate", "interrupted", RECORD, 1_790_000_000.0, None, 75.0,
        RunCounts(todo=12, done=50, skipped=1, failed=1, annotations=1204),
        (RunLabel("dog", Label(LabelId("l1"), "dog", "#ff0000"), added=True),),
    ),
    RunInfo(
        RunId("r1"), "Auto-annotate", "done", RECORD, 1_780_000_000.0, None, 3.2,
        RunCounts(done=3, annotations=6),
    ),
    RunInfo(RunId("r0"), "Auto-annotate", "undone"),
)  # fmt: skip


@pytest.fixture
def dialog(qtbot: QtBot) -> RunsDialog:
    dialog = RunsDialog()
    qtbot.addWidget(dialog)
    dialog.set_runs(RUNS, RunId("r1"), idle=True)
    with qtbot.waitExposed(dialog):
        dialog.show()
    return dialog


def texts(dialog: RunsDialog, row: int) -> list[str]:
    item = dialog.list.topLevelItem(row)
    assert item is not None
    return [item.text(column) for column in range(dialog.list.columnCount())]


def choose(dialog: RunsDialog, qtbot: QtBot, row: int) -> None:
    item = dialog.list.topLevelItem(row)
    assert item is not None
    place = dialog.list.visualItemRect(item).center()
    qtbot.mouseClick(dialog.list.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_each_run_is_listed_with_its_numbers(dialog: RunsDialog) -> None:
    assert texts(dialog, 0)[1:] == [
        "Interrupted", "YOLO11n + MobileSAM", "64", "1,204", "1", "1", "75 s",
    ]  # fmt: skip
    assert texts(dialog, 0)[0].startswith("2026-09-2")
    assert texts(dialog, 1)[1:] == [
        "Finished", "YOLO11n + MobileSAM", "3", "6", "0", "0", "3.2 s",
    ]  # fmt: skip
    assert texts(dialog, 2) == ["–", "Undone", "–", "0", "0", "0", "0", "–"]


def test_a_carry_says_what_it_was(dialog: RunsDialog) -> None:
    record = RunRecord({"kind": CARRY, "from": "a.jpg", "to": "b.jpg"})
    carry = RunInfo(RunId("c"), "Carry", "done", record, 1.0, counts=RunCounts(done=1, annotations=1))
    dialog.set_runs([carry], RunId("c"), idle=True)
    assert texts(dialog, 0)[2:5] == ["Carried 1 object from a.jpg to b.jpg", "1", "1"]
    assert dialog.details.toPlainText() == "Carried 1 object from a.jpg to b.jpg"
    assert (dialog.undo.isEnabled(), dialog.review.isEnabled()) == (True, True)
    assert (dialog.again.isEnabled(), dialog.resume.isEnabled()) == (False, False)


def test_the_parameters_are_shown_in_full(dialog: RunsDialog, qtbot: QtBot) -> None:
    shown = dialog.details.toPlainText()
    for line in (
        "Model: yolo11n.pt on cpu, fp32, SHA-256 ab12",
        "Model: mobile_sam.pt on cuda:0, fp16",
        "Objects from: Detector and mask model",
        "If annotated already: Add what is missing",
        "Classes: 0, 16",
        "Minimum confidence: 0.4",
        "Minimum confidence by class: dog: 0.7",
        "Labels added: dog",
        "12 images left",
    ):
        assert line in shown.split("\n")
    choose(dialog, qtbot, 2)
    assert "older samdesk" in dialog.details.toPlainText()


@pytest.mark.parametrize(
    ("row", "enabled"),
    [(0, "review again resume failed"), (1, "review again undo"), (2, "")],
    ids=["interrupted", "done", "undone"],
)
def test_only_what_can_be_done_is_enabled(dialog: RunsDialog, qtbot: QtBot, row: int, enabled: str) -> None:
    choose(dialog, qtbot, row)
    buttons = ("review", "again", "resume", "undo", "failed")
    assert " ".join(name for name in buttons if getattr(dialog, name).isEnabled()) == enabled
    for name in enabled.split():
        requested = "failures" if name == "failed" else name
        with qtbot.waitSignal(getattr(dialog, f"{requested}_requested")) as told:
            qtbot.mouseClick(getattr(dialog, name), Qt.MouseButton.LeftButton)
        assert told.args == [RUNS[row]]
    dialog.set_runs(RUNS, RunId("r1"), idle=False)
    assert dialog.run == RUNS[row], "the chosen one stays"
    assert not any(getattr(dialog, name).isEnabled() for name in ("again", "resume", "undo"))


def test_no_run_at_all(qtbot: QtBot) -> None:
    dialog = RunsDialog()
    qtbot.addWidget(dialog)
    dialog.set_runs((), None, idle=True)
    assert "no auto-annotate run" in dialog.details.toPlainText()
