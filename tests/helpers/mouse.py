"""The driver of mouse and keys, in image coordinates."""

from samdesk.demo.input_driver import Hands

__all__ = ["Hands"]
