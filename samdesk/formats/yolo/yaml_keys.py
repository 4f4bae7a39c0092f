"""Reads the keys of a data.yaml and changes some of them, comments and all else kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml

from samdesk.base.regular import read_text
from samdesk.formats.yolo.names import load_mapping
from samdesk.formats.yolo.yaml_edit import dump, holds, splice, value_end

_MAX_BYTES = 4_000_000


def read_mapping(path: Path) -> dict[Any, Any]:
    """Returns the keys and values of a YAML file. Raises ``OSError``, or ``ValueError`` if it holds none."""
    return load_mapping(read_text(path, _MAX_BYTES))


def edited(text: str, changed: Mapping[Any, Any], removed: Collection[str] = ()) -> str:
    """The text of a data.yaml with some keys set and others removed; the rest and its comments are kept.

    Raises:
        ValueError: The text is not a YAML mapping.
    """
    text = text.removeprefix("\ufeff")
    wanted = {**{k: v for k, v in load_mapping(text).items() if k not in removed}, **changed}
    spliced = splice(_without(text, removed), dict(changed))
    return spliced if holds(spliced, wanted) else dump(wanted)


def _without(text: str, removed: Collection[str]) -> str:
    """The text without the lines of some keys."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        return text
    for key, value in reversed(root.value):
        if key.value in removed:
            end = text.find("\n", value_end(value))
            text = text[: key.start_mark.index] + ("" if end < 0 else text[end + 1 :])
    return text
