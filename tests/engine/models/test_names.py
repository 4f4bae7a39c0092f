"""Which file a model's name means: one of the weights folder, never one of the current folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from samdesk.engine.models.load import default_detector, default_model, load_detector, load_predictor
from samdesk.engine.models.registry import MODELS
from samdesk.engine.models.weights import find, is_path, overlooked
from samdesk.engine.protocols import EngineError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a file of every model's name."""
    folder = tmp_path / "dataset"
    folder.mkdir()
    for model in MODELS:
        (folder / model.name).write_bytes(b"planted")
    (folder / "best.pt").write_bytes(b"planted")
    monkeypatch.chdir(folder)
    return folder


def test_a_name_is_not_a_file_of_the_current_folder(here: Path, samdesk_home: Path) -> None:
    for model in MODELS:
        for name in (model.name, model.name.removesuffix(".pt")):
            assert find(name) != here / model.name
    assert find("best.pt") is None
    assert (default_model(), default_detector()) == ("flint", "flint")
    (samdesk_home / "weights").mkdir(exist_ok=True)
    (samdesk_home / "weights" / "best.pt").write_bytes(b"mine")
    assert find("best.pt") == samdesk_home / "weights" / "best.pt"


def test_a_path_is_a_path(here: Path) -> None:
    for text in (f".{os.sep}best.pt", f"..{os.sep}dataset{os.sep}best.pt", str(here / "best.pt")):
        assert is_path(text)
        assert find(text) == here / "best.pt"
    assert find(Path("best.pt")) == here / "best.pt"
    assert find(f".{os.sep}gone.pt") is None
    assert find(here / "yolo11n.pt") == here / "yolo11n.pt"


def test_the_error_says_how_to_mean_the_file(here: Path) -> None:
    for name in ("best.pt", "yolo11n.pt", "yolo11n"):
        with pytest.raises(EngineError, match=r"in the current folder was not used; write \./"):
            load_detector(name)
    with pytest.raises(EngineError, match=r"write \./sam_b\.pt to use it"):
        load_predictor("sam_b")
    assert overlooked("./best.pt") == ""
    with pytest.raises(EngineError) as caught:
        load_detector("nothing.pt")
    assert "current folder" not in str(caught.value)


def test_the_public_functions_take_paths(here: Path) -> None:
    import samdesk

    with pytest.raises(EngineError, match=r"best\.pt is not a PyTorch checkpoint"):
        samdesk.load_detector(Path("best.pt"))
    with pytest.raises(EngineError, match="neither a known model nor a file"):
        samdesk.load_detector("best.pt")
