"""The README says what the program does: its keys, its commands, its pictures."""

from __future__ import annotations

import os
import re
from pathlib import Path

from samdesk.ui.commands.table import Command
from samdesk.ui.wiring import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
SECTION = re.compile(r"(<!-- shortcuts -->\n)(.*?)(<!-- /shortcuts -->)", re.DOTALL)


def keys(command: Command) -> str:
    return " or ".join(f"`{key}`" for key in command.shortcuts)


def table() -> str:
    shown = [c for c in COMMANDS.commands if c.shortcuts and not c.id.startswith("label.")]
    rows = [f"| {keys(c)} | {c.title.rstrip('…')} |" for c in shown]
    rows.append("| `1` to `9` | Use a label, or assign it to the selected annotations |")
    rows += [f"| {gesture.input} | {gesture.effect} |" for gesture in COMMANDS.gestures]
    return "\n".join(["| keys | what they do |", "|---|---|", *rows]) + "\n"


def test_the_shortcut_table_is_that_of_the_program() -> None:
    text = README.read_text(encoding="utf-8")
    if os.environ.get("SAMDESK_UPDATE_DOCS"):
        text = SECTION.sub(lambda m: m[1] + table() + m[3], text)
        README.write_text(text, encoding="utf-8")
    found = SECTION.search(text)
    assert found is not None
    assert found[2] == table(), "run this test with SAMDESK_UPDATE_DOCS=1 to write the table anew"


def test_ci_runs_the_very_test_command_of_the_readme() -> None:
    lines = [line for line in README.read_text(encoding="utf-8").splitlines() if "-m pytest" in line]
    assert len(lines) == 1
    assert "python3 -m venv .venv" in lines[0]
    assert "grep -m1 -F -- '-m pytest' README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_picture_and_page_it_links_to_is_there() -> None:
    for page in [README, *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
