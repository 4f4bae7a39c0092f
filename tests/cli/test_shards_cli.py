"""``samdesk annotate --out`` and ``samdesk merge``: options, messages and exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from samdesk.batch.models import Loaders
from samdesk.cli.main import cli
from tests.helpers.finding import ColourModels
from tests.helpers.make import photo

pytest.importorskip("pyarrow", reason="the extra 'tables' is not installed")
pytest.importorskip("fsspec", reason="the extra 'tables' is not installed")

MODELS = ("--det-model", "colour.pt", "--sam-model", "inner.pt", "--shard-size", "1")


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # the command sets it for its process
    monkeypatch.setattr(Loaders, "real", lambda *_, **_named: ColourModels().loaders)
    for i in range(3):
        photo(tmp_path / "images" / f"{i}.png", seed=i)
    return tmp_path / "images"


def run(command: str, *arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli, [command, *(str(a) for a in arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_parts_are_done_merged_and_reported(images: Path) -> None:
    out = images.parent / "out"
    code, text, _ = run("annotate", images, "--out", out, *MODELS, "--shard", "2/2")
    assert code == 0
    assert text.splitlines()[0] == f"Results go to {out}; finished shards there are kept."
    assert "1 image in 1 shard of 3; 1 to do" in text
    assert "Models: colour.pt + inner.pt" in text
    assert "1/1 shard 1 done: 2 objects" in text
    assert "2 objects on 1 image in" in text

    code, text, err = run("merge", out, images)
    assert (code, (images.parent / "labels" / "1.txt").exists()) == (1, True)
    assert "2 images of the run are not done yet." in err

    code, text, _ = run("annotate", images, "--out", out, *MODELS)
    assert code == 0
    assert "3 images in 3 shards; 2 to do" in text
    assert "3/3 shard" in text
    code, text, _ = run("merge", out, images)
    assert code == 0
    assert "4 annotations on 2 images, 1 skipped" in text


def test_images_that_fail_are_listed(images: Path) -> None:
    (images / "1.png").write_bytes(b"no image")
    code, text, err = run("annotate", images, "--out", images.parent / "out", *MODELS)
    assert code == 1
    assert "1.png: not an image samdesk can read" in err
    assert "1 failed" in text


def test_the_images_can_be_listed_first(images: Path) -> None:
    out = images.parent / "out"
    assert run("annotate", images, "--out", out, *MODELS, "--prepare")[0] == 0
    assert (out / "run.json").exists()
    assert not (out / "shards").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--shard", "1/2"), "need --out"),
        (("--out", "x", "--existing", "add"), "do not go with --out"),
        (("--out", "x", "--report", "r.json"), "--report do not go with --out"),
        (("--out", "x", "--shard", "0/3"), "--shard must be between 1/3 and 3/3, not 0/3"),
        (("--out", "x", "--shard", "a"), "--shard must be K/N, such as 1/8, not 'a'"),
        (("--out", "x", "--shard", "1/2", "--cluster", "local"), "do not go together"),
        (("--out", "x", "--workers", "2"), "--workers needs --cluster"),
        (("--out", "x", "--threads", "0"), "the number of threads must be 1 or more, not 0"),
    ],
)
def test_options_that_do_not_fit_are_refused(images: Path, options: tuple[str, ...], words: str) -> None:
    code, _, err = (
        run("annotate", images, *MODELS, *options)
        if "--out" in options
        else run("annotate", images, *options)
    )
    assert code == 2
    assert words in err
    assert not Path("x").exists()


def test_another_plan_is_refused(images: Path) -> None:
    out = images.parent / "out"
    run("annotate", images, "--out", out, *MODELS, "--prepare")
    code, _, err = run("annotate", images, "--out", out, *MODELS, "--conf", "0.5")
    assert code == 2
    assert '"Minimum confidence" was 0.25, now 0.5' in err


def test_merging_nothing_is_refused(images: Path) -> None:
    code, _, err = run("merge", images.parent / "nowhere", images)
    assert code == 2
    assert "There is no run in" in err
