"""SQL conditions on the track of an annotation, along the indexes of ``facts``.

The first annotation of a track has none in its row: the track has its id.
"""

from __future__ import annotations

import re

from samdesk.dataset.store.facts import REJECTED

_HEX = re.compile("[0-9a-f]{1,32}")
_ID = 32
_LAST = "\U0010ffff"
_CARRIED = "SELECT track FROM facts WHERE track IS NOT NULL"
SHARED = (
    "SELECT track FROM ("
    f" SELECT track FROM facts WHERE track IS NOT NULL AND review <> {REJECTED}"
    f" UNION ALL SELECT id FROM facts WHERE id IN ({_CARRIED}) AND track IS NULL AND review <> {REJECTED}"
    ") GROUP BY track HAVING count(*) > 1"
)
"""The tracks of several annotations."""
_YES = (
    f"f.number IN (SELECT number FROM facts WHERE track IN ({SHARED})"
    f" UNION ALL SELECT number FROM facts WHERE id IN ({SHARED}) AND track IS NULL)"
)


def track_condition(value: str) -> str:
    """Returns the condition on ``f`` for a value of the word ``track``: "yes", "no", an id or its beginning.

    An id that is not whole finds objects that were carried along only.
    """
    if value == "yes":
        return _YES
    if value == "no":
        return f"NOT ({_YES})"
    return " OR ".join(f"({members(low, high)})" for low, high in _ranges(value.casefold())) or "0"


def members(low: str, high: str) -> str:
    """Returns the condition on ``f`` of the tracks from ``low`` to ``high``, both literals of SQL."""
    return (
        f"f.number IN (SELECT number FROM facts WHERE track BETWEEN {low} AND {high} UNION ALL"
        f" SELECT number FROM facts WHERE id BETWEEN {low} AND {high} AND track IS NULL"
        f" AND (id = {low} OR id IN ({_CARRIED})))"
    )


def _ranges(value: str) -> list[tuple[str, str]]:
    """What begins with a value: as bytes, if it may be the beginning of an id, and as text."""
    found = []
    if _HEX.fullmatch(value):
        found.append((f"x'{value.ljust(_ID, '0')}'", f"x'{value.ljust(_ID, 'f')}'"))
    if len(value) != _ID and "\0" not in value and value.isprintable():
        quoted = value.replace("'", "''")
        found.append((f"'{quoted}'", f"'{quoted}{_LAST}'"))
    return found
