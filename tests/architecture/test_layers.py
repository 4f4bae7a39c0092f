"""The layers hold, and a window costs no torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HARD_LIMIT = 500


def test_imports_keep_to_the_layers() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_window_is_built_without_torch_and_ultralytics() -> None:
    code = (
        "import sys, samdesk.app, samdesk.cli.main\n"
        "print(*sorted({m.split('.')[0] for m in sys.modules} & {'torch', 'torchvision', 'ultralytics'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_modules_stay_small() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / "samdesk").rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > HARD_LIMIT
    }
    assert not long


def test_public_names_are_documented() -> None:
    bare = []
    for path in (ROOT / "samdesk").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if ast.get_docstring(tree) is None:
            bare.append(str(path.relative_to(ROOT)))
    assert not bare


def test_no_thread_is_ended_by_force() -> None:
    found = [
        f"{path.name}:{number}"
        for path in (ROOT / "samdesk").rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if ".terminate()" in line
    ]
    assert not found
