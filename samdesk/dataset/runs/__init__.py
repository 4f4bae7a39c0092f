"""Runs in a dataset (auto-annotate, imports, carries): what is known of each, how they are saved."""
