"""Commands: one table, and the QActions made from it."""
