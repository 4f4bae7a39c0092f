"""The auto-annotate thread."""
