"""Migrations: bring the tables of a store made by an older samdesk up to date.

A migration is written in plain SQL against the tables of its time. It never calls code that depends on
the newest tables, so it does the same in every later version.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeAlias

Migration: TypeAlias = Callable[[sqlite3.Connection], None]
"""Changes the tables from one version to the next. Runs inside a transaction, with foreign keys off."""


def _one_review_state(connection: sqlite3.Connection) -> None:
    """1 to 2: ``images.done`` and ``images.touched`` become ``images.review``.

    The table is recreated, because SQLite drops columns only from version 3.35 on, and rewrites the table
    for each.

    Edits in the log keep the form they were written in; ``serial`` reads both. Converting them would parse
    and rewrite the outlines of every annotation ever edited (hundreds of megabytes for 100,000 entries), and
    a single damaged entry, which may never be undone, would keep the store from opening.
    """
    for statement in (
        """CREATE TABLE images_2 (
            key TEXT PRIMARY KEY, width INTEGER NOT NULL, height INTEGER NOT NULL,
            review TEXT NOT NULL, revision INTEGER NOT NULL,
            count INTEGER NOT NULL, pending INTEGER NOT NULL,
            dirty INTEGER NOT NULL DEFAULT 0, conflict TEXT, file_hash TEXT,
            imported BLOB, imported_digest TEXT
        ) WITHOUT ROWID""",
        # Accepting an image set touched as well, so done alone decides.
        """INSERT INTO images_2 SELECT key, width, height,
            CASE WHEN done THEN 'accepted' WHEN touched THEN 'edited' ELSE 'unreviewed' END,
            revision, count, pending, dirty, conflict, file_hash, imported, imported_digest FROM images""",
        "DROP TABLE images",
        "ALTER TABLE images_2 RENAME TO images",
        "CREATE INDEX images_to_write ON images(dirty) WHERE dirty",
        "CREATE INDEX images_in_conflict ON images(conflict) WHERE conflict IS NOT NULL",
    ):
        connection.execute(statement)


def _lines_of_label_files(connection: sqlite3.Connection) -> None:
    """2 to 3: ``images`` gets the keys of the lines of label files; those of older files are unknown."""
    connection.execute("ALTER TABLE images ADD COLUMN imported_lines BLOB")
    connection.execute("ALTER TABLE images ADD COLUMN written_lines BLOB")


def _places_of_steps(connection: sqlite3.Connection) -> None:
    """3 to 4: ``log`` gets the place of each step, which was its number."""
    connection.execute("ALTER TABLE log ADD COLUMN place INTEGER NOT NULL DEFAULT 0")
    connection.execute("UPDATE log SET place = seq")
    connection.execute("DROP INDEX log_undone")
    connection.execute("CREATE INDEX log_undone ON log(undone, place)")


def _files_apart(connection: sqlite3.Connection) -> None:
    """4 to 5: what ``images`` knew of label files goes to tables of its own; rows get digests.

    The rows of ``images`` are the entries of a B-tree: SQLite reads an entry whole to compare its key, so
    each of 5,000 annotations read the 1 MB of their label file when it was saved.

    The digests of older rows stay unknown until they are written again: making them would read and rewrite
    all of the store, which takes a minute for a gigabyte.
    """
    for statement in (
        """CREATE TABLE imported_files (
            image TEXT PRIMARY KEY REFERENCES images(key), content BLOB, digest TEXT, lines BLOB,
            row_digest INTEGER
        )""",
        "CREATE TABLE written_files (image TEXT PRIMARY KEY REFERENCES images(key), lines BLOB)",
        """INSERT INTO imported_files SELECT key, imported, imported_digest, imported_lines, NULL FROM images
            WHERE imported IS NOT NULL OR imported_digest IS NOT NULL OR imported_lines IS NOT NULL""",
        """INSERT INTO written_files SELECT key, written_lines FROM images
            WHERE written_lines IS NOT NULL""",
        """CREATE TABLE images_5 (
            key TEXT PRIMARY KEY, width INTEGER NOT NULL, height INTEGER NOT NULL,
            review TEXT NOT NULL, revision INTEGER NOT NULL,
            count INTEGER NOT NULL, pending INTEGER NOT NULL,
            dirty INTEGER NOT NULL DEFAULT 0, conflict TEXT, file_hash TEXT, digest INTEGER
        ) WITHOUT ROWID""",
        """INSERT INTO images_5 SELECT key, width, height, review, revision, count, pending, dirty, conflict,
            file_hash, NULL FROM images""",
        "ALTER TABLE annotations ADD COLUMN digest INTEGER",
        "ALTER TABLE log ADD COLUMN digest INTEGER",
        "ALTER TABLE log_edits ADD COLUMN digest INTEGER",
        "ALTER TABLE runs ADD COLUMN digest INTEGER",
        "DROP TABLE images",
        "ALTER TABLE images_5 RENAME TO images",
        "CREATE INDEX images_to_write ON images(dirty) WHERE dirty",
        "CREATE INDEX images_in_conflict ON images(conflict) WHERE conflict IS NOT NULL",
    ):
        connection.execute(statement)


def _decisions(connection: sqlite3.Connection) -> None:
    """5 to 6: ``annotations`` gets the stability, the models and the note; NULL in older rows. Facts.

    The digest of a row leaves out these three at its end while they are NULL, so older digests stay valid.
    The tables of facts stay empty: they are filled in the background.
    """
    for column in ("stability REAL", "model TEXT", "note TEXT"):
        connection.execute(f"ALTER TABLE annotations ADD COLUMN {column}")
    connection.execute("CREATE INDEX annotations_flagged ON annotations(image) WHERE review = 'flagged'")
    connection.execute("CREATE INDEX annotations_rejected ON annotations(label_id) WHERE review = 'rejected'")
    for statement in (
        """CREATE TABLE fact_images (
            id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, width INTEGER NOT NULL, height INTEGER NOT NULL,
            review INTEGER NOT NULL, count INTEGER NOT NULL, pending INTEGER NOT NULL,
            stamp INTEGER
        )""",
        """CREATE TABLE facts (
            number INTEGER PRIMARY KEY, image INTEGER NOT NULL, label INTEGER NOT NULL,
            review INTEGER NOT NULL, source INTEGER NOT NULL, border INTEGER NOT NULL,
            run INTEGER, model INTEGER,
            score REAL, mask REAL, stability REAL, doubt REAL NOT NULL, area REAL NOT NULL,
            age INTEGER NOT NULL, box_agreement REAL, overlap_same REAL NOT NULL, overlap_other REAL NOT NULL,
            position REAL NOT NULL,
            note TEXT, id BLOB NOT NULL,
            x0 INTEGER NOT NULL, y0 INTEGER NOT NULL, x1 INTEGER NOT NULL, y1 INTEGER NOT NULL
        )""",
        "CREATE INDEX facts_by_image ON facts(image)",
        "CREATE INDEX facts_by_label ON facts(label, review, image)",
        "CREATE INDEX facts_by_score ON facts(score)",
        "CREATE INDEX facts_by_mask ON facts(mask)",
        "CREATE INDEX facts_by_doubt ON facts(doubt)",
        "CREATE INDEX facts_by_area ON facts(area)",
        "CREATE INDEX facts_by_age ON facts(age)",
        """CREATE TABLE fact_words (
            id INTEGER PRIMARY KEY, kind TEXT NOT NULL, text TEXT NOT NULL, UNIQUE (kind, text)
        )""",
        """CREATE TABLE decisions (
            number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, wrong INTEGER NOT NULL,
            score REAL, mask REAL, stability REAL, box_agreement REAL, border INTEGER NOT NULL,
            overlap_same REAL NOT NULL, overlap_other REAL NOT NULL, area_share REAL NOT NULL
        )""",
    ):
        connection.execute(statement)


def _journal_of_runs(connection: sqlite3.Connection) -> None:
    """6 to 7: ``runs`` gets a journal; how older runs were made is unknown.

    The digest of a row leaves out these columns at its end while they are NULL, so older digests stay valid.
    """
    for column in (
        "outcome TEXT", "record TEXT", "labels TEXT", "started REAL", "since REAL", "ended REAL",
        "seconds REAL", "counts TEXT",
    ):  # fmt: skip
        connection.execute(f"ALTER TABLE runs ADD COLUMN {column}")
    connection.execute("CREATE TABLE run_scopes (run TEXT PRIMARY KEY, images BLOB NOT NULL, digest INTEGER)")
    connection.execute(
        """CREATE TABLE run_images (
            run TEXT NOT NULL, image TEXT NOT NULL, state TEXT NOT NULL, message TEXT, added INTEGER NOT NULL,
            at REAL NOT NULL, digest INTEGER, PRIMARY KEY (run, image)
        ) WITHOUT ROWID"""
    )


def _splits(connection: sqlite3.Connection) -> None:
    """7 to 8: ``annotations`` gets attributes, images get splits, and steps of the history change them.

    The digests of rows leave out the new columns while they are NULL, so older digests stay valid.
    """
    connection.execute("ALTER TABLE annotations ADD COLUMN attributes TEXT")
    connection.execute("ALTER TABLE log ADD COLUMN splits INTEGER")
    connection.execute("CREATE TABLE splits (image TEXT PRIMARY KEY, split TEXT NOT NULL) WITHOUT ROWID")
    connection.execute(
        """CREATE TABLE log_splits (
            owner TEXT NOT NULL, n INTEGER NOT NULL, changes BLOB NOT NULL, digest INTEGER,
            PRIMARY KEY (owner, n)
        )"""
    )


def _tracks(connection: sqlite3.Connection) -> None:
    """8 to 9: ``annotations`` gets the track, and facts too: NULL in older rows, none of which has one.

    The digest of a row leaves out the new column while it is NULL, so older digests stay valid.
    """
    connection.execute("ALTER TABLE annotations ADD COLUMN track TEXT")
    connection.execute("ALTER TABLE facts ADD COLUMN track BLOB")
    connection.execute("CREATE INDEX facts_by_track ON facts(track) WHERE track IS NOT NULL")
    connection.execute("CREATE INDEX facts_by_id ON facts(id)")


MIGRATIONS: tuple[Migration, ...] = (
    _one_review_state,
    _lines_of_label_files,
    _places_of_steps,
    _files_apart,
    _decisions,
    _journal_of_runs,
    _splits,
    _tracks,
)
"""In order: the first leads from version 1 to 2. One that was released is never changed."""

VERSION = 1 + len(MIGRATIONS)
"""The version of the tables that this samdesk reads and writes, kept as SQLite's ``user_version``."""


def version_of(connection: sqlite3.Connection) -> int:
    """The version of the tables in a database; 0: it has none of samdesk's."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection) -> None:
    """Brings the tables up to date, in one transaction: after an error or a crash they are as they were.

    Foreign keys are off afterwards.
    """
    connection.execute("PRAGMA foreign_keys=OFF")  # while a table is replaced; no effect in a transaction
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Read inside the transaction: another samdesk may have migrated it meanwhile.
        for migration in MIGRATIONS[version_of(connection) - 1 :]:
            migration(connection)
        connection.execute(f"PRAGMA user_version={VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
