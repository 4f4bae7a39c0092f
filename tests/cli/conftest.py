"""The image that ``samdesk bench`` is tried on."""

from tests.bench.conftest import photo

__all__ = ["photo"]
