"""What an input is and what becomes of it, in this process."""

from __future__ import annotations

import shutil
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from random import Random

from samdesk.base.errors import UserError
from tests.fuzz.target import SilentLossError, Target
from tests.helpers.memory import resident, start_of_peak

MIB = 1 << 20
MOST_GROWTH = 300 * MIB
"""Bytes a reader may need beyond what the header of its input says."""


class Outcome(Enum):
    """What became of an input; the first two are right."""

    READ = "read"
    REFUSED = "refused"
    UNCAUGHT = "uncaught"
    LOSS = "silent loss"
    MEMORY = "memory"
    HANG = "hang"
    CRASH = "crash"

    @property
    def is_fault(self) -> bool:
        return self not in (Outcome.READ, Outcome.REFUSED)


@dataclass(frozen=True)
class Result:
    """What became of one input.

    Attributes:
        outcome: What it was.
        seconds: How long it took.
        growth: By how many bytes the process had grown at its largest; 0 where that is not known.
        what: The error, for a fault.
    """

    outcome: Outcome
    seconds: float = 0.0
    growth: int = 0
    what: str = ""


def make_input(target: Target, seeds: Sequence[bytes], name: str, seed: int, index: int) -> bytes:
    """Returns an input; the same for the same arguments."""
    rng = Random(f"{name} {seed} {index}")
    return target.mutate(rng.choice(seeds), rng.choice(seeds), rng)


def read_input(target: Target, data: bytes) -> Result:
    """Reads an input in a fresh folder, which is deleted."""
    folder = Path(tempfile.mkdtemp(prefix="samdesk-fuzz-"))
    before = start_of_peak()
    began = time.monotonic()
    what = ""
    try:
        target.read(data, folder)
        outcome = Outcome.READ
    except UserError:
        outcome = Outcome.REFUSED
    except SilentLossError as loss:
        outcome, what = Outcome.LOSS, str(loss)
    except BaseException:  # noqa: BLE001 - whatever it is, it is the finding
        outcome, what = Outcome.UNCAUGHT, traceback.format_exc()
    seconds = time.monotonic() - began
    growth = max(0, resident("VmHWM") - before)
    shutil.rmtree(folder, ignore_errors=True)
    if not outcome.is_fault and growth > MOST_GROWTH + target.allowance(data):
        outcome, what = Outcome.MEMORY, f"grew by {growth // MIB} MiB"
    return Result(outcome, seconds, growth, what)
