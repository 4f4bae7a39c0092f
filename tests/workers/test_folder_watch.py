"""FolderWatch reports what other programs change in a folder, and answers a rescan."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from samdesk.formats.label_format import label_format
from samdesk.images.sources import survey
from samdesk.workers.folder_watch import FolderReport, FolderWatch
from tests.dataset.dataset_kit import photos

SOON_S = 0.02
NEVER_S = 1e6
PATIENCE_MS = 20_000


@pytest.fixture
def reports() -> list[FolderReport]:
    return []


@pytest.fixture(params=[SOON_S])
def watch(request: pytest.FixtureRequest, reports: list[FolderReport]) -> Iterator[FolderWatch]:
    watch = FolderWatch(label_format().label_path, request.param)
    watch.found.connect(reports.append)
    yield watch
    assert watch.stop()


def start(watch: FolderWatch, folder: Path) -> None:
    watch.watch(folder, survey(folder).keys)


def test_images_that_come_and_go_are_reported(
    tmp_path: Path, qtbot: QtBot, watch: FolderWatch, reports: list[FolderReport]
) -> None:
    photos(tmp_path, "a.png", "b.png")
    start(watch, tmp_path)
    photos(tmp_path, "c.png", "sub/d.png")
    (tmp_path / "a.png").unlink()

    def added() -> set[str]:
        return {key for report in reports for key in report.changes.added}

    qtbot.waitUntil(lambda: added() == {"c.png", "sub/d.png"}, timeout=PATIENCE_MS)
    gone = {key for report in reports for key in report.changes.removed}
    assert gone == {"a.png"}
    assert not any(report.requested for report in reports)


def test_the_files_of_the_image_on_screen_are_watched(
    tmp_path: Path, qtbot: QtBot, watch: FolderWatch, reports: list[FolderReport]
) -> None:
    photos(tmp_path, "a.png", "b.png")
    label = tmp_path / "a.txt"
    label.write_text("0 0.5 0.5 0.2 0.2\n")
    start(watch, tmp_path)
    watch.set_image(tmp_path / "a.png")
    watch.rescan()
    qtbot.waitUntil(lambda: len(reports) == 1, timeout=PATIENCE_MS)
    with label.open("a") as file:  # in place: the folder does not change
        file.write("0 0.5 0.5 0.1 0.1\n")
    qtbot.waitUntil(lambda: any(r.changes.labels == ("a.png",) for r in reports), timeout=PATIENCE_MS)
    with (tmp_path / "a.png").open("ab") as file:
        file.write(b"more")
    qtbot.waitUntil(lambda: any(r.changes.images == ("a.png",) for r in reports), timeout=PATIENCE_MS)


@pytest.mark.parametrize("watch", [NEVER_S], indirect=True)
def test_a_rescan_is_answered_also_when_nothing_has_changed(
    tmp_path: Path, qtbot: QtBot, watch: FolderWatch, reports: list[FolderReport]
) -> None:
    photos(tmp_path, "a.png")
    start(watch, tmp_path)
    for _ in range(2):
        watch.rescan()
        with qtbot.waitSignal(watch.found, timeout=PATIENCE_MS):
            pass
        report = reports.pop()
        assert report.requested
        assert not report.changes
        assert report.folder == tmp_path
    with (tmp_path / "a.png").open("ab") as file:
        file.write(b"more")
    watch.rescan()
    with qtbot.waitSignal(watch.found, timeout=PATIENCE_MS):
        pass
    assert reports[0].changes.images == ("a.png",)


def test_another_folder_is_watched_in_place_of_the_first(
    tmp_path: Path, qtbot: QtBot, watch: FolderWatch, reports: list[FolderReport]
) -> None:
    photos(tmp_path, "one/a.png", "two/b.png")
    start(watch, tmp_path / "one")
    start(watch, tmp_path / "two")
    photos(tmp_path, "one/c.png", "two/d.png")
    qtbot.waitUntil(lambda: any(r.changes.added for r in reports), timeout=PATIENCE_MS)
    assert {r.folder for r in reports} == {tmp_path / "two"}
    assert {key for r in reports for key in r.changes.added} == {"d.png"}
