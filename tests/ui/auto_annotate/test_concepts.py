"""The dialog's table of labels, their words and their examples, driven with real events."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QAbstractItemView, QLineEdit, QSpinBox, QWidget
from pytestqt.qtbot import QtBot

from samdesk.batch.concepts import PlannedConcept, PlannedExample
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.domain.document import ImageKey
from samdesk.domain.labels import LabelSet
from samdesk.ui.auto_annotate.dialog import AutoAnnotateDialog
from tests.ui.auto_annotate.test_dialog import click, dry_run

LEFT = Qt.MouseButton.LeftButton
LABEL, WORDS, EXAMPLES = 0, 1, 2


def examples(count: int, first: int = 0) -> tuple[PlannedExample, ...]:
    return tuple(PlannedExample(f"{i}.png", (1.0, 2.0, 30.0, 40.0)) for i in range(first, first + count))


@pytest.fixture
def dialog(qtbot: QtBot) -> AutoAnnotateDialog:
    """Shows three labels, one of which has no example, of a model that understands words."""
    dialog = AutoAnnotateDialog(LabelSet.from_names(["apple", "traffic light", "sky"]))
    qtbot.addWidget(dialog)
    with qtbot.waitExposed(dialog):
        dialog.show()
    with qtbot.waitSignal(dialog.concepts_wanted) as asked:
        dialog.look_for_labels("yoloe-11s-seg.pt")
    assert asked.args == ["yoloe-11s-seg.pt"]
    dialog.show_examples({"apple": examples(20), "traffic light": examples(3)})
    dialog.set_dry_run(dry_run(3))
    return dialog


def shown(dialog: AutoAnnotateDialog) -> list[tuple[str, ...]]:
    model = dialog.concepts.table.model()
    return [tuple(model.index(row, column).data() for column in range(3)) for row in range(model.rowCount())]


def edit(dialog: AutoAnnotateDialog, qtbot: QtBot, row: int, column: int, text: str) -> None:
    """Double-clicks a cell and types."""
    table = dialog.concepts.table
    place = table.visualRect(table.model().index(row, column)).center()
    click(qtbot, table.viewport(), place)
    qtbot.mouseDClick(table.viewport(), LEFT, pos=place)
    kind = QSpinBox if column == EXAMPLES else QLineEdit
    editor = next(e for e in table.viewport().findChildren(kind) if e.isVisible())
    editor.selectAll()
    qtbot.keyClicks(editor, text) if text else qtbot.keyClick(editor, Qt.Key.Key_Delete)
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: table.state() == QAbstractItemView.State.NoState)


def check(dialog: AutoAnnotateDialog, qtbot: QtBot, row: int) -> None:
    table = dialog.concepts.table
    rect = table.visualRect(table.model().index(row, LABEL))
    click(qtbot, table.viewport(), QPoint(rect.left() + 12, rect.center().y()))


def press(qtbot: QtBot, widget: QWidget, key: Qt.Key) -> None:
    widget.setFocus()
    qtbot.keyClick(widget, key)


def test_all_labels_are_looked_for_by_their_names_and_a_few_examples(dialog: AutoAnnotateDialog) -> None:
    assert dialog.classes.isHidden()
    assert shown(dialog) == [
        ("apple", "apple", "5 of 20+"), ("traffic light", "traffic light", "3 of 3"), ("sky", "sky", "none"),
    ]  # fmt: skip
    plan = dialog.plan()
    assert (plan.objects_from, plan.det_model) == ("detector", "yoloe-11s-seg.pt")
    assert plan.concepts == (
        PlannedConcept("apple", ("apple",), examples(5)),
        PlannedConcept("traffic light", ("traffic light",), examples(3)),
        PlannedConcept("sky", ("sky",), ()),
    )
    assert dialog.start_button.isEnabled()


def test_a_plan_goes_in_and_comes_out_with_its_own_examples(dialog: AutoAnnotateDialog) -> None:
    plan = AutoAnnotatePlan(
        det_model="own.pt",
        sam_model="mobile_sam.pt",
        objects_from="segmenter",
        existing="add",
        edited=True,
        keys=(ImageKey("a.jpg"),),
        concepts=(
            PlannedConcept("apple", (), examples(2, first=90)),
            PlannedConcept("zebra", ("zebra", "striped horse")),
        ),
    )
    dialog.set_plan(plan)
    assert dialog.plan() == plan
    assert dialog.sam.currentText() == "None: the model's own masks"
    assert "edited get new objects" in dialog.policy_text.text()
    dialog.show_examples({"apple": examples(20)})
    assert dialog.plan() == plan, "a run that is made again looks for the same"
    assert shown(dialog)[0] == ("apple", "none", "2 of 20+")
    assert shown(dialog)[-1] == ("zebra (new)", "zebra, striped horse", "none")
    dialog.source.setCurrentIndex(0)
    assert dialog.plan().concepts == ()
    assert dialog.classes.isVisible()
    assert dialog.sam.currentText() == "MobileSAM"


def test_words_and_numbers_of_examples_are_typed(dialog: AutoAnnotateDialog, qtbot: QtBot) -> None:
    edit(dialog, qtbot, 0, WORDS, " red  apple, fruit ,, red apple")
    edit(dialog, qtbot, 0, EXAMPLES, "12")
    check(dialog, qtbot, 2)
    apple, light = dialog.plan().concepts
    assert (apple.texts, apple.examples) == (("red apple", "fruit"), examples(12))
    assert light.label == "traffic light"
    edit(dialog, qtbot, 1, EXAMPLES, "0")
    assert dialog.plan().concepts[1] == PlannedConcept("traffic light", ("traffic light",))
    assert shown(dialog) == [
        ("apple", "red apple, fruit", "12 of 20+"),
        ("traffic light", "traffic light", "0 of 3"),
        ("sky", "–", "–"),
    ]


def test_a_label_without_words_and_examples_is_refused_in_words(
    dialog: AutoAnnotateDialog, qtbot: QtBot
) -> None:
    edit(dialog, qtbot, 2, WORDS, "")
    assert "“sky” has neither words nor examples" in dialog.summary.text()
    assert not dialog.start_button.isEnabled()
    check(dialog, qtbot, 2)
    assert dialog.start_button.isEnabled()
    click(qtbot, dialog.concepts.none_button)
    assert dialog.summary.text() == "Choose at least one label."
    assert not dialog.start_button.isEnabled()


def test_without_the_encoder_of_texts_only_labels_with_examples_are_looked_for(
    dialog: AutoAnnotateDialog, qtbot: QtBot
) -> None:
    dialog.show_words_missing("Words need mobileclip_blt.ts.")
    assert dialog.concepts.note.isVisible()
    assert dialog.concepts.note.text().startswith("Words need mobileclip_blt.ts. Examples")
    assert [concept.label for concept in dialog.plan().concepts] == ["apple", "traffic light"]
    assert dialog.start_button.isEnabled()
    check(dialog, qtbot, 2)
    assert "“sky” has no example, and words cannot be used" in dialog.summary.text()
    assert not dialog.start_button.isEnabled()
    dialog.show_words_missing("")
    assert dialog.start_button.isEnabled()
    assert dialog.concepts.note.isHidden()


def test_another_label_is_typed_and_known_ones_are_not_added_twice(
    dialog: AutoAnnotateDialog, qtbot: QtBot
) -> None:
    field = dialog.concepts.new_label
    click(qtbot, dialog.concepts.none_button)
    for name in ("zebra  crossing", "SKY", ""):
        qtbot.keyClicks(field, name)
        press(qtbot, field, Qt.Key.Key_Return)
    assert dialog.isVisible(), "Enter adds the label, and starts nothing"
    assert [c.label for c in dialog.plan().concepts] == ["sky", "zebra crossing"]
    assert dialog.concepts.count.text() == "2 of 4 labels"
    qtbot.keyClicks(field, "x")
    press(qtbot, field, Qt.Key.Key_Escape)
    assert (field.text(), dialog.isVisible()) == ("", True)


def test_nothing_starts_before_the_examples_are_known(qtbot: QtBot) -> None:
    dialog = AutoAnnotateDialog(LabelSet.from_names(["apple"]))
    qtbot.addWidget(dialog)
    dialog.look_for_labels("yoloe-11s-seg.pt")
    dialog.set_dry_run(dry_run(3))
    assert dialog.summary.text() == "Looking for examples…"
    assert not dialog.start_button.isEnabled()
    dialog.show_examples({})
    assert dialog.start_button.isEnabled()
    dialog.detector.setCurrentText("")
    assert dialog.summary.text() == "Choose a YOLOE file, such as yoloe-11s-seg.pt."


def test_a_folder_without_labels_says_what_to_do(qtbot: QtBot) -> None:
    dialog = AutoAnnotateDialog(LabelSet.from_names([]))
    qtbot.addWidget(dialog)
    dialog.look_for_labels("yoloe-11s-seg.pt")
    assert dialog.summary.text() == "Type what to look for below the table."


def test_models_with_an_open_vocabulary_are_listed_for_it_only(dialog: AutoAnnotateDialog) -> None:
    def listed() -> list[str]:
        return [dialog.detector.itemText(i) for i in range(dialog.detector.count())]

    dialog.detector.offer_open(("yoloe-11s-seg.pt", "mine.pt"))
    assert listed()[:2] == ["yoloe-11s-seg.pt", "mine.pt"]
    assert dialog.detector_name == "yoloe-11s-seg.pt"
    dialog.source.setCurrentIndex(0)
    assert "mine.pt" not in listed()
    assert "yolo11n.pt" in listed()


def test_tab_goes_through_the_table_and_keys_work_in_it(dialog: AutoAnnotateDialog, qtbot: QtBot) -> None:
    concepts = dialog.concepts
    concepts.search.setFocus()
    for widget in concepts.tab_order[1:]:
        qtbot.keyClick(dialog.focusWidget(), Qt.Key.Key_Tab)
        assert dialog.focusWidget() is widget
    qtbot.keyClicks(concepts.search, "light")
    assert [row[0] for row in shown(dialog)] == ["traffic light"]
    press(qtbot, concepts.search, Qt.Key.Key_Down)
    qtbot.keyClick(concepts.table, Qt.Key.Key_Space)
    press(qtbot, concepts.search, Qt.Key.Key_Escape)
    assert dialog.isVisible()
    assert [c.label for c in dialog.plan().concepts] == ["apple", "sky"]
    press(qtbot, concepts.table, Qt.Key.Key_Return)
    assert dialog.isVisible(), "Enter in the table starts nothing"
