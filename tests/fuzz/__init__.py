"""Broken and hostile input: every reader answers with what it read, or refuses in words.

``python -m tests.fuzz --inputs N`` runs it at length; ``test_fuzz.py`` runs a few inputs of each target.
"""
