"""The targets by name: a new one is one module and one row."""

from __future__ import annotations

from importlib import import_module

from tests.fuzz.target import Target

_ATTRIBUTES = {
    "label file": "tests.fuzz.targets.label_file:TARGET",
}

NAMES = tuple(_ATTRIBUTES)


def load(name: str) -> Target:
    """Imports a target: some need torch, most do not."""
    module, attribute = _ATTRIBUTES[name].split(":")
    target = getattr(import_module(module), attribute)
    assert isinstance(target, Target)
    return target
