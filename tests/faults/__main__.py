"""``python -m tests.faults``: kills and failing calls of every operation, and a table of them."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.faults import shim


def main() -> int:
    """Returns 1 if something went wrong, 2 if it cannot run here."""
    options = _options()
    if reason := shim.missing():
        print(reason, file=sys.stderr)
        return 2
    if shim.is_loaded():
        return _run(options)
    with tempfile.TemporaryDirectory(prefix="samdesk-faults-") as name:
        environment = {
            **shim.environment(Path(name)),
            "SAMDESK_HOME": str(Path(name) / "home"),
            "OPENBLAS_NUM_THREADS": "1",  # a process with threads may not fork
        }
        return subprocess.run(
            [sys.executable, "-m", "tests.faults", *sys.argv[1:]], env=environment
        ).returncode


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="Kills of each operation.")
    parser.add_argument("--failures", type=int, default=100, help="Failing calls of each operation.")
    parser.add_argument("--seed", type=int, default=0, help="Other errors for another seed.")
    parser.add_argument("--operation", action="append", help="Only this one.")
    return parser.parse_args()


def _run(options: argparse.Namespace) -> int:
    from multiprocessing import get_context

    from tests.faults.campaign import run
    from tests.faults.operations import OPERATIONS

    began = time.monotonic()
    jobs = [(name, options.kills, options.failures, options.seed) for name in options.operation or OPERATIONS]
    with get_context("fork").Pool(min(len(jobs), os.cpu_count() or 1)) as pool:
        tallies = pool.starmap(run, jobs, chunksize=1)
    print("| operation | calls that change files | kills | failing calls | steps reported saved | faults |")
    print("| --- " * 6 + "|")
    for tally in tallies:
        counts = (tally.calls, tally.kills, tally.failures, tally.saved, len(tally.findings))
        print(f"| {tally.operation} | " + " | ".join(f"{count:,}" for count in counts) + " |")
    for finding in (finding for tally in tallies for finding in tally.findings):
        error = os.strerror(finding.error) if finding.error else ""
        title = f"{finding.operation}: {finding.mode.name} {error} at call {finding.call}"
        print(f"\n{title}\n{finding.what}", file=sys.stderr)
    print(f"\n{time.monotonic() - began:.0f} s")
    return 1 if any(tally.findings for tally in tallies) else 0


if __name__ == "__main__":
    sys.exit(main())
