"""Failure: an error as a value, passed from a worker thread to the window."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from samdesk.base.errors import UserError, first_line, typed_line
from samdesk.domain.document import ImageKey
from samdesk.engine.checkpoints.trusted import UntrustedFileError

log = logging.getLogger(__name__)

MEMORY = "Close other programs, or choose a smaller model in Model > Choose model."
LIBRARY = "There may be too little memory: close other programs. Help > Diagnostics checks the installation."
REPORT = "Help > Diagnostics shows where the log is; please report this."


@dataclass(frozen=True)
class Failure:
    """An error to show to the user.

    Attributes:
        what: What happened, as a sentence.
        where: The file or device concerned, or "".
        next: What the user can do, or "" if ``what`` includes it.
        token: The number of the request it answers, or 0.
        key: The image it is about, or None.
        code: Of a ``UserError``: its code ("damaged").
        untrusted: The model file that the user may allow to run its code, or None.
    """

    what: str
    where: str = ""
    next: str = ""
    token: int = 0
    key: ImageKey | None = None
    code: str = ""
    untrusted: UntrustedFileError | None = None

    @property
    def text(self) -> str:
        """What happened and what to do next, without the file or device."""
        return f"{self.what} {self.next}".strip()

    def __str__(self) -> str:
        """Returns the whole message in one line, with ``where`` unless ``what`` contains it."""
        where = f" ({self.where})" if self.where and self.where not in self.what else ""
        return f"{self.what}{where} {self.next}".strip()

    def about(self, token: int = 0, key: ImageKey | None = None) -> Failure:
        """Returns a copy that answers one request or is about one image."""
        return replace(self, token=token, key=key if key is not None else self.key)


def describe(error: BaseException, doing: str, where: str = "") -> Failure:
    """Returns the failure for an exception.

    Args:
        error: A ``UserError`` is shown as it is, an ``OSError`` by its reason, a ``MemoryError`` as one. Any
            other is a bug: it is logged with its traceback.
        doing: The activity that failed ("encoding the image").
        where: The file or device.
    """
    if isinstance(error, UserError):
        untrusted = error if isinstance(error, UntrustedFileError) else None
        return Failure(error.what, where or error.where, error.next, code=error.code, untrusted=untrusted)
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
        return Failure(f"{doing[:1].upper()}{doing[1:]} failed: {reason}.", str(error.filename or where))
    if isinstance(error, MemoryError):
        return Failure(f"There is not enough memory for {doing}.", where, MEMORY)
    if isinstance(error, ImportError):
        log.error("a library cannot be loaded while %s", doing, exc_info=error)
        return Failure(f"A library cannot be loaded: {first_line(error)}.", where, LIBRARY)
    log.error("unexpected error while %s %s", doing, where, exc_info=error)
    return Failure(f"Unexpected error while {doing}: {typed_line(error)}.", where, REPORT)
