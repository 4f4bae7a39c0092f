"""Groups of labels by name prefix, and hiding labels, with real events."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from samdesk.domain.labels import LabelSet
from samdesk.ui.labels.groups import GroupRow, label_rows, prefix
from samdesk.ui.labels.panel import LabelsPanel
from tests.helpers.desk import CONTROL, SHIFT, User

NAMES = ("car/red", "dog", "car.blue", "car", "tree_oak", "tree_elm", "_odd", "cat_1")


@pytest.fixture
def labels() -> LabelSet:
    return LabelSet.from_names(NAMES)


@pytest.fixture
def panel(qtbot: QtBot, labels: LabelSet) -> LabelsPanel:
    panel = LabelsPanel()
    qtbot.addWidget(panel)
    panel.resize(280, 420)
    panel.set_labels(labels, {labels.labels[0].id: 5, labels.labels[2].id: 7})
    with qtbot.waitExposed(panel):
        panel.show()
    return panel


def shown(panel: LabelsPanel) -> list[str]:
    model = panel.view.model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def at(panel: LabelsPanel, row: int, right: int = 0) -> QPoint:
    rect = panel.view.visualRect(panel.view.model().index(row, 0))
    return QPoint(rect.right() - right, rect.center().y()) if right else rect.center()


def press(panel: LabelsPanel, qtbot: QtBot, point: QPoint) -> None:
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=point)


@pytest.mark.parametrize(
    ("name", "group"),
    [("car/red", "car"), ("a.b.c", "a"), ("tree_oak", "tree"), ("x: y", "x"), ("x:y", "x"), ("dog", ""),
     ("_odd", ""), ("end_", ""), ("traffic light", ""), ("3.5 mm", "3")],
)  # fmt: skip
def test_the_prefix_ends_at_the_first_separator(name: str, group: str) -> None:
    assert prefix(name) == group


def test_labels_that_begin_alike_stand_together_where_the_first_one_is(panel: LabelsPanel) -> None:
    assert shown(panel) == [
        "car", "car/red", "car.blue", "car", "dog", "tree", "tree_oak", "tree_elm", "_odd", "cat_1",
    ]  # fmt: skip
    tip = panel.view.model().index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert tip.startswith("car: 3 labels, 12 annotations"), "the group's counts are added up"


def test_every_label_has_its_row_whatever_the_groups(labels: LabelSet) -> None:
    for grouped in (True, False):
        rows = label_rows(labels, (), grouped=grouped)
        ids = [row.class_id for row in rows if not isinstance(row, GroupRow)]
        assert sorted(ids) == list(range(len(NAMES)))
    assert ids == list(range(len(NAMES))), "without groups in class order"


def test_a_click_collapses_a_group_and_chooses_nothing(
    panel: LabelsPanel, labels: LabelSet, qtbot: QtBot
) -> None:
    panel.set_current(labels.labels[2].id)
    with qtbot.assertNotEmitted(panel.current_changed), qtbot.waitSignal(panel.collapsed_changed) as emitted:
        press(panel, qtbot, at(panel, 0))
    assert emitted.args == [frozenset({"car"})]
    assert shown(panel)[:3] == ["car", "dog", "tree"]
    assert panel.current == labels.labels[2].id
    press(panel, qtbot, at(panel, 0))
    assert shown(panel)[:3] == ["car", "car/red", "car.blue"]


def test_left_and_right_collapse_and_expand_and_enter_chooses(
    panel: LabelsPanel, labels: LabelSet, qtbot: QtBot
) -> None:
    panel.view.setFocus()
    press(panel, qtbot, at(panel, 2))
    qtbot.keyClick(panel.view, Qt.Key.Key_Left)
    assert shown(panel)[:2] == ["car", "dog"]
    panel.set_labels(labels, {})  # new counts leave the keyboard where it is
    qtbot.keyClick(panel.view, Qt.Key.Key_Right)
    assert shown(panel)[1] == "car/red"
    qtbot.keyClick(panel.view, Qt.Key.Key_Down)
    with qtbot.waitSignal(panel.label_clicked) as emitted:
        qtbot.keyClick(panel.view, Qt.Key.Key_Return)
    assert emitted.args == [labels.labels[0].id]


def test_dropping_on_a_group_row_means_its_first_label(
    panel: LabelsPanel, labels: LabelSet, qtbot: QtBot
) -> None:
    model = panel.view.model()
    mime = model.mimeData([model.index(9, 0)])  # cat_1, class id 7
    with qtbot.waitSignal(panel.move_requested) as emitted:
        model.dropMimeData(mime, Qt.DropAction.MoveAction, 5, 0, model.index(-1, -1))
    assert emitted.args == [labels.labels[7].id, 4], "before tree, whose first class id is 4"


def test_the_eye_hides_a_label_and_a_whole_group(panel: LabelsPanel, labels: LabelSet, qtbot: QtBot) -> None:
    ids = [label.id for label in labels]
    with qtbot.waitSignal(panel.hidden_changed) as emitted:
        press(panel, qtbot, at(panel, 0, right=12))
    assert emitted.args == [frozenset({ids[0], ids[2], ids[3]})]
    assert panel.hidden_text.text() == "3 labels hidden"
    assert panel.hidden_text.isVisible()
    press(panel, qtbot, at(panel, 1, right=12))
    assert panel.hidden == {ids[2], ids[3]}, "one of them is shown again"
    qtbot.mouseClick(panel.show_all, Qt.MouseButton.LeftButton)
    assert panel.hidden == frozenset()
    assert not panel.hidden_text.isVisible()


def test_hidden_labels_leave_the_canvas_and_groups_stay_collapsed(user: User) -> None:
    user.add_labels("car/red", "car/blue", "dog")
    first = user.draw(80, 80, Qt.Key.Key_1)
    second = user.draw(240, 160, Qt.Key.Key_3)
    panel, canvas = user.desk.view.labels, user.canvas
    place = first.region.representative_point()
    assert canvas.annotations_at(place.x, place.y) == [first.id]
    press(panel, user.qtbot, at(panel, 0, right=12))  # the group "car"
    assert canvas.annotations_at(place.x, place.y) == []
    elsewhere = second.region.representative_point()
    assert canvas.annotations_at(elsewhere.x, elsewhere.y) == [second.id]
    assert "1 hidden" in user.desk.view.annotations.count.text()
    third = user.draw(80, 200, Qt.Key.Key_1)
    assert canvas.shape(third.id) is not None, "what is drawn with a hidden label is shown"
    assert panel.hidden == {user.desk.session.model.labels.labels[1].id}
    user.key(Qt.Key.Key_H, CONTROL | SHIFT)
    press(panel, user.qtbot, at(panel, 0))
    user.until_saved()
    folder = user.desk.flows.files.info.folder  # type: ignore[union-attr]
    user.open(folder)
    user.until(lambda: not panel.hidden)
    user.until(lambda: shown(panel) == ["car", "dog"])
