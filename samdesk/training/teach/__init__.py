"""Teaching Flint from the accepted annotations of a dataset."""
