"""Auto-annotate without a window: the Python API and the command behind it."""
