"""How the threads of numpy and torch wait: set before they are loaded, wherever samdesk starts."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from samdesk.base import child_process, environment
from samdesk.base.environment import as_user_set, for_program

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OPENBLAS_NUM_THREADS")
OURS = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "1000", "OPENBLAS_NUM_THREADS": "1"}

ENTRIES = {
    "samdesk": "from samdesk.cli.main import main; sys.argv = ['samdesk', 'version']; run(main)",
    "python -m samdesk": (
        "import runpy; sys.argv = ['-m', 'version'];"
        " run(lambda: runpy.run_module('samdesk', run_name='__main__', alter_sys=True))"
    ),
    "the frozen app": (
        "import runpy; sys.argv = ['samdesk', 'version'];"
        " run(lambda: runpy.run_path('packaging/entry.py', run_name='__main__'))"
    ),
    "the heartbeat": (
        "import runpy; sys.argv = ['heartbeat', '/nowhere'];"
        " run(lambda: runpy.run_module('samdesk.bench.heartbeat', run_name='__main__'))"
    ),
}

REPORT = """
import ctypes, json, os, sys
found = {}
class Finder:
    @staticmethod
    def find_spec(name, path, target=None):
        if name in ("numpy", "torch"):
            found.setdefault(name, {name: os.environ.get(name) for name in NAMES})
        if name == "torch":
            sys.exit()  # importing it takes seconds, and has been prepared
def run(entry):
    try:
        entry()
    except SystemExit:
        pass
sys.meta_path.insert(0, Finder)
NAMES = %r
%s
import numpy
tasks = "/proc/self/task"
print(json.dumps({**found, "threads": len(os.listdir(tasks)) if os.path.isdir(tasks) else 1}))
if os.path.isfile(%r):
    ctypes.CDLL(%r)
"""
"""Tells the variables when numpy was first looked for, the threads that numpy has, and what OpenMP reads."""


def report(entry: str, **chosen: str) -> tuple[dict[str, object], str]:
    """Starts samdesk by an entry point in a process without variables but ``chosen``."""
    clean = {name: value for name, value in os.environ.items() if name not in NAMES}
    code = REPORT % (NAMES, entry, *[str(_openmp())] * 2)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**clean, "OMP_DISPLAY_ENV": "verbose", "PYTHONPATH": str(ROOT), **chosen},
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


def _openmp() -> Path:
    """GNU's OpenMP, as torch for Linux brings it."""
    spec = importlib.util.find_spec("torch")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "lib" / "libgomp.so.1"


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_entry_point_sets_it_before_numpy(entry: str) -> None:
    found, openmp = report(ENTRIES[entry])
    assert found["numpy"] == OURS
    assert found.get("torch", OURS) == OURS
    assert found["threads"] == 1  # OpenBLAS has none of its own that could spin
    if _openmp().is_file():
        assert "OMP_WAIT_POLICY = 'PASSIVE'" in openmp
        assert "GOMP_SPINCOUNT = '1000'" in openmp


def test_what_the_user_has_set_wins() -> None:
    found, openmp = report(ENTRIES["samdesk"], OMP_WAIT_POLICY="active", OPENBLAS_NUM_THREADS="2")
    assert found["numpy"] == {
        "OMP_WAIT_POLICY": "active",
        "GOMP_SPINCOUNT": None,
        "OPENBLAS_NUM_THREADS": "2",
    }
    if _openmp().is_file():
        assert "OMP_WAIT_POLICY = 'ACTIVE'" in openmp


def test_a_program_that_uses_samdesk_keeps_its_numpy() -> None:
    code = """
import samdesk, os
from samdesk.engine.runtime.imports import import_torch
assert not {"OMP_WAIT_POLICY", "OPENBLAS_NUM_THREADS"} & set(os.environ), "importing samdesk changes nothing"
run(import_torch)
assert os.environ["GOMP_SPINCOUNT"] == "1000"
assert "OPENBLAS_NUM_THREADS" not in os.environ
"""
    found, openmp = report(code)
    assert found["torch"] == {**OURS, "OPENBLAS_NUM_THREADS": None}
    if _openmp().is_file():
        assert "GOMP_SPINCOUNT = '1000'" in openmp


@pytest.mark.parametrize("name", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"])
def test_children_are_set_unless_the_user_has_chosen(name: str) -> None:
    assert {key: for_program({})[key] for key in NAMES} == OURS
    chosen = for_program({name: "5", "GOTO_NUM_THREADS": "3"})
    assert chosen == {name: "5", "GOTO_NUM_THREADS": "3"}


def test_children_inherit_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    assert {name: child_process.environment()[name] for name in NAMES} == OURS
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    assert child_process.environment()["GOMP_SPINCOUNT"] == "7"
    assert "OMP_WAIT_POLICY" not in child_process.environment()
    # Ultralytics is measured as its user gets it.
    monkeypatch.setattr(environment, "_AT_START", frozenset())  # the tests' own processes inherit it
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    assert "OPENBLAS_NUM_THREADS" not in as_user_set()
