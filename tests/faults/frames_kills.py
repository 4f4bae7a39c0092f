"""``python -m tests.faults.frames_kills FOLDER``: extractions of frames killed at random moments, resumed.

After each kill every image in the folder is whole, and the one that an extraction without kills makes; the
resumed extraction ends with the same files, byte for byte, and leaves nothing else.
"""

from __future__ import annotations

import argparse
import random
import shutil
import time
from collections import Counter
from pathlib import Path

from samdesk.exchange.frames.extract import extract
from samdesk.exchange.frames.values import FramesPlan
from tests.exchange.frames.video_kit import codes_in, write_video
from tests.faults.kill import killed_at

PLAN = FramesPlan("every", 1)


def take_out(video: str, out: str) -> None:
    """Extracts all frames in this process."""
    extract(Path(video), Path(out), PLAN)


def content(folder: Path) -> dict[str, bytes]:
    """All files of a folder but temporary ones, which are hidden and no images."""
    return {
        path.name: path.read_bytes()
        for path in (folder.iterdir() if folder.is_dir() else ())
        if not (path.name.startswith(".") and path.suffix == ".tmp")
    }


def campaign(folder: Path, kills: int, seed: int = 0, frames: int = 240) -> Counter[str]:
    """Kills extractions; what they left."""
    rng, seen = random.Random(seed), Counter[str]()
    video, whole, out = folder / "v.avi", folder / "whole", folder / "out"
    write_video(video, frames)
    untouched = video.read_bytes()
    began = time.perf_counter()
    take_out(str(video), str(whole))
    took = time.perf_counter() - began
    after = content(whole)
    assert codes_in(whole) == list(range(frames))
    for _ in range(kills):
        left = -1
        for _ in range(rng.randint(1, 3)):  # a resumed one may be killed, too
            killed_at(
                "tests.faults.frames_kills", "take_out", str(video), str(out),
                after=rng.uniform(0, 1.1 * took),
            )  # fmt: skip
            there = content(out)
            manifest = there.pop("v.frames.json", b"")
            assert there.items() <= after.items(), "an image is not whole, or is another one"
            assert manifest or not there
            assert len(there) >= left, "an image has gone"
            left = len(there)
        seen["left " + ("nothing" if not left else "all" if left == frames else "some")] += 1
        seen["left a temporary file"] += out.is_dir() and len(list(out.glob(".*.tmp"))) > 0
        take_out(str(video), str(out))
        assert content(out) == after
        assert not list(out.glob(".*"))
        assert video.read_bytes() == untouched
        seen["resumed: the same bytes"] += 1
        shutil.rmtree(out)
    return seen


def main() -> None:
    """Prints what the kills have left."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.frames_kills", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for what, count in campaign(options.folder, options.kills, options.seed).items():
        print(f"{count}: {what}")


if __name__ == "__main__":
    main()
