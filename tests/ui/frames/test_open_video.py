"""Open video in the window: dropped or chosen, the dialog, the extraction, the folder that opens."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from samdesk.exchange.frames.extract import extract
from samdesk.exchange.frames.values import FramesPlan
from samdesk.ui.frames.dialog import VideoDialog
from tests.e2e.conftest import OpenWindow, folder, open_window, user
from tests.exchange.frames.video_kit import codes_in, turn, write_video
from tests.helpers.desk import User

__all__ = ["folder", "open_window", "user"]
K = Qt.Key


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """40 frames in two seconds."""
    return write_video(tmp_path / "clip.avi", 40, rate=20)


def dialog_of(window: User) -> VideoDialog:
    """The dialog, once the video is read."""
    video = window.desk.flows.data.video
    window.until(lambda: video.dialog is not None and not video.dialog.facts.text().startswith("Reading"))
    return cast(VideoDialog, video.dialog)


def press_extract(window: User, dialog: VideoDialog) -> None:
    window.until(dialog.extract_button.isEnabled)
    QTest.mouseClick(dialog.extract_button, Qt.MouseButton.LeftButton)


def choose(dialog: VideoDialog, rule_id: str, number: str) -> None:
    dialog.rule.setCurrentIndex(dialog.rule.findData(rule_id))
    field = dialog.values[rule_id]
    field.selectAll()
    QTest.keyClicks(field, number)


def test_a_video_dropped_on_the_welcome_page_becomes_an_open_folder(
    open_window: OpenWindow, clip: Path
) -> None:
    window = open_window()
    window.drop(clip)
    dialog = dialog_of(window)
    assert window.window.on_welcome
    assert dialog.facts.text() == "96 × 72 pixels  ·  40 frames  ·  2.0 s  ·  20 frames/s"
    assert dialog.place.toolTip() == str(clip.with_name("clip_frames"))
    assert dialog.outcome.text() == "About 10 images, 8 kB."
    choose(dialog, "every", "8")
    dialog.begin.selectAll()
    QTest.keyClicks(dialog.begin, "0:00.5")
    assert dialog.outcome.text().startswith("About 4 images,")
    dialog.kind.setCurrentIndex(1)
    assert not dialog.quality.isVisible()
    press_extract(window, dialog)
    window.until(lambda: window.shown == "clip_000010.png")
    window.until(lambda: "Carry" in window.message_text)
    out = clip.with_name("clip_frames")
    assert window.message_text.startswith(f"4 images extracted from clip.avi to {out}.")
    assert window.message_text.endswith("Carry to the next image: Ctrl+Shift+D.")
    assert codes_in(out) == [10, 18, 26, 34]
    assert not window.window.on_welcome


def test_a_stopped_extraction_is_resumed_by_a_click_and_a_finished_one_opens(
    user: User, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go_on, out = threading.Event(), threading.Event(), clip.with_name("clip_frames")

    def gated(folder: Path) -> None:
        entered.set()
        assert go_on.wait(20)

    user.answers.file = clip
    user.desk.view.actions.action("file.open_video").trigger()
    dialog = dialog_of(user)
    choose(dialog, "every", "1")
    dialog.opens.setChecked(False)
    monkeypatch.setattr("samdesk.exchange.frames.folder.make_folder", gated)
    press_extract(user, dialog)
    assert entered.wait(20)
    bar = user.desk.view.jobs_bar
    assert bar.title.text() == "Extracting frames of clip.avi"
    monkeypatch.undo()
    QTest.mouseClick(bar.button, Qt.MouseButton.LeftButton)
    go_on.set()
    user.until(lambda: "Stopped: " in user.message_text)
    assert user.shown == "0.png"  # the folder that was open stays
    user.press("Resume")
    user.until(lambda: "extracted from" in user.message_text or "added from" in user.message_text)
    assert codes_in(out) == list(range(40))
    assert "Open folder" in user.buttons
    user.drop(clip)
    dialog = dialog_of(user)
    assert dialog.outcome.text().endswith("All 40 images are there already.")
    assert dialog.extract_button.text() == "Open folder"
    press_extract(user, dialog)
    user.until(lambda: user.shown == "clip_000000.jpg")


def test_a_user_who_is_drawing_is_not_taken_to_the_images(
    user: User, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def gated(_folder: Path) -> None:
        assert go_on.wait(20)

    user.drop(clip)
    dialog = dialog_of(user)
    monkeypatch.setattr("samdesk.exchange.frames.folder.make_folder", gated)
    press_extract(user, dialog)
    user.key(K.Key_S)
    user.click(100, 120)
    user.until(lambda: user.desk.flows.annotate.has_prompts)
    go_on.set()
    user.until(lambda: "extracted from clip.avi" in user.message_text)
    assert user.shown == "0.png"
    assert user.desk.flows.annotate.has_prompts
    user.key(K.Key_Escape)
    user.press("Open folder")
    user.until(lambda: user.shown == "clip_000000.jpg")


def test_a_folder_that_cannot_take_the_images_says_why_at_once(
    user: User, clip: Path, tmp_path: Path
) -> None:
    extract(clip, tmp_path / "png", FramesPlan("every", 10, kind="png"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "clip_000000.jpg").write_bytes(b"mine")
    user.drop(clip)
    dialog = dialog_of(user)
    for place, words in ((tmp_path / "png", "as PNG. Choose"), (tmp_path / "other", "named like the frames")):
        user.answers.folder = place
        QTest.mouseClick(dialog.folder_button, Qt.MouseButton.LeftButton)
        user.until(lambda: words in dialog.outcome.text())  # noqa: B023
        assert not dialog.extract_button.isEnabled()
    user.answers.folder = tmp_path / "png"
    QTest.mouseClick(dialog.folder_button, Qt.MouseButton.LeftButton)
    dialog.kind.setCurrentIndex(1)
    user.until(lambda: "4 images of this video are there already" in dialog.outcome.text())
    assert dialog.extract_button.isEnabled()
    dialog.end.selectAll()
    QTest.keyClicks(dialog.end, "0")
    assert dialog.outcome.text() == "The end must come after the beginning."
    QTest.keyClick(dialog, K.Key_Escape)
    user.until(lambda: user.desk.flows.data.video.dialog is None)


def test_a_video_on_the_command_line_opens_the_dialog(open_window: OpenWindow, clip: Path) -> None:
    window = open_window()
    window.desk.start([clip])
    dialog = dialog_of(window)
    assert dialog.title.text() == "clip.avi"
    assert window.window.on_welcome
    dialog.reject()


def test_what_is_no_video_is_named_and_a_portrait_one_is_shown_upright(user: User, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video" * 100)
    user.drop(broken)
    dialog = dialog_of(user)
    assert dialog.facts.text().startswith("broken.mp4 cannot be read: it is no video, is cut off")
    assert not dialog.extract_button.isEnabled()
    assert not dialog.details.isVisible()
    phone = write_video(tmp_path / "phone.mp4", 6, "mp4v")
    turn(phone, 90)
    user.drop(phone)
    user.until(lambda: user.desk.flows.data.video.dialog is not dialog)
    dialog = dialog_of(user)
    assert dialog.facts.text().startswith("72 × 96 pixels")
    assert "turned by 90° to be upright" in dialog.facts.text()
    assert dialog.preview is not None
    assert {picture.pixels.shape for picture in dialog.preview.pictures} == {(96, 72, 3)}
    dialog.reject()
