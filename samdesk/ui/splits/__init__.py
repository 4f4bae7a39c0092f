"""Splits in the window."""
