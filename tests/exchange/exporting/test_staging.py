"""What a killed export has left, step by step: the folder is there or is brought back, the rest goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from samdesk.exchange.exporting import staging
from samdesk.exchange.exporting.staging import StagedFolder

_HEX = "0123456789abcdef"


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _export(target: Path, text: bytes) -> None:
    staged = StagedFolder(target)
    staged.write("a/b.txt", text)
    staged.commit(overwrite=True)


def test_what_is_left_goes_with_the_next_export_but_not_what_is_being_written(tmp_path: Path) -> None:
    (tmp_path / f".old.{_HEX}.samdesk-export" / "images").mkdir(parents=True)
    (tmp_path / f".mine.{_HEX}.other").mkdir()
    busy = StagedFolder(tmp_path / "busy")
    _export(tmp_path / "out", b"1")
    assert _names(tmp_path) == sorted([busy.path.name, f".mine.{_HEX}.other", "out"])
    busy.discard()
    assert _names(tmp_path) == [f".mine.{_HEX}.other", "out"]


def test_a_folder_that_was_moved_out_of_the_way_is_brought_back(tmp_path: Path) -> None:
    """Killed between two renames, where the system cannot exchange folders in one step."""
    moved = tmp_path / f".out.{_HEX}.samdesk-replaced"
    moved.mkdir()
    (moved / "old").touch()
    StagedFolder(tmp_path / "out").discard()
    assert _names(tmp_path) == ["out"]
    assert (tmp_path / "out" / "old").exists()


@pytest.mark.parametrize("exchanges", [True, False])
def test_a_folder_is_replaced(tmp_path: Path, exchanges: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not exchanges:
        monkeypatch.setattr(staging, "_exchanged", lambda _one, _other: False)
    for text in (b"1", b"2"):
        _export(tmp_path / "out", text)
    assert (tmp_path / "out" / "a" / "b.txt").read_bytes() == b"2"
    assert _names(tmp_path) == ["out"]


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", ".hidden", ""])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    staged = StagedFolder(tmp_path / "out")
    with pytest.raises(OSError, match="no name of a file"):
        staged.write(name, b"")
    staged.discard()
    assert _names(tmp_path) == []
