"""Training Flint on the accepted annotations of a dataset."""
