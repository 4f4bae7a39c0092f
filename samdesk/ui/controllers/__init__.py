"""Flows between the window, the workers and the document."""
