"""Runs that look for concepts: how their detector is prompted, and the examples of their labels."""
