"""The storage thread: the dataset, read and saved."""
