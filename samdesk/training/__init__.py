"""Training Flint: its own weights, and weights for a dataset from the accepted annotations."""
