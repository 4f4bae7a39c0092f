"""The log file of the program."""

from __future__ import annotations

import contextlib
import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from samdesk.base import places
from samdesk.base.text import printable

_MAX_BYTES = 1_000_000
_BACKUPS = 2


def log_file() -> Path:
    """The file that ``write_log_file`` writes to; when it is full it is renamed to ``samdesk.log.1``."""
    return places.logs() / "samdesk.log"


class _LogFile(RotatingFileHandler):
    """Writes to the standard error what cannot be written to the file: no home, a full disk."""

    def handleError(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(f"{self.format(record)}\n")


class _PlainFormatter(logging.Formatter):
    """Writes a record's message in one line, whatever names are in it: no name can forge a record."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = printable(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:
        return printable(super().formatException(ei), lines=True)


def write_log_file() -> None:
    """Writes warnings and errors of samdesk to ``log_file``, or to stderr if it cannot be written."""
    try:
        handler: logging.Handler = _LogFile(
            log_file(), maxBytes=_MAX_BYTES, backupCount=_BACKUPS, encoding="utf-8", delay=True
        )
    except OSError:
        handler = logging.StreamHandler()
    handler.setFormatter(_PlainFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger("samdesk").addHandler(handler)
