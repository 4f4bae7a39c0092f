"""Where the files that come with samdesk are: icons and Flint's weights."""

from __future__ import annotations

import sys
from pathlib import Path


def resources() -> Path:
    """The folder of those files: in a frozen app, in the wheel, or in the checkout."""
    if getattr(sys, "frozen", False):
        return Path(getattr(sys, "_MEIPASS", Path(sys.executable).parent)) / "samdesk" / "_resources"
    package = Path(__file__).resolve().parent
    packed = package / "_resources"
    return packed if packed.is_dir() else package.parent / "resources"


def flint_weights() -> Path:
    """Flint's weights, part of every installation."""
    return resources() / "models" / "flint.safetensors"
