"""``samdesk cache``: messages, files, exit codes; a real MobileSAM network encodes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

import samdesk
from samdesk.cli.main import cli
from samdesk.engine.cache.disk import DiskCache
from samdesk.engine.cache.file import SUFFIX
from samdesk.engine.models.load import load_predictor
from samdesk.images.stamp import ImageStamp
from samdesk.settings.table import EMBEDDING_DISK, EMBEDDING_DISK_GB, MODEL_DEVICE, MODEL_NAME, Settings
from tests.helpers.make import photo
from tests.helpers.networks import seeded_mobile_sam

ROOT = Path(samdesk.__file__).parents[1]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seeded_mobile_sam(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two images, one in a subfolder, and a broken file."""
    folder = tmp_path_factory.mktemp("photos")
    photo(folder / "a.png", seed=1)
    photo(folder / "more" / "b.png", seed=2)
    (folder / "broken.jpg").write_bytes(b"no photo")
    return folder


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, model: Path, images: Path) -> tuple[Path, int, str, str]:
    """A home whose cache was filled, with the exit code and the output."""
    home = tmp_path_factory.mktemp("filled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAMDESK_HOME", str(home))
        return home, *run("fill", images, "--model", model, "--device", "cpu")


@pytest.fixture
def home(samdesk_home: Path, filled: tuple[Path, int, str, str]) -> Path:
    """This test's own home, with the filled cache."""
    shutil.copytree(filled[0] / "cache", samdesk_home / "cache", dirs_exist_ok=True)
    return samdesk_home


def run(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of ``samdesk cache``."""
    result = CliRunner().invoke(cli, ["cache", *(str(a) for a in arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def kept(home: Path) -> list[Path]:
    return sorted((home / "cache").rglob("*" + SUFFIX))


def test_a_folder_is_encoded_ahead_of_time(
    filled: tuple[Path, int, str, str], model: Path, images: Path
) -> None:
    home, code, out, err = filled
    assert code == 1, "a photo failed"
    assert "MobileSAM on CPU" in out
    assert "3 images need up to 6.0 MB (2.0 MB each)" in out
    assert "the limit is 10 GB" in out
    assert out.count(": encoded (") == 2
    assert "left)" in out
    assert "2 encoded, 0 already cached, 1 failed in" in out
    assert err.count("broken.jpg") == 1
    assert len(kept(home)) == 2
    predictor = load_predictor(str(model), "cpu", "fp32")
    disk = DiskCache(home / "cache" / "embeddings")
    for path in (images / "a.png", images / "more" / "b.png"):
        found = disk.get(predictor, ImageStamp.of(path))
        assert found is not None
        assert found.image_hw == (240, 320)


def test_run_again_only_the_failed_image_is_tried(home: Path, model: Path, images: Path) -> None:
    before = [p.stat().st_mtime_ns for p in kept(home)]
    code, out, _ = run("fill", images, "--model", model, "--device", "cpu")
    assert code == 1
    assert "0 encoded, 2 already cached, 1 failed" in out
    assert [p.stat().st_mtime_ns for p in kept(home)] == before
    (images / "more" / "b.png").touch()
    shutil.copy(images / "a.png", home / "elsewhere.png")
    assert run("fill", home / "elsewhere.png", "--model", model)[0] == 0, "the same photo by another name"
    assert len(kept(home)) == 2


def test_by_default_it_fills_for_the_window(home: Path, model: Path, images: Path) -> None:
    settings = Settings(save_delay=0)
    settings.set(MODEL_NAME, str(model))
    settings.set(MODEL_DEVICE, "cpu")
    settings.set(EMBEDDING_DISK, False)
    code, out, err = run("fill", images / "a.png")
    assert code == 0
    assert "0 encoded, 1 already cached" in out
    assert "the window will not use them" in err


def test_a_terminal_gets_a_bar(
    home: Path, model: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # what rich takes for a terminal
    monkeypatch.setenv("COLUMNS", "120")
    code, out, _ = run("fill", images, "--model", model, "--device", "cpu")
    assert code == 1
    assert "━" in out
    assert "3/3" in out
    assert "failed: broken.jpg" in out


def test_a_fill_that_would_not_fit_is_refused_first(home: Path, model: Path, images: Path) -> None:
    many = home / "many"
    many.mkdir()
    for i in range(600):
        shutil.copy(images / "a.png", many / f"{i}.png")
    photo(many / "0.png", seed=3)  # the first is not there yet
    Settings(save_delay=0).set(EMBEDDING_DISK_GB, 1)
    code, out, err = run("fill", many, "--model", model, "--device", "cpu")
    assert code == 2
    assert "600 images need up to 1.2 GB (2.0 MB each)" in err
    assert "The limit is 1.0 GB: raise it with 'samdesk cache limit GB'" in err
    assert "encoded" not in out
    assert len(kept(home)) == 2


def test_flint_needs_none(images: Path) -> None:
    code, out, _ = run("fill", images, "--model", "flint")
    assert code == 0
    assert "nothing to do" in out
    assert "--model mobile_sam.pt" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fill", "/nowhere"), "there is no folder or file"),
        (("fill", ".", "--model", "nothing.pt"), "'nothing.pt' is neither a known model nor a file"),
        (("limit", "0"), "0 is not between 1 and"),
        (("clear", "--model", "sam_b.pt"), "no encoded images of sam_b.pt; the cache is empty"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    photo(tmp_path / "a.png")
    given = [str(tmp_path) if a == "." else a for a in arguments]
    code, _, err = run(*given)
    assert code == 2
    assert words in err


def test_show_lists_the_cache_by_model(home: Path) -> None:
    os.utime(kept(home)[0], (time.time() - 12.5 * 86400,) * 2)
    for arguments in ((), ("show",)):
        code, out, _ = run(*arguments)
        assert code == 0
        assert f"Folder: {home / 'cache' / 'embeddings'}" in out
        assert "Limit:  10 GB" in out
        assert "Cached: 2 images, 4.0 MB" in out
        assert "mobile_sam.pt  2 images, 4.0 MB, the oldest last used 12 days ago" in out
    Settings(save_delay=0).set(EMBEDDING_DISK, False)
    assert "turned off in the settings" in run("show")[1]


def test_show_of_an_empty_cache(samdesk_home: Path) -> None:
    assert "Cached: 0 images" in run()[1]


def test_clear_by_age_by_model_or_all(home: Path) -> None:
    os.utime(kept(home)[0], (time.time() - 12.5 * 86400,) * 2)
    assert run("clear", "--older-than", "13")[1] == "Deleted 0 images, 0 kB.\n"
    assert run("clear", "--older-than", "12")[1] == "Deleted 1 image, 2.0 MB.\n"
    code, _, err = run("clear", "--model", "sam_b.pt")
    assert code == 2
    assert "cached are those of mobile_sam.pt" in err
    assert run("clear", "--model", "some/where/mobile_sam.pt")[1] == "Deleted 1 image, 2.0 MB.\n"
    assert run("clear") == (0, "Deleted 0 images, 0 kB.\n", "")
    assert kept(home) == []


def test_the_limit_is_the_windows_setting(home: Path) -> None:
    code, out, _ = run("limit", "25")
    assert (code, out) == (0, "The limit is 25 GB; 4.0 MB are in use.\n")
    assert Settings().get(EMBEDDING_DISK_GB) == 25


@pytest.mark.skipif(sys.platform == "win32", reason="needs a Ctrl+C for one process")
def test_ctrl_c_keeps_finished_images_and_again_continues(tmp_path: Path, model: Path) -> None:
    for i in range(40):
        photo(tmp_path / "photos" / f"{i:02}.png", seed=i)
    environment = {**os.environ, "SAMDESK_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "samdesk", "cache", "fill", tmp_path / "photos", "--model", model],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert process.stdout is not None
    while "1/40" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Run the same command again to continue" in err
    done = len(kept(tmp_path / "home"))
    assert 1 <= done < 40
    assert f"{done} encoded" in out
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAMDESK_HOME", str(tmp_path / "home"))
        assert (
            "0 encoded, 1 already cached" in run("fill", tmp_path / "photos" / "00.png", "--model", model)[1]
        )


def test_it_is_in_the_help() -> None:
    assert "cache" in CliRunner().invoke(cli, ["--help"]).stdout
    shown = run("--help")[1]
    assert all(word in shown for word in ("show", "fill", "clear", "limit"))
