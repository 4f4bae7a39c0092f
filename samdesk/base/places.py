"""The folders that samdesk uses on this machine. ``SAMDESK_HOME`` puts them all in one folder."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import platformdirs

from samdesk.base.errors import UserError

_APP = "samdesk"


class NoHomeError(UserError):
    """There is no folder for settings and everything else of the user."""

    code = "home"


def home() -> Path | None:
    """The folder named by the environment variable ``SAMDESK_HOME``, or None where it is not set.

    ``~`` is expanded and a relative path is made absolute, so that every part of the program and every
    process it starts means the same folder.
    """
    value = os.environ.get("SAMDESK_HOME")
    return expanded(value).absolute() if value else None


def config() -> Path:
    """Settings and keyboard shortcuts."""
    return _made(_under("config") or platformdirs.user_config_path(_APP, appauthor=False))


def cache() -> Path:
    """Files that can be regenerated: embeddings, Ultralytics' settings."""
    return _made(_under("cache") or platformdirs.user_cache_path(_APP, appauthor=False))


def state() -> Path:
    """Locks and other state of datasets."""
    return _made(_under("state") or platformdirs.user_state_path(_APP, appauthor=False))


def logs() -> Path:
    """Log files."""
    return _made(_under("logs") or platformdirs.user_log_path(_APP, appauthor=False))


def weights() -> Path:
    """Checkpoints: downloaded ones and those that the user adds."""
    return _made(_under("weights") or platformdirs.user_data_path(_APP, appauthor=False) / "weights")


def resources() -> Path:
    """The files shipped with samdesk: in a frozen application, in the wheel, or in the checkout."""
    if getattr(sys, "frozen", False):
        return Path(getattr(sys, "_MEIPASS", Path(sys.executable).parent)) / "samdesk" / "_resources"
    package = Path(__file__).resolve().parents[1]
    packed = package / "_resources"
    return packed if packed.is_dir() else package.parent / "resources"


def flint_weights() -> Path:
    """Flint's weights, part of every installation."""
    return resources() / "models" / "flint.safetensors"


def flint_graphs() -> Path:
    """The folder of the graphs of Flint's networks for ONNX Runtime, part of every installation."""
    return resources() / "models" / "flint"


def places() -> dict[str, Path]:
    """The folders in use, by name, for the diagnostics."""
    return {
        "settings": config(),
        "cache": cache(),
        "state": state(),
        "logs": logs(),
        "weights": weights(),
        "resources": resources(),
    }


def expanded(path: str | Path) -> Path:
    """A path with ``~`` replaced; as it is where that user is unknown."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser raises RuntimeError


def user_home() -> Path:
    """The user's home folder; the root folder if the user has none."""
    try:
        return Path.home()
    except RuntimeError:  # HOME is not set, and the user is not in the list of users
        return Path(Path.cwd().anchor)


def _under(name: str) -> Path | None:
    root = home()
    if root:
        return root / name
    try:
        Path.home()
    except RuntimeError as error:
        raise NoHomeError(
            "There is no home folder: HOME is not set, and the system does not know this user.",
            next="Set HOME, or SAMDESK_HOME for samdesk alone, to a folder that can be written.",
        ) from error
    return None


def _made(folder: Path) -> Path:
    # An unwritable home must not stop the program: the first write to the folder reports it.
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return folder
