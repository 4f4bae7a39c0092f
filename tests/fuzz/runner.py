"""Runs inputs in a child process that may crash, hang or grow."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.fuzz import targets
from tests.fuzz.inputs import Outcome, Result, make_input, read_input

HANG_SECONDS = 5.0
_START_SECONDS = 120.0
_BATCH = 2000
"""Inputs of one process: what leaks is not counted as one input's memory."""


def run(name: str, seed: int, first: int, count: int) -> Iterator[tuple[int, Result]]:
    """Yields the number and the result of each input of a target."""
    index = first
    while index < first + count:
        end = min(index + _BATCH, first + count)
        for done, result in _run_process(name, seed, index, end):
            yield done, result
            index = done + 1


def input_of(name: str, seed: int, index: int) -> bytes:
    """Returns an input, to be kept or looked at."""
    target = targets.load(name)
    with tempfile.TemporaryDirectory() as folder:
        seeds = target.seeds(Path(folder))
    return make_input(target, seeds, name, seed, index)


def _run_process(name: str, seed: int, first: int, end: int) -> Iterator[tuple[int, Result]]:
    """Yields results until the process has ended; the last one may be its crash or hang."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_work, args=(theirs, name, seed, first, end), daemon=True)
    process.start()
    theirs.close()
    try:
        if not _ready(ours, process):
            raise RuntimeError(f"The target {name!r} could not make its inputs.")
        for index in range(first, end):
            result = _wait(ours, process)
            yield index, result
            if result.outcome in (Outcome.HANG, Outcome.CRASH):
                return
    finally:
        process.kill()
        process.join()
        ours.close()


def _ready(ours: Connection, process: BaseProcess) -> bool:
    try:
        return ours.poll(_START_SECONDS) and bool(ours.recv())
    except EOFError:
        process.join()
        return False


def _wait(ours: Connection, process: BaseProcess) -> Result:
    try:
        if not ours.poll(HANG_SECONDS):
            return Result(Outcome.HANG, HANG_SECONDS, what=f"no answer in {HANG_SECONDS:.0f} s")
        result = ours.recv()
    except (EOFError, ConnectionError):
        process.join()
        return Result(Outcome.CRASH, what=f"the process ended with {process.exitcode}")
    assert isinstance(result, Result)
    return result


def _work(theirs: Connection, name: str, seed: int, first: int, end: int) -> None:
    target = targets.load(name)
    with tempfile.TemporaryDirectory() as folder:
        seeds = list(target.seeds(Path(folder)))
    for data in seeds:
        read_input(target, data)  # what is imported at the first input is not its memory
    theirs.send(True)
    for index in range(first, end):
        theirs.send(read_input(target, make_input(target, seeds, name, seed, index)))
