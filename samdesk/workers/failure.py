"""Failures travel from a thread to the window as values, in words."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from samdesk.domain.document import ImageKey
from samdesk.domain.labels import LabelError
from samdesk.engine.protocols import EngineError

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
        error: An error whose message is written for users (of the engine, the images or the store) is
            shown as it is; the system's are put in words; any other is a fault of the program: it goes
            to the log with its traceback.
        doing: What was being done ("encoding the image").
        where: The file or device.
    """
    if is_in_words(error):
        return Failure(str(error), where)
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
        return Failure(f"{doing[:1].upper()}{doing[1:]} failed: {reason}.", str(error.filename or where))
    log.error("unexpected error while %s %s", doing, where, exc_info=error)
    return Failure(f"Unexpected error while {doing}: {type(error).__name__}: {error}.", where, REPORT)


def is_in_words(error: BaseException) -> bool:
    """Whether an exception's message is meant for users."""
    return isinstance(error, (EngineError, LabelError)) or _is_of_io(error)


def _is_of_io(error: BaseException) -> bool:
    """The image reader and the store name their errors ImageError, StoreError and the like."""
    kind = type(error)
    return kind.__module__.startswith("samdesk.io") and kind.__name__.endswith("Error")
