"""The Teach dialog, its progress bar and results, and the taught weights of the open dataset."""
