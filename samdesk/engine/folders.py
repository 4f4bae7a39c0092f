"""Where the engine keeps weights and what it may lose."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def weights() -> Path:
    """The user's weights folder (it may not exist yet)."""
    home = os.environ.get("SAMDESK_HOME")
    return Path(home) / "weights" if home else platformdirs.user_data_path("samdesk", False) / "weights"


def weights_folder() -> Path:
    """The user's weights folder, made if it is not there."""
    folder = weights()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def cache() -> Path:
    """For what can be made again (it may not exist yet)."""
    home = os.environ.get("SAMDESK_HOME")
    return Path(home) / "cache" if home else platformdirs.user_cache_path("samdesk", False)
