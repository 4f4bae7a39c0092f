"""SAMDESK_HOME moves all folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from samdesk.base import places
from samdesk.base.errors import UserError
from samdesk.base.places import flint_weights, resources
from samdesk.engine.cache.disk import default_folder
from samdesk.engine.models.weights import find
from samdesk.settings.table import Settings


def test_home_holds_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMDESK_HOME", str(tmp_path / "h"))
    folders = [places.config(), places.cache(), places.state(), places.logs(), places.weights()]
    assert len(set(folders)) == 5
    assert all(f.is_dir() and f.parent == tmp_path / "h" for f in folders)


@pytest.mark.parametrize(("given", "meant"), [("~/h", "user/h"), ("h/../g", "here/h/../g")])
def test_home_means_one_place_to_every_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, meant: str
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "user"))
    monkeypatch.setenv("SAMDESK_HOME", given)
    home = tmp_path / meant
    told = places.places()
    assert [told[name] for name in ("settings", "weights", "cache")] == [
        home / name for name in ("config", "weights", "cache")
    ]
    assert Settings().path.parent == home / "config"
    assert default_folder() == home / "cache" / "embeddings"
    (home / "weights" / "sam_b.pt").write_bytes(b"weights")
    assert find("sam_b.pt") == home / "weights" / "sam_b.pt"


def test_without_home_the_system_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SAMDESK_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert places.home() is None
    assert places.config().name == "samdesk"


def test_resources_are_beside_the_package_or_in_it() -> None:
    assert resources().name in ("resources", "_resources")
    assert places.places()["resources"] == resources()
    assert (resources() / "icons" / "samdesk.svg").is_file()
    assert flint_weights().is_file()


def test_a_user_without_a_home_is_told_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", unknown)
    monkeypatch.delenv("SAMDESK_HOME")
    with pytest.raises(UserError, match=r"no home folder.*SAMDESK_HOME"):
        places.config()
    assert places.user_home() == Path("/")
    monkeypatch.setenv("SAMDESK_HOME", str(tmp_path))
    assert places.config() == tmp_path / "config"
