"""The request kinds in order of priority: a new kind is a module beside this one and a row here."""

from __future__ import annotations

from typing import Any

from samdesk.workers.inference.requests.describe import DESCRIBE
from samdesk.workers.inference.requests.encode import ENCODE
from samdesk.workers.inference.requests.everything import EVERYTHING
from samdesk.workers.inference.requests.kind import RequestKind
from samdesk.workers.inference.requests.load import LOAD
from samdesk.workers.inference.requests.prompt import CLICK, HOVER
from samdesk.workers.inference.requests.refit import REFIT
from samdesk.workers.inference.requests.view import VIEW

KINDS: tuple[RequestKind[Any], ...] = (
    LOAD,
    ENCODE,
    CLICK,
    VIEW,  # before hovers, which never end while the mouse moves; they are served between its layers
    HOVER,
    DESCRIBE,
    REFIT,
    EVERYTHING,
)
"""Served first to last; images to encode ahead come after all of them."""
