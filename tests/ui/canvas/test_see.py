"""Colours by instance, tags in crowds, and a selection that stands out."""

from __future__ import annotations

from itertools import combinations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from samdesk.domain.annotation import Annotation
from samdesk.settings.table import COLOR_BY_INSTANCE, LABEL_TAGS
from tests.helpers.desk import SHIFT, User
from tests.ui.canvas.conftest import BIG, LABELS, Stage, annotation, document

CROWD = [annotation(f"a{i}", (x, y, x + 30, y + 30))
         for i in range(70) for x, y in [(10 + 38 * (i % 10), 10 + 38 * (i // 10))]]  # fmt: skip


def colors(stage: Stage, annotations: list[Annotation]) -> dict[str, str]:
    return {a.id: color.name() for a in annotations if (color := stage.canvas.color(a.id))}


def test_by_instance_each_annotation_of_a_label_has_its_own_colour_and_keeps_it(stage: Stage) -> None:
    stage.show(CROWD)
    assert len(set(colors(stage, CROWD).values())) == 1
    stage.canvas.set_color_by_instance(True)
    own = colors(stage, CROWD)
    assert len(set(own.values())) == len(CROWD)
    stage.canvas.set_document(document(CROWD[5:]), LABELS)
    assert colors(stage, CROWD[5:]) == {i: c for i, c in own.items() if i in {a.id for a in CROWD[5:]}}
    stage.canvas.set_color_by_instance(False)
    assert set(colors(stage, CROWD[5:]).values()) == {QColor(LABELS.labels[0].color).name()}


def test_what_is_painted_is_the_instances_own_colour(stage: Stage) -> None:
    stage.show(CROWD[:2])
    same = [stage.pixel(20, 20), stage.pixel(58, 20)]
    assert same[0] == same[1]
    stage.canvas.set_color_by_instance(True)
    assert stage.pixel(20, 20) != stage.pixel(58, 20)


def test_others_step_back_for_a_selection_and_come_forward_again(stage: Stage) -> None:
    stage.show(CROWD)
    resting, selected = stage.pixel(25, 25), stage.pixel(63, 25)
    assert resting == selected
    grey = QColor(128, 128, 128)

    def strength(color: QColor) -> int:
        return sum(abs(a - b) for a, b in zip(color.getRgb()[:3], grey.getRgb()[:3], strict=True))

    stage.canvas.set_selection({CROWD[1].id})
    assert strength(stage.pixel(25, 25)) < 0.7 * strength(resting)
    assert strength(stage.pixel(63, 25)) > 1.1 * strength(resting)
    stage.canvas.set_selection(())
    assert stage.pixel(25, 25) == resting
    stage.canvas.set_selection([a.id for a in CROWD])
    assert strength(stage.pixel(25, 25)) > strength(resting), "all of them: none steps back"


def test_tags_of_a_crowd_do_not_overlap_and_the_selected_one_is_named(stage: Stage) -> None:
    stage.show([*CROWD, BIG])
    stage.canvas.set_all_tags(True)
    stage.canvas.set_selection({CROWD[33].id})
    tags = stage.canvas.tags()
    assert len(tags) > 15
    assert CROWD[33].id in {tag.shape.id for tag in tags}
    assert not any(one.rect.intersects(other.rect) for one, other in combinations(tags, 2))


def test_in_a_crowd_of_thousands_the_largest_are_named(stage: Stage) -> None:
    many = [
        annotation(f"m{i}", (x, y, x + 4 + i % 40, y + 4 + i % 40))
        for i in range(3000)
        for x, y in [(i * 7 % 360, i * 13 % 260)]
    ]
    stage.show(many)
    stage.canvas.set_all_tags(True)
    tags = stage.canvas.tags()
    assert 10 < len(tags) <= 400
    assert min(tag.shape.bounds.width() for tag in tags) >= 10
    assert not any(one.rect.intersects(other.rect) for one, other in combinations(tags, 2))
    name = tags[0].shape
    stage.canvas.pan_by(5, 0)
    stage.canvas.repaint()
    assert name in {tag.shape for tag in stage.canvas._scene.resting_tags}, "the last tags move along"


@pytest.mark.parametrize(("key", "setting"), [(Qt.Key.Key_I, COLOR_BY_INSTANCE), (Qt.Key.Key_T, LABEL_TAGS)])
def test_a_key_switches_it_and_it_is_remembered(user: User, key: Qt.Key, setting: object) -> None:
    user.draw(160, 120)
    user.canvas.set_selection(())
    command = {COLOR_BY_INSTANCE.key: "view.color_by_instance", LABEL_TAGS.key: "view.name_tags"}[setting.key]  # type: ignore[attr-defined]
    for on in (True, False):
        user.key(key, SHIFT if key is Qt.Key.Key_T else Qt.KeyboardModifier.NoModifier)
        assert user.desk.settings.get(setting) is on  # type: ignore[call-overload]
        assert user.desk.view.actions.action(command).isChecked() is on
        assert bool(user.canvas.tags()) is (on and setting is LABEL_TAGS)
