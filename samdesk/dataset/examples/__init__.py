"""Examples of labels: which annotations show best what a label means."""
