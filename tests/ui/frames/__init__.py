"""Videos in the window."""
