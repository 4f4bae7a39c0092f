"""The edit log: what was done, how to take it back, and auto-annotate runs as one step each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from samdesk.dataset.change import MakeEdit, fixed
from samdesk.dataset.store import serial
from samdesk.dataset.store.database import Store
from samdesk.dataset.types import LogEntry
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit, Placed, Transaction
from samdesk.domain.labels import LabelSet

KeyedEdits = Sequence[tuple[ImageKey, Edit]]


@dataclass(frozen=True)
class Step:
    """One row of the log. ``do`` and ``undo`` are in the order in which they are applied."""

    seq: int
    owner: str
    text: str
    labels: LabelSet | None
    labels_before: LabelSet | None
    run_id: RunId | None


def run_undo(document: ImageDocument, do: Edit, undo: Edit, run_id: RunId) -> Edit:
    """How one edit of a run is taken back on a document that people may have changed since.

    What still carries the run's id goes, what the run replaced comes back; what a person made of the
    run's annotations (changed or deleted) stays.
    """
    there = {a.id: a for a in document.annotations}
    put_by_run = {p.annotation.id for p in do.put}

    def ours(placed: Placed) -> bool:
        now = there.get(placed.annotation.id)
        if placed.annotation.id in put_by_run:
            return now is not None and now.run_id == run_id
        return now is None

    drop = tuple(i for i in undo.drop if i in there and there[i].run_id == run_id)
    return replace(undo, drop=drop, put=tuple(p for p in undo.put if ours(p)))


def without_runs(edit: Edit, undone: Collection[RunId]) -> Edit:
    """The edit without bringing back what belongs to runs that were taken back."""
    dead = tuple(p.annotation.id for p in edit.put if p.annotation.run_id in undone)
    if not dead:
        return edit
    put = tuple(p for p in edit.put if p.annotation.id not in dead)
    return replace(edit, drop=(*edit.drop, *dead), put=put)


class History:
    """Reads and writes the log; transactions are the caller's."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def append(self, do: Transaction, undo: Transaction, owner: str = "") -> int:
        """Adds a step and returns its number; steps that were taken back can no longer be redone."""
        self._forget_undone()
        cursor = self._store.execute(
            "INSERT INTO log (owner, text, labels, labels_before, run_id) VALUES (?,?,?,?,?)",
            (
                owner or "new",
                do.text,
                serial.labels_to_text(do.labels),
                serial.labels_to_text(do.labels_before),
                do.run_id,
            ),
        )
        seq = int(cursor.lastrowid or 0)
        if not owner:
            owner = f"step {seq}"
            self._store.execute("UPDATE log SET owner=? WHERE seq=?", (owner, seq))
            self._add_edits(owner, 0, do.edits, undo.edits[::-1])
        return seq

    def newest(self) -> Step | None:
        """The step that an undo takes back."""
        return self._step("undone=0 ORDER BY seq DESC")

    def next_redo(self) -> Step | None:
        """The step that a redo does again."""
        return self._step("undone=1 ORDER BY seq")

    def replay(self, step: Step, way: Literal["undo", "do"]) -> list[tuple[ImageKey, MakeEdit]]:
        """The edits that take a step back, or do it again, on documents as they are now."""
        undone = frozenset(self.runs("undone"))
        run_id = step.run_id if step.owner == step.run_id else None
        result: list[tuple[ImageKey, MakeEdit]] = []
        for key, edit, opposite in self._edits(step, way):
            if run_id is None:
                result.append((key, fixed(without_runs(edit, undone))))
            elif way == "do":
                result.append((key, fixed(edit)))
            else:
                result.append((key, partial(run_undo, do=opposite, undo=edit, run_id=run_id)))
        return result

    def _edits(self, step: Step, way: str) -> list[tuple[ImageKey, Edit, Edit]]:
        """(image, edit, its opposite) of a step in the order to apply."""
        found = self._store.rows(
            "SELECT image, do, undo FROM log_edits WHERE owner=? ORDER BY n", (step.owner,)
        )
        whole = [
            (ImageKey(k), serial.edit_from_text(do), serial.edit_from_text(undo)) for k, do, undo in found
        ]
        return whole if way == "do" else [(key, undo, do) for key, do, undo in reversed(whole)]

    def mark(self, step: Step, *, undone: bool, back: KeyedEdits, labels_back: LabelSet | None) -> None:
        """Notes that a step was taken back (or done again), and exactly how to reverse that.

        Args:
            step: Which.
            undone: Its new state.
            back: The inverses, in the order in which their edits were just applied.
            labels_back: The label set before, if it changed.
        """
        order = list(range(len(back)))
        column, numbers = ("do", order[::-1]) if undone else ("undo", order)
        self._store.execute_many(
            f"UPDATE log_edits SET {column}=? WHERE owner=? AND n=?",
            [(serial.edit_to_text(e), step.owner, n) for (_, e), n in zip(back, numbers, strict=True)],
        )
        if labels_back is not None:
            column = "labels" if undone else "labels_before"
            text = serial.labels_to_text(labels_back)
            self._store.execute(f"UPDATE log SET {column}=? WHERE seq=?", (text, step.seq))
        self._store.execute("UPDATE log SET undone=? WHERE seq=?", (int(undone), step.seq))
        if step.run_id is not None:
            state = "undone" if undone else "done"
            self._store.execute("UPDATE runs SET state=? WHERE id=?", (state, step.run_id))

    def entries(self, limit: int) -> tuple[list[LogEntry], list[LogEntry]]:
        """The newest steps done, oldest first; the steps undone, the next redo first."""
        sql = "SELECT seq, owner, text, labels, labels_before, run_id FROM log WHERE"
        done = self._store.rows(f"{sql} undone=0 ORDER BY seq DESC LIMIT ?", (limit,))
        undone = self._store.rows(f"{sql} undone=1 ORDER BY seq LIMIT ?", (limit,))
        return [self.entry(_step(r)) for r in reversed(done)], [self.entry(_step(r)) for r in undone]

    def entry(self, step: Step) -> LogEntry:
        """A step as the rest of the program sees it."""
        count = self._store.row("SELECT count(*) FROM log_edits WHERE owner=?", (step.owner,))
        if count == (1,) and step.run_id is None:
            ((key, do_edit, undo_edit),) = self._edits(step, "do")
            do, undo = [(key, do_edit)], [(key, undo_edit)]
        else:
            sql = "SELECT image, min(n) FROM log_edits WHERE owner=? GROUP BY image ORDER BY 2"
            found = self._store.rows(sql, (step.owner,))
            do = undo = [(ImageKey(k), Edit()) for k, _ in found]
        return LogEntry(
            step.seq,
            Transaction(step.text, tuple(do), step.labels, step.labels_before, step.run_id),
            Transaction(step.text, tuple(undo), step.labels_before, step.labels, step.run_id),
        )

    def begin_run(self, run_id: RunId, text: str) -> None:
        """Opens a run."""
        self._store.execute("INSERT INTO runs (id, text, state) VALUES (?,?,'open')", (run_id, text))

    def add_to_run(self, run_id: RunId, key: ImageKey, do: Edit, undo: Edit) -> None:
        """Adds an edit to an open run."""
        row = self._store.row("SELECT coalesce(max(n) + 1, 0) FROM log_edits WHERE owner=?", (run_id,))
        self._add_edits(run_id, row[0] if row else 0, [(key, do)], [(key, undo)])

    def end_run(self, run_id: RunId) -> LogEntry | None:
        """Closes a run: one step for all its edits; None if it has none."""
        row = self._store.row("SELECT text FROM runs WHERE id=? AND state='open'", (run_id,))
        if row is None:
            return None
        if self._store.row("SELECT 1 FROM log_edits WHERE owner=?", (run_id,)) is None:
            self._store.execute("DELETE FROM runs WHERE id=?", (run_id,))
            return None
        self._store.execute("UPDATE runs SET state='done' WHERE id=?", (run_id,))
        run = Transaction(row[0], run_id=run_id)
        seq = self.append(run, run, owner=run_id)
        return self.entry(Step(seq, run_id, row[0], None, None, run_id))

    def is_open(self, run_id: RunId) -> bool:
        """Whether edits can be added to a run."""
        return self._store.row("SELECT 1 FROM runs WHERE id=? AND state='open'", (run_id,)) is not None

    def rewrite(self, key: ImageKey, change: Callable[[Edit], Edit]) -> None:
        """Changes every edit of an image in the log (the image's pixels are others now)."""
        found = self._store.rows("SELECT do, undo, owner, n FROM log_edits WHERE image=?", (key,))
        self._store.execute_many(
            "UPDATE log_edits SET do=?, undo=? WHERE owner=? AND n=?",
            [
                (*(serial.edit_to_text(change(serial.edit_from_text(t))) for t in (do, undo)), owner, n)
                for do, undo, owner, n in found
            ],
        )

    def find(self, seq: int) -> LogEntry | None:
        """A step by its number."""
        step = self._step("seq=?", seq)
        return None if step is None else self.entry(step)

    def runs(self, state: str) -> list[RunId]:
        """The runs in a state: "open", "done" or "undone"."""
        return [RunId(r[0]) for r in self._store.rows("SELECT id FROM runs WHERE state=?", (state,))]

    def _add_edits(self, owner: str, first: int, do: KeyedEdits, undo: KeyedEdits) -> None:
        pairs = zip(do, undo, strict=True)
        self._store.execute_many(
            "INSERT INTO log_edits (owner, n, image, do, undo) VALUES (?,?,?,?,?)",
            [
                (owner, first + n, key, serial.edit_to_text(edit), serial.edit_to_text(back))
                for n, ((key, edit), (_, back)) in enumerate(pairs)
            ],
        )

    def _forget_undone(self) -> None:
        self._store.execute("DELETE FROM log_edits WHERE owner IN (SELECT owner FROM log WHERE undone=1)")
        self._store.execute("DELETE FROM log WHERE undone=1")

    def _step(self, where: str, *values: int) -> Step | None:
        sql = "SELECT seq, owner, text, labels, labels_before, run_id FROM log WHERE"
        row = self._store.row(f"{sql} {where} LIMIT 1", values)
        return None if row is None else _step(row)


def _step(row: tuple[object, ...]) -> Step:
    seq, owner, text, labels, before, run_id = row
    return Step(
        int(str(seq)),
        str(owner),
        str(text),
        serial.labels_from_text(None if labels is None else str(labels)),
        serial.labels_from_text(None if before is None else str(before)),
        None if run_id is None else RunId(str(run_id)),
    )
