"""The storage thread, which reads and writes the dataset."""
