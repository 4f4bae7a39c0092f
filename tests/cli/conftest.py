"""The image that the tests of ``samdesk bench`` use."""

from tests.bench.conftest import image

__all__ = ["image"]
