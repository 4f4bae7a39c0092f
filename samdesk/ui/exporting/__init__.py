"""The dialog that exports the dataset, and its report."""
