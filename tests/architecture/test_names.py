"""One word for one idea: the glossary, and the names in the code."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

from tests.helpers.sources import ROOT, modules, tree_of

GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
AVOIDED = re.compile(r"^\| `([a-z_]+)` \|", re.MULTILINE)
"""A row of the glossary's table of words that no identifier has."""


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in modules():
        yield path.relative_to(ROOT).as_posix(), tree_of(path)


def identifiers(tree: ast.Module) -> Iterator[str]:
    """The names that a module defines: of classes, functions, parameters, variables and attributes."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Store):
            yield node.id if isinstance(node, ast.Name) else node.attr


def words(identifier: str) -> list[str]:
    """The words of a name: ``_image_size`` and ``imageSize`` are "image" and "size"."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", identifier)]


def test_a_class_name_means_one_thing() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name.lstrip("_")].append(path)
    twice = {name: where for name, where in places.items() if len(where) > 1}
    assert not {name: where for name, where in twice.items() if f"`{name}`" not in GLOSSARY}


def test_the_glossary_lists_words_to_avoid() -> None:
    assert len(AVOIDED.findall(GLOSSARY)) > 10


def test_no_identifier_has_a_word_that_the_glossary_avoids() -> None:
    avoided = set(AVOIDED.findall(GLOSSARY))
    found = [
        f"{path}: {name}"
        for path, tree in trees()
        for name in identifiers(tree)
        if avoided & set(words(name))
    ]
    assert not found
