"""Stores: changed bytes, torn logs, changed rows, and changed JSON in rows."""

from __future__ import annotations

import sqlite3
from random import Random

from tests.fuzz import stores
from tests.fuzz.mutate import mutate_bytes, mutate_text
from tests.fuzz.target import Target

_SHORT = 4
_COLUMNS = {
    "annotations": (
        "image", "id", "position", "label_id", "region", "source", "review", "detector_score", "mask_score",
        "prompts", "run_id", "digest", "note", "attributes", "track",
    ),
    "images": ("key", "width", "height", "review", "revision", "count", "pending", "dirty", "conflict",
               "file_hash", "digest"),
    "imported_files": ("image", "content", "digest", "lines", "row_digest"),
    "written_files": ("image", "lines"),
    "labels": ("id", "position", "name", "color"),
    "log": ("seq", "owner", "text", "labels", "labels_before", "run_id", "undone", "place", "digest",
            "splits"),
    "log_edits": ("owner", "n", "image", "do", "undo", "digest"),
    "log_splits": ("owner", "n", "changes", "digest"),
    "runs": ("id", "text", "state"),
    "settings": ("key", "value"),
    "splits": ("image", "split"),
}  # fmt: skip
_VALUES = (
    None, 0, 1, -1, 2**62, 0.5, -1e300, float("inf"), "", "a.png", "../x.png", "x" * 10_000, "[" * 50_000,
    "1" * 5000, '{"a":1}', "null", "\ud7ff", b"", b"\xff\xfe", b"\x01\x07\x00\x00\x00\x01\x00\x00\x00" * 1000,
)  # fmt: skip


def _mutate_bytes(data: bytes, _other: bytes, rng: Random) -> bytes:
    """Bits, bytes, cuts and pages of the file."""
    name, parts = stores.unpacked(data)
    base = parts[0]
    if rng.random() < 0.25 and len(base) >= 8192:  # a page in the place of another, or none
        page = bytearray(base)
        to = rng.randrange(len(base) // 4096) * 4096
        of = rng.randrange(len(base) // 4096) * 4096
        page[to : to + 4096] = bytes(4096) if rng.random() < 0.5 else base[of : of + 4096]
        parts[0] = bytes(page)
    else:
        parts[0] = mutate_bytes(base, base, rng)
    return stores.packed(parts, name)


def _mutate_log(data: bytes, other: bytes, rng: Random) -> bytes:
    """The write-ahead log: torn, cut, flipped, gone; the note beside it."""
    name, parts = stores.unpacked(data if stores.unpacked(data)[1][1] else other)
    choice = rng.randrange(6)
    log = parts[1]
    if choice == 0:
        parts[1] = b""
    elif choice == 1 and log:
        parts[1] = log[: rng.randrange(len(log))]
    elif choice == 2 and log:
        frame = 32 + rng.randrange(max(1, (len(log) - 32) // 4120)) * 4120
        parts[1] = log[:frame] + log[frame + 4120 :]
    elif choice == 3:
        parts[2] = mutate_bytes(parts[2], b"", rng)
    else:
        parts[1] = mutate_bytes(log, log, rng)
    return stores.packed(parts, name)


def _mutate_rows(data: bytes, _other: bytes, rng: Random) -> bytes:
    """Values of another kind, rows that are gone; sometimes without a digest, as a store made by hand."""
    with stores.edited(data) as (connection, made):
        for _ in range(rng.choice((1, 1, 2, 5))):
            table = rng.choice(tuple(_COLUMNS))
            column = rng.choice(_COLUMNS[table])
            _change(connection, table, column, rng.choice(_VALUES), rng)
    return made[-1]


def _mutate_json(data: bytes, _other: bytes, rng: Random) -> bytes:
    """Texts and regions that are changed a little; sometimes without a digest."""
    table, column = rng.choice(
        (
            ("annotations", "prompts"), ("annotations", "region"), ("log", "labels"), ("log_edits", "do"),
            ("log_edits", "undo"), ("settings", "value"), ("labels", "name"), ("imported_files", "content"),
        )
    )  # fmt: skip
    with stores.edited(data) as (connection, made):
        rows = [r[0] for r in connection.execute(f"SELECT {column} FROM {table} WHERE {column} NOT NULL")]
        old = rng.choice(rows or [""])
        raw = old if isinstance(old, bytes) else str(old).encode()
        changed = (mutate_bytes if isinstance(old, bytes) else mutate_text)(raw, raw, rng)
        new = changed if isinstance(old, bytes) else changed.decode("utf-8", "replace")
        kind = "BLOB" if isinstance(old, bytes) else "TEXT"
        if new != old:
            connection.execute(
                f"UPDATE OR IGNORE {table} SET {column}=CAST(? AS {kind}) WHERE {column}=?",
                (new, old),
            )
    return made[-1]


def _change(connection: sqlite3.Connection, table: str, column: str, value: object, rng: Random) -> None:
    key = (
        "rowid" if table in ("annotations", "log", "imported_files", "written_files") else _COLUMNS[table][0]
    )
    keys = [row[0] for row in connection.execute(f"SELECT {key} FROM {table}")]
    if not keys:
        return
    where = rng.choice(keys)
    if rng.random() < 0.15:
        connection.execute(f"DELETE FROM {table} WHERE {key}=?", (where,))
        return
    if isinstance(value, float) and column == "seq":
        value = 7
    try:
        connection.execute(f"UPDATE OR IGNORE {table} SET {column}=? WHERE {key}=?", (value, where))
    except sqlite3.Error:  # a column that takes no such value
        return


BYTES = Target(stores.seeds, stores.read, _mutate_bytes, short=_SHORT)
LOG = Target(stores.seeds, stores.read, _mutate_log, short=_SHORT)
ROWS = Target(stores.seeds, stores.read, _mutate_rows, short=_SHORT)
JSON = Target(stores.seeds, stores.read, _mutate_json, short=_SHORT)
