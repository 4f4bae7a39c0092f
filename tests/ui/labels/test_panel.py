"""The label panel, driven with real mouse and key events."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QLineEdit
from pytestqt.qtbot import QtBot

from samdesk.domain.labels import LabelId, LabelSet
from samdesk.ui.labels.panel import LabelsPanel

NAMES = ("person", "bus", "traffic light")


@pytest.fixture
def labels() -> LabelSet:
    return LabelSet.from_names(NAMES)


@pytest.fixture
def panel(qtbot: QtBot, labels: LabelSet) -> LabelsPanel:
    panel = LabelsPanel()
    qtbot.addWidget(panel)
    panel.resize(260, 320)
    panel.set_labels(labels, {labels.labels[0].id: 1234})
    with qtbot.waitExposed(panel):
        panel.show()
    return panel


def center(panel: LabelsPanel, row: int) -> QPoint:
    return panel.view.visualRect(panel.view.model().index(row, 0)).center()


def swatch(panel: LabelsPanel, row: int) -> QPoint:
    rect = panel.view.visualRect(panel.view.model().index(row, 0))
    return QPoint(rect.left() + 46, rect.center().y())


def press(panel: LabelsPanel, qtbot: QtBot, point: QPoint) -> None:
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=point)


def test_rows_show_name_key_class_id_and_usage(panel: LabelsPanel) -> None:
    model = panel.view.model()
    assert [model.index(i, 0).data() for i in range(model.rowCount())] == list(NAMES)
    tip = model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert tip == "person\nclass id 0, key 1, 1,234 annotations"
    assert "not used" in model.index(1, 0).data(Qt.ItemDataRole.ToolTipRole)


def test_the_swatch_has_the_labels_colour(panel: LabelsPanel, labels: LabelSet) -> None:
    picture = panel.view.viewport().grab().toImage()
    for row, label in enumerate(labels):
        assert picture.pixelColor(swatch(panel, row)) == QColor(label.color)


def test_a_click_makes_a_label_current(panel: LabelsPanel, labels: LabelSet, qtbot: QtBot) -> None:
    with qtbot.waitSignal(panel.current_changed) as emitted:
        press(panel, qtbot, center(panel, 1))
    assert emitted.args == [labels.labels[1].id]
    assert panel.current == labels.labels[1].id


def test_setting_the_current_label_selects_it_without_a_signal(
    panel: LabelsPanel, labels: LabelSet, qtbot: QtBot
) -> None:
    before = panel.view.viewport().grab().toImage()
    with qtbot.assertNotEmitted(panel.current_changed):
        panel.set_current(labels.labels[2].id)
    edge = QPoint(1, center(panel, 2).y())
    accent = panel.palette().highlight().color()
    assert before.pixelColor(edge) != accent
    assert panel.view.viewport().grab().toImage().pixelColor(edge) == accent


def test_the_current_label_survives_a_new_label_set(
    panel: LabelsPanel, labels: LabelSet, qtbot: QtBot
) -> None:
    bus = labels.labels[1].id
    panel.set_current(bus)
    with qtbot.assertNotEmitted(panel.current_changed):
        panel.set_labels(labels.add("dog").move(bus, 3))
    assert panel.current == bus
    assert [i.row() for i in panel.view.selectionModel().selectedRows()] == [3]
    panel.set_labels(labels.remove(bus))
    assert panel.current is None
    assert not panel.view.selectionModel().hasSelection()


def test_a_click_on_the_swatch_requests_a_colour_and_selects_nothing(
    panel: LabelsPanel, labels: LabelSet, qtbot: QtBot
) -> None:
    panel.set_current(labels.labels[0].id)
    with qtbot.assertNotEmitted(panel.current_changed), qtbot.waitSignal(panel.recolor_requested) as emitted:
        press(panel, qtbot, swatch(panel, 2))
    assert emitted.args == [labels.labels[2].id]
    assert panel.current == labels.labels[0].id


def test_pressing_the_swatch_and_releasing_elsewhere_requests_nothing(
    panel: LabelsPanel, qtbot: QtBot
) -> None:
    viewport = panel.view.viewport()
    with qtbot.assertNotEmitted(panel.recolor_requested):
        qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=swatch(panel, 0))
        qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=center(panel, 1))


def test_a_name_and_enter_add_a_label(panel: LabelsPanel, qtbot: QtBot) -> None:
    qtbot.keyClicks(panel.new_name, "  stop   sign ")
    with qtbot.waitSignal(panel.add_requested) as emitted:
        qtbot.keyClick(panel.new_name, Qt.Key.Key_Return)
    assert emitted.args == ["stop sign"]
    assert panel.new_name.text() == ""


def test_an_empty_name_adds_nothing(panel: LabelsPanel, qtbot: QtBot) -> None:
    panel.new_name.setFocus()
    with qtbot.assertNotEmitted(panel.add_requested):
        qtbot.keyClick(panel.new_name, Qt.Key.Key_Return)
    assert panel.new_name.text() == ""


def rename(panel: LabelsPanel, qtbot: QtBot, name: str) -> None:
    editor = panel.view.findChild(QLineEdit)
    assert isinstance(editor, QLineEdit)
    editor.selectAll()
    qtbot.keyClicks(editor, name)
    qtbot.keyClick(editor, Qt.Key.Key_Return)


def test_double_click_renames_in_place(panel: LabelsPanel, labels: LabelSet, qtbot: QtBot) -> None:
    press(panel, qtbot, center(panel, 1))
    qtbot.mouseDClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=center(panel, 1))
    with qtbot.waitSignal(panel.rename_requested) as emitted:
        rename(panel, qtbot, "coach")
    assert emitted.args == [labels.labels[1].id, "coach"]
    assert panel.view.model().index(1, 0).data() == "bus", "only the controller renames"


@pytest.mark.parametrize("added", [(), ("added by a run",)])
def test_new_counts_and_labels_leave_a_name_that_is_being_typed(
    panel: LabelsPanel, labels: LabelSet, qtbot: QtBot, added: tuple[str, ...]
) -> None:
    grown = labels.extended(added)
    panel.set_current(labels.labels[1].id)
    panel.rename_current()
    (editor,) = panel.view.viewport().findChildren(QLineEdit)
    assert editor.selectedText() == labels.labels[1].name
    panel.set_labels(grown, {labels.labels[1].id: 3})
    assert editor.selectedText() == labels.labels[1].name
    qtbot.keyClicks(editor, "coa")
    panel.set_labels(grown, {labels.labels[1].id: 4})
    qtbot.keyClicks(editor, "ch")
    with qtbot.waitSignal(panel.rename_requested) as emitted:
        qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert emitted.args == [labels.labels[1].id, "coach"]


def test_the_same_name_requests_nothing(panel: LabelsPanel, qtbot: QtBot) -> None:
    press(panel, qtbot, center(panel, 0))
    with qtbot.assertNotEmitted(panel.rename_requested):
        panel.rename_current()
        rename(panel, qtbot, "person")


def drop(panel: LabelsPanel, row: int, before: QPoint) -> None:
    mime: QMimeData = panel.view.model().mimeData([panel.view.model().index(row, 0)])
    move, left, plain = Qt.DropAction.MoveAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    viewport = panel.view.viewport()
    QApplication.sendEvent(viewport, QDragEnterEvent(before, move, mime, left, plain))
    QApplication.sendEvent(viewport, QDragMoveEvent(before, move, mime, left, plain))
    QApplication.sendEvent(viewport, QDropEvent(QPointF(before), move, mime, left, plain))


@pytest.mark.parametrize(
    ("row", "before", "target"), [(2, 0, 0), (0, 2, 1), (2, 1, 1)], ids=["to the top", "down", "up"]
)
def test_a_drop_requests_a_move_and_moves_nothing(
    panel: LabelsPanel, labels: LabelSet, qtbot: QtBot, row: int, before: int, target: int
) -> None:
    top = panel.view.visualRect(panel.view.model().index(before, 0)).topLeft() + QPoint(80, 1)
    with qtbot.waitSignal(panel.move_requested) as emitted:
        drop(panel, row, top)
    assert emitted.args == [labels.labels[row].id, target]
    assert panel.view.model().index(row, 0).data() == NAMES[row]


def test_dropping_below_the_last_row_moves_to_the_end(
    panel: LabelsPanel, labels: LabelSet, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(panel.move_requested) as emitted:
        drop(panel, 0, QPoint(80, 250))
    assert emitted.args == [labels.labels[0].id, 2]


def test_dropping_a_label_where_it_is_requests_nothing(panel: LabelsPanel, qtbot: QtBot) -> None:
    top = panel.view.visualRect(panel.view.model().index(2, 0)).topLeft() + QPoint(80, 1)
    with qtbot.assertNotEmitted(panel.move_requested):
        drop(panel, 1, top)


def test_the_current_label_is_moved_recoloured_and_removed(
    panel: LabelsPanel, labels: LabelSet, qtbot: QtBot
) -> None:
    press(panel, qtbot, center(panel, 0))
    with qtbot.waitSignal(panel.move_requested) as moved:
        panel.move_current(1)
    assert moved.args == [labels.labels[0].id, 1]
    assert (panel.can_move(-1), panel.can_move(1)) == (False, True)
    with qtbot.assertNotEmitted(panel.move_requested):
        panel.move_current(-1)
    with qtbot.waitSignal(panel.recolor_requested) as recolored:
        panel.recolor_current()
    assert recolored.args == [labels.labels[0].id]
    with qtbot.waitSignal(panel.remove_requested) as removed:
        panel.remove_current()
    assert removed.args == [labels.labels[0].id]


def test_read_only_labels_can_only_be_selected(panel: LabelsPanel, labels: LabelSet, qtbot: QtBot) -> None:
    panel.set_read_only(True)
    assert not panel.new_name.isEnabled()
    with qtbot.waitSignal(panel.current_changed):
        press(panel, qtbot, center(panel, 1))
    with (
        qtbot.assertNotEmitted(panel.recolor_requested),
        qtbot.assertNotEmitted(panel.remove_requested),
        qtbot.assertNotEmitted(panel.move_requested),
    ):
        press(panel, qtbot, swatch(panel, 1))
        panel.recolor_current()
        panel.remove_current()
        panel.move_current(1)
    panel.rename_current()
    assert not panel.view.viewport().findChildren(QLineEdit)


def test_an_empty_label_set_shows_a_hint(qtbot: QtBot) -> None:
    panel = LabelsPanel()
    qtbot.addWidget(panel)
    panel.set_labels(LabelSet())
    assert panel.view.hint == "No labels yet. Type a name below and press Enter."
    blank = panel.view.viewport().grab().toImage()
    panel.view.set_hint("")
    assert panel.view.viewport().grab().toImage() != blank, "the words are painted"


def test_an_unknown_label_has_no_row(panel: LabelsPanel) -> None:
    panel.set_current(LabelId("gone"))
    assert not panel.view.selectionModel().hasSelection()
