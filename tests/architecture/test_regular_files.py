"""Files are opened through ``base.regular``, which refuses named pipes, devices and sockets."""

from __future__ import annotations

import ast

from tests.helpers.sources import modules, place_of, tree_of

READERS = {"read_text", "read_bytes", "fromfile", "imread"}
"""Methods that open a file by its path. ``open`` counts where it is given a mode, or is the builtin."""

ELSEWHERE = {
    "base/cv.py": "OpenCV opens what is open already, by its number",
    "base/regular.py": "the rule",
    "bench": "reads /proc and its own reports",
    "demo": "reads what it has just written",
    "engine/models/download.py": "reads the parts it writes itself",
    "training": "files of its own work folder, and COCO files that it has checked",
    "ui/kit": "fonts and icons of the installation",
}


def _opens(tree: ast.AST) -> list[int]:
    """Lines that open a file for reading, except through the functions of ``base.regular``."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        if isinstance(function, ast.Name) and function.id == "open":
            found.append(node.lineno)
        elif isinstance(function, ast.Attribute) and function.attr in READERS:
            given = node.args[0] if node.args else None
            if function.attr != "fromfile" or not (isinstance(given, ast.Name) and given.id == "file"):
                found.append(node.lineno)
        elif isinstance(function, ast.Attribute) and function.attr == "open" and node.args:
            mode = node.args[0]
            if isinstance(mode, ast.Constant) and str(mode.value).startswith("r"):
                found.append(node.lineno)
    return found


def test_user_files_are_opened_in_one_place() -> None:
    wrong = []
    for path in modules():
        name = place_of(path)
        if any(name == place or name.startswith(f"{place}/") for place in ELSEWHERE):
            continue
        wrong += [f"{name}:{line}" for line in _opens(tree_of(path))]
    assert wrong == []


def test_the_test_sees_each_way_of_opening() -> None:
    ways = ("open(p)", "p.open('rb')", "p.read_text()", "p.read_bytes()", "np.fromfile(p)", "cv2.imread(p)")
    assert [len(_opens(ast.parse(way))) for way in ways] == [1] * len(ways)
    fine = ("read_text(p)", "read_bytes(p, 5)", "np.fromfile(file, np.uint8)", "dialog.open()", "p.open('w')")
    assert [len(_opens(ast.parse(way))) for way in fine] == [0] * len(fine)
