"""How many classes a dataset may have, and which class ids of label files can be meant."""

from __future__ import annotations

MAX_CLASSES = 10_000
"""Most classes of a dataset. LVIS has 1,203, Objects365 365; a file with more names is no list of classes."""

_BEYOND_NAMES = 100
"""Class ids this far beyond the named classes are read: names may be missing at the end of a list."""

_WITHOUT_NAMES = 1_300
"""Class ids below this are read where no class has a name: room for the 1,203 of LVIS."""


def class_id_limit(named: int) -> int:
    """Returns the class id from which on a line of a label file is a problem.

    A YOLO label file counts classes from 0 without gaps, so every id makes a class of each smaller one. One
    mistyped id would make thousands of labels that no user wants, and a model with as many outputs.

    Args:
        named: The number of classes that have a name, in data.yaml or given by the user.
    """
    return min(MAX_CLASSES, named + _BEYOND_NAMES if named else _WITHOUT_NAMES)
