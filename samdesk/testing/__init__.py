"""For authors of formats: ``check_format`` tries a format as samdesk uses it."""

from __future__ import annotations

from samdesk.testing.conformance import check_format
from samdesk.testing.memory import MemoryFiles, MemoryFolder

__all__ = ["MemoryFiles", "MemoryFolder", "check_format"]
