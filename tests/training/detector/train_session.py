"""One detector training in a process of its own, for tests that kill it.

``python -m tests.training.detector.train_session PARTS_FOLDER COUNT BASE OUT WORK WAIT_AT``: prints "batch N"
after each batch and waits for a line at batch ``WAIT_AT``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from samdesk.base.jobs import CancelToken
from samdesk.training.detector.teach_detector import DetectorTeachSettings, teach_detector
from tests.helpers.machine_parts import parts_folder

LABELLED = ("washer", "gear")
SETTINGS = DetectorTeachSettings(
    imgsz=96, detect_imgsz=96, epochs=2, least_epochs=2, batch=3, patience=9, device="cpu", threads=1
)


def main() -> None:
    folder, count, base, out, work, wait_at = sys.argv[1:]
    images = parts_folder(Path(folder), int(count), height=96, width=128, labelled=LABELLED, most=4)

    def print_batch(done: int, _total: int) -> None:
        print(f"batch {done}", flush=True)
        if done == int(wait_at):
            sys.stdin.readline()

    teach_detector(
        images,
        LABELLED,
        base=Path(base),
        out=Path(out),
        work=Path(work),
        settings=SETTINGS,
        progress=print_batch,
        cancel=CancelToken(),
    )


if __name__ == "__main__":
    main()
