"""The undo log: steps with their edits and inverses; an auto-annotate run is one step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from samdesk.dataset.change import EditFactory, constant_edit
from samdesk.dataset.store import serial
from samdesk.dataset.store.database import Store
from samdesk.dataset.store.errors import StoreError
from samdesk.dataset.types import LogEntry
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import MOST_OVERTAKEN, Edit, Placed, Transaction, overtaken
from samdesk.domain.labels import LabelSet

KeyedEdits = Sequence[tuple[ImageKey, Edit]]

_COLUMNS = "seq, owner, text, labels, labels_before, run_id, place"


@dataclass(frozen=True)
class LogStep:
    """One row of the log.

    Attributes:
        seq: Its number, which never changes.
        owner: Names its rows in ``log_edits``: a run id, or "step" and ``seq``.
        text: What the user did.
        labels: The new label set; None: it was not changed.
        labels_before: The label set before.
        run_id: The run that it is.
        place: In the order of the steps.
    """

    seq: int
    owner: str
    text: str
    labels: LabelSet | None
    labels_before: LabelSet | None
    run_id: RunId | None
    place: int


def run_undo(document: ImageDocument, do: Edit, undo: Edit, run_id: RunId) -> Edit:
    """Returns the edit that undoes one edit of a run on a document that may have been edited since.

    Annotations that still carry the run's id are dropped and those it replaced come back; annotations of
    the run that were edited by hand or deleted since stay as they are.
    """
    present = {a.id: a for a in document.annotations}
    put_by_run = {p.annotation.id for p in do.put}

    def restores(placed: Placed) -> bool:
        now = present.get(placed.annotation.id)
        if placed.annotation.id in put_by_run:
            return now is not None and now.run_id == run_id
        return now is None

    drop = tuple(i for i in undo.drop if i in present and present[i].run_id == run_id)
    return replace(undo, drop=drop, put=tuple(p for p in undo.put if restores(p)))


def without_runs(edit: Edit, undone: Collection[RunId]) -> Edit:
    """Returns the edit without putting annotations that belong to undone runs."""
    dropped = tuple(p.annotation.id for p in edit.put if p.annotation.run_id in undone)
    if not dropped:
        return edit
    put = tuple(p for p in edit.put if p.annotation.id not in dropped)
    return replace(edit, drop=(*edit.drop, *dropped), put=put)


class History:
    """Reads and writes the undo log. The caller opens transactions."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def append(self, do: Transaction, undo: Transaction, owner: str = "") -> int:
        """Appends a step and returns its number; undone steps are deleted.

        Args:
            do: The step.
            undo: Its inverse.
            owner: The run whose edits are in the log already; "": the edits are written now.
        """
        self._delete_undone()
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
        # Places are numbers of steps, and no number is used twice: the new one is the last.
        self._store.execute("UPDATE log SET owner=?, place=? WHERE seq=?", (owner or f"step {seq}", seq, seq))
        if not owner:
            self._add_edits(f"step {seq}", 0, do.edits, undo.edits[::-1])
        return seq

    def newest(self) -> LogStep | None:
        """Returns the step to undo next; None if there is none."""
        return self._step("undone=0 ORDER BY place DESC")

    def next_redo(self) -> LogStep | None:
        """Returns the step to redo next; None if there is none."""
        return self._step("undone=1 ORDER BY place")

    def newest_number(self, *, undone: bool) -> int:
        """Returns the number of the step to undo next or, ``undone``, to redo next; 0 if there is none."""
        step = self.next_redo() if undone else self.newest()
        return 0 if step is None else step.seq

    def within_reach(self, seq: int, *, undone: bool) -> LogStep | None:
        """Returns the step with this number if it may be undone or, ``undone``, redone next; else None."""
        step = self._step("seq=? AND undone=?", seq, int(undone))
        if step is None:
            return None
        keys = self._keys(step)
        ahead = self._ahead(step, undone=undone)
        if len(keys) == 1 and overtaken(keys[0], map(self._named, ahead)) == len(ahead) - 1:
            return step
        return None

    def move_up(self, step: LogStep, *, undone: bool) -> None:
        """Moves a step to the place from which it is undone or, ``undone``, redone next."""
        ahead = self._ahead(step, undone=undone)
        moved = [ahead[-1], *ahead[:-1]]
        self._store.execute_many(
            "UPDATE log SET place=? WHERE seq=?",
            [(old.place, new.seq) for old, new in zip(ahead, moved, strict=True)],
        )

    def _ahead(self, step: LogStep, *, undone: bool) -> list[LogStep]:
        """Returns the steps to undo or redo until the step, which is the last, unless they are too many."""
        which = "place<=? ORDER BY place" if undone else "place>=? ORDER BY place DESC"
        sql = f"SELECT {_COLUMNS} FROM log WHERE undone=? AND {which} LIMIT ?"
        found = self._store.rows(sql, (int(undone), step.place, MOST_OVERTAKEN + 1))
        return [_step(row) for row in found]

    def _named(self, step: LogStep) -> Transaction:
        """Returns a step as a transaction whose edits only name the images."""
        keys = () if step.run_id is not None else self._keys(step)
        return Transaction(step.text, tuple((k, Edit()) for k in keys), step.labels, run_id=step.run_id)

    def _keys(self, step: LogStep) -> list[ImageKey]:
        sql = "SELECT image, min(n) FROM log_edits WHERE owner=? GROUP BY image ORDER BY 2"
        return [ImageKey(key) for key, _ in self._store.rows(sql, (step.owner,))]

    def replay(self, step: LogStep, way: Literal["undo", "do"]) -> list[tuple[ImageKey, EditFactory]]:
        """Returns the edits that undo or redo a step, each made for the current document."""
        undone = frozenset(self.runs("undone"))
        run_id = step.run_id if step.owner == step.run_id else None
        result: list[tuple[ImageKey, EditFactory]] = []
        for key, edit, opposite in self._edits(step, way):
            if run_id is None:
                result.append((key, constant_edit(without_runs(edit, undone))))
            elif way == "do":
                result.append((key, constant_edit(edit)))
            else:
                result.append((key, partial(run_undo, do=opposite, undo=edit, run_id=run_id)))
        return result

    def _edits(self, step: LogStep, way: str) -> list[tuple[ImageKey, Edit, Edit]]:
        """Returns (image, edit, its opposite) of a step in the order to apply. Raises ``StoreError``."""
        found = self._store.rows(
            "SELECT image, do, undo FROM log_edits WHERE owner=? ORDER BY n", (step.owner,)
        )
        try:
            whole = [
                (ImageKey(k), serial.edit_from_text(do), serial.edit_from_text(undo)) for k, do, undo in found
            ]
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{self._store.path}: the history of {step.text!r} is damaged ({error})."
            ) from error
        return whole if way == "do" else [(key, undo, do) for key, do, undo in reversed(whole)]

    def mark(self, step: LogStep, *, undone: bool, back: KeyedEdits, labels_back: LabelSet | None) -> None:
        """Records that a step was undone or redone, and the exact inverse of that.

        Args:
            step: The step.
            undone: Whether it is undone now.
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
        """Returns the newest steps done, oldest first, and the steps undone, the next to redo first."""
        sql = f"SELECT {_COLUMNS} FROM log WHERE"
        done = self._store.rows(f"{sql} undone=0 ORDER BY place DESC LIMIT ?", (limit,))
        undone = self._store.rows(f"{sql} undone=1 ORDER BY place LIMIT ?", (limit,))
        return [self.entry(_step(r)) for r in reversed(done)], [self.entry(_step(r)) for r in undone]

    def entry(self, step: LogStep) -> LogEntry:
        """Returns a step as a ``LogEntry``."""
        count = self._store.row("SELECT count(*) FROM log_edits WHERE owner=?", (step.owner,))
        if count == (1,) and step.run_id is None:
            ((key, do_edit, undo_edit),) = self._edits(step, "do")
            do, undo = [(key, do_edit)], [(key, undo_edit)]
        else:
            do = undo = [(key, Edit()) for key in self._keys(step)]
        return LogEntry(
            step.seq,
            Transaction(step.text, tuple(do), step.labels, step.labels_before, step.run_id),
            Transaction(step.text, tuple(undo), step.labels_before, step.labels, step.run_id),
        )

    def begin_run(self, run_id: RunId, text: str) -> None:
        """Begins a run."""
        self._store.execute("INSERT INTO runs (id, text, state) VALUES (?,?,'open')", (run_id, text))

    def add_to_run(self, run_id: RunId, key: ImageKey, do: Edit, undo: Edit) -> None:
        """Adds an edit to an open run."""
        row = self._store.row("SELECT coalesce(max(n) + 1, 0) FROM log_edits WHERE owner=?", (run_id,))
        self._add_edits(run_id, row[0] if row else 0, [(key, do)], [(key, undo)])

    def end_run(self, run_id: RunId) -> LogEntry | None:
        """Ends a run. Returns the one step with all its edits; None if it has none."""
        row = self._store.row("SELECT text FROM runs WHERE id=? AND state='open'", (run_id,))
        if row is None:
            return None
        if self._store.row("SELECT 1 FROM log_edits WHERE owner=?", (run_id,)) is None:
            self._store.execute("DELETE FROM runs WHERE id=?", (run_id,))
            return None
        self._store.execute("UPDATE runs SET state='done' WHERE id=?", (run_id,))
        run = Transaction(row[0], run_id=run_id)
        seq = self.append(run, run, owner=run_id)
        return self.find(seq)

    def is_open(self, run_id: RunId) -> bool:
        """Returns whether a run has not ended yet."""
        return self._store.row("SELECT 1 FROM runs WHERE id=? AND state='open'", (run_id,)) is not None

    def rewrite(self, key: ImageKey, change: Callable[[Edit], Edit]) -> None:
        """Changes every edit of an image in the log, as after a change of the image's size."""
        found = self._store.rows("SELECT do, undo, owner, n FROM log_edits WHERE image=?", (key,))
        self._store.execute_many(
            "UPDATE log_edits SET do=?, undo=? WHERE owner=? AND n=?",
            [
                (*(serial.edit_to_text(change(serial.edit_from_text(t))) for t in (do, undo)), owner, n)
                for do, undo, owner, n in found
            ],
        )

    def find(self, seq: int) -> LogEntry | None:
        """Returns a step by its number; None if there is none."""
        step = self._step("seq=?", seq)
        return None if step is None else self.entry(step)

    def runs(self, state: str) -> list[RunId]:
        """Returns the runs in a state: "open", "done" or "undone"."""
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

    def _delete_undone(self) -> None:
        self._store.execute("DELETE FROM log_edits WHERE owner IN (SELECT owner FROM log WHERE undone=1)")
        self._store.execute("DELETE FROM log WHERE undone=1")

    def _step(self, where: str, *values: int) -> LogStep | None:
        row = self._store.row(f"SELECT {_COLUMNS} FROM log WHERE {where} LIMIT 1", values)
        return None if row is None else _step(row)


def _step(row: tuple[object, ...]) -> LogStep:
    seq, owner, text, labels, before, run_id, place = row
    return LogStep(
        int(str(seq)),
        str(owner),
        str(text),
        serial.labels_from_text(None if labels is None else str(labels)),
        serial.labels_from_text(None if before is None else str(before)),
        None if run_id is None else RunId(str(run_id)),
        int(str(place)),
    )
