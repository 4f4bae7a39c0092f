"""samdesk: turn a folder of images into a clean instance-segmentation dataset."""

from __future__ import annotations

import os
import sys


def _forget_current_folder() -> None:
    """Takes the current folder off the search path, where ``python -m samdesk`` has put it.

    It may be a folder of somebody's images with a ``numpy.py``.
    """
    if getattr(sys, "argv", [])[:1] != ["-m"]:
        return
    try:  # without pathlib, which would be imported from there
        here = os.getcwd()  # noqa: PTH109
    except OSError:  # it has been deleted
        return
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    if sys.path[:1] == [here] and root != here:
        del sys.path[0]


_forget_current_folder()

from importlib import import_module  # noqa: E402
from typing import Any  # noqa: E402

__version__ = "0.1.0"

_PUBLIC = {
    "PointPrompt": "samdesk.domain.prompts",
    "BoxPrompt": "samdesk.domain.prompts",
    "MaskPrompt": "samdesk.domain.prompts",
    "PromptSet": "samdesk.domain.prompts",
    "MaskCandidate": "samdesk.domain.prompts",
    "Frame": "samdesk.domain.geometry.types",
    "Region": "samdesk.domain.geometry.types",
    "Embedding": "samdesk.engine.embedding",
    "Predictor": "samdesk.engine.protocols",
    "Detector": "samdesk.engine.protocols",
    "Detection": "samdesk.engine.protocols",
    "load_predictor": "samdesk.api",
    "load_detector": "samdesk.api",
    "auto_annotate": "samdesk.api",
    "export_dataset": "samdesk.api",
    "import_annotations": "samdesk.api",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    """Imports a public name on first access, so that importing samdesk stays fast."""
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'samdesk' has no attribute {name!r}")
