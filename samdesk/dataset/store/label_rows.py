"""Reads and writes the label set; makes the best of one that is damaged.

A class id is the place of its label, so a label that cannot be read may not be left out: it gets the name
that was last seen in data.yaml, or one made of its class id.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from samdesk.dataset.store import serial, values
from samdesk.dataset.store.database import Store
from samdesk.dataset.store.saves import SETTING
from samdesk.domain.label_colors import next_color
from samdesk.domain.labels import Label, LabelId, LabelSet, class_name, new_label_id
from samdesk.formats.class_ids import MAX_CLASSES

_DIGEST = "samdesk.labels"
"""The setting with the digest of all labels."""
_ORPHANS = """
WITH RECURSIVE used(id) AS (
    SELECT min(label_id) FROM annotations
    UNION ALL SELECT (SELECT min(label_id) FROM annotations WHERE label_id > used.id)
    FROM used WHERE id NOT NULL
)
SELECT id FROM used WHERE id NOT NULL AND id NOT IN (SELECT id FROM labels) LIMIT ?
"""


def read_labels(store: Store, names: Sequence[str]) -> tuple[LabelSet, str]:
    """Returns the label set, and what was wrong with it ("" for nothing).

    Args:
        store: The store.
        names: The class names last seen in data.yaml.

    Raises:
        StoreError: The store cannot be read.
    """
    rows = store.rows("SELECT id, name, color, position FROM labels ORDER BY position, id")
    saved = store.row("SELECT value FROM settings WHERE key=?", (_DIGEST,))
    labels: list[Label] = []
    try:
        labels = [serial.label_from(*row[:3]) for row in rows]
        problem = _problem(labels, rows, saved)
        if not problem and saved is None and is_signed(store):
            problem = "it is not known what was saved last"
    except ValueError as error:
        problem = f"label {len(labels) + 1}: {error}"
    if not problem:
        return LabelSet(tuple(labels)), ""
    return _recovered(store, rows, names), problem


def is_signed(store: Store) -> bool:
    """Returns whether a samdesk that makes digests has written to the store."""
    return store.row("SELECT 1 FROM settings WHERE key=?", (SETTING,)) is not None


def write_labels(store: Store, labels: LabelSet) -> None:
    """Replaces the label set. The transaction fails if a label that is in use is missing."""
    rows = [(label.id, label.name, label.color, place) for place, label in enumerate(labels)]
    store.execute_many(
        "INSERT INTO labels (id, name, color, position) VALUES (?,?,?,?) ON CONFLICT(id) DO UPDATE SET"
        " position=excluded.position, name=excluded.name, color=excluded.color",
        rows,
    )
    stored = {r[0] for r in store.rows("SELECT id FROM labels")}
    removed = stored - {label.id for label in labels}
    store.execute_many("DELETE FROM labels WHERE id=?", [(i,) for i in removed])
    store.execute("INSERT OR REPLACE INTO settings (key, value) VALUES (?,?)", (_DIGEST, _digest(rows)))


def _digest(rows: Sequence[tuple[Any, ...]]) -> str:
    return str(values.digest_of(value for row in rows for value in row))


def _problem(labels: list[Label], rows: Sequence[tuple[Any, ...]], saved: tuple[Any, ...] | None) -> str:
    if len({label.name for label in labels}) < len(labels):
        return "two labels have one name"
    if [row[3] for row in rows] != list(range(len(rows))):
        return "a label is missing"
    if saved is not None and saved[0] != _digest(rows):
        return "they are not what was saved last"
    return ""


def _recovered(store: Store, rows: Sequence[tuple[Any, ...]], names: Sequence[str]) -> LabelSet:
    """A label set of what can be read: labels known by name at their places, the rest where they fit."""
    places = {name: place for place, name in enumerate(names)}
    orphans = [LabelId(str(row[0])) for row in store.rows(_ORPHANS, (MAX_CLASSES,))]
    logged = {label.id: label for label in _logged(store)}
    rows = [*rows, *((i, logged[i].name, logged[i].color, -1) for i in orphans if i in logged)]
    orphans = [i for i in orphans if i not in logged]
    found: dict[int, tuple[LabelId, str, str]] = {}
    for label_id, name, color, position in sorted(rows, key=lambda row: row[1] not in places):
        place = places.get(name, position if isinstance(position, int) else -1)
        if not 0 <= place < MAX_CLASSES or place in found:
            place = next(n for n in range(MAX_CLASSES + len(rows)) if n not in found and n >= len(names))
        found[place] = (LabelId(str(label_id)), _text(name), _text(color))
    while orphans or any(place not in found for place in range(max([*found, len(names) - 1]) + 1)):
        place = next(n for n in range(2 * MAX_CLASSES) if n not in found)
        found[place] = (orphans.pop(0) if orphans else new_label_id(), "", "")
    result = LabelSet()
    for place in sorted(found):
        label_id, name, color = found[place]
        result = LabelSet((*result.labels, _sound(result, place, label_id, (name, color), names)))
    return result


def _logged(store: Store) -> LabelSet:
    """The labels after the newest step of the history that has changed them."""
    row = store.row("SELECT labels FROM log WHERE labels NOT NULL AND NOT undone ORDER BY place DESC LIMIT 1")
    try:
        return (serial.labels_from_text(row[0]) if row is not None else None) or LabelSet()
    except ValueError:
        return LabelSet()


def _sound(
    labels: LabelSet, place: int, label_id: LabelId, stored: tuple[str, str], names: Sequence[str]
) -> Label:
    """A label with a name and a colour that can be used."""
    name, color = stored
    try:
        return serial.label_from(label_id, _free(name, labels), color)
    except ValueError:
        known = names[place] if place < len(names) else ""
        return Label(label_id, _free(class_name(known, place), labels), next_color([x.color for x in labels]))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _free(name: str, labels: LabelSet) -> str:
    while labels.find(name) is not None:
        name += "_"
    return name
