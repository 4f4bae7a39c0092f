from __future__ import annotations

import json
import math
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from samdesk.base import json_file
from samdesk.settings import table
from samdesk.settings.table import SETTINGS, Setting, SettingError, Settings, find


def opened(path: Path) -> Settings:
    return Settings(path / "settings.json", save_delay=0)


def test_keys_are_unique_and_every_default_is_allowed() -> None:
    assert len({s.key for s in SETTINGS}) == len(SETTINGS)
    for setting in SETTINGS:
        assert setting.check(setting.default) == setting.default, setting.key


def test_every_setting_of_the_dialog_has_a_title_and_a_help_text() -> None:
    for setting in SETTINGS:
        if setting.section:
            assert setting.title, setting.key
            assert setting.help.endswith("."), setting.key
    hidden = {s.key for s in SETTINGS if not s.section}
    assert hidden == {
        "brush.size",
        "edit.snap",
        "find.scope",
        "outline.kind",
        "outline.simplify_px",
        "outline.smooth_px",
        "outline.speck_area",
        "search.show_found",
        "recent_folders",
        "last_images",
        "told.flint",
        "window.geometry",
        "window.docks",
        "window.collapsed",
        "shortcuts",
    }


def test_without_a_file_the_defaults_apply_and_none_is_created(tmp_path: Path) -> None:
    settings = opened(tmp_path)
    assert settings.get(table.MAX_MEGAPIXELS) == 500
    assert settings.problem == ""
    assert list(tmp_path.iterdir()) == []


def test_a_change_survives_a_restart_and_only_the_change_is_stored(tmp_path: Path) -> None:
    opened(tmp_path).set(table.FILL_OPACITY, 55)
    assert json.loads((tmp_path / "settings.json").read_text()) == {"look.fill_opacity": 55}
    assert opened(tmp_path).get(table.FILL_OPACITY) == 55


def test_the_file_is_in_the_users_config_folder(samdesk_home: Path) -> None:
    Settings(save_delay=0).set("look.theme", "dark")
    assert json.loads((samdesk_home / "config" / "settings.json").read_text()) == {"look.theme": "dark"}


def test_a_default_is_not_stored(tmp_path: Path) -> None:
    settings = opened(tmp_path)
    settings.set(table.THEME, "dark")
    assert not settings.is_default(table.THEME)
    settings.reset(table.THEME)
    assert settings.is_default(table.THEME)
    assert json.loads((tmp_path / "settings.json").read_text()) == {}


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        (table.MAX_MEGAPIXELS, "many", "expected a whole number"),
        (table.MAX_MEGAPIXELS, True, "expected a whole number"),
        (table.MAX_MEGAPIXELS, 0, "not between 1 and 10000"),
        (table.AUTO_PARAMETERS["conf"], math.nan, "not between 0 and 1"),
        (table.THEME, "pink", "not one of 'system', 'light', 'dark'"),
        (table.HOVER_PREVIEW, 1, "expected true or false"),
        (table.SHORTCUTS, [], "expected a table"),
    ],
)
def test_an_invalid_value_is_refused_with_a_reason(
    tmp_path: Path, setting: Setting[object], value: object, words: str
) -> None:
    settings = opened(tmp_path)
    with pytest.raises(SettingError, match=words):
        settings.set(setting, value)
    assert settings.is_default(setting)


def test_an_int_is_accepted_for_a_float(tmp_path: Path) -> None:
    settings = opened(tmp_path)
    settings.set(table.AUTO_PARAMETERS["conf"], 1)
    assert settings.get(table.AUTO_PARAMETERS["conf"]) == 1.0
    assert isinstance(settings.get(table.AUTO_PARAMETERS["conf"]), float)


@pytest.mark.parametrize(
    "garbage",
    [
        b"{ not json",
        b"\xff\xfe\x00rubbish",
        b"[1, 2]",
        b"",
        b'{"recent_folders": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"model.name": "\\ud800"}',
        b'{"sam.embedding_cache_mb": ' + b"9" * 5000 + b"}",
        b'{"auto.conf": NaN}',
    ],
    ids=["text", "bytes", "list", "empty", "deep", "surrogate", "digits", "nan"],
)
def test_a_damaged_file_gives_the_defaults_and_is_kept(tmp_path: Path, garbage: bytes) -> None:
    (tmp_path / "settings.json").write_bytes(garbage)
    settings = opened(tmp_path)
    assert settings.get(table.THEME) == "system"
    assert "settings.json.bad" in settings.problem
    assert (tmp_path / "settings.json.bad").read_bytes() == garbage
    settings.set(table.THEME, "light")
    assert opened(tmp_path).get(table.THEME) == "light"


def test_each_damaged_file_is_kept_and_one_that_cannot_be_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "settings.json"
    for number in (1, 2):
        path.write_text(f"damage {number}")
        problem = opened(tmp_path).problem
    assert "settings.json.bad-2" in problem
    assert [(tmp_path / f"settings.json.{name}").read_text() for name in ("bad", "bad-2")] == [
        "damage 1",
        "damage 2",
    ]
    settings = opened(tmp_path)
    path.write_text("damaged while samdesk runs")
    settings.set(table.THEME, "dark")
    assert (tmp_path / "settings.json.bad-3").read_text() == "damaged while samdesk runs"
    assert opened(tmp_path).get(table.THEME) == "dark"
    path.write_text("damage 4")
    monkeypatch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(PermissionError(13, "denied")))
    assert opened(tmp_path).problem.endswith("Nothing is changed in the file.")
    assert path.read_text() == "damage 4"


def test_items_of_other_types_are_left_out_and_folders_that_are_not_utf_8_are_kept(tmp_path: Path) -> None:
    folder = Path("/data/caf\udce9")
    settings = opened(tmp_path)
    settings.add_recent(folder)
    settings.set(table.LAST_IMAGES, {str(folder): "a\udcff.jpg"})
    again = opened(tmp_path)
    assert again.recent() == [folder]
    assert again.get(table.LAST_IMAGES) == {str(folder): "a\udcff.jpg"}
    (tmp_path / "settings.json").write_text(
        '{"recent_folders": [1, {}, "/a"], "window.collapsed": [[], {}, null, "labels"],'
        ' "last_images": {"/a": 5, "/b": "1.jpg"}, "shortcuts": {"edit.undo": ["U", 7], "edit.redo": 3}}'
    )
    odd = opened(tmp_path)
    assert odd.recent() == [Path("/a")]
    assert odd.get(table.WINDOW_COLLAPSED) == ["labels"]
    assert odd.get(table.LAST_IMAGES) == {"/b": "1.jpg"}
    assert odd.get(table.SHORTCUTS) == {"edit.undo": ["U"]}


def test_one_invalid_value_resets_only_that_setting(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"look.theme": 7, "look.fill_opacity": 10, "later.thing": 1}')
    settings = opened(tmp_path)
    assert settings.get(table.THEME) == "system"
    assert settings.get(table.FILL_OPACITY) == 10
    assert "Theme" in settings.problem
    settings.set(table.FILL_OPACITY, 20)
    assert json.loads((tmp_path / "settings.json").read_text())["later.thing"] == 1


def test_listeners_are_called_for_changes_only(tmp_path: Path) -> None:
    settings, heard = opened(tmp_path), []
    stop = settings.on_change(lambda setting: heard.append(setting.key))
    settings.set(table.THEME, "dark")
    settings.set(table.THEME, "dark")
    stop()
    settings.set(table.THEME, "light")
    assert heard == ["look.theme"]


def test_lists_are_copies(tmp_path: Path) -> None:
    settings = opened(tmp_path)
    settings.get(table.RECENT_FOLDERS).append("x")
    settings.get(table.SHORTCUTS)["a"] = ["b"]
    assert settings.get(table.RECENT_FOLDERS) == []
    assert settings.get(table.SHORTCUTS) == {}


def test_recent_folders_are_newest_first_and_bounded(tmp_path: Path) -> None:
    settings = opened(tmp_path)
    for number in range(14):
        settings.add_recent(Path(f"/photos/{number}"))
    settings.add_recent(Path("/photos/9"))
    names = [folder.name for folder in settings.recent()]
    assert names[:3] == ["9", "13", "12"]
    assert len(names) == table.RECENT_LIMIT == len(set(names))


def test_two_instances_keep_each_others_changes(tmp_path: Path) -> None:
    one, two = opened(tmp_path), opened(tmp_path)
    one.set(table.THEME, "dark")
    two.set(table.FILL_OPACITY, 80)
    again = opened(tmp_path)
    assert (again.get(table.THEME), again.get(table.FILL_OPACITY)) == ("dark", 80)


def test_setting_does_not_wait_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, writing = threading.Event(), threading.Event()
    write = json_file.write

    def slow(path: Path, value: object, **style: Any) -> None:
        writing.set()
        assert gate.wait(10)
        write(path, value, **style)

    monkeypatch.setattr(json_file, "write", slow)
    settings = Settings(tmp_path / "settings.json", save_delay=0.001)
    settings.set(table.THEME, "dark")
    assert writing.wait(10)
    before = time.perf_counter()
    settings.set(table.FILL_OPACITY, 11)
    assert settings.get(table.FILL_OPACITY) == 11
    assert time.perf_counter() - before < 1
    gate.set()
    assert settings.flush()
    assert opened(tmp_path).get(table.FILL_OPACITY) == 11


def test_a_failed_write_is_reported_and_retried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = opened(tmp_path)
    write = json_file.write

    def full(path: Path, value: object, **style: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(json_file, "write", full)
    settings.set(table.THEME, "dark")
    assert settings.get(table.THEME) == "dark"
    assert "No space left on device" in settings.problem
    monkeypatch.setattr(json_file, "write", write)
    assert settings.flush()
    assert opened(tmp_path).get(table.THEME) == "dark"


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        find("look.wallpaper")
