"""``python -m tests.fuzz``: runs many inputs of the targets and prints a table."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz import targets
from tests.fuzz.inputs import MIB, Outcome, Result
from tests.fuzz.runner import input_of, run

_COLUMNS = tuple(Outcome)


@dataclass
class Row:
    """The results of a target."""

    name: str
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    slowest: float = 0.0
    growth: int = 0

    def add(self, result: Result) -> None:
        self.outcomes[result.outcome] += 1
        self.slowest = max(self.slowest, result.seconds)
        self.growth = max(self.growth, result.growth)

    @property
    def faults(self) -> int:
        return sum(count for outcome, count in self.outcomes.items() if outcome.is_fault)

    @property
    def text(self) -> str:
        counts = " | ".join(f"{self.outcomes[outcome]:,}" for outcome in _COLUMNS)
        total = self.outcomes.total()
        return f"| {self.name} | {total:,} | {counts} | {self.slowest:.2f} s | {self.growth // MIB} MiB |"


def main() -> int:
    """Returns 1 if there was a fault."""
    options = _options()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="samdesk-fuzz-home-") as home:
        os.environ["SAMDESK_HOME"] = home
        os.environ["YOLO_CONFIG_DIR"] = f"{home}/ultralytics"
        with ThreadPoolExecutor(options.jobs) as pool:
            rows = list(pool.map(lambda name: _run(name, options), options.target or targets.NAMES))
    headings = ("target", "inputs", *(outcome.value for outcome in _COLUMNS), "slowest", "growth")
    print("| " + " | ".join(headings) + " |")
    print("| --- " * len(headings) + "|")
    for row in rows:
        print(row.text)
    total = sum(row.outcomes.total() for row in rows)
    print(f"\n{total:,} inputs in {time.monotonic() - began:.0f} s, {sum(row.faults for row in rows)} faults")
    return 1 if any(row.faults for row in rows) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1000, help="Inputs of each target.")
    parser.add_argument("--seed", type=int, default=0, help="Other inputs for another seed.")
    parser.add_argument("--first", type=int, default=0, help="Number of the first input.")
    parser.add_argument(
        "--target", action="append", choices=targets.NAMES, help="Only this one (repeatable)."
    )
    parser.add_argument("--jobs", type=int, default=2, help="Targets that run at the same time.")
    parser.add_argument(
        "--keep", type=Path, help="Writes the inputs that are faults here, with their errors."
    )
    return parser.parse_args()


def _run(name: str, options: argparse.Namespace) -> Row:
    row = Row(name)
    for index, result in run(name, options.seed, options.first, options.inputs):
        row.add(result)
        if result.outcome.is_fault:
            _report(name, options, index, result)
    return row


def _report(name: str, options: argparse.Namespace, index: int, result: Result) -> None:
    error = (result.what.strip().splitlines() or [""])[-1]
    print(
        f"{name} --seed {options.seed} --first {index}: {result.outcome.value}: {error[:200]}",
        file=sys.stderr,
    )
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
        path = options.keep / f"{name.replace(' ', '-')}-{options.seed}-{index}"
        path.write_bytes(input_of(name, options.seed, index))
        path.with_suffix(".txt").write_text(f"{result.outcome.value}\n{result.what}\n")


if __name__ == "__main__":
    sys.exit(main())
