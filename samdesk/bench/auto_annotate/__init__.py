"""Whole auto-annotate runs, beside Ultralytics' ``auto_annotate`` and on a stand-in for a device."""
