"""The annotation panel, driven with real mouse and key events."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, AnnotationId, Source
from samdesk.domain.document import ImageDocument, ImageKey, diff
from samdesk.domain.geometry.regions import from_box
from samdesk.domain.labels import LabelSet
from samdesk.domain.review import AnnotationReview
from samdesk.ui.annotations.model import SOURCE_TEXTS
from samdesk.ui.annotations.panel import AnnotationsPanel
from samdesk.ui.editing.marks import score_text
from samdesk.ui.kit.theme import current_tokens, style_sheet

LABELS = LabelSet.from_names(["person", "bus", "dog"])


def annotation(number: int, **more: object) -> Annotation:
    label = LABELS.labels[number % 3].id
    made = Annotation(AnnotationId(f"a{number}"), label, from_box(0, 0, 10 + number, 10))
    return replace(made, **more)  # type: ignore[arg-type]


def document(count: int = 4) -> ImageDocument:
    annotations = [annotation(i) for i in range(count)]
    if count > 1:
        annotations[1] = annotation(
            1, source=Source.YOLO_SAM, review=AnnotationReview.PENDING, detector_score=0.934, mask_score=0.8
        )
    return ImageDocument(ImageKey("a.jpg"), 640, 480, tuple(annotations))


@pytest.fixture
def panel(qtbot: QtBot) -> AnnotationsPanel:
    panel = AnnotationsPanel()
    qtbot.addWidget(panel)
    panel.resize(280, 300)
    panel.set_document(document(), LABELS)
    with qtbot.waitExposed(panel):
        panel.show()
    return panel


def ids(*numbers: int) -> frozenset[AnnotationId]:
    return frozenset(AnnotationId(f"a{n}") for n in numbers)


def row_of(panel: AnnotationsPanel, number: int) -> int:
    """Row of annotation ``number``: the top one comes first."""
    return panel.view.model().rowCount() - 1 - number


def point(panel: AnnotationsPanel, number: int, x: int = 90) -> QPoint:
    rect = panel.view.visualRect(panel.view.model().index(row_of(panel, number), 0))
    return QPoint(rect.left() + x, rect.center().y())


def click(
    panel: AnnotationsPanel,
    qtbot: QtBot,
    number: int,
    x: int = 90,
    modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
) -> None:
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, modifier, point(panel, number, x))


def selected(panel: AnnotationsPanel) -> set[int]:
    return {panel.view.model().rowCount() - 1 - i.row() for i in panel.view.selectionModel().selectedRows()}


@pytest.mark.parametrize(
    ("score", "text"),
    [(None, ""), (0.934, "0.93"), (0.999, "1.00"), (1.02, "1.00"), (0.05, "0.05"), (0.0, "0.00")],
)
def test_score_text(score: float | None, text: str) -> None:
    assert score_text(score) == text


def test_rows_show_label_source_score_and_review(panel: AnnotationsPanel) -> None:
    model = panel.view.model()
    assert [model.index(row_of(panel, i), 0).data() for i in range(4)] == ["person", "bus", "dog", "person"]
    tip = model.index(row_of(panel, 1), 0).data(Qt.ItemDataRole.ToolTipRole)
    assert tip.splitlines() == [
        "bus",
        "made by auto-annotate",
        "detector score 0.934",
        "mask score (predicted IoU) 0.800",
        "to review",
    ]
    assert panel.count.text() == "4 annotations · 1 to review"


def test_every_source_has_a_badge_of_its_own() -> None:
    assert {source: badge for source, (badge, _) in SOURCE_TEXTS.items()} == {
        Source.MANUAL: "manual",
        Source.SAM: "prompt",
        Source.YOLO_SAM: "auto",
        Source.IMPORT: "imported",
        Source.CARRIED: "carried",
    }


def test_a_pending_annotation_has_a_dot(panel: AnnotationsPanel) -> None:
    before = panel.view.viewport().grab().toImage()
    panel.set_document(edits.accept_image(document()).apply(document())[0], LABELS)
    after = panel.view.viewport().grab().toImage()
    rects = [panel.view.visualRect(panel.view.model().index(row_of(panel, i), 0)) for i in (0, 1)]
    assert before.copy(rects[0]) == after.copy(rects[0])
    assert before.copy(rects[1]) != after.copy(rects[1])
    assert panel.count.text() == "4 annotations"


def test_a_click_selects_and_ctrl_click_adds(panel: AnnotationsPanel, qtbot: QtBot) -> None:
    with qtbot.waitSignal(panel.selection_changed) as emitted:
        click(panel, qtbot, 2)
    assert emitted.args == [ids(2)]
    with qtbot.waitSignal(panel.selection_changed) as emitted:
        click(panel, qtbot, 0, modifier=Qt.KeyboardModifier.ControlModifier)
    assert emitted.args == [ids(0, 2)]
    with qtbot.waitSignal(panel.selection_changed) as emitted:
        qtbot.keyClick(panel.view, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert emitted.args == [ids(0, 1, 2, 3)]


def test_the_selection_of_the_canvas_is_shown_without_a_signal(panel: AnnotationsPanel, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(panel.selection_changed):
        panel.set_selection(ids(0, 1, 3))
    assert selected(panel) == {0, 1, 3}
    with qtbot.assertNotEmitted(panel.selection_changed):
        panel.set_selection(())
    assert selected(panel) == set()


def test_selecting_annotations_without_a_row_emits_nothing(panel: AnnotationsPanel, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(panel.selection_changed):
        panel.set_selection(ids(1, 77))
    assert selected(panel) == {1}


def test_a_controller_that_sets_the_selection_again_makes_no_loop(
    panel: AnnotationsPanel, qtbot: QtBot
) -> None:
    emitted: list[object] = []
    panel.selection_changed.connect(emitted.append)
    panel.selection_changed.connect(panel.set_selection)
    click(panel, qtbot, 3)
    assert emitted == [ids(3)]
    assert selected(panel) == {3}


def test_the_selection_stays_when_other_annotations_are_added_and_removed(
    panel: AnnotationsPanel, qtbot: QtBot
) -> None:
    panel.set_selection(ids(1, 2))
    before = document()
    after = edits.remove(ids(2)).apply(before)[0]
    after = edits.add([annotation(9)]).apply(after)[0]
    with qtbot.assertNotEmitted(panel.selection_changed):
        panel.set_document(after, LABELS, diff(before, after))
    assert panel.selection == ids(1)
    assert [i.data() for i in panel.view.selectionModel().selectedRows()] == ["bus"]


def test_a_relabel_shows_at_once(panel: AnnotationsPanel) -> None:
    panel.set_selection(ids(0))
    before = document()
    after = edits.relabel(before, ids(0), LABELS.labels[2].id).apply(before)[0]
    panel.set_document(after, LABELS, diff(before, after))
    assert panel.view.model().index(row_of(panel, 0), 0).data() == "dog"
    assert selected(panel) == {0}


def test_the_eye_hides_and_does_not_select(panel: AnnotationsPanel, qtbot: QtBot) -> None:
    with (
        qtbot.assertNotEmitted(panel.selection_changed),
        qtbot.waitSignal(panel.visibility_changed) as emitted,
    ):
        click(panel, qtbot, 2, x=19)
    assert emitted.args == [ids(2)]
    assert panel.count.text() == "4 annotations · 1 to review · 1 hidden"
    with qtbot.waitSignal(panel.visibility_changed) as emitted:
        click(panel, qtbot, 2, x=19)
    assert emitted.args == [frozenset()]


def test_the_eye_of_a_selected_row_hides_the_selection(panel: AnnotationsPanel, qtbot: QtBot) -> None:
    panel.set_selection(ids(0, 3))
    with qtbot.waitSignal(panel.visibility_changed) as emitted:
        click(panel, qtbot, 3, x=19)
    assert emitted.args == [ids(0, 3)]


def test_hide_all_and_show_all(panel: AnnotationsPanel, qtbot: QtBot) -> None:
    assert panel.toggle_all.text() == "Hide all"
    with qtbot.waitSignal(panel.visibility_changed) as emitted:
        qtbot.mouseClick(panel.toggle_all, Qt.MouseButton.LeftButton)
    assert emitted.args == [ids(0, 1, 2, 3)]
    assert panel.toggle_all.text() == "Show all"
    with qtbot.waitSignal(panel.visibility_changed) as emitted:
        qtbot.mouseClick(panel.toggle_all, Qt.MouseButton.LeftButton)
    assert emitted.args == [frozenset()]


def test_double_click_reopens(panel: AnnotationsPanel, qtbot: QtBot) -> None:
    click(panel, qtbot, 1)
    with qtbot.waitSignal(panel.reopen_requested) as emitted:
        qtbot.mouseDClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=point(panel, 1))
    assert emitted.args == [AnnotationId("a1")]


def test_double_click_on_the_eye_only_toggles(panel: AnnotationsPanel, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(panel.reopen_requested):
        qtbot.mouseDClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=point(panel, 1, 19))
    assert panel.hidden == frozenset(), "closed and opened again"


def test_the_relabel_menu_lists_the_labels_and_relabels_the_selection(
    panel: AnnotationsPanel, qtbot: QtBot
) -> None:
    panel.set_selection(ids(1, 2))
    labels = panel.relabel_menu.actions()
    assert [a.text() for a in labels] == ["person", "bus", "dog"]
    with qtbot.waitSignal(panel.relabel_requested) as emitted:
        labels[2].trigger()
    assert emitted.args == [ids(1, 2), LABELS.labels[2].id]
    panel.set_document(document(), LabelSet.from_names(["cat & co"]))
    assert [a.text() for a in panel.relabel_menu.actions()] == ["cat && co"]


def test_a_label_is_found_in_the_relabel_menu_by_typing(panel: AnnotationsPanel, qtbot: QtBot) -> None:
    many = LabelSet.from_names([f"class {i}" for i in range(90)] + ["pot", "potted plant", "tie"])
    panel.set_document(document(), many)
    panel.set_selection(ids(1))
    menu = panel.relabel_menu
    menu.setStyleSheet(style_sheet(current_tokens()))
    menu.popup(QPoint(0, 0))
    assert menu.height() <= menu.screen().geometry().height()
    assert menu.actionGeometry(menu.actions()[-1]).left() == menu.actionGeometry(menu.actions()[0]).left()
    QTest.keyClicks(menu, "pot")
    assert menu.activeAction().text() == "pot"
    QTest.keyClicks(menu, "ted p")
    assert menu.activeAction().text() == "potted plant"
    with qtbot.waitSignal(panel.relabel_requested) as emitted:
        QTest.keyClick(menu, Qt.Key.Key_Return)
    assert emitted.args == [ids(1), many.labels[91].id]
    assert not menu.isVisible()


def test_the_selection_is_hidden_and_shown_as_one(panel: AnnotationsPanel, qtbot: QtBot) -> None:
    panel.set_selection(ids(1, 2))
    assert not panel.selection_hidden
    panel.toggle_selected()
    assert panel.hidden == ids(1, 2)
    assert panel.selection_hidden
    panel.set_selection(ids(1, 2, 3))
    assert not panel.selection_hidden
    panel.set_selection(ids(1, 2))
    with qtbot.waitSignal(panel.visibility_changed) as emitted:
        panel.toggle_selected()
    assert emitted.args == [frozenset()]


def test_a_right_click_requests_the_context_menu(panel: AnnotationsPanel, qtbot: QtBot) -> None:
    with qtbot.waitSignal(panel.menu_requested) as emitted:
        panel.view.customContextMenuRequested.emit(point(panel, 2))
    assert emitted.args == [panel.view.viewport().mapToGlobal(point(panel, 2))]
    panel.set_document(None, LABELS)
    with qtbot.assertNotEmitted(panel.menu_requested):
        panel.view.customContextMenuRequested.emit(QPoint(5, 5))


def test_an_empty_list_shows_a_hint(panel: AnnotationsPanel) -> None:
    panel.set_document(ImageDocument(ImageKey("b.jpg"), 10, 10), LABELS)
    assert "No annotations yet" in panel.view.hint
    assert not panel.toggle_all.isVisible()
    panel.set_document(None, LABELS)
    assert panel.view.hint == "No image is open."


def test_two_thousand_rows_are_shown_in_half_a_second(panel: AnnotationsPanel) -> None:
    big = document(2000)
    start = perf_counter()
    panel.set_document(big, LABELS)
    panel.set_selection(a.id for a in big.annotations)
    panel.view.viewport().repaint()
    assert perf_counter() - start < 0.5
    assert len(panel.view.selectionModel().selectedRows()) == 2000
