"""Commands about formats: import, export, splits, checks."""
