"""The undo log: steps with their edits and inverses; an auto-annotate run is one step."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from samdesk.base.bulk import Breathe, breathing, in_parts, without_pauses
from samdesk.dataset.change import EditFactory, constant_edit
from samdesk.dataset.runs.carries import follow_carry
from samdesk.dataset.runs.journal import Journal
from samdesk.dataset.runs.record import RunState
from samdesk.dataset.runs.undoing import run_undo, without_runs
from samdesk.dataset.splits.log import SplitLog
from samdesk.dataset.store import serial, values
from samdesk.dataset.store.database import Store
from samdesk.dataset.store.errors import RefusedError
from samdesk.dataset.store.values import digest_of
from samdesk.dataset.types import LogEntry
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import MOST_OVERTAKEN, Edit, Transaction, overtaken
from samdesk.domain.labels import LabelSet
from samdesk.domain.split import SplitChange, inverse

KeyedEdits = Sequence[tuple[ImageKey, Edit]]

_WHOLE = 100
"""Steps that are listed with their edits."""
_NAMED = 500
"""Steps whose images are read together."""
_PART = 100
"""Edits written between two pauses."""
_COLUMNS = (
    "seq, owner, text, labels, labels_before, run_id, undone, place,"
    " (SELECT count(*) FROM log_edits WHERE log_edits.owner = log.owner), splits, digest"
)
_COUNT = "samdesk.steps"
"""The setting with the number of steps."""
_EDIT = "owner, n, image, do, undo, digest"
_MOST_TEXT = 100_000
_ANY_SPLIT = SplitChange(ImageKey(""), None, None)
"""Stands for all that a step changes of the splits, where only that it does is asked for."""


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
        splits: Number of images whose split it changes.
    """

    seq: int
    owner: str
    text: str
    labels: LabelSet | None
    labels_before: LabelSet | None
    run_id: RunId | None
    place: int
    splits: int = 0


class History:
    """Reads and writes the undo log. The caller opens transactions.

    Steps that are damaged are left out, as if they were not there.

    Attributes:
        damaged: The damaged steps (by number) and runs found so far, and what is wrong with them.
        journal: The runs.
        splits: What steps change of the splits.
    """

    def __init__(self, store: Store, breathe: Breathe = without_pauses) -> None:
        """``breathe``: called between two parts of a step of many images."""
        self._store, self._breathe = store, breathe
        self.damaged: dict[int | str, str] = {}
        self.journal = Journal(store, self.damaged)
        self.splits = SplitLog(store)

    def append(self, do: Transaction, undo: Transaction, owner: str = "") -> int:
        """Appends a step and returns its number; undone steps are deleted.

        Args:
            do: The step.
            undo: Its inverse.
            owner: The run whose edits are in the log already; "": the edits are written now.
        """
        self._delete_undone()
        cursor = self._store.execute(
            "INSERT INTO log (owner, text, labels, labels_before, run_id, splits) VALUES (?,?,?,?,?,?)",
            (
                owner or "new",
                do.text,
                serial.labels_to_text(do.labels),
                serial.labels_to_text(do.labels_before),
                do.run_id,
                len(do.splits) or None,
            ),
        )
        seq = int(cursor.lastrowid or 0)
        # Places are numbers of steps, and no number is used twice: the new one is the last.
        self._store.execute("UPDATE log SET owner=?, place=? WHERE seq=?", (owner or f"step {seq}", seq, seq))
        if not owner:
            self._add_edits(f"step {seq}", 0, do.edits, undo.edits[::-1])
            self.splits.write(f"step {seq}", do.splits)
            if do.run_id is not None:
                follow_carry(self._store, self.journal, do.run_id, do.text, do.source)
        self._sign([seq])
        self._count_steps(1)
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
        self._sign([step.seq for step in ahead])

    def _ahead(self, step: LogStep, *, undone: bool) -> list[LogStep]:
        """Returns the steps to undo or redo until the step, which is the last, unless they are too many."""
        where = (
            "undone=1 AND place<=? ORDER BY place" if undone else "undone=0 AND place>=? ORDER BY place DESC"
        )
        return self._steps(where, step.place, limit=MOST_OVERTAKEN + 1)

    def _named(self, step: LogStep) -> Transaction:
        """Returns a step as a transaction whose edits only name the images."""
        keys = () if step.run_id is not None else self._keys(step)
        edits = tuple((key, Edit()) for key in keys)
        splits = (_ANY_SPLIT,) if step.splits else ()
        return Transaction(step.text, edits, step.labels, None, step.run_id, splits)

    def _first_splits(self, step: LogStep) -> tuple[SplitChange, ...]:
        """Raises ``RefusedError`` if they are damaged; the step is left out from now on."""
        try:
            return self.splits.head(step.owner, step.splits) if step.splits else ()
        except ValueError as error:
            raise self._left_out(step, error) from error

    def _keys(self, step: LogStep) -> list[ImageKey]:
        sql = "SELECT image, min(n) FROM log_edits WHERE owner=? GROUP BY image ORDER BY 2"
        found = self._store.rows(sql, (step.owner,))
        return [ImageKey(key) for key, _ in found if type(key) is str]

    def replay(self, step: LogStep, way: Literal["undo", "do"]) -> list[tuple[ImageKey, EditFactory]]:
        """Returns the edits that undo or redo a step, each made for the current document."""
        undone = frozenset(self.journal.runs("undone")) - {step.run_id}
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
        """Returns (image, edit, its opposite) of a step in the order to apply.

        Raises:
            RefusedError: They are damaged; the step is left out from now on.
            StoreError: The store cannot be read.
        """
        found = self._store.rows(f"SELECT {_EDIT} FROM log_edits WHERE owner=? ORDER BY n", (step.owner,))
        try:
            whole = [_edit(row) for row in breathing(found, "Reading the history", self._breathe)]
        except ValueError as error:
            raise self._left_out(step, error) from error
        return whole if way == "do" else [(key, undo, do) for key, do, undo in reversed(whole)]

    def split_changes(self, step: LogStep, way: Literal["undo", "do"]) -> tuple[SplitChange, ...]:
        """Returns what undoes or redoes the splits of a step. Raises as ``replay``."""
        try:
            found = self.splits.read(step.owner, step.splits) if step.splits else ()
        except ValueError as error:
            raise self._left_out(step, error) from error
        return found if way == "do" else inverse(found)

    def _left_out(self, step: LogStep, error: ValueError) -> RefusedError:
        """Leaves a damaged step out from now on, and returns the error that says so."""
        self.damaged[step.seq] = str(error)
        return RefusedError(
            f"{self._store.path}: the step {step.text!r} of the history is damaged ({error}).",
            next="It is left out; the steps before it can still be undone.",
        )

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
        rows = ((serial.edit_to_text(e), step.owner, n) for (_, e), n in zip(back, numbers, strict=True))
        self._in_parts(f"UPDATE log_edits SET {column}=? WHERE owner=? AND n=?", rows, len(back))
        self._sign_edits("owner=?", step.owner)
        if labels_back is not None:
            column = "labels" if undone else "labels_before"
            text = serial.labels_to_text(labels_back)
            self._store.execute(f"UPDATE log SET {column}=? WHERE seq=?", (text, step.seq))
        self._store.execute("UPDATE log SET undone=? WHERE seq=?", (int(undone), step.seq))
        self._sign([step.seq])
        self._count_steps(0)
        if step.run_id is None:
            return
        if step.owner == step.run_id:
            self.journal.set_undone(step.run_id, undone=undone)
        else:
            follow_carry(self._store, self.journal, step.run_id, step.text, None)

    def entries(self, limit: int, whole: int = _WHOLE) -> tuple[list[LogEntry], list[LogEntry]]:
        """Returns the newest steps done, oldest first, and the steps undone, the next to redo first.

        Args:
            limit: The most of each.
            whole: How many of each have their edits, if they are of one image; those of the others are empty
                and only name the images, so that thousands of steps are listed in a moment.
        """
        self._find_missing()
        done = self._steps("undone=0 ORDER BY place DESC", limit=limit)
        undone = self._steps("undone=1 ORDER BY place", limit=limit)
        return self._entries(done, whole)[::-1], self._entries(undone, whole)

    def _entries(self, steps: Sequence[LogStep], whole: int) -> list[LogEntry]:
        found = []
        for step in steps[:whole]:
            with contextlib.suppress(RefusedError):  # left out
                found.append(self.entry(step))
        for part in in_parts(steps[whole:], _NAMED):
            keys = self._keys_of(part)
            for step in part:
                with contextlib.suppress(RefusedError):
                    found.append(_named(step, keys.get(step.owner, ()), self._first_splits(step)))
        return found

    def entry(self, step: LogStep) -> LogEntry:
        """Returns a step as a ``LogEntry``. Raises ``RefusedError`` for a damaged one."""
        count = self._store.row("SELECT count(*) FROM log_edits WHERE owner=?", (step.owner,))
        if count == (1,) and step.run_id is None:
            ((key, do_edit, undo_edit),) = self._edits(step, "do")
            return _entry(step, ((key, do_edit),), ((key, undo_edit),), self._first_splits(step))
        return self._named_entry(step)

    def _named_entry(self, step: LogStep) -> LogEntry:
        """Returns a step as a ``LogEntry`` whose edits only name the images."""
        return _named(step, self._keys(step), self._first_splits(step))

    def _keys_of(self, steps: Sequence[LogStep]) -> dict[str, list[ImageKey]]:
        """Returns the images of some steps by their owners, in the order of ``_keys``."""
        marks = ",".join("?" * len(steps))
        sql = f"SELECT owner, image FROM log_edits WHERE owner IN ({marks}) ORDER BY owner, n"
        found: dict[str, dict[ImageKey, None]] = {}
        for owner, key in self._store.rows(sql, [step.owner for step in steps]):
            if type(key) is str:
                found.setdefault(owner, {})[ImageKey(key)] = None
        return {owner: list(keys) for owner, keys in found.items()}

    def add_to_run(self, run_id: RunId, key: ImageKey, do: Edit, undo: Edit) -> None:
        """Adds an edit to an open run."""
        row = self._store.row("SELECT coalesce(max(n) + 1, 0) FROM log_edits WHERE owner=?", (run_id,))
        self._add_edits(run_id, row[0] if row else 0, [(key, do)], [(key, undo)])

    def end_run(
        self, run_id: RunId, state: RunState = "done", splits: Sequence[SplitChange] = ()
    ) -> LogEntry | None:
        """Ends a run. Returns the one step with its edits, splits and labels; None if it has none."""
        row = self._store.row("SELECT text FROM runs WHERE id=? AND state='open'", (run_id,))
        if row is None:
            return None
        self.journal.end(run_id, state)
        whole = self.splits.add(run_id, splits)
        edited = self._store.row("SELECT 1 FROM log_edits WHERE owner=?", (run_id,)) is not None
        info = self.journal.info(run_id)
        added = info is not None and any(found.added for found in info.labels)  # by an import, as it begins
        if not (edited or whole or added):
            return None
        run = Transaction(row[0], run_id=run_id, splits=whole)
        seq = self.append(run, run, owner=run_id)
        return self.find(seq)

    def reopen_run(self, run_id: RunId) -> None:
        """Opens a run again that has ended: until it ends its step is not in the log."""
        self.journal.resume(run_id)
        gone = self._store.execute("DELETE FROM log WHERE owner=?", (run_id,)).rowcount
        if gone:
            self._count_steps(-gone)

    def rewrite(self, key: ImageKey, change: Callable[[Edit], Edit]) -> None:
        """Changes every edit of an image in the log, as after a change of the image's size."""
        for row in self._store.rows(f"SELECT {_EDIT}, owner, n FROM log_edits WHERE image=?", (key,)):
            try:
                _, do, undo = _edit(row)
            except ValueError:
                continue  # damaged: it is left out when it is met
            texts = [serial.edit_to_text(change(edit)) for edit in (do, undo)]
            self._store.execute(
                "UPDATE log_edits SET do=?, undo=?, digest=? WHERE owner=? AND n=?",
                (*texts, digest_of((row[-2], row[-1], key, *texts)), row[-2], row[-1]),
            )

    def find(self, seq: int) -> LogEntry | None:
        """Returns a step by its number; None if there is none."""
        step = self._step("seq=?", seq)
        return None if step is None else self.entry(step)

    def _add_edits(self, owner: str, first: int, do: KeyedEdits, undo: KeyedEdits) -> None:
        pairs = zip(do, undo, strict=True)
        rows = (
            (owner, first + n, key, serial.edit_to_text(edit), serial.edit_to_text(back))
            for n, ((key, edit), (_, back)) in enumerate(pairs)
        )
        signed = ((*row, digest_of(row)) for row in rows)
        sql = "INSERT INTO log_edits (owner, n, image, do, undo, digest) VALUES (?,?,?,?,?,?)"
        self._in_parts(sql, signed, len(do))

    def _in_parts(self, sql: str, rows: Iterable[tuple[object, ...]], total: int) -> None:
        done = 0
        for part in in_parts(rows, _PART):
            self._breathe("Writing the history", done, total)
            self._store.execute_many(sql, part)
            done += len(part)

    def _delete_undone(self) -> None:
        self.splits.delete_undone()
        self._store.execute("DELETE FROM log_edits WHERE owner IN (SELECT owner FROM log WHERE undone=1)")
        gone = self._store.execute("DELETE FROM log WHERE undone=1").rowcount
        if gone:
            self._count_steps(-gone)

    def _count_steps(self, more: int) -> None:
        """Keeps the number of steps: that one is missing cannot be seen from the others."""
        known = self._store.row("SELECT value FROM settings WHERE key=?", (_COUNT,))
        number = str(known[0])[:20] if known is not None else ""
        count = int(number) + more if number.isdecimal() and number.isascii() else self._steps_there()
        sql = "INSERT OR REPLACE INTO settings (key, value) VALUES (?,?)"
        self._store.execute(sql, (_COUNT, str(max(0, count))))

    def _steps_there(self) -> int:
        row = self._store.row("SELECT count(*) FROM log WHERE undone IN (0, 1)")
        return 0 if row is None else int(row[0])

    def _find_missing(self) -> None:
        known = self._store.row("SELECT value FROM settings WHERE key=?", (_COUNT,))
        if known is None:  # a store of an older samdesk that was not edited since
            sound = self._store.row("SELECT 1 FROM log WHERE digest NOT NULL LIMIT 1") is None
        else:
            sound = known[0] == str(self._steps_there())
        if not sound:
            self.damaged.setdefault("steps", "there are not as many steps as were saved")

    def _step(self, where: str, *values: int) -> LogStep | None:
        return next(iter(self._steps(where, *values, limit=1)), None)

    def _steps(self, where: str, *values: int, limit: int) -> list[LogStep]:
        """Returns the first steps for which an SQL condition holds, but those that are damaged."""
        wanted = limit + len(self.damaged)
        while True:
            rows = self._store.rows(f"SELECT {_COLUMNS} FROM log WHERE {where} LIMIT ?", (*values, wanted))
            found = [step for step in map(self._sound, rows) if step is not None]
            if len(found) >= limit or len(rows) < wanted:
                return found[:limit]
            wanted *= 2

    def _sound(self, row: tuple[Any, ...]) -> LogStep | None:
        if row[0] in self.damaged:
            return None
        try:
            return _step(row)
        except ValueError as error:
            self.damaged[row[0]] = str(error)
            return None

    def _sign(self, steps: Iterable[int]) -> None:
        """Writes the digests of steps that have changed."""
        for seq in steps:
            row = self._store.row(f"SELECT {_COLUMNS} FROM log WHERE seq=?", (seq,))
            if row is not None:
                self._store.execute("UPDATE log SET digest=? WHERE seq=?", (_digest(row), seq))

    def _sign_edits(self, where: str, value: str) -> None:
        found = self._store.rows(f"SELECT {_EDIT} FROM log_edits WHERE {where}", (value,))
        self._store.execute_many(
            "UPDATE log_edits SET digest=? WHERE owner=? AND n=?",
            [(digest_of(row[:-1]), row[0], row[1]) for row in found],
        )


def _entry(
    step: LogStep,
    do: tuple[tuple[ImageKey, Edit], ...],
    undo: tuple[tuple[ImageKey, Edit], ...],
    splits: tuple[SplitChange, ...],
) -> LogEntry:
    return LogEntry(
        step.seq,
        Transaction(step.text, do, step.labels, step.labels_before, step.run_id, splits),
        Transaction(step.text, undo, step.labels_before, step.labels, step.run_id, inverse(splits)),
    )


def _named(step: LogStep, keys: Iterable[ImageKey], splits: tuple[SplitChange, ...]) -> LogEntry:
    edits = tuple((key, Edit()) for key in keys)
    return _entry(step, edits, edits, splits)


def _digest(row: tuple[Any, ...]) -> int:
    """The digest of a row of the log, without ``splits`` where it is NULL: older versions had none."""
    *found, splits, _ = row
    return digest_of(found if splits is None else (*found, splits))


def _step(row: tuple[Any, ...]) -> LogStep:
    """The step of a row of the log. Raises ``ValueError`` if it is damaged."""
    seq, owner, text, labels, before, run_id, undone, place, _, splits, digest = row
    if digest is not None and digest != _digest(row):
        raise ValueError("it is not what was saved")
    run = values.optional_identifier(run_id, "run")
    values.integer(undone, "state", 0, 1)
    return LogStep(
        values.integer(seq, "number"),
        values.identifier(owner, "owner"),
        values.text(text, "text", _MOST_TEXT),
        serial.labels_from_text(labels),
        serial.labels_from_text(before),
        None if run is None else RunId(run),
        values.integer(place, "place"),
        0 if splits is None else values.integer(splits, "number of splits"),
    )


def _edit(row: tuple[Any, ...]) -> tuple[ImageKey, Edit, Edit]:
    """Image, edit and its opposite of a row of ``log_edits``. Raises ``ValueError`` if it is damaged."""
    owner, n, key, do, undo, digest = row[:6]
    if digest is not None and digest != digest_of((owner, n, key, do, undo)):
        raise ValueError("it is not what was saved")
    return ImageKey(values.text(key, "image")), serial.edit_from_text(do), serial.edit_from_text(undo)
