"""The tables of the store, and a check that a file has these and nothing else.

A trigger or a view of another program could change what is saved, or never end.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from functools import cache

from samdesk.dataset.store.header import APPLICATION_ID
from samdesk.dataset.store.migrations import VERSION

_TABLES = """
CREATE TABLE labels (
    id TEXT PRIMARY KEY, position INTEGER NOT NULL, name TEXT NOT NULL, color TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE images (
    key TEXT PRIMARY KEY, width INTEGER NOT NULL, height INTEGER NOT NULL,
    review TEXT NOT NULL, revision INTEGER NOT NULL,
    count INTEGER NOT NULL, pending INTEGER NOT NULL,
    dirty INTEGER NOT NULL DEFAULT 0,      -- its label file is older than its annotations
    conflict TEXT,                         -- why its label file is not written
    file_hash TEXT,                        -- of its label file as last seen or written; NULL: there was none
    digest INTEGER                         -- see ``store.documents``; NULL: unknown, also below
) WITHOUT ROWID;
-- Apart from images, whose rows are found by comparing whole rows: one with a file of 1 MB takes 0.3 ms.
CREATE TABLE imported_files (              -- the label files that images came from
    image TEXT PRIMARY KEY REFERENCES images(key), content BLOB,
    digest TEXT,                           -- of what the file said
    lines BLOB,                            -- which annotation each line belongs to
    row_digest INTEGER
);
CREATE TABLE written_files (               -- the same of the file that has the file_hash
    image TEXT PRIMARY KEY REFERENCES images(key), lines BLOB
);
CREATE TABLE annotations (
    image TEXT NOT NULL REFERENCES images(key), id TEXT NOT NULL, position REAL NOT NULL,
    label_id TEXT NOT NULL REFERENCES labels(id) DEFERRABLE INITIALLY DEFERRED,
    region BLOB NOT NULL, source TEXT NOT NULL, review TEXT NOT NULL,
    detector_score REAL, mask_score REAL, prompts TEXT, run_id TEXT, digest INTEGER,
    stability REAL, model TEXT, note TEXT,
    attributes TEXT,                       -- JSON object; NULL: none
    track TEXT,                            -- the id of the annotation it was carried from at first
    PRIMARY KEY (image, id)
);
CREATE INDEX annotations_by_label ON annotations(label_id);
CREATE INDEX annotations_flagged ON annotations(image) WHERE review = 'flagged';
CREATE INDEX annotations_rejected ON annotations(label_id) WHERE review = 'rejected';
CREATE INDEX images_to_write ON images(dirty) WHERE dirty;
CREATE INDEX images_in_conflict ON images(conflict) WHERE conflict IS NOT NULL;
CREATE TABLE runs (                        -- of auto-annotate, see ``dataset.runs.journal``
    id TEXT PRIMARY KEY, text TEXT NOT NULL, state TEXT NOT NULL, digest INTEGER,
    outcome TEXT,                          -- the state before it was undone
    record TEXT, labels TEXT,              -- how it was made, and the labels it uses: JSON
    started REAL, since REAL, ended REAL,  -- since: when it was begun or resumed last
    seconds REAL, counts TEXT
) WITHOUT ROWID;
CREATE TABLE run_scopes (                  -- the images that a run began with
    run TEXT PRIMARY KEY, images BLOB NOT NULL, digest INTEGER
);
CREATE TABLE run_images (                  -- those it has done, skipped or failed on
    run TEXT NOT NULL, image TEXT NOT NULL, state TEXT NOT NULL, message TEXT, added INTEGER NOT NULL,
    at REAL NOT NULL, digest INTEGER, PRIMARY KEY (run, image)
) WITHOUT ROWID;
CREATE TABLE log (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL UNIQUE, text TEXT NOT NULL,
    labels TEXT, labels_before TEXT, run_id TEXT, undone INTEGER NOT NULL DEFAULT 0,
    place INTEGER NOT NULL DEFAULT 0,      -- in the order of the steps; seq until one overtakes another
    digest INTEGER,
    splits INTEGER                         -- number of images whose split it changes; NULL: none
);
CREATE INDEX log_undone ON log(undone, place);
CREATE TABLE log_edits (
    owner TEXT NOT NULL, n INTEGER NOT NULL, image TEXT NOT NULL, do TEXT NOT NULL, undo TEXT NOT NULL,
    digest INTEGER, PRIMARY KEY (owner, n)
) WITHOUT ROWID;
CREATE INDEX log_edits_by_image ON log_edits(image);
CREATE TABLE log_splits (                  -- see ``dataset.splits.log``
    owner TEXT NOT NULL, n INTEGER NOT NULL, changes BLOB NOT NULL, digest INTEGER, PRIMARY KEY (owner, n)
);
CREATE TABLE splits (                      -- an image whose file is gone keeps its row
    image TEXT PRIMARY KEY, split TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE fact_images (                 -- see ``store.facts``
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, width INTEGER NOT NULL, height INTEGER NOT NULL,
    review INTEGER NOT NULL, count INTEGER NOT NULL, pending INTEGER NOT NULL,
    stamp INTEGER                          -- of the label file it was read from; NULL: it is in images
);
CREATE TABLE facts (                       -- what is filtered by comes first: a scan reads no further
    number INTEGER PRIMARY KEY, image INTEGER NOT NULL, label INTEGER NOT NULL,
    review INTEGER NOT NULL, source INTEGER NOT NULL, border INTEGER NOT NULL, run INTEGER, model INTEGER,
    score REAL, mask REAL, stability REAL, doubt REAL NOT NULL, area REAL NOT NULL,
    age INTEGER NOT NULL, box_agreement REAL, overlap_same REAL NOT NULL, overlap_other REAL NOT NULL,
    position REAL NOT NULL,
    note TEXT, id BLOB NOT NULL,
    x0 INTEGER NOT NULL, y0 INTEGER NOT NULL, x1 INTEGER NOT NULL, y1 INTEGER NOT NULL,
    track BLOB                             -- NULL also for the first of its track, which is found by its id
);
CREATE INDEX facts_by_image ON facts(image);
CREATE INDEX facts_by_label ON facts(label, review, image);
CREATE INDEX facts_by_score ON facts(score);
CREATE INDEX facts_by_mask ON facts(mask);
CREATE INDEX facts_by_doubt ON facts(doubt);
CREATE INDEX facts_by_area ON facts(area);
CREATE INDEX facts_by_age ON facts(age);
CREATE INDEX facts_by_track ON facts(track) WHERE track IS NOT NULL;
CREATE INDEX facts_by_id ON facts(id);
CREATE TABLE fact_words (                  -- numbers for labels, runs and models
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, text TEXT NOT NULL, UNIQUE (kind, text)
);
CREATE TABLE decisions (                   -- on proposals, see ``store.decisions``
    number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, wrong INTEGER NOT NULL,
    score REAL, mask REAL, stability REAL, box_agreement REAL, border INTEGER NOT NULL,
    overlap_same REAL NOT NULL, overlap_other REAL NOT NULL, area_share REAL NOT NULL
);
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

_OF_SQLITE = re.compile(r"sqlite_(autoindex_.*|sequence|stat[14])")


def create(connection: sqlite3.Connection) -> None:
    """Creates the tables in an empty database."""
    head = f"PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={VERSION};"
    connection.executescript(f"BEGIN;{_TABLES}{head}COMMIT;")


def foreign_part(connection: sqlite3.Connection, version: int) -> str:
    """Returns a part of the schema that samdesk has not made ("trigger 'x'"); "" if there is none.

    Args:
        connection: The database.
        version: Of its tables. Of those of an older samdesk only the names are compared; the migrations that
            follow make the newest of them.
    """
    expected = _expected()
    known = {kind_and_name[1] for kind_and_name in expected}
    found: dict[tuple[str, str], str] = {}
    for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_master"):
        if kind in ("table", "index") and _OF_SQLITE.fullmatch(str(name)):
            continue
        if kind not in ("table", "index") or name not in known:
            return f"{kind} {str(name)[:80]!r}"
        found[kind, name] = _plain(str(sql))
    if version == VERSION:
        for part, sql in expected.items():
            if found.get(part) != sql:
                return f"{part[0]} {part[1]!r}"
    return ""


@cache
def _expected() -> dict[tuple[str, str], str]:
    """Type and name of each part of the newest schema, and its SQL."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        create(connection)
        rows = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    return {(kind, name): _plain(sql) for kind, name, sql in rows if not _OF_SQLITE.fullmatch(name)}


def _plain(sql: str) -> str:
    """SQL without comments and quotes, with single spaces: a migration leaves others than a new store has."""
    text = re.sub(r"--[^\n]*", " ", sql).replace('"', "")
    return " ".join(re.sub(r"([(),])", r" \1 ", text).split())
