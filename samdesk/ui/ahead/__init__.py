"""Annotate ahead: proposals are there when the user arrives at an image."""
