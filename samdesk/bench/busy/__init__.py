"""Measures samdesk and Ultralytics beside busy processes, each in a process with its own settings."""
