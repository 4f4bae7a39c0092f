"""samdesk: turn a folder of images into a clean instance-segmentation dataset."""

from __future__ import annotations

from importlib import import_module
from typing import Any

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
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    """Imports a public name on first access, so that importing samdesk stays fast."""
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'samdesk' has no attribute {name!r}")
