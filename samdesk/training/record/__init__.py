"""Taught weights on disk and which of them are in use."""
