"""Settings, keyboard shortcuts, about and diagnostics."""
