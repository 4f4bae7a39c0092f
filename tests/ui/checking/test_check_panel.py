"""The check in the window: what is listed, where a click leads, fixes and their undo."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTreeWidgetItem

from samdesk.domain.edits import by_user, remove
from samdesk.ui.checking.panel import CheckPanel
from tests.dataset.dataset_kit import files
from tests.exchange.check import test_rows as faults
from tests.exchange.check.check_kit import make
from tests.helpers.desk import CONTROL, SHIFT, User

A = faults.A


def panel(user: User) -> CheckPanel:
    found = user.window.findChild(CheckPanel)
    assert isinstance(found, CheckPanel)
    return found


def listed(user: User) -> dict[str, str]:
    """The checks that are listed, with their counts."""
    tree = panel(user).list
    return {
        item.text(0): item.text(1) for item in (tree.topLevelItem(i) for i in range(tree.topLevelItemCount()))
    }


def open_check(user: User) -> None:
    """Presses the shortcut and waits for the result."""
    user.key(Qt.Key.Key_J, CONTROL | SHIFT)
    user.until(panel(user).isVisible)
    user.until(lambda: panel(user).run.isEnabled() and panel(user).run.text() == "Check again")


def item(user: User, title: str) -> QTreeWidgetItem:
    (found,) = panel(user).list.findItems(title, Qt.MatchFlag.MatchExactly)
    return found


def choose(user: User, wanted: QTreeWidgetItem) -> None:
    """Clicks a row."""
    tree = panel(user).list
    if wanted.parent() is not None:
        wanted.parent().setExpanded(True)
    tree.scrollToItem(wanted)
    place = tree.visualItemRect(wanted).center()
    user.qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=place)


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    """A dataset with a duplicate, a bad line and an image that was not looked at."""
    folder = make(tmp_path / "set")
    faults.duplicate(folder)
    faults.orphan(folder)
    path = folder / "labels/val/c.txt"
    path.write_text(path.read_text() + "0 0.1 0.1 cat\n")
    return folder


def test_a_clean_dataset_is_well_until_it_changes(user: User, tmp_path: Path) -> None:
    folder = make(tmp_path / "set")
    user.open(folder)
    assert not panel(user).isVisible()
    open_check(user)
    assert panel(user).summary.text() == "All is well."
    assert "4 images, 24 annotations, at" in panel(user).note.text()
    assert not panel(user).list.isVisible()
    assert not panel(user).stale.isVisible()
    document = user.desk.session.model.document
    assert document is not None
    user.desk.session.edit("Delete", by_user(remove([document.annotations[0].id]), document))
    user.until(panel(user).stale.isVisible)
    user.qtbot.mouseClick(panel(user).run, Qt.MouseButton.LeftButton)
    user.until(lambda: "23 annotations" in panel(user).note.text())
    assert not panel(user).stale.isVisible()


def test_findings_lead_to_their_annotations_and_are_mended_and_brought_back(user: User, faulty: Path) -> None:
    before = files(faulty)
    user.open(faulty)
    open_check(user)
    assert listed(user) == {
        "Bad lines in label files": "1", "Duplicate annotations": "1", "Label files without an image": "1",
    }  # fmt: skip
    assert panel(user).summary.text() == "1 error, 2 warnings"
    user.go("images/val/d.png")
    choose(user, item(user, "Duplicate annotations").child(0))
    user.until(lambda: user.shown == A)
    user.until(lambda: len(user.desk.flows.tools.selection) == 2)
    chosen = user.desk.flows.tools.selection
    assert chosen == {user.annotations[0].id, user.annotations[6].id}

    user.answers.confirm = True
    user.qtbot.mouseClick(panel(user).details.fix, Qt.MouseButton.LeftButton)
    assert "Of 1 pair on 1 image, one annotation each is removed." in user.answers.asked[-1]
    user.until(lambda: "Duplicate annotations" not in listed(user))
    user.until(lambda: len(user.annotations) == 6)
    user.key(Qt.Key.Key_Z, CONTROL)
    user.until(lambda: len(user.annotations) == 7)
    user.until(panel(user).stale.isVisible)
    user.until(lambda: files(faulty) == before)


def test_files_are_mended_and_brought_back_from_the_message(user: User, faulty: Path) -> None:
    before = files(faulty)
    user.open(faulty)
    open_check(user)
    user.answers.confirm = False
    choose(user, item(user, "Label files without an image"))
    user.qtbot.mouseClick(panel(user).details.fix, Qt.MouseButton.LeftButton)
    assert "1 label file is moved to the folder" in user.answers.asked[-1]
    assert files(faulty) == before
    user.answers.confirm = True
    user.qtbot.mouseClick(panel(user).details.fix, Qt.MouseButton.LeftButton)
    user.until(lambda: "Label files without an image" not in listed(user))
    assert not (faulty / "labels/train/gone.txt").exists()
    user.press("Undo")
    user.until(lambda: "Label files without an image" in listed(user))
    assert files(faulty) == before


def test_a_dismissed_check_stays_dismissed_until_it_finds_more(user: User, faulty: Path) -> None:
    user.open(faulty)
    open_check(user)
    choose(user, item(user, "Label files without an image"))
    user.qtbot.mouseClick(panel(user).details.dismiss, Qt.MouseButton.LeftButton)
    assert "Label files without an image" not in listed(user)
    assert panel(user).restore.text() == "Show 1 dismissed check"
    user.qtbot.mouseClick(panel(user).run, Qt.MouseButton.LeftButton)
    user.until(panel(user).run.isEnabled)
    assert "Label files without an image" not in listed(user)
    faults.write_labels(faulty, "train/gone2", faults.LINES)
    user.qtbot.mouseClick(panel(user).run, Qt.MouseButton.LeftButton)
    user.until(lambda: listed(user).get("Label files without an image") == "2")


def test_show_all_is_a_search(user: User, faulty: Path) -> None:
    user.open(faulty)
    open_check(user)
    choose(user, item(user, "Duplicate annotations"))
    user.qtbot.mouseClick(panel(user).details.search, Qt.MouseButton.LeftButton)
    assert user.desk.view.search.text == "is:duplicate"
