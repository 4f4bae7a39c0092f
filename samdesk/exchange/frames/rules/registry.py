"""The rules that choose frames; another one is a module and a row."""

from __future__ import annotations

from samdesk.exchange.frames.rules.base import FrameRule
from samdesk.exchange.frames.rules.every import EVERY
from samdesk.exchange.frames.rules.rate import RATE
from samdesk.exchange.frames.rules.scenes import SCENES

RULES: tuple[FrameRule, ...] = (RATE, EVERY, SCENES)
"""In the order in which they are offered."""


def rule(rule_id: str) -> FrameRule:
    """Returns the rule with an id. Raises ``KeyError``."""
    return {row.id: row for row in RULES}[rule_id]
