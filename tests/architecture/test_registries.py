"""Every registry has tests that go over all of its rows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REGISTRIES = {
    "CHECKS": "samdesk/exchange/check/registry.py",
    "COMMANDS": "samdesk/ui/wiring.py",
    "FAMILIES": "samdesk/engine/families.py",
    "FORMATS": "samdesk/formats/registry.py",
    "LABEL_FORMATS": "samdesk/formats/label_format.py",
    "KINDS": "samdesk/workers/inference/requests/table.py",
    "MOVES": "samdesk/carry/moves/registry.py",
    "MIGRATIONS": "samdesk/dataset/store/migrations.py",
    "MODELS": "samdesk/engine/models/registry.py",
    "PARAMETERS": "samdesk/settings/parameters.py",
    "RULES": "samdesk/exchange/frames/rules/registry.py",
    "SETTINGS": "samdesk/settings/table.py",
    "TOOLS": "samdesk/ui/canvas/tools/registry.py",
}


@pytest.mark.parametrize("name", REGISTRIES)
def test_all_rows_of_a_registry_are_tested(name: str) -> None:
    path = ROOT / REGISTRIES[name]
    assert re.search(rf"^{name}\b.* = ", path.read_text(encoding="utf-8"), re.MULTILINE), "it has moved"
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    imported = re.compile(rf"from {re.escape(module)} import [^)]*\b{name}\b")
    over_all = re.compile(
        rf"\bin {name}\b|parametrize\([^)]*\b{name}\b|\*{name}\b|\b{name}\.commands\b|enumerate\({name}\b"
    )
    tests = [test.read_text(encoding="utf-8") for test in (ROOT / "tests").rglob("test_*.py")]
    assert any(imported.search(text) and over_all.search(text) for text in tests)
