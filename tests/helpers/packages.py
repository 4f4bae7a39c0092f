"""Packages with entry points of samdesk, as an installation leaves them for ``importlib.metadata``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def install(
    folder: Path, package: str, groups: Mapping[str, Mapping[str, str]], version: str = "1.0"
) -> None:
    """Makes what an installation makes in a folder of ``sys.path``.

    Args:
        folder: Of ``sys.path``.
        package: Its name.
        groups: Group -> name of the entry point -> "module:object".
        version: Of the package.
    """
    info = folder / f"{package.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    lines = [
        line
        for group, entries in groups.items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in entries.items()), "")
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))


def entry_points_of(example: str) -> dict[str, dict[str, str]]:
    """The entry points of an example of the documentation."""
    text = (EXAMPLES / example / "pyproject.toml").read_text()
    groups = re.findall(r'^\[project\.entry-points\."(.+)"\]\n((?:.+ = ".+"\n)+)', text, re.MULTILINE)
    return {group: dict(re.findall(r'(.+) = "(.+)"', entries)) for group, entries in groups}
