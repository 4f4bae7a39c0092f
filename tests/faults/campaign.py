"""Runs an operation many times, each with one fault, and checks what is left."""

from __future__ import annotations

import errno
import os
import random
import re
import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults import shim
from tests.faults.operation import Operation, Say
from tests.faults.operations import OPERATIONS
from tests.faults.shim import Mode

ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS, errno.EDQUOT)
_LEFT = re.compile(r"\.tmp$|\.new(-journal)?$|^\.new-|lock$")
_FAULT = 70
"""The exit code of a session that found a fault."""


@dataclass(frozen=True)
class Finding:
    """A run that went wrong.

    Attributes:
        operation: Its name.
        mode: What happened to it.
        call: At which call that changes a file, from 1.
        error: The error of the failing call; 0: none.
        what: What was wrong.
    """

    operation: str
    mode: Mode
    call: int
    error: int
    what: str


@dataclass(frozen=True)
class Tally:
    """The runs of an operation.

    Attributes:
        operation: Its name.
        calls: How many calls change files when nothing fails.
        kills: Runs that were killed.
        failures: Runs in which calls failed.
        saved: Steps that were reported saved before the fault.
        findings: What went wrong.
    """

    operation: str
    calls: int
    kills: int
    failures: int
    saved: int
    findings: tuple[Finding, ...]


def run(name: str, kills: int, failures: int, seed: int) -> Tally:
    """Runs an operation with that many kills and failing calls, at evenly spread calls."""
    operation = OPERATIONS[name]
    rng = random.Random(f"{name} {seed}")
    with tempfile.TemporaryDirectory(prefix="samdesk-faults-") as home:
        original = Path(home) / "original"
        operation.prepare(original)
        calls = _count(operation, original)
        findings: list[Finding] = []
        saved = 0
        for call in _spread(calls, kills, rng):
            saved += _attempt(name, original, call, Mode.KILL, 0, findings)
        for call in _spread(calls, failures, rng):
            mode = rng.choice((Mode.FAIL_ONCE, Mode.FAIL_ONCE, Mode.FAIL_ON))
            saved += _attempt(name, original, call, mode, rng.choice(ERRORS), findings)
    return Tally(name, calls, kills, failures, saved, tuple(findings))


def _spread(calls: int, count: int, rng: random.Random) -> Iterator[int]:
    """Yields calls from 1: every one before any is repeated."""
    while count > 0:
        order = rng.sample(range(1, calls + 1), calls)
        yield from order[:count]
        count -= calls


def _count(operation: Operation, original: Path) -> int:
    with _copied(original) as folder:
        shim.arm(folder, 0, Mode.COUNT)
        operation.play(folder)
        return shim.disarm()


def _attempt(name: str, original: Path, call: int, mode: Mode, error: int, findings: list[Finding]) -> int:
    """Runs the operation in a child with one fault; returns how many steps it reported saved."""
    with _copied(original) as folder:
        operation = OPERATIONS[name]

        def session(say: Say) -> None:
            shim.arm(folder, call, mode, error)
            operation.session(folder, lambda line: say(f"{line}\n"))

        code, text = _fork(session)
        said = [line.rstrip("\n") for line in text.splitlines(keepends=True) if line.endswith("\n")]
        try:
            assert code != _FAULT, text
            operation.check(folder, said, killed=code != 0)
            _check_no_leftovers(folder)
        except Exception:  # noqa: BLE001 - whatever it is, it is the finding
            findings.append(Finding(name, mode, call, error, traceback.format_exc()))
        return len(said)


@contextmanager
def _copied(original: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="samdesk-fault-") as name:
        yield Path(shutil.copytree(original, Path(name) / "data"))


def _fork(session: Callable[[Say], None]) -> tuple[int, str]:
    """Runs a session in a child; returns its exit code (-9: killed) and all that it said."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reads)
        code = 0
        try:
            session(lambda text: _say(writes, text))
        except BaseException:  # noqa: BLE001 - reported to the parent
            _say(writes, traceback.format_exc())
            code = _FAULT
        os._exit(code)
    os.close(writes)
    with os.fdopen(reads, encoding="utf-8") as pipe:
        said = pipe.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said


def _say(writes: int, text: str) -> None:
    os.write(writes, text.encode())


def _check_no_leftovers(folder: Path) -> None:
    left = [path.name for path in folder.rglob("*") if _LEFT.search(path.name)]
    assert not left, f"left over: {left}"
