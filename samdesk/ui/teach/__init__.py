"""Teaching Flint in the window."""
