"""A disk that fails, and a process that dies, at every call that changes a file.

``python -m tests.faults`` runs it at length; ``test_faults.py`` a little of it. Linux with a C compiler only.
"""
