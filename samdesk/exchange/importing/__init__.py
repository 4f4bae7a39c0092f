"""Imports annotations from other formats."""
