"""The storage thread, which reads and writes the dataset, its client, and the undo history."""
