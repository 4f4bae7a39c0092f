"""The driver of mouse and keys, in image coordinates."""

from samdesk.demo.hands import Hands

__all__ = ["Hands"]
