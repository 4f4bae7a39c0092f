"""One variable moves everything."""

from __future__ import annotations

from pathlib import Path

import pytest

from samdesk.io import paths
from samdesk.resources import flint_weights, resources


def test_home_holds_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMDESK_HOME", str(tmp_path / "h"))
    folders = [paths.config(), paths.cache(), paths.state(), paths.logs()]
    assert len(set(folders)) == 4
    assert all(f.is_dir() and f.parent == tmp_path / "h" for f in folders)


def test_without_home_the_system_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SAMDESK_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert paths.home() is None
    assert paths.config().name == "samdesk"


def test_resources_are_beside_the_package_or_in_it() -> None:
    assert resources().name in ("resources", "_resources")
    assert paths.places()["resources"] == resources()
    assert (resources() / "icons" / "samdesk.svg").is_file()
    assert flint_weights().is_file()
