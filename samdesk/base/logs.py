"""The log file of the program."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from samdesk.base import places

_MAX_BYTES = 1_000_000
_BACKUPS = 2


def log_file() -> Path:
    """The file that ``write_log_file`` writes to; when it is full it is renamed to ``samdesk.log.1``."""
    return places.logs() / "samdesk.log"


def write_log_file() -> None:
    """Writes warnings and errors of samdesk to ``log_file``, or to stderr if it cannot be written."""
    try:
        handler: logging.Handler = RotatingFileHandler(
            log_file(), maxBytes=_MAX_BYTES, backupCount=_BACKUPS, encoding="utf-8", delay=True
        )
    except OSError:
        handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger("samdesk").addHandler(handler)
