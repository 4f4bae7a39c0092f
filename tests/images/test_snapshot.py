"""Snapshots find which files of a folder were added, removed or changed, without opening any."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from samdesk.formats.label_format import label_format
from samdesk.images.snapshot import FolderSnapshot, compare, take_snapshot
from tests.dataset.dataset_kit import photos


def snapshot(folder: Path) -> FolderSnapshot:
    return take_snapshot(folder, label_format().label_path)


def test_what_has_changed_is_found(tmp_path: Path) -> None:
    photos(tmp_path, "images/a.png", "images/b.png", "images/c.png", "images/more/d.png")
    (tmp_path / "labels").mkdir()
    for name in "ab":
        (tmp_path / "labels" / f"{name}.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    before = snapshot(tmp_path)
    assert not compare(before, snapshot(tmp_path))
    (tmp_path / "images" / "c.png").unlink()
    photos(tmp_path, "images/b2.png", "images/new/e.png")
    (tmp_path / "labels" / "a.txt").write_text("0 0.5 0.5 0.2 0.25\n")
    (tmp_path / "labels" / "b.txt").unlink()
    (tmp_path / "images" / "more" / "d.png").write_bytes(b"another file")
    changes = compare(before, snapshot(tmp_path))
    assert changes.added == ("images/b2.png", "images/new/e.png")
    assert changes.removed == ("images/c.png",)
    assert changes.labels == ("images/a.png", "images/b.png")
    assert changes.images == ("images/more/d.png",)
    assert set(changes.survey.keys) == {"images/a.png", "images/b.png", *changes.added, *changes.images}


@pytest.mark.parametrize("change", ["image", "label", "folder", "image in an empty folder"])
def test_a_new_or_removed_file_stirs_its_folder(tmp_path: Path, change: str) -> None:
    photos(tmp_path, "images/a.png")
    (tmp_path / "images" / "empty").mkdir()
    (tmp_path / "labels").mkdir()
    before = snapshot(tmp_path)
    assert not before.is_stirred()
    for folder in before.folders:  # the clock of a file system may be coarse
        os.utime(folder, ns=(1, 1))
    before = snapshot(tmp_path)
    if change == "image":
        (tmp_path / "images" / "a.png").unlink()
    elif change == "label":
        (tmp_path / "labels" / "a.txt").write_text("")
    elif change == "folder":
        (tmp_path / "images" / "other").mkdir()
    else:
        photos(tmp_path, "images/empty/b.png")
    assert before.is_stirred()


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes in folders")
def test_no_file_is_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    os.mkfifo(tmp_path / "a.txt")
    assert snapshot(tmp_path).keys == ("a.png",)
