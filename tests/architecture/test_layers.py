"""The layers hold, folders stay small, and a window costs no torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from tests.helpers.sources import ROOT, modules, name_of, names, text_of, tree_of

MOST_LINES = 500
MOST_MODULES = 16


def imported_by(path: Path) -> set[str]:
    """The modules of samdesk that a module imports, anywhere in it, or names in a string."""
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return found & names()


def test_imports_keep_to_the_layers() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_modules_stay_small() -> None:
    long = {
        name_of(path): lines for path in modules() if (lines := len(text_of(path).splitlines())) > MOST_LINES
    }
    assert not long


def test_folders_stay_small() -> None:
    held: dict[str, int] = defaultdict(int)
    for path in modules():
        if path.name != "__init__.py":
            held[str(path.parent.relative_to(ROOT))] += 1
    assert not {folder: count for folder, count in held.items() if count > MOST_MODULES}


def test_every_module_is_described() -> None:
    assert not [name_of(path) for path in modules() if ast.get_docstring(tree_of(path)) is None]


def test_every_module_is_used_by_the_program() -> None:
    entries = {"samdesk", "samdesk.__main__", "samdesk.bench.heartbeat", "samdesk.testing.memory"}
    used = set().union(*(imported_by(path) - {name_of(path)} for path in modules()))
    packages = {name_of(path) for path in modules() if path.name == "__init__.py"}
    assert names() - used - packages - entries == set()


def test_no_thread_is_ended_by_force() -> None:
    found = [
        f"{name_of(path)}:{number}"
        for path in modules()
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if ".terminate()" in line
    ]
    assert not found
