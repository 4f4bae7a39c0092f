"""Auto-annotate in the window: dialog, progress bar and run."""
