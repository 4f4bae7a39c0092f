"""The error that is told to the user as it is."""

from __future__ import annotations

from typing import ClassVar


class UserError(Exception):
    """Something that did not work, in words for the user.

    Its message can be shown as it is. Any other exception is a fault of the program: its traceback goes to
    the log, and the user reads that something unexpected happened.

    Attributes:
        code: The kind of error, a stable identifier for logs and tests ("engine").
        what: What happened, as a sentence.
        where: The file or device it happened to; "" where ``what`` names it or there is none.
        next: What to do next; "" where ``what`` says it already.
    """

    code: ClassVar[str] = "user"

    def __init__(self, what: str, *, where: str = "", next: str = "") -> None:  # noqa: A002 - as in Failure
        super().__init__(f"{what} {next}".strip())
        self.what = what
        self.where = where
        self.next = next
