"""``samdesk evaluate`` on nothing: an error in words, no table of nan."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from samdesk.cli.main import cli
from tests.dataset.dataset_kit import photos


def evaluated(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of ``samdesk evaluate`` with boxes as the model."""
    result = CliRunner().invoke(cli, ["evaluate", "--model", "box", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("names", [(), ("a.png", "b.png")])
def test_a_folder_without_annotations_is_an_error_in_words(tmp_path: Path, names: tuple[str, ...]) -> None:
    photos(tmp_path, *names)
    code, out, err = evaluated(tmp_path, "--all")
    assert code == 2
    assert err == f"samdesk evaluate: No annotated images in {tmp_path}.\n"
    assert "nan" not in out


def test_nothing_large_enough_is_an_error_in_words(tmp_path: Path) -> None:
    photos(tmp_path, "a.png")
    (tmp_path / "a.txt").write_text("0 0.2 0.2 0.6 0.2 0.6 0.7 0.2 0.7\n", "utf-8")
    code, _, err = evaluated(tmp_path, "--all", "--least-area", "1e9")
    assert code == 2
    assert err == f"samdesk evaluate: No annotation in {tmp_path} has 1e+09 pixels or more.\n"


def test_none_held_out_names_the_option(tmp_path: Path) -> None:
    photos(tmp_path, "a.png")
    (tmp_path / "a.txt").write_text("0 0.2 0.2 0.6 0.2 0.6 0.7 0.2 0.7\n", "utf-8")
    code, out, err = evaluated(tmp_path)
    assert code == 2
    assert err == (
        f"samdesk evaluate: No image in {tmp_path} is held out. Use --all to measure on all images.\n"
    )
    assert "nan" not in out
