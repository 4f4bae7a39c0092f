"""FileOperation: steps that write files of their own; each is done or not done, never half."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from samdesk.base.errors import UserError
from tests.faults import shim
from tests.faults.operation import Say, nothing


@dataclass(frozen=True)
class FileOperation:
    """Steps on a folder.

    Attributes:
        steps: What is done.
        state: What is saved, as the program reads it; raises if it cannot be read.
        content: Makes what is there from before.
    """

    steps: tuple[Callable[[Path], object], ...]
    state: Callable[[Path], str]
    content: Callable[[Path], None] = nothing

    def prepare(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.content(folder)

    def play(self, folder: Path) -> None:
        for step in self.steps:
            step(folder)

    def session(self, folder: Path, say: Say) -> None:
        for step in self.steps:
            before = self.state(folder)
            with suppress(UserError, OSError):
                step(folder)
                say(self.state(folder))
                continue
            assert self.state(folder) == before, "it failed but was saved"
        shim.disarm()
        self.play(folder)
        say(self.state(folder))

    def check(self, folder: Path, said: list[str], *, killed: bool) -> None:
        state = self.state(folder)
        if killed:
            self._check_state(folder, state, said)
        else:
            assert state == said[-1]
        self.play(folder)  # the next session, which removes what this one has left

    def _check_state(self, folder: Path, state: str, said: list[str]) -> None:
        states = self._states(folder.with_name("undisturbed"))
        assert said == states[1 : len(said) + 1]
        expected = states[len(said) : len(said) + 2]  # the step that was being done may be saved
        assert state in expected, f"{state!r} is none of {expected}"

    def _states(self, folder: Path) -> list[str]:
        self.prepare(folder)
        states = [self.state(folder)]
        for step in self.steps:
            step(folder)
            states.append(self.state(folder))
        return states
