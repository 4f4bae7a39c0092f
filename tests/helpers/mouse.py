"""Sends mouse and key events, at positions in image pixels."""

from samdesk.demo.input_driver import InputDriver

__all__ = ["InputDriver"]
