"""Runs in a dataset (auto-annotate, imports, carries): what is known of each, how results are saved and resumed."""
