"""Importing annotations in the window: the dialog, and what becomes of the import."""
