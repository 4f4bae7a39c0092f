"""For authors of plug-ins: tries a format, a detector or a predictor as samdesk uses it."""

from __future__ import annotations

from samdesk.testing.conformance import check_format
from samdesk.testing.detectors import check_detector
from samdesk.testing.memory import MemoryFiles, MemoryFolder
from samdesk.testing.predictors import check_predictor

__all__ = ["MemoryFiles", "MemoryFolder", "check_detector", "check_format", "check_predictor"]
