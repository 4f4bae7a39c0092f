"""Operation: what is done while the disk fails or the process dies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeAlias

Say: TypeAlias = Callable[[str], None]
"""Takes one line that the parent process reads, whatever happens next."""


def nothing(_folder: Path) -> None:
    """There is nothing from before."""


class Operation(Protocol):
    """What is done to a folder, in steps."""

    def prepare(self, folder: Path) -> None:
        """Makes what is there before, in a folder that does not exist."""

    def play(self, folder: Path) -> None:
        """Does all steps, on a disk that works."""

    def session(self, folder: Path, say: Say) -> None:
        """Does the steps on a disk that may fail, and says what is saved after each.

        In the end the disk works again and the work goes on. Raises for what must not happen.
        """

    def check(self, folder: Path, said: list[str], *, killed: bool) -> None:
        """Checks what is left, in a new process. Raises for what must not be.

        Args:
            folder: What is left.
            said: The lines that the session said.
            killed: Whether it was killed; else it has ended.
        """
