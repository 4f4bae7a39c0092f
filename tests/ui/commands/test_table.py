from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest
import qtawesome
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QApplication

from samdesk.ui.commands.keys import same_key
from samdesk.ui.commands.table import MENUS, Command, overlap
from samdesk.ui.kit.icons import IconError, glyph, icon
from samdesk.ui.wiring import COMMANDS

PLANNED = {
    "file": "open_folder open_video open_recent demo save rescan import export show_in_folder copy_path quit",
    "edit": "undo redo cut copy paste paste_at_cursor paste_snapped take_over take_over_snapped delete "
    "select_all duplicate settings shortcuts",
    "view": "fit actual_size zoom_in zoom_out zoom_selected look_auto look_pin look_now toggle_annotations "
    "hover_preview compare adjust adjust_reset color_by_instance name_tags image_only panels full_screen "
    "reset_layout theme",
    "tool": "select sam brush lasso polygon rectangle cut",
    "brush": "larger smaller erase",
    "prompt": "undo clear accept",
    "candidate": "next previous",
    "mask": "tighten",
    "operation": "merge intersect subtract_neighbours neighbours_yield tidy grow shrink adjust",
    "outline": "smooth simplify tidy less more accept cancel",
    "nudge": "left right up down far_left far_right far_up far_down",
    "image": "next previous first last accept_next flag unaccept split what_trains use_train use_val "
    "use_test use_none",
    "annotation": "reopen_in_sam accept reject flag show_rejected restore relabel hide next previous lock "
    "solo raise lower to_top to_bottom",
    "carry": "next few accept swap reject",
    "track": "show split leave",
    "vertex": "insert delete snap",
    "labels": "rename recolor move_up move_down delete choose group hide show_all",
    "label": "1 2 3 4 5 6 7 8 9",
    "review": "start accept reject flag skip back rest leave",
    "search": "find next previous list clear save saved",
    "statistics": "show",
    "check": "show",
    "find": "image found folder again",
    "fit": "start stop resume results",
    "score_filter": "show drop minimum",
    "sheet": "show accept reject flag open alike select_all leave",
    "run": "auto_annotate image cancel history ahead",
    "sam": "everything",
    "model": "choose info",
    "teach": "start stop undo export bring",
    "help": "shortcuts diagnostics about",
}

HABITS = {
    "image.next": "D", "image.previous": "A", "tool.sam": "S", "tool.polygon": "P", "tool.rectangle": "R",
    "tool.select": "V", "edit.delete": "Del", "view.toggle_annotations": "H", "view.fit": "F",
    "prompt.accept": "E", "prompt.clear": "Esc", "prompt.undo": "Z", "candidate.next": "Tab",
    "run.auto_annotate": "Ctrl+B", "image.accept_next": "Ctrl+Return", "edit.undo": "Ctrl+Z",
    "edit.redo": "Ctrl+Shift+Z", "file.open_folder": "Ctrl+O", "help.shortcuts": "?",
    "edit.settings": "Ctrl+,", "search.find": "Ctrl+F", "labels.choose": "K", "annotation.next": "N",
    "label.1": "1", "label.9": "9",
}  # fmt: skip


def test_the_table_holds_the_planned_commands_once_each() -> None:
    ids = [c.id for c in COMMANDS.commands]
    assert len(ids) == len(set(ids))
    assert set(ids) == {f"{area}.{verb}" for area, verbs in PLANNED.items() for verb in verbs.split()}


@pytest.mark.parametrize("entry", COMMANDS.commands, ids=lambda c: c.id)
def test_every_command_has_title_tip_menu_condition_and_real_keys(entry: Command) -> None:
    assert entry.title
    assert entry.tip.endswith(".")
    assert entry.menu in {menu.path for menu in MENUS}
    assert set(entry.conditions) <= {condition.id for condition in COMMANDS.conditions}
    assert not entry.exclusive or entry.checkable
    for key in entry.shortcuts:
        sequence = QKeySequence(key)
        assert sequence.count() == 1, key
        assert sequence.toString(QKeySequence.SequenceFormat.PortableText) == key


def test_no_two_commands_have_the_same_key() -> None:
    held = [(c, key) for c in COMMANDS.commands for key in c.shortcuts]
    for (one, first), (other, second) in combinations(held, 2):
        if overlap(one.context, other.context):
            assert not same_key(QKeySequence(first), QKeySequence(second)), (one.id, other.id, first)


def test_the_defaults_follow_common_annotation_tools() -> None:
    commands = {command.id: command for command in COMMANDS.commands}
    for command_id, key in HABITS.items():
        assert commands[command_id].shortcuts[0] == key, command_id


def test_every_icon_exists_in_qtawesome_and_paints(qapp: QApplication) -> None:
    for entry in COMMANDS.commands:
        assert glyph(entry.icon) == qtawesome.charmap(entry.icon), entry.id
        image = icon(entry.icon).pixmap(24, 24).toImage()
        inked = sum(image.pixelColor(x, y).alpha() > 100 for x in range(24) for y in range(24))
        assert inked > 15, entry.id


def test_an_unknown_icon_is_named(qapp: QApplication) -> None:
    for name in ("ph.nothing-like-it", "mdi.cursor", "cursor"):
        with pytest.raises(IconError, match=name):
            icon(name)


def test_no_key_or_gesture_belongs_to_a_window_manager() -> None:
    """Alt with the mouse moves windows on many desktops; so do keys with the Windows key."""
    texts = [command.tip for command in COMMANDS.commands] + [gesture.input for gesture in COMMANDS.gestures]
    source = Path(__file__).parents[3]
    for file in [
        *(source / "samdesk" / "ui").rglob("*.py"),
        source / "README.md",
        source / "docs" / "guide.md",
    ]:
        texts.append(file.read_text(encoding="utf-8"))
    for text in texts:
        assert not re.search(r"(Alt|Meta|Super|Win)\+(click|drag|wheel)", text, re.IGNORECASE)
    assert not [
        c.id for c in COMMANDS.commands for key in c.shortcuts if re.search(r"Meta|Alt\+(F\d|Tab|Space)", key)
    ]
