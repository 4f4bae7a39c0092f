"""Failures travel from a thread to the window as values, in words."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from samdesk.base.errors import UserError
from samdesk.domain.document import ImageKey

log = logging.getLogger(__name__)

REPORT = "Help > Diagnostics shows where the log is; please report this."


@dataclass(frozen=True)
class Failure:
    """Something that did not work, for the user.

    Attributes:
        what: What happened, as a sentence.
        where: The file or device it happened to, or "".
        next: What to do next, or "" where ``what`` already says it.
        token: The request it answers, 0 for none.
        key: The image it is about, or None.
    """

    what: str
    where: str = ""
    next: str = ""
    token: int = 0
    key: ImageKey | None = None

    @property
    def text(self) -> str:
        """What happened and what to do next, where the file or device is shown elsewhere or not needed."""
        return f"{self.what} {self.next}".strip()

    def __str__(self) -> str:
        """The whole message in one line; ``where`` only if ``what`` does not name it already."""
        where = f" ({self.where})" if self.where and self.where not in self.what else ""
        return f"{self.what}{where} {self.next}".strip()

    def about(self, token: int = 0, key: ImageKey | None = None) -> Failure:
        """The same failure as the answer to one request."""
        return replace(self, token=token, key=key if key is not None else self.key)


def describe(error: BaseException, doing: str, where: str = "") -> Failure:
    """The failure that an exception stands for.

    Args:
        error: A ``UserError`` is shown as it is; the system's are put in words; any other is a fault of
            the program: it goes to the log with its traceback.
        doing: What was being done ("encoding the image").
        where: The file or device.
    """
    if isinstance(error, UserError):
        return Failure(error.what, where or error.where, error.next)
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
        return Failure(f"{doing[:1].upper()}{doing[1:]} failed: {reason}.", str(error.filename or where))
    log.error("unexpected error while %s %s", doing, where, exc_info=error)
    return Failure(f"Unexpected error while {doing}: {type(error).__name__}: {error}.", where, REPORT)
