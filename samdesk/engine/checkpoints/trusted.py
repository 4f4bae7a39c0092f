"""The model files that the user lets run their own code, by content."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from samdesk.base import atomic, places
from samdesk.base.disk import temporaries
from samdesk.base.errors import reason
from samdesk.base.hashing import hash_file
from samdesk.engine.protocols import EngineError

T = TypeVar("T")

_FOLDER = "trusted-models"
_SHOWN = 3


class UntrustedFileError(EngineError):
    """A model file would run code of its own when it is opened, and the user has not permitted it.

    Attributes:
        path: The file.
        sha256: Hash of its content, for ``trust``.
        needs: The names in it that are not allowed.
    """

    code = "engine.untrusted"

    def __init__(self, path: str, sha256: str, needs: tuple[str, ...]) -> None:
        named = ", ".join(needs[:_SHOWN]) + (", ..." if len(needs) > _SHOWN else "")
        super().__init__(
            f"{path} holds program code beside its weights ({named}), which would run when the file is "
            "opened. It was not opened.",
            where=path,
            next="If you trust whoever made it, allow it: the window asks, the command line has --trust, "
            "Python functions have trust=True.",
        )
        self.path, self.sha256, self.needs = path, sha256, needs

    def permit(self) -> None:
        """Remembers that the user permits it. Raises ``EngineError``."""
        trust(self.sha256, self.path)


def is_trusted(sha256: str) -> bool:
    """Whether the user has permitted a file of this content to run its code."""
    return bool(re.fullmatch(r"[0-9a-f]{64}", sha256)) and (places.state() / _FOLDER / sha256).is_file()


def trust(sha256: str, path: str) -> None:
    """Remembers that the user permits a file of this content to run its code.

    Args:
        sha256: Hash of the content.
        path: Where it is, for those who look into the folder.

    Raises:
        EngineError: It cannot be saved.
    """
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError(f"{sha256!r} is no SHA-256")
    record = places.state() / _FOLDER / sha256
    try:
        atomic.write_text(record, f"{path}\n")
        temporaries.clear(record.parent)
    except OSError as error:
        raise EngineError(
            f"The permission for {path} could not be saved: {record.parent} cannot be written "
            f"({reason(error)})."
        ) from error


def trusting(use: Callable[[], T], trusted: bool) -> T:
    """What ``use`` returns; if ``trusted``, files that it would run code of are permitted.

    Raises:
        UntrustedFileError: They are not.
        EngineError: The permission cannot be saved, or what ``use`` raises.
    """
    permitted = set[str]()
    while True:
        try:
            return use()
        except UntrustedFileError as error:
            if not trusted or error.sha256 in permitted:
                raise
            permitted.add(error.sha256)
            error.permit()


def trust_file(path: Path) -> None:
    """Remembers that the user permits a file to run its code. Raises ``EngineError``."""
    try:
        trust(hash_file(path), str(path))
    except OSError as error:
        raise EngineError(f"{path} cannot be read: {reason(error)}.") from error
