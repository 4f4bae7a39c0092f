"""Runs an operation many times, each with one fault, and checks what is left."""

from __future__ import annotations

import errno
import os
import random
import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from samdesk.base.errors import UserError
from samdesk.dataset.dataset import Dataset
from tests.dataset.dataset_kit import draw, with_labels
from tests.dataset.fault_session import fingerprint
from tests.dataset.test_kill import check_files_are_whole, check_label_files, check_last_words, check_undo
from tests.faults import shim
from tests.faults.operations import KEYS, OPERATIONS, Operation, make_images
from tests.faults.shim import Mode

ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS, errno.EDQUOT)
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
        make_images(original)
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
        dataset = Dataset.open(folder)
        for step in operation.steps:
            step(dataset)
        dataset.close()
        return shim.disarm()


def _attempt(name: str, original: Path, call: int, mode: Mode, error: int, findings: list[Finding]) -> int:
    """Runs the operation in a child with one fault; returns how many steps it reported saved."""
    with _copied(original) as folder:
        code, said = _fork(lambda say: _session(OPERATIONS[name], folder, call, mode, error, say))
        words = [line.split() for line in said.splitlines(keepends=True) if line.endswith("\n")]
        steps = max(0, len(words) - 1)
        try:
            if code == _FAULT:
                raise AssertionError(said)
            _check(folder, words, mode, code)
        except Exception:  # noqa: BLE001 - whatever it is, it is the finding
            findings.append(Finding(name, mode, call, error, traceback.format_exc()))
        return steps


@contextmanager
def _copied(original: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="samdesk-fault-") as name:
        yield Path(shutil.copytree(original, Path(name) / "data"))


def _fork(session: Callable[[Callable[[str], None]], None]) -> tuple[int, str]:
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


def _report(dataset: Dataset) -> str:
    done, undone = dataset.history(10**6)
    return f"saved {len(done)} {len(undone)} {fingerprint(dataset)}\n"


def _session(
    operation: Operation, folder: Path, call: int, mode: Mode, error: int, say: Callable[[str], None]
) -> None:
    """Opens the folder and does the steps. A step that fails leaves everything as it was."""
    shim.arm(folder, call, mode, error)
    try:
        dataset = Dataset.open(folder)
    except (UserError, OSError):
        shim.disarm()
        dataset = Dataset.open(folder)
    said = _report(dataset)
    say(said)
    for step in operation.steps:
        try:
            step(dataset)
        except (UserError, OSError) as failed:
            _check_unchanged(dataset, said, step, failed)
        except (IndexError, KeyError):
            pass  # the step before it, which it needs, was not saved
        with suppress(UserError):  # nothing can be read either
            said = _report(dataset)
            say(said)
    shim.disarm()
    if not dataset.read_only:
        _go_on(dataset)
        say(_report(dataset))
    dataset.close()


def _check_unchanged(dataset: Dataset, said: str, step: object, failed: Exception) -> None:
    """A run that failed in the middle may have saved some of its images, as one step."""
    if "_run" in repr(step):
        return
    try:
        now = _report(dataset)
    except UserError:
        return  # nothing can be read either
    assert now == said, f"{step} failed ({failed!r}) but was saved:\nbefore {said}\nafter  {now}"


def _go_on(dataset: Dataset) -> None:
    """The disk works again: so does everything."""
    before = len(dataset.history(10**6)[0])
    with_labels(dataset, f"label {len(dataset.labels)}")
    draw(dataset, KEYS[0], 40)
    assert len(dataset.history(10**6)[0]) == before + 2


def _check(folder: Path, words: list[list[str]], mode: Mode, code: int) -> None:
    database = folder / ".samdesk" / "dataset.db"
    if database.exists():
        check_files_are_whole(folder)
    dataset = Dataset.open(folder)
    try:
        assert not dataset.read_only, dataset.reason
        if words:
            check_last_words(dataset, words[-1])
        if mode is not Mode.KILL or code == 0:
            assert not words or fingerprint(dataset) == words[-1][3]
        if not dataset.conflicts:
            check_label_files(folder, dataset)
            check_undo(folder, dataset)
        _check_no_leftovers(folder)
    finally:
        dataset.close()


def _check_no_leftovers(folder: Path) -> None:
    left = [path.name for path in folder.rglob("*") if path.name.endswith(".tmp")]
    assert not left, f"left over: {left}"
