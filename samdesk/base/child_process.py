"""Starting samdesk's own processes: program, environment and working folder.

Python looks for modules in the current folder before its own ("python -m", "python -c" and the processes of
multiprocessing): a ``numpy.py`` in the folder of images where samdesk was started would be run. So every
process of samdesk's own starts in a folder of samdesk's and with ``PYTHONSAFEPATH``, and finds modules where
this process does.
"""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from samdesk.base import places
from samdesk.base.environment import for_program

_RELATIVE_IN_FOLDER = ("YOLO_CONFIG_DIR",)
"""Variables with a path that may be relative to the current folder; ``SAMDESK_HOME`` is one more."""


def program() -> str:
    """The executable to start: this Python or, if frozen, this program's console variant if there is one."""
    own = Path(sys.executable)
    console = own.with_name(own.name.replace("-gui", ""))
    return str(console if _frozen() and console.is_file() else own)


def arguments(*command: str) -> list[str]:
    """The arguments with which ``program()`` runs a command of samdesk's command line."""
    return [*([] if _frozen() else ["-m", "samdesk"]), *command]


def environment(base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of the process.

    Args:
        base: Taken over as it is; None: this process's, with how the threads of samdesk's programs wait.
    """
    found = for_program(os.environ) if base is None else dict(base)
    found |= {"PYTHONSAFEPATH": "1", "PYTHONUTF8": "1"}
    if (home := places.home()) is not None:
        found["SAMDESK_HOME"] = str(home)
    for name in _RELATIVE_IN_FOLDER:
        if found.get(name):
            found[name] = str(Path(found[name]).expanduser().absolute())
    if not _frozen():
        found["PYTHONPATH"] = os.pathsep.join(_search_path(found.get("PYTHONPATH", "")))
    return found


def folder() -> Path:
    """The working folder of the process: one of samdesk's own, in which nothing lies."""
    try:
        found = places.cache() / "process"
        found.mkdir(parents=True, exist_ok=True)
    except OSError:  # no home to write to
        return Path(sys.executable).absolute().parent
    return found


@contextmanager
def inherited(base: Mapping[str, str] | None = None) -> Iterator[None]:
    """Lets the processes that multiprocessing starts within the block have this environment and folder.

    It changes those of the whole process meanwhile: only for a process without other threads.
    """
    before, here = dict(os.environ), Path.cwd()
    wanted, place = environment(base), folder()
    _replace_environment(wanted)
    os.chdir(place)
    try:
        yield
    finally:
        os.chdir(here)
        _replace_environment(before)


def _replace_environment(wanted: Mapping[str, str]) -> None:
    for name in [name for name in os.environ if name not in wanted]:
        del os.environ[name]
    os.environ.update(wanted)


def _search_path(inherited_path: str) -> list[str]:
    """Returns the entries of PYTHONPATH: absolute, without the empty ones, which are the current folder.

    The folder that samdesk is imported from is one, unless Python finds it without.
    """
    entries = [str(Path(entry).absolute()) for entry in inherited_path.split(os.pathsep) if entry]
    root = str(Path(__file__).absolute().parents[2])
    installed = {*map(sysconfig.get_path, ("purelib", "platlib")), site.getusersitepackages()}
    return entries if root in entries or root in installed else [*entries, root]


def _frozen() -> bool:
    return bool(getattr(sys, "frozen", False))
