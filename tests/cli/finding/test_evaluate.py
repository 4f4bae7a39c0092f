"""``samdesk evaluate --find``: refusals in words, and the table and JSON of a real, seeded YOLOE."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from samdesk.cli.main import cli
from tests.helpers.make import photo

LINES = "0 0.1 0.2 0.4 0.2 0.4 0.7 0.1 0.7\n1 0.55 0.3 0.85 0.3 0.85 0.8 0.55 0.8\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sixteen images with a red and a blue object each, in label files."""
    folder = tmp_path / "data"
    for number in range(16):
        photo(folder / f"{number:02}.png", seed=number)
        (folder / f"{number:02}.txt").write_text(LINES)
    (folder / "classes.txt").write_text("red\nblue\n")
    return folder


def evaluate(*arguments: str | Path, expected: int) -> str:
    result = CliRunner().invoke(cli, ["evaluate", *map(str, arguments)])
    assert result.exit_code == expected, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--find", "--all"), "--all and --least-area do not go with --find"),
        (("--det-model", "flint"), "--det-model, --imgsz and --trust need --find"),
        (("--find", "--det-model", "flint"), "flint.safetensors finds its own classes only"),
        (("--find",), "There is no model with an open vocabulary on this machine. Put a YOLOE checkpoint"),
        (("--find", "--det-model", "nowhere.pt"), "'nowhere.pt' is neither a known model nor a file"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_words(
    folder: Path, options: tuple[str, ...], words: str
) -> None:
    assert words in " ".join(evaluate(folder, *options, expected=2).split())


def test_no_label_that_can_be_measured(tmp_path: Path) -> None:
    photo(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text(LINES)
    text = " ".join(evaluate(tmp_path, "--find", expected=2).split())
    assert "no label is on both a held-out image and a training image" in text
