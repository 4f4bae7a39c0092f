"""A dataset as bytes: its store with log and note. Reads it back as samdesk does and compares it."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from samdesk.base.errors import UserError
from samdesk.dataset import queries
from samdesk.dataset.dataset import Dataset
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import accept_image, add
from samdesk.domain.prompts import BoxPrompt, PointPrompt, PromptSet
from tests.dataset.dataset_kit import SQUARE, by_run, draw, drawn, photos, user, with_labels
from tests.fuzz.target import SilentLossError

PARTS = ("dataset.db", "dataset.db-wal", "dataset.saves")
_MOST_STEPS = 20


@dataclass(frozen=True)
class Seen:
    """What the user sees of a dataset."""

    documents: dict[ImageKey, tuple[object, ...]]
    labels: tuple[str, ...]
    steps: tuple[int, ...]
    undone: dict[ImageKey, tuple[object, ...]]
    """The documents after all is undone."""


@dataclass(frozen=True)
class Original:
    """A dataset: its files without the store, and what is seen of it."""

    files: dict[str, bytes]
    seen: Seen


_ORIGINALS: dict[str, Original] = {}


def packed(parts: list[bytes], name: str) -> bytes:
    """Returns the files of a store as one input that begins with the name of its dataset."""
    return name.encode().ljust(8) + struct.pack(">3I", *map(len, parts)) + b"".join(parts)


def unpacked(data: bytes) -> tuple[str, list[bytes]]:
    """Returns what ``packed`` was given."""
    lengths = struct.unpack(">3I", data[8:20])
    parts, at = [], 20
    for length in lengths:
        parts.append(data[at : at + length])
        at += length
    return data[:8].decode().strip(), parts


def seeds(folder: Path) -> list[bytes]:
    """Makes a dataset that was closed and one that was not."""
    work = Path(folder, "work")
    dataset = _made(work)
    made = [_kept(work, "open")]
    dataset.close()
    made.append(_kept(work, "closed"))
    for name in _ORIGINALS:
        place = _placed(name, unpacked(made[name == "closed"])[1], Path(folder, "look"))
        _ORIGINALS[name] = replace(_ORIGINALS[name], seen=_seen(place))
        shutil.rmtree(place)
    return made


def _made(folder: Path) -> Dataset:
    a, b, c, d = photos(folder, "a.png", "b.png", "c.png", "d.png")
    (folder / "c.txt").write_text(f"0 {SQUARE}\n1 {SQUARE}\n")
    (folder / "d.txt").write_text(f"1 {SQUARE}\n")
    dataset = Dataset.open(folder)
    with_labels(dataset, "cat", "dog")
    prompts = PromptSet((PointPrompt(3, 4), PointPrompt(9, 9, False)), BoxPrompt(1, 2, 30, 40))
    first = drawn(dataset.labels.labels[0].id, 4, mask_score=0.75, prompts=prompts)
    dataset.commit(user(a, add([first])))
    draw(dataset, a, 20, label=1)
    run = dataset.begin_run("Run")
    dataset.commit_run(run, b, add([by_run(dataset.labels.labels[1].id, run)]))
    dataset.end_run(run)
    draw(dataset, c, 30)
    dataset.settings_set("last_image", "b.png")
    dataset.commit(user(b, accept_image(dataset.load(b))))
    draw(dataset, a, 40)
    dataset.load(d)
    return dataset


def _kept(work: Path, name: str) -> bytes:
    parts = [_bytes(work / ".samdesk" / part) for part in PARTS]
    files = {path.name: path.read_bytes() for path in work.iterdir() if path.is_file()}
    _ORIGINALS[name] = Original(files, Seen({}, (), (), {}))
    return packed(parts, name)


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _placed(name: str, parts: list[bytes], folder: Path) -> Path:
    place = folder / "set"
    (place / ".samdesk").mkdir(parents=True)
    for file, data in _ORIGINALS[name].files.items():
        (place / file).write_bytes(data)
    for part, data in zip(PARTS, parts, strict=True):
        if data or part == PARTS[0]:
            (place / ".samdesk" / part).write_bytes(data)
    return place


def content(document: ImageDocument) -> tuple[object, ...]:
    """What matters of a document."""
    return document.width, document.height, document.annotations, document.review


def _seen(folder: Path) -> Seen:
    with contextlib.closing(Dataset.open(folder)) as dataset:
        documents = {key: content(dataset.load(key)) for key in dataset.keys}
        steps = tuple(entry.seq for entry in dataset.history()[0])
        labels = dataset.labels.names
        while dataset.undo() is not None:
            pass
        return Seen(documents, labels, steps, {key: content(dataset.load(key)) for key in dataset.keys})


def read(data: bytes, folder: Path) -> None:
    """Opens a store as samdesk does, shows and undoes all, edits, and opens it again.

    Raises:
        UserError: It was refused.
        SilentLossError: It shows something else than was saved and says nothing.
    """
    memory = Path("/dev/shm")  # a hundred times as fast where every change waits for the disk
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else folder) as quick:
        _read(data, Path(quick))


def _read(data: bytes, folder: Path) -> None:
    name, parts = unpacked(data)
    place = _placed(name, parts, folder)
    seen = _ORIGINALS[name].seen
    with contextlib.closing(Dataset.open(place)) as dataset:
        while dataset.unfinished:
            dataset.advance(1)
        reader = _Reader(dataset)
        reader.compare_documents(seen.documents, "shown")
        reader.compare(seen.steps, lambda: tuple(e.seq for e in dataset.history()[0]), "the history")
        reader.compare(seen.labels, lambda: dataset.labels.names, "the labels")
        reader.try_(lambda: queries.summaries(dataset))
        reader.try_(lambda: queries.summaries(dataset, dataset.keys))
        reader.try_(lambda: queries.label_usage(dataset))
        reader.try_(lambda: dataset.settings_get("last_image"))
        for _ in range(_MOST_STEPS):
            if reader.try_(dataset.undo) is None and dataset.newest_step == 0:
                break
        reader.compare_documents(seen.undone, "undone")
        for _ in range(2):
            reader.try_(dataset.redo)
        for key in sorted(dataset.conflicts):
            reader.try_(lambda key=key: dataset.resolve(key, "mine"))
        if dataset.labels:
            reader.try_(lambda: draw(dataset, dataset.keys[0], 2))
    with contextlib.closing(Dataset.open(place)) as dataset:
        for key in dataset.keys:
            with contextlib.suppress(UserError):
                dataset.load(key)


class _Reader:
    """Looks at a dataset; remembers whether anything was said."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._told = False

    def try_(self, query):  # type: ignore[no-untyped-def]
        """Returns what a query returns; None if it is refused."""
        try:
            result = query()
        except UserError:
            self._told = True
            return None
        self._note()
        return result

    def _note(self) -> None:
        self._told |= any(notice.kind != "training" for notice in self._dataset.notices())

    def compare(self, expected, query, what: str) -> None:  # type: ignore[no-untyped-def]
        """Raises ``SilentLossError`` if a query returns something else than expected and nothing is said."""
        found = self.try_(query)
        if found != expected and not self._told:
            raise SilentLossError(f"{what}: {found} in place of {expected}"[:1000])

    def compare_documents(self, expected: dict[ImageKey, tuple[object, ...]], what: str) -> None:
        for key in expected:
            self.compare(expected[key], lambda key=key: content(self._dataset.load(key)), f"{key} as {what}")


def _with_log(parts: list[bytes]) -> bytes:
    """Returns the database with what its log holds."""
    if not parts[1]:
        return parts[0]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, PARTS[0])
        path.write_bytes(parts[0])
        path.with_name(PARTS[1]).write_bytes(parts[1])
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return path.read_bytes()


@contextlib.contextmanager
def edited(data: bytes) -> Iterator[tuple[sqlite3.Connection, list[bytes]]]:
    """Gives the store of an input to change with SQL; the last item of the list becomes the new input."""
    name, parts = unpacked(data)
    connection = sqlite3.connect(":memory:")
    # As one that has no log: SQLite keeps none for a database in memory.
    database = bytearray(_with_log(parts))
    database[18:20] = b"\x01\x01"
    connection.deserialize(bytes(database))
    connection.execute("PRAGMA foreign_keys=OFF")
    made: list[bytes] = []
    try:
        yield connection, made
        connection.commit()
        changed = bytearray(connection.serialize())
        changed[18:20] = b"\x02\x02"
        made.append(packed([bytes(changed), b"", parts[2]], name))
    finally:
        connection.close()
