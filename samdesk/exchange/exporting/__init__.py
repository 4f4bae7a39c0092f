"""Exports a dataset to other formats, and proves what it wrote."""
