"""The label set: every change of it, what is asked before, and what it does to the files."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit

from tests.helpers.desk import CONTROL, SHIFT, User, lines

K = Qt.Key
ALT = Qt.KeyboardModifier.AltModifier


@pytest.fixture
def labelled(user: User) -> User:
    """cat on the first image, dog on the second; nothing is a fox."""
    user.add_labels("cat", "dog", "fox")
    user.draw(100, 120, label=K.Key_1)
    user.go("1.png")
    user.draw(100, 120, label=K.Key_2)
    return user


def choose(user: User, row: int) -> None:
    view = user.desk.view.labels.view
    view.setFocus()
    view.setCurrentIndex(view.model().index(row, 0))


def names(user: User) -> tuple[str, ...]:
    return user.desk.session.model.labels.names


def class_ids(folder: Path, name: str) -> list[int]:
    return [line.class_id for line in lines(folder / name).lines]


def test_renamed_in_place(labelled: User, folder: Path) -> None:
    choose(labelled, 1)
    view = labelled.desk.view.labels.view
    QTest.keyClick(view, K.Key_F2)
    editor = view.findChild(QLineEdit)
    assert editor is not None
    editor.selectAll()
    QTest.keyClicks(editor, "wolf")
    QTest.keyClick(editor, K.Key_Return)
    labelled.until(lambda: names(labelled) == ("cat", "wolf", "fox"))
    assert labelled.names == ["wolf"]
    labelled.until_saved()
    assert list(yaml.safe_load((folder / "data.yaml").read_text())["names"].values()) == [
        "cat",
        "wolf",
        "fox",
    ]


def test_the_name_of_a_label_that_is_there_chooses_it(labelled: User) -> None:
    choose(labelled, 0)
    entry = labelled.desk.view.labels.new_name
    QTest.keyClicks(entry, " fox")
    QTest.keyClick(entry, K.Key_Return)
    assert names(labelled) == ("cat", "dog", "fox")
    current = labelled.desk.flows.labels.current
    assert current is not None
    assert current.name == "fox"
    assert labelled.message_text == "", "choosing is no mistake"


def test_a_second_label_of_the_same_name_is_refused_in_words(labelled: User) -> None:
    labels = labelled.desk.view.labels
    labels.rename_requested.emit(labelled.desk.session.model.labels.labels[1].id, "cat")
    assert names(labelled) == ("cat", "dog", "fox")
    assert "already a label named 'cat'" in labelled.message_text


def test_another_colour(labelled: User) -> None:
    labelled.answers.color = "#123456"
    choose(labelled, 1)
    labelled.desk.view.actions.trigger("labels.recolor")
    assert labelled.desk.session.model.labels.labels[1].color == "#123456"
    assert labelled.desk.flows.labels.color() == "#123456", "what is drawn next has it"
    labelled.key(K.Key_Z, CONTROL)
    assert labelled.desk.session.model.labels.labels[1].color != "#123456"
    labelled.answers.color = None
    labelled.desk.view.labels.recolor_requested.emit(labelled.desk.session.model.labels.labels[0].id)


def test_moving_is_a_new_class_id_and_asked_first(labelled: User, folder: Path) -> None:
    choose(labelled, 1)
    labelled.answers.confirm = False
    QTest.keyClick(labelled.desk.view.labels.view, K.Key_Up, ALT)
    assert names(labelled) == ("cat", "dog", "fox")
    assert "rewrites every label file" in labelled.answers.asked[-1]
    labelled.answers.confirm = True
    QTest.keyClick(labelled.desk.view.labels.view, K.Key_Up, ALT)
    assert names(labelled) == ("dog", "cat", "fox")
    labelled.until_saved()
    assert (class_ids(folder, "0.png"), class_ids(folder, "1.png")) == ([1], [0])
    labelled.key(K.Key_Z, CONTROL)
    assert "Undo again" in labelled.message_text, "it rewrites every label file"
    labelled.key(K.Key_Z, CONTROL)
    labelled.until_saved()
    assert (class_ids(folder, "0.png"), class_ids(folder, "1.png")) == ([0], [1])


def test_an_unused_label_goes_without_a_replacement(labelled: User) -> None:
    choose(labelled, 2)
    labelled.desk.view.actions.trigger("labels.delete")
    labelled.until(lambda: names(labelled) == ("cat", "dog"))
    assert labelled.answers.asked == [], "it is the last: no class id moves"


def test_a_used_label_is_replaced_everywhere(labelled: User, folder: Path) -> None:
    labelled.answers.item = 1
    choose(labelled, 0)
    labelled.desk.view.actions.trigger("labels.delete")
    labelled.until(lambda: names(labelled) == ("dog", "fox"))
    assert "One annotation uses “cat”." in labelled.answers.asked[-1]
    current = labelled.desk.flows.labels.current
    assert current is not None
    assert current.name == "fox", "the label that is used instead"
    labelled.until_saved()
    assert (class_ids(folder, "0.png"), class_ids(folder, "1.png")) == ([1], [0])
    assert labelled.desk.flows.navigate.key == "1.png", "one stays where one is"
    assert labelled.names == ["dog"]
    labelled.go("0.png")
    assert labelled.names == ["fox"]
    labelled.key(K.Key_Z, CONTROL)
    assert "Undo again" in labelled.message_text, "it rewrites every label file"
    labelled.key(K.Key_Z, CONTROL)
    labelled.until(lambda: names(labelled) == ("cat", "dog", "fox") and labelled.names == ["cat"])
    labelled.key(K.Key_Z, CONTROL | SHIFT)
    labelled.until(lambda: names(labelled) == ("dog", "fox") and labelled.names == ["fox"])
    labelled.until_saved()
    assert (class_ids(folder, "0.png"), class_ids(folder, "1.png")) == ([1], [0])


def test_thinking_again_keeps_the_label(labelled: User) -> None:
    labelled.answers.item = None
    choose(labelled, 0)
    labelled.desk.view.actions.trigger("labels.delete")
    labelled.until(lambda: bool(labelled.answers.asked))
    assert names(labelled) == ("cat", "dog", "fox")
    assert labelled.names == ["dog"]


def test_a_class_id_without_a_name_gets_one(user: User, folder: Path) -> None:
    user.add_labels("cat")
    (folder / "1.txt").write_text("3 0.2 0.2 0.6 0.2 0.6 0.6 0.2 0.6\n")
    user.go("1.png")
    assert user.names == ["class_3"]
    user.add_labels("dog")
    assert user.names == ["class_3"]
    assert names(user) == ("cat", "class_1", "class_2", "class_3", "dog")
    user.until_saved()
    assert class_ids(folder, "1.png") == [3]


def test_counts_follow_the_edits(labelled: User) -> None:
    def counts() -> list[int]:
        model = labelled.desk.view.labels.view.model()
        tips = [model.index(row, 0).data(Qt.ItemDataRole.ToolTipRole) for row in range(model.rowCount())]
        return [int("".join(c for c in tip.rsplit(",", 1)[1] if c.isdigit()) or 0) for tip in tips]

    labelled.until(lambda: counts() == [1, 1, 0])
    labelled.draw(200, 60, label=K.Key_3)
    labelled.until(lambda: counts() == [1, 1, 1])
    labelled.key(K.Key_Z, CONTROL)
    labelled.until(lambda: counts() == [1, 1, 0])
