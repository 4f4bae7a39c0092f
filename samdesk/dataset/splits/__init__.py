"""Splits of a dataset: their rows in the store, their part of the history, and the lists that name them."""
