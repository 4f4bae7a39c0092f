"""The window and encoded images on disk: a second start, the settings, a folder that cannot be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from samdesk.app import Services
from samdesk.engine.cache.file import SUFFIX
from samdesk.engine.models.load import load_predictor
from samdesk.settings.table import (
    EMBEDDING_DISK,
    EMBEDDING_DISK_GB,
    MODEL_DEVICE,
    MODEL_NAME,
    PREFETCH,
    Settings,
)
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import User, photos
from tests.helpers.networks import seeded_mobile_sam


@pytest.fixture(scope="module")
def mobile_sam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seeded_mobile_sam(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def real_sam(samdesk_home: Path, mobile_sam: Path) -> Services:
    """A real MobileSAM as the model of the window, one photo at a time."""
    settings = Settings(save_delay=0)
    settings.set(MODEL_NAME, str(mobile_sam))
    settings.set(MODEL_DEVICE, "cpu")
    settings.set(PREFETCH, False)
    load_predictor(str(mobile_sam), "cpu")  # no one waits for an import at the window
    return Services(load_predictor=load_predictor)


def look(user: User, folder: Path) -> str:
    """Opens the folder, and what the status bar says of the photo's encode."""
    user.open(folder)
    user.until(lambda: user.window.status.encode_field.text() != "")
    return user.window.status.encode_field.text()


def kept(home: Path) -> list[Path]:
    return list((home / "cache").rglob("*" + SUFFIX))


def test_after_the_next_start_the_photo_answers_at_once(
    open_window: OpenWindow, real_sam: Services, samdesk_home: Path, tmp_path: Path
) -> None:
    folder = photos(tmp_path / "photos", 1)
    user = open_window(real_sam)
    assert look(user, folder) != "encode cached"
    user.close_window()
    assert len(kept(samdesk_home)) == 1
    user = open_window(real_sam)
    assert look(user, folder) == "encode cached"
    user.click(80, 110)
    assert user.message_text == ""


def test_the_settings_are_in_force_at_once(
    open_window: OpenWindow, real_sam: Services, samdesk_home: Path, tmp_path: Path
) -> None:
    Settings(save_delay=0).set(EMBEDDING_DISK, False)
    user = open_window(real_sam)
    look(user, photos(tmp_path / "photos", 2))
    user.desk.settings.set(EMBEDDING_DISK, True)
    user.desk.settings.set(EMBEDDING_DISK_GB, 3)
    assert user.desk.workers.disk.files.limit_bytes == 3 * 1024**3
    user.go("1.png")
    user.until(lambda: len(kept(samdesk_home)) == 1)


@pytest.mark.logs("engine.cache")
def test_a_folder_that_cannot_be_written_is_said_once_and_changes_nothing_else(
    open_window: OpenWindow, real_sam: Services, samdesk_home: Path, tmp_path: Path
) -> None:
    (samdesk_home / "cache").mkdir(exist_ok=True)
    (samdesk_home / "cache" / "embeddings").write_text("a file where the folder should be")
    user = open_window(real_sam)
    look(user, photos(tmp_path / "photos", 2))
    user.until(lambda: "Encoded images cannot be saved" in user.message_text)
    assert user.message_text.count("cannot be saved") == 1
    user.click(80, 110)
    assert user.desk.flows.annotate.proposal is not None
