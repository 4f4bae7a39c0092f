"""How the libraries' threads wait, set by environment variables before the libraries are loaded.

The threads of OpenMP (torch) and OpenBLAS (numpy, OpenCV) spin while they wait for work or for each other.
A thread that spins takes the core from the one it waits for as soon as another program needs a core: a click
then takes ten times as long. Both libraries read the variables only once, when they are loaded.

What the user has set is left alone, so these variables are the setting.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

_AT_START = frozenset(os.environ)


@dataclass(frozen=True)
class _Waiting:
    """How the threads of one library wait.

    Attributes:
        module: The module that loads the library.
        ours: The variables to set.
        choices: Variables by which a user chooses otherwise: if one is set, none of ours is.
    """

    module: str
    ours: Mapping[str, str]
    choices: tuple[str, ...]

    def set_in(self, environment: MutableMapping[str, str]) -> None:
        """Sets the variables, unless the user has chosen."""
        if not any(name in environment for name in self.choices):
            environment.update(self.ours)


_OPENMP = _Waiting(
    "torch",
    # "passive" for Intel's and LLVM's OpenMP. GNU's then would not spin at all, which costs a third of the
    # speed on free cores: a thousand turns, some 40 microseconds, bridge most waits and harm nobody.
    {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "1000"},
    ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY"),
)
_OPENBLAS = _Waiting(
    "numpy",
    # Its threads spin for long, whatever OPENBLAS_THREAD_TIMEOUT is; our products are small.
    {"OPENBLAS_NUM_THREADS": "1"},
    ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS"),
)


def set_for_program() -> None:
    """Sets how all threads wait, for a process that is samdesk's own; before numpy and torch are imported."""
    for library in (_OPENMP, _OPENBLAS):
        if library.module not in sys.modules:
            library.set_in(os.environ)


def for_program(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment of a new process of samdesk's own, made from another one."""
    found = dict(environment)
    for library in (_OPENMP, _OPENBLAS):
        library.set_in(found)
    return found


def set_for_torch() -> None:
    """Sets how OpenMP's threads wait, for any process that uses samdesk; does nothing once torch is imported.

    numpy's number of threads is left alone: the process may need them for other work.
    """
    if _OPENMP.module not in sys.modules:
        _OPENMP.set_in(os.environ)


def set_threads(environment: MutableMapping[str, str], count: int) -> None:
    """Sets how many threads compute an operation of a network, before torch is imported.

    The last digits of the result depend on it: processes that are to find the same must have the same number.
    """
    environment["OMP_NUM_THREADS"] = str(count)


def threads(environment: Mapping[str, str]) -> int | None:
    """The number of threads that an environment asks for; None: one for each core."""
    first = environment.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) > 0 else None


def as_user_set() -> dict[str, str]:
    """Returns the environment without what this module sets."""
    now = dict(os.environ)
    names = {name for library in (_OPENMP, _OPENBLAS) for name in library.ours}
    return {name: value for name, value in now.items() if name not in names or name in _AT_START}
