"""Exports from the window: the dialog, the job, the report, whose rows lead to the annotations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from samdesk.ui.exporting.dialog import ExportDialog
from samdesk.ui.exporting.labels_table import COUNT, TARGET
from samdesk.ui.exporting.report_dialog import ExportReportDialog
from tests.exchange.exporting.small_format import SMALL
from tests.helpers.desk import CONTROL, SHIFT, User
from tests.ui.search.test_search import found, search

__all__ = ["found"]


@pytest.fixture
def dialog(found: User) -> ExportDialog:
    """The dialog of a dataset with two labels with three annotations each."""
    found.desk.flows.data.exporting.formats = lambda: (SMALL,)
    found.key(Qt.Key.Key_E, CONTROL | SHIFT)
    shown = found.desk.flows.data.exporting.dialog
    assert shown is not None
    found.until(lambda: shown.labels.rowCount() == 2 and shown.labels.item(0, COUNT).text() == "3")
    return shown


def _export(user: User, dialog: ExportDialog, out: Path) -> ExportReportDialog:
    dialog.folder.setText(str(out))
    assert dialog.start_button.isEnabled(), dialog.summary.text()
    before = user.desk.flows.data.exporting.report
    QTest.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    user.until(lambda: user.desk.flows.data.exporting.report not in (None, before))
    return cast(ExportReportDialog, user.desk.flows.data.exporting.report)


def test_labels_are_merged_and_a_row_of_the_report_shows_its_annotation(
    found: User, dialog: ExportDialog, tmp_path: Path
) -> None:
    assert dialog.scopes["all"].text() == "All images (4)"
    assert not dialog.scopes["search"].isEnabled()
    dialog.labels.item(1, TARGET).setText("cat")
    assert dialog.summary.text() == "4 images will be exported as Small, with a report on each annotation."

    report = _export(found, dialog, tmp_path / "out")

    assert (tmp_path / "out" / "names.txt").read_text() == "cat"
    assert "6 annotations" in report.report.summary
    item = report.list.topLevelItem(report.list.topLevelItemCount() - 1)
    assert item is not None
    key, annotation = item.data(0, Qt.ItemDataRole.UserRole)
    report.list.itemClicked.emit(item, 0)
    found.until(lambda: found.shown == key)
    found.until(lambda: annotation in found.desk.flows.tools.selection)
    report.close()


def test_the_result_of_a_search_is_exported_and_an_earlier_export_replaced(
    found: User, tmp_path: Path
) -> None:
    search(found, "class:cat")
    exporting = found.desk.flows.data.exporting
    exporting.formats = lambda: (SMALL,)
    for asked in (False, True):
        found.key(Qt.Key.Key_E, CONTROL | SHIFT)
        dialog = cast(ExportDialog, exporting.dialog)
        found.until(lambda d=dialog: d.scopes["search"].isEnabled() and d.labels.rowCount() == 2)  # type: ignore[misc]
        dialog.scopes["search"].click()
        found.answers.confirm = True
        report = _export(found, dialog, tmp_path / "out")
        assert any("Replace the export" in text for text in found.answers.asked) is asked
    values = json.loads((tmp_path / "out" / "export-report.json").read_text())
    assert values["plan"]["search"] == "class:cat"
    assert 0 < values["images_in"] < 4
    report.close()


def test_presets_are_saved_and_taken(dialog: ExportDialog, found: User) -> None:
    dialog.images.size.setCurrentIndex(2)
    dialog.images.pixels.setValue(512)
    dialog.states["accepted"].click()
    dialog.save_name.setText("tiles")
    dialog.save_button.click()
    assert dialog.preset.currentText() == "tiles"
    dialog.images.size.setCurrentIndex(0)
    dialog.preset.setCurrentIndex(0)
    dialog.preset.setCurrentIndex(1)
    assert dialog.plan().tile == 512
    assert dialog.plan().states == "accepted"
    dialog.delete_button.click()
    assert dialog.preset.count() == 1
    dialog.reject()


def test_problems_are_named_before_anything_starts(dialog: ExportDialog, found: User) -> None:
    info = found.desk.flows.files.info
    assert info is not None
    dialog.folder.setText(str(info.folder / "out"))
    assert "outside the dataset" in dialog.summary.text()
    dialog.none_button.click()
    assert dialog.summary.text() == "Check at least one label."
    assert not dialog.start_button.isEnabled()
    dialog.reject()
