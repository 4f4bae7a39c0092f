"""Where samdesk keeps things on this machine. ``SAMDESK_HOME`` puts them all under one folder."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import platformdirs

from samdesk.resources import resources

_APP = "samdesk"


def home() -> Path | None:
    """The folder named by the environment variable ``SAMDESK_HOME``, or None where it is not set."""
    value = os.environ.get("SAMDESK_HOME")
    return Path(value).expanduser().absolute() if value else None


def config() -> Path:
    """Settings and shortcuts."""
    return _made(_under("config") or platformdirs.user_config_path(_APP, appauthor=False))


def cache() -> Path:
    """What can be made again: thumbnails, embeddings."""
    return _made(_under("cache") or platformdirs.user_cache_path(_APP, appauthor=False))


def state() -> Path:
    """Locks, recent folders, window layout."""
    return _made(_under("state") or platformdirs.user_state_path(_APP, appauthor=False))


def logs() -> Path:
    """Log files."""
    return _made(_under("logs") or platformdirs.user_log_path(_APP, appauthor=False))


def _under(name: str) -> Path | None:
    root = home()
    return root / name if root else None


def _made(folder: Path) -> Path:
    # A home that cannot be written must not stop the program: whoever writes there says so.
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def places() -> dict[str, Path]:
    """The folders in use, by name, for the diagnostics."""
    return {
        "settings": config(),
        "cache": cache(),
        "state": state(),
        "logs": logs(),
        "resources": resources(),
    }
