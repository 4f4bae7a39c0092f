"""Frames of real video files become images: exact, in order, whole, resumable."""

from __future__ import annotations

import errno
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from samdesk.base.cv import cv2
from samdesk.base.disk import durable
from samdesk.base.jobs import CancelToken
from samdesk.domain.document import ImageKey
from samdesk.exchange.frames.errors import UnfinishedError, VideoError
from samdesk.exchange.frames.extract import extract, images_expected
from samdesk.exchange.frames.folder import default_folder, image_prefix
from samdesk.exchange.frames.reader import VideoReader
from samdesk.exchange.frames.rules.registry import RULES
from samdesk.exchange.frames.times import clock, moment
from samdesk.exchange.frames.values import FramesPlan
from samdesk.images.sources import scan
from tests.exchange.frames.video_kit import code_of, coded, codes_in, space_out, turn, write_video

ALL = FramesPlan("every", 1)
FEW = FramesPlan("every", 4, kind="png")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 frames at 20 frames a second."""
    return write_video(tmp_path_factory.mktemp("videos") / "clip.avi", 40, rate=20)


def images(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.suffix in (".jpg", ".png")}


@pytest.mark.parametrize(("name", "codec"), [("a.avi", "MJPG"), ("a.mp4", "mp4v")])
def test_240_frames_come_out_exact_and_in_order(tmp_path: Path, name: str, codec: str) -> None:
    video = write_video(tmp_path / name, 240, codec)
    before, changed = video.read_bytes(), video.stat().st_mtime_ns
    seen: list[tuple[int, int]] = []
    report = extract(video, tmp_path / "out", ALL, lambda *step: seen.append(step))
    assert (report.images, report.added, report.notes) == (240, 240, ())
    assert codes_in(tmp_path / "out") == list(range(240))
    assert scan(tmp_path / "out") == [ImageKey(f"a_{n:06}.jpg") for n in range(240)]
    assert seen
    assert seen == sorted(seen)
    assert {total for _, total in seen} == {240}
    assert (video.read_bytes(), video.stat().st_mtime_ns) == (before, changed)


@pytest.mark.parametrize(
    ("plan", "codes"),
    [
        (FramesPlan("every", 10), range(0, 40, 10)),
        (FramesPlan("every", 10, 0.25, 1.2), [5, 15]),
        (FramesPlan("every", 1, 1.9), [38, 39]),
        (FramesPlan("rate", 5), range(0, 40, 4)),
        (FramesPlan("rate", 3, 0.5, 1.5), [10, 17, 24]),
        (FramesPlan("rate", 1000, kind="png"), range(40)),
    ],
)
def test_rules_and_ranges(clip: Path, tmp_path: Path, plan: FramesPlan, codes: list[int]) -> None:
    report = extract(clip, tmp_path / "out", plan)
    assert codes_in(tmp_path / "out") == list(codes)
    assert [int(name[5:11]) for name in images(tmp_path / "out")] == list(codes)
    with VideoReader(clip) as reader:
        assert images_expected(reader.facts, plan) == pytest.approx(report.images, abs=1)


@pytest.mark.parametrize("row", RULES, ids=lambda row: row.id)
def test_each_rule_takes_the_first_frame_and_refuses_numbers_it_cannot_take(
    row: object, clip: Path, tmp_path: Path
) -> None:
    (rule,) = [rule for rule in RULES if rule is row]
    extract(clip, tmp_path / "out", FramesPlan(rule.id, rule.default))
    assert codes_in(tmp_path / "out")[0] == 0
    for value in (rule.low - 0.01, rule.high + 1):
        with pytest.raises(VideoError, match="the number is from"):
            extract(clip, tmp_path / "none", FramesPlan(rule.id, value))
    assert not (tmp_path / "none").exists()


def test_a_rate_follows_the_times_of_a_variable_frame_rate(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.mp4", 30, "mp4v", rate=10)
    space_out(video, ((10, 1), (10, 5), (10, 1)))  # 0 to 1 s, then two a second until 6 s, then 1 s more
    extract(video, tmp_path / "out", FramesPlan("rate", 2))
    assert codes_in(tmp_path / "out") == [0, 5, *range(10, 20), 20, 25]


def test_scenes_begin_at_cuts_and_not_in_a_pan(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    wide = [
        cv2.resize((rng.integers(0, 120, (30, 200, 3)) + tint).astype(np.uint8), (800, 120), interpolation=3)
        for tint in ((0, 60, 130), (130, 0, 60), (60, 130, 0))
    ]
    frames = [image[:, x : x + 160] for image in wide for x in range(0, 300, 20)]  # by an eighth of the view
    video = write_video(tmp_path / "s.mp4", frames, "mp4v")
    report = extract(video, tmp_path / "out", FramesPlan("scenes", 0.45))
    assert [int(name[2:8]) for name in images(tmp_path / "out")] == [0, 15, 30]
    assert report.images == 3


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_the_rotation_of_a_phone_is_honoured(tmp_path: Path, degrees: int) -> None:
    video = write_video(tmp_path / "p.mp4", 3, "mp4v")
    turn(video, degrees)
    with VideoReader(video) as reader:
        assert reader.facts.rotation == degrees
        size = reader.facts.width, reader.facts.height
        moved = reader.frame_at(0.05)
    extract(video, tmp_path / "out", ALL)
    for number, data in enumerate(images(tmp_path / "out").values()):
        upright = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert upright.shape[1::-1] == size == ((72, 96) if degrees != 180 else (96, 72))
        assert code_of(np.asarray(np.rot90(upright, degrees // 90), np.uint8)) == number
    assert moved is not None
    assert moved.shape[1::-1] == size


def stopped_after(video: Path, folder: Path, plan: FramesPlan, count: int) -> None:
    cancel = CancelToken()

    def stop(_done: int, _total: int) -> None:
        if len(list(folder.glob("clip_*"))) >= count:
            cancel.cancel()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("samdesk.exchange.frames.extract._REPORT_S", 0.0)
        report = extract(video, folder, plan, stop, cancel)
    there = len(list(folder.glob("clip_*")))
    assert report.stopped
    assert report.text == f"Stopped: {there} images of clip.avi are in {folder}."


def test_what_was_stopped_goes_on_with_the_same_bytes_and_says_when_it_is_finished(
    clip: Path, tmp_path: Path
) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    extract(clip, whole, ALL)
    stopped_after(clip, out, ALL, 5)
    some = images(out)
    assert 5 <= len(some) < 40
    assert some.items() <= images(whole).items()
    assert not list(out.glob(".*"))
    report = extract(clip, out, ALL)
    assert (report.images, report.added) == (40, 40 - len(some))
    assert images(out) == images(whole)
    there = (out / "clip_000000.jpg").stat().st_mtime_ns
    again = extract(clip, out, ALL)
    assert again.was_finished
    assert again.text == f"All 40 images of clip.avi are in {out} already."
    (out / "clip_000007.jpg").unlink()
    assert extract(clip, out, ALL).added == 1
    assert images(out) == images(whole)
    assert (out / "clip_000000.jpg").stat().st_mtime_ns == there


def test_other_frames_of_the_same_video_are_added(clip: Path, tmp_path: Path) -> None:
    extract(clip, tmp_path, FramesPlan("every", 10))
    report = extract(clip, tmp_path, FramesPlan("every", 5))
    assert (report.images, report.added) == (8, 4)
    assert codes_in(tmp_path) == list(range(0, 40, 5))
    copy = tmp_path / "sub" / "clip.avi"  # the same video elsewhere
    copy.parent.mkdir()
    copy.write_bytes(clip.read_bytes())
    assert extract(copy, tmp_path, FramesPlan("every", 5)).was_finished


def test_other_files_are_never_overwritten(clip: Path, tmp_path: Path) -> None:
    mine = tmp_path / "clip_000008.png"
    mine.write_bytes(b"mine")
    with pytest.raises(VideoError, match=r"named like the frames of this video \(clip_000008.png\)"):
        extract(clip, tmp_path, FEW)
    mine.rename(tmp_path / "mine.png")
    extract(clip, tmp_path, FEW)
    with pytest.raises(VideoError, match=r"has frames of this video as PNG\. .*the same kind of image"):
        extract(clip, tmp_path, ALL)
    (tmp_path / "o").mkdir()
    other = write_video(tmp_path / "o" / "clip.avi", 10)
    before = images(tmp_path)
    with pytest.raises(VideoError, match=r"has frames of another video, clip\.avi"):
        extract(other, tmp_path, FEW)
    (tmp_path / "clip.frames.json").write_text('{"kind": "mine"}')
    with pytest.raises(VideoError, match=r"clip\.frames\.json is not from this version of samdesk"):
        extract(clip, tmp_path, FEW)
    assert images(tmp_path) == before
    second = write_video(tmp_path / "second.avi", 3)  # two videos can share a folder
    assert extract(second, tmp_path, FEW).added == 1


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("text.mp4", b"hello" * 200, "it is no video, is cut off, or OpenCV has no decoder for it"),
        ("empty.mp4", b"", "is empty"),
        ("list.mp4", b"ffconcat version 1.0\nfile a.mp4\n", "is a list of other files"),
        ("picture.png", b"\x89PNG\r\n\x1a\n", "is an image, not a video"),
        ("gone.mp4", None, "cannot be opened: No such file"),
    ],
)
def test_what_is_no_video_is_named(
    tmp_path: Path, name: str, content: bytes | None, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(VideoError, match=words):
        extract(tmp_path / name, tmp_path / "out", ALL)
    assert not (tmp_path / "out").exists()
    assert capfd.readouterr() == ("", "")


def test_a_damaged_video_gives_what_it_has_and_says_so(
    clip: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = clip.read_bytes()
    short = tmp_path / "short.avi"
    short.write_bytes(data[: len(data) // 2])
    report = extract(short, tmp_path / "short", ALL)
    assert 10 < report.images < 30
    assert codes_in(tmp_path / "short") == list(range(report.images))
    assert report.notes[0].startswith(f"The video ends after {report.images} of 40 frames")
    bad = bytearray(data)
    place = len(bad) // 2
    bad[place : place + 3000] = bytes(3000)
    (tmp_path / "bad.avi").write_bytes(bad)
    report = extract(tmp_path / "bad.avi", tmp_path / "bad", ALL)
    assert "damaged place" in " ".join(report.notes)
    assert report.images > 25
    (tmp_path / "cut.mp4").write_bytes(write_video(tmp_path / "w.mp4", 10, "mp4v").read_bytes()[:-300])
    with pytest.raises(VideoError, match="cut off"):
        extract(tmp_path / "cut.mp4", tmp_path / "cut", ALL)
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(
    tuple(map(int, cv2.__version__.split(".")[:2])) < (4, 11),
    reason="OpenCV stops at the count of the header",
)
def test_a_header_with_a_wrong_count_costs_no_frame(tmp_path: Path) -> None:
    data = bytearray(write_video(tmp_path / "v.avi", 12).read_bytes())
    for place in (data.index(b"avih") + 24, data.index(b"strh") + 40):
        assert int.from_bytes(data[place : place + 4], "little") == 12
        data[place : place + 4] = (3).to_bytes(4, "little")
    (tmp_path / "v.avi").write_bytes(data)
    seen: list[tuple[int, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("samdesk.exchange.frames.extract._REPORT_S", 0.0)
        report = extract(tmp_path / "v.avi", tmp_path / "out", ALL, lambda *step: seen.append(step))
    assert codes_in(tmp_path / "out") == list(range(12))
    assert all(done <= total or total == 0 for done, total in seen)
    assert report.notes == ()


def test_a_range_without_frames_makes_nothing(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"no frame of clip\.avi between 0:09 and its end\. It is 0:02 long"):
        extract(clip, tmp_path / "out", FramesPlan("every", 1, 9))
    with pytest.raises(VideoError, match="The end must come after the beginning"):
        extract(clip, tmp_path / "out", FramesPlan("every", 1, 1, 1))
    assert not (tmp_path / "out").exists()


def test_a_full_disk_keeps_the_images_before_and_goes_on_later(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, fsync = 0, os.fsync

    def full(handle: int) -> None:
        nonlocal written
        written += 1
        if written > 12:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(durable.os, "fsync", full)
    with pytest.raises(UnfinishedError, match=r"the disk is full\. .*goes on where it stopped"):
        extract(clip, tmp_path / "out", ALL)
    monkeypatch.undo()
    some = codes_in(tmp_path / "out")
    assert 0 < len(some) < 12
    assert not list((tmp_path / "out").glob(".*"))
    extract(clip, tmp_path / "out", ALL)
    assert codes_in(tmp_path / "out") == list(range(40))


def test_a_folder_that_cannot_be_written_is_named(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(VideoError, match="is a file, not a folder"):
        extract(clip, tmp_path / "file", ALL)
    with pytest.raises(VideoError, match="cannot be written to"):
        extract(clip, Path("/proc/none") if sys.platform == "linux" else tmp_path / "file" / "in", ALL)


def test_hostile_names_give_names_for_any_disk(clip: Path, tmp_path: Path) -> None:
    for stem, prefix in (
        ("../../etc", "etc"), ("a b%d", "a_b_d"), (".hid", "hid"), ("Ä 漢", "Ä_漢"), ("—", "video"),
        ("x" * 200, "x" * 60), ("a\nb", "a_b"), ("-rf", "rf"),
    ):  # fmt: skip
        assert image_prefix(Path(f"{stem}.mp4")) == prefix
    if sys.platform != "linux":
        return
    video = Path(os.fsdecode(os.fsencode(tmp_path) + b"/x\xff%03d.avi"))
    video.write_bytes(clip.read_bytes())
    folder = default_folder(video)
    assert folder == tmp_path / "x_03d_frames"
    assert extract(video, folder, FEW).images == 10
    assert json.loads((folder / "x_03d.frames.json").read_text())["finished"] == 10


def test_moments_are_read_as_they_are_written() -> None:
    for text, seconds in (("75", 75), ("1:15", 75), ("1:02:03.5", 3723.5), ("0:07,25", 7.25), ("9 s", 9)):
        assert moment(text) == seconds
        assert moment(clock(seconds)) == seconds
    for text in ("", "a", "1:2:3:4", "-1", "1e9", "nan"):
        with pytest.raises(ValueError, match="A moment is written like"):
            moment(text)
    assert coded(7).shape == (72, 96, 3)
