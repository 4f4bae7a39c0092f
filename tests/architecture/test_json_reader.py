"""JSON is read through ``base.json_file``, which has bounds and one error."""

from __future__ import annotations

import ast

from tests.helpers.sources import modules, place_of, tree_of

ELSEWHERE = {
    "base/json_file.py": "the rule",
    "bench": "reads its own reports",
    "dataset/core.py": "a column of the store, checked when it is opened",
    "dataset/lock.py": "the file beside the lock",
    "dataset/store": "columns of the store, checked when it is opened",
    "exchange/importing/spool.py": "columns of a database that only this process has",
    "formats/reading/json_stream.py": "elements of files that are too large to be read at once",
    "ui/kit/icons.py": "a file of the installation",
}


def _parsers(tree: ast.AST) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("json.load", "json.loads", "loads")
    ]


def test_json_is_parsed_in_one_place() -> None:
    wrong = []
    for path in modules():
        name = place_of(path)
        if not any(name == place or name.startswith(f"{place}/") for place in ELSEWHERE):
            wrong += [f"{name}:{line}" for line in _parsers(tree_of(path))]
    assert wrong == []
    assert _parsers(ast.parse("json.loads(x)")) == [1]
