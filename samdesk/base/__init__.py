"""Utilities without domain knowledge: errors, jobs, folders, atomic writes, text. No Qt, no torch."""
