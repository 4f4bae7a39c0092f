"""The program's own sources, each read and parsed once for the tests of a folder."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "samdesk"


@cache
def modules() -> tuple[Path, ...]:
    """All modules of the program, in the order of their paths."""
    return tuple(sorted(PACKAGE.rglob("*.py")))


@cache
def names() -> frozenset[str]:
    """The dotted names of all modules."""
    return frozenset(map(name_of, modules()))


@cache
def text_of(path: Path) -> str:
    """The source of a module."""
    return path.read_text(encoding="utf-8")


@cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a module; nobody may change it."""
    return ast.parse(text_of(path))


@cache
def name_of(path: Path) -> str:
    """The dotted name of a module."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def place_of(path: Path) -> str:
    """A module's path in the package: "ui/kit/dock.py"."""
    return path.relative_to(PACKAGE).as_posix()


def forget() -> None:
    """Frees the trees: a hundred megabytes, and objects that every garbage collection goes through."""
    for kept in (modules, names, text_of, tree_of, name_of):
        kept.cache_clear()
