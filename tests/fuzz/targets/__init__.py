"""The targets by name: a new one is one module and one row."""

from __future__ import annotations

from importlib import import_module

from samdesk.formats.registry import FORMATS
from tests.fuzz.target import Target

_ATTRIBUTES = {
    "image": "tests.fuzz.targets.image:TARGET",
    "label file": "tests.fuzz.targets.label_file:TARGET",
    "settings": "tests.fuzz.targets.json_files:SETTINGS_FILE",
    "run manifest": "tests.fuzz.targets.json_files:RUN_MANIFEST",
    "taught record": "tests.fuzz.targets.json_files:TAUGHT_RECORD",
    "notes": "tests.fuzz.targets.json_files:NOTES",
    "unfinished work": "tests.fuzz.targets.unfinished_work:TARGET",
    "region": "tests.fuzz.targets.region:TARGET",
    "data.yaml": "tests.fuzz.targets.class_names:YAML",
    "classes.txt": "tests.fuzz.targets.class_names:LIST",
    "store bytes": "tests.fuzz.targets.store:BYTES",
    "store log": "tests.fuzz.targets.store:LOG",
    "store rows": "tests.fuzz.targets.store:ROWS",
    "store values": "tests.fuzz.targets.store:JSON",
    "SAM checkpoint": "tests.fuzz.targets.checkpoints:SAM",
    "YOLO checkpoint": "tests.fuzz.targets.checkpoints:YOLO",
    "embedding": "tests.fuzz.targets.weights:EMBEDDING",
    "taught weights": "tests.fuzz.targets.weights:TAUGHT",
    "Flint weights": "tests.fuzz.targets.weights:FLINT",
}

_FORMAT = "format "
NAMES = (*_ATTRIBUTES, *(f"{_FORMAT}{row.id}" for row in FORMATS if row.read and row.write))


def load(name: str) -> Target:
    """Imports a target: some need torch, most do not."""
    if name.startswith(_FORMAT):
        target = import_module("tests.fuzz.targets.formats").TARGETS[name]
    else:
        module, attribute = _ATTRIBUTES[name].split(":")
        target = getattr(import_module(module), attribute)
    assert isinstance(target, Target)
    return target
