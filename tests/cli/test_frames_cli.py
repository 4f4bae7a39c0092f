"""``samdesk frames``: options, exit codes, what is printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from samdesk.cli.main import main
from tests.exchange.frames.video_kit import codes_in, write_video


def _run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["frames", *map(str, arguments)])
    return int(ended.value.code or 0)


def test_frames_go_to_a_folder_beside_the_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video, out = write_video(tmp_path / "clip.avi", 40, rate=20), tmp_path / "clip_frames"
    assert _run(video, "--dry-run", "--every", "10", "--from", "0:00.5") == 0
    printed = capsys.readouterr().out
    assert "clip.avi: 96 × 72 pixels, 40 frames, 2.0 s, 20 frames/s." in printed
    assert f"About 3 images, 2 kB. In {out}." in printed
    assert not out.exists()
    assert _run(video, "--every", "10", "--from", "0:00.5", "--format", "png") == 0
    assert codes_in(out) == [10, 20, 30]
    assert capsys.readouterr().out.splitlines() == [
        f"3 images extracted from clip.avi to {out}.", f"Open it with: samdesk {out}"
    ]  # fmt: skip
    assert _run(video, "--every", "10", "--from", "0:00.5", "--format", "png", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["images"], report["added"], report["was_finished"]) == (3, 0, True)
    assert _run(video, tmp_path / "other", "--to", "1") == 0
    assert codes_in(tmp_path / "other") == list(range(0, 20, 4))


def test_wrong_options_and_damaged_videos(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = write_video(tmp_path / "clip.avi", 40)
    for options, words in (
        (("--every", "2", "--rate", "1"), "Choose one of --rate, --every and --scenes"),
        (("--threshold", "0.3"), "--threshold is for --scenes"),
        (("--from", "soon"), "A moment is written like"),
        (("--format", "gif"), "Images are jpg or png"),
        (("--quality", "0"), "from 1 to 100"),
        (("--from", "1:00"), "There is no frame of clip.avi between 1:00 and its end"),
    ):
        assert _run(video, tmp_path / "out", *options) == 2
        assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    assert _run(video, tmp_path / "out", "--scenes") == 1
    assert "The video ends after" in capsys.readouterr().out
