"""Fixes: what they would do, doing it as one step, and undoing it."""
