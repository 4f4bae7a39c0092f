"""A few broken inputs of every kind; the runner itself notices each kind of fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from samdesk.base.errors import UserError
from tests.fuzz import targets
from tests.fuzz.inputs import Outcome, make_input, read_input
from tests.fuzz.target import SilentLossError, Target


@pytest.mark.parametrize("name", targets.NAMES)
def test_broken_input_is_read_or_refused_in_words(name: str, tmp_path: Path) -> None:
    target = targets.load(name)
    seeds = target.seeds(tmp_path)
    results = [read_input(target, make_input(target, seeds, name, 0, i)) for i in range(target.short)]
    assert [result.what for result in results if result.outcome.is_fault] == []


@pytest.mark.parametrize("name", targets.NAMES)
def test_valid_input_is_read(name: str, tmp_path: Path) -> None:
    target = targets.load(name)
    for data in target.seeds(tmp_path):
        assert read_input(target, data).outcome is Outcome.READ


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ValueError("x"), Outcome.UNCAUGHT),
        (RecursionError(), Outcome.UNCAUGHT),
        (SystemExit(), Outcome.UNCAUGHT),
        (SilentLossError("x"), Outcome.LOSS),
        (UserError("x"), Outcome.REFUSED),
    ],
)
def test_an_error_is_an_outcome(error: BaseException, outcome: Outcome) -> None:
    def fail(_data: bytes, _folder: Path) -> None:
        raise error

    assert read_input(Target(lambda _: [b""], fail), b"").outcome is outcome


def test_memory_beyond_the_limit_is_a_fault() -> None:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("needs /proc of Linux")
    target = Target(lambda _: [b""], lambda _data, _folder: bytearray(b"x") * (400 << 20))
    assert read_input(target, b"").outcome is Outcome.MEMORY
