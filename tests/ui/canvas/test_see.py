"""Colours by instance, tags in crowds, and a selection that stands out."""

from __future__ import annotations

from itertools import combinations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from samdesk.domain.annotation import Annotation
from samdesk.settings.table import COLOR_BY_INSTANCE, LABEL_TAGS
from samdesk.ui.annotations.model import AnnotationRole
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


def test_the_tag_of_a_locked_annotation_has_a_padlock(stage: Stage) -> None:
    stage.show([BIG])
    stage.canvas.set_selection({BIG.id})
    (before,) = stage.canvas.tags()
    bare = stage.screenshot()
    stage.canvas.set_locked({BIG.id})
    (after,) = stage.canvas.tags()
    assert after.rect.width() == before.rect.width() + 14
    assert stage.screenshot() != bare
    stage.canvas.set_locked(())
    assert stage.screenshot() == bare


def test_keys_switch_colours_and_tags_which_are_remembered(user: User) -> None:
    user.draw(160, 120)
    user.canvas.set_selection(())
    settings, actions = user.desk.settings, user.desk.view.actions
    label = QColor(user.desk.session.model.labels.labels[0].color)
    for on in (True, False):
        user.key(Qt.Key.Key_T, SHIFT)
        assert bool(user.canvas.tags()) is on
        assert settings.get(LABEL_TAGS) is on
        assert actions.action("view.name_tags").isChecked() is on
        user.key(Qt.Key.Key_I)
        assert settings.get(COLOR_BY_INSTANCE) is on
        assert actions.action("view.color_by_instance").isChecked() is on
    user.draw(60, 60)
    user.key(Qt.Key.Key_I)
    assert user.canvas.color(user.annotations[1].id) != label
    rows = user.desk.view.annotations._model
    shown = rows.index(rows.row(user.annotations[1].id)).data(AnnotationRole.COLOR)
    assert shown == user.canvas.color(user.annotations[1].id), "in the list, too"
