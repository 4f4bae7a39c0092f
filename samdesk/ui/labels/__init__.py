"""The label set: panel and changes."""
