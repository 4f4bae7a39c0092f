"""``python -m tests.e2e.monkey``: runs the monkey over fresh folders, offscreen."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path


def main() -> int:
    """Returns 1 if a run has found a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.monkey", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="Seed of the first run.")
    parser.add_argument("--events", type=int, default=1500, help="Events of a run.")
    parser.add_argument("--runs", type=int, default=1, help="Runs, each with the next seed.")
    options = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # truncated images
    faults = 0
    for seed in range(options.seed, options.seed + options.runs):
        with tempfile.TemporaryDirectory(prefix="samdesk-monkey-") as home:
            os.environ["SAMDESK_HOME"] = home
            os.environ["YOLO_CONFIG_DIR"] = f"{home}/ultralytics"
            faults += _run(Path(home) / "images", seed, options.events)
    return 1 if faults else 0


def _run(folder: Path, seed: int, events: int) -> int:
    from samdesk.engine.models.load import load_predictor
    from tests.e2e.monkey.driver import drive
    from tests.e2e.monkey.window import MonkeyError

    flint = load_predictor("flint", "cpu")
    began = time.monotonic()
    try:
        drive(folder, seed, events, lambda *_: flint)
    except MonkeyError as fault:
        print(f"FAULT {fault}", file=sys.stderr)
        return 1
    print(f"seed {seed}: {events} events in {time.monotonic() - began:.0f} s, no fault")
    return 0


if __name__ == "__main__":
    sys.exit(main())
