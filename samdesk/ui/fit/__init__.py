"""Training a detector of the dataset, in the window."""
