"""ImageError: an image that cannot be read."""

from __future__ import annotations

from pathlib import Path

from samdesk.base.errors import UserError
from samdesk.base.regular import UnsuitableFileError


class ImageError(UserError):
    """An image that cannot be read: ``path`` and ``reason``, a phrase for the user."""

    code = "image"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{Path(path).name}: {reason}")
        self.path = Path(path)
        self.reason = reason


def reason_of(error: OSError) -> str:
    """Why a file could not be opened or decoded, a phrase for the user."""
    if isinstance(error, FileNotFoundError):
        return "the file no longer exists"
    if isinstance(error, IsADirectoryError):
        return "this is a folder, not an image"
    if error.errno is None:  # pillow's own
        return "the file is truncated" if "truncated" in str(error) else f"the file is damaged ({error})"
    if isinstance(error, UnsuitableFileError):
        return error.strerror
    return f"the file cannot be read ({error.strerror or error})"
