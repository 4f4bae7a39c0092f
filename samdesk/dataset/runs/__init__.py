"""Auto-annotate runs in a dataset: what is known of each, and how their results are saved and resumed."""
