"""The journal of auto-annotate runs: how each was made, and what has become of each of its images.

A run begins with the list of its images. An image that is done, skipped or failed gets a row, in the same
transaction as its annotations; those without one are still to be done, so a run can be resumed after a crash.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from time import time
from typing import Any

from samdesk.base import json_file
from samdesk.base.bulk import in_parts
from samdesk.dataset.runs.record import (
    CARRY,
    IMAGE_STATES,
    RUN_STATES,
    RunCounts,
    RunImage,
    RunInfo,
    RunLabel,
    RunModel,
    RunRecord,
    RunState,
)
from samdesk.dataset.store import values
from samdesk.dataset.store.database import Store
from samdesk.dataset.store.values import digest_of
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageKey
from samdesk.domain.labels import Label, LabelId

_COLUMNS = (
    "id",
    "text",
    "state",
    "outcome",
    "record",
    "labels",
    "started",
    "since",
    "ended",
    "seconds",
    "counts",
)
_OPTIONAL = 8
"""Columns at the end that the digest leaves out where they are NULL: a version before 7 had none of them."""
_NAMES = ", ".join(_COLUMNS)
_IMAGE = "run, image, state, message, added, at"
_MOST_KEYS = 256 << 20
"""Bytes of the names of all images of a run."""
_PART = 500


class Journal:
    """Reads and writes runs. The caller opens transactions.

    Attributes:
        damaged: What was found damaged, by "run" and id; such a run is listed as far as it can be read.
    """

    def __init__(self, store: Store, damaged: dict[int | str, str]) -> None:
        self._store = store
        self.damaged = damaged

    def begin(
        self,
        run_id: RunId,
        text: str,
        record: RunRecord | None = None,
        keys: Sequence[ImageKey] = (),
        labels: Sequence[RunLabel] = (),
    ) -> None:
        """Begins a run over images."""
        now = time()
        row = (
            run_id,
            text,
            "open",
            None,
            _record_text(record),
            _labels_text(labels),
            now,
            now,
            None,
            0.0,
            None,
        )
        marks = ",".join("?" * (len(row) + 1))
        self._store.execute(f"INSERT INTO runs ({_NAMES}, digest) VALUES ({marks})", (*row, _digest(row)))
        packed = zlib.compress(json.dumps(list(keys), ensure_ascii=True).encode("ascii"), 1)
        sql = "INSERT INTO run_scopes (run, images, digest) VALUES (?,?,?)"
        self._store.execute(sql, (run_id, packed, digest_of((run_id, packed))))

    def note(self, run_id: RunId, images: Iterable[RunImage]) -> None:
        """Writes what has become of some images of a run."""
        now = time()
        rows = [(run_id, i.key, i.state, i.message or None, i.added, now) for i in images]
        sql = f"INSERT OR REPLACE INTO run_images ({_IMAGE}, digest) VALUES (?,?,?,?,?,?,?)"
        self._store.execute_many(sql, [(*row, digest_of(row)) for row in rows])

    def set_labels(self, run_id: RunId, labels: Sequence[RunLabel]) -> None:
        """Writes the labels that a run uses."""
        self._set(run_id, labels=_labels_text(labels))

    def end(self, run_id: RunId, state: RunState) -> None:
        """Ends a run."""
        row = self._row(run_id)
        if row is None:
            return
        ended = time()
        if state == "interrupted":  # nothing is known of the time after its last image
            last = self._store.row("SELECT max(at) FROM run_images WHERE run=?", (run_id,))
            ended = _time(last and last[0]) or _time(row["since"]) or ended
        seconds = (_time(row["seconds"]) or 0.0) + max(0.0, ended - (_time(row["since"]) or ended))
        counts = json.dumps(asdict(self.counts(run_id)))
        self._set(run_id, state=state, outcome=state, since=None, ended=ended, seconds=seconds, counts=counts)

    def resume(self, run_id: RunId) -> None:
        """Opens a run again that has ended."""
        self._set(run_id, state="open", outcome=None, since=time(), counts=None)

    def set_undone(self, run_id: RunId, *, undone: bool) -> None:
        """Records that a run was undone or redone."""
        row = self._row(run_id)
        outcome = None if row is None else row["outcome"]
        known = outcome if outcome in RUN_STATES else "done"
        self._set(run_id, state="undone" if undone else known)

    def set_carried(
        self, run_id: RunId, text: str, source: ImageKey | None, images: Sequence[RunImage]
    ) -> None:
        """Writes what was carried so far: the parts of a carry are steps of the history of their own.

        Args:
            run_id: The carry; it is begun if it is not known.
            text: Of the run that is begun.
            source: The image that its objects are from at first; kept of a run that is known.
            images: The images that they were carried to, in order; all that are not undone.
        """
        known = self.info(run_id)
        if known is None:
            self.begin(run_id, text, None, [image.key for image in images])
        else:
            source = ImageKey(str(known.record.parameters.get("from") or ""))
        self._store.execute("DELETE FROM run_images WHERE run=?", (run_id,))
        self.note(run_id, images)
        record = RunRecord({"kind": CARRY, "from": source or "", "to": images[-1].key})
        counts = RunCounts(done=len(images), annotations=sum(image.added for image in images))
        self._set(
            run_id, state="done", outcome="done", since=None, ended=time(), record=_record_text(record),
            counts=json.dumps(asdict(counts)),
        )  # fmt: skip

    def is_open(self, run_id: RunId) -> bool:
        """Returns whether a run has not ended yet."""
        return self._store.row("SELECT 1 FROM runs WHERE id=? AND state='open'", (run_id,)) is not None

    def runs(self, state: RunState) -> list[RunId]:
        """Returns the runs in a state."""
        found = []
        for row in self._store.rows(f"SELECT {_NAMES}, digest FROM runs"):
            self._check(row)
            if row[2] == state:
                found.append(RunId(row[0]))
        return found

    def info(self, run_id: RunId) -> RunInfo | None:
        """Returns a run; None if there is none."""
        rows = self._store.rows(f"SELECT {_NAMES}, digest FROM runs WHERE id=?", (run_id,))
        return self._info(rows[0]) if rows else None

    def infos(self) -> tuple[RunInfo, ...]:
        """Returns all runs, the newest first; those of an older samdesk last."""
        rows = self._store.rows(f"SELECT {_NAMES}, digest FROM runs")
        found = [self._info(row) for row in rows]
        return tuple(sorted(found, key=lambda run: run.started or 0.0, reverse=True))

    def keys(self, run_id: RunId) -> list[ImageKey]:
        """Returns the images that a run began with, in order; [] if that is damaged."""
        row = self._store.row("SELECT images, digest FROM run_scopes WHERE run=?", (run_id,))
        if row is None:
            return []
        try:
            if row[1] != digest_of((run_id, row[0])):
                raise ValueError("it is not what was saved")
            unpack = zlib.decompressobj()
            names = json_file.parse_strings(unpack.decompress(row[0], _MOST_KEYS).decode("ascii"))
        except (ValueError, TypeError, zlib.error) as error:
            self.damaged.setdefault(f"run {run_id}", f"the images of a run: {error}")
            return []
        return [ImageKey(name) for name in names]

    def images(self, run_id: RunId) -> tuple[RunImage, ...]:
        """Returns what has become of each image of a run, in its order; images added later come last.

        A row that is damaged counts as still to be done.
        """
        found: dict[ImageKey, RunImage] = {key: RunImage(key) for key in self.keys(run_id)}
        for *row, digest in self._store.rows(
            f"SELECT {_IMAGE}, digest FROM run_images WHERE run=? ORDER BY at", (run_id,)
        ):
            if digest == digest_of(row) and row[2] in IMAGE_STATES:
                found[ImageKey(row[1])] = RunImage(ImageKey(row[1]), row[2], row[3] or "", row[4])
            else:
                self.damaged.setdefault(f"run {run_id}", "an image of a run is not what was saved")
        return tuple(found.values())

    def counts(self, run_id: RunId) -> RunCounts:
        """Counts the images of a run as they are now."""
        sql = "SELECT state, count(*), sum(added) FROM run_images WHERE run=? GROUP BY state"
        found = {state: (count, added or 0) for state, count, added in self._store.rows(sql, (run_id,))}
        done, skipped, failed = (found.get(state, (0, 0))[0] for state in IMAGE_STATES[1:])
        known = {key for (key,) in self._store.rows("SELECT image FROM run_images WHERE run=?", (run_id,))}
        todo = sum(key not in known for key in self.keys(run_id))
        return RunCounts(todo, done, skipped, failed, found.get("done", (0, 0))[1])

    def forget(self, keys: Iterable[tuple[RunId, ImageKey]]) -> None:
        """Makes images ones that are still to be done."""
        for part in in_parts(keys, _PART):
            self._store.execute_many("DELETE FROM run_images WHERE run=? AND image=?", part)

    def _info(self, row: tuple[Any, ...]) -> RunInfo:
        self._check(row)
        found = dict(zip(_COLUMNS, row, strict=False))
        state: RunState = found["state"] if found["state"] in RUN_STATES else "done"
        run = RunInfo(RunId(str(found["id"])), str(found["text"]), state)
        try:
            counts = self.counts(run.id) if found["counts"] is None else _counts(found["counts"])
            return replace(
                run,
                record=_record(found["record"]),
                labels=_labels(found["labels"]),
                started=_time(found["started"]),
                ended=_time(found["ended"]),
                seconds=_time(found["seconds"]) or 0.0,
                counts=counts,
            )
        except (ValueError, TypeError, KeyError) as error:
            self.damaged.setdefault(f"run {run.id}", f"a run of auto-annotate: {error}")
            return run

    def _check(self, row: tuple[Any, ...]) -> None:
        if row[2] not in RUN_STATES or row[-1] not in (None, _digest(row[:-1])):
            self.damaged.setdefault(f"run {row[0]}", "a run of auto-annotate is not what was saved")

    def _row(self, run_id: RunId) -> dict[str, Any] | None:
        row = self._store.row(f"SELECT {_NAMES} FROM runs WHERE id=?", (run_id,))
        return None if row is None else dict(zip(_COLUMNS, row, strict=True))

    def _set(self, run_id: RunId, **columns: Any) -> None:
        row = self._row(run_id)
        if row is None:
            return
        changed = tuple({**row, **columns}.values())
        names = ", ".join(f"{name}=?" for name in _COLUMNS[1:])
        sql = f"UPDATE runs SET {names}, digest=? WHERE id=?"
        self._store.execute(sql, (*changed[1:], _digest(changed), run_id))


def _digest(row: Sequence[Any]) -> int:
    length = len(row)
    while length > len(_COLUMNS) - _OPTIONAL and row[length - 1] is None:
        length -= 1
    return digest_of(row[:length])


def _time(value: Any) -> float | None:
    return values.number(value, "time") if type(value) in (int, float) else None


def _record_text(record: RunRecord | None) -> str | None:
    if record is None:
        return None
    return json.dumps({"parameters": dict(record.parameters), "models": [asdict(m) for m in record.models]})


def _record(text: str | None) -> RunRecord:
    if text is None:
        return RunRecord()
    found = json_file.parse_object(text)
    models = tuple(RunModel(**{k: str(v) for k, v in model.items()}) for model in found["models"])
    return RunRecord(dict(found["parameters"]), models)


def _labels_text(labels: Sequence[RunLabel]) -> str | None:
    if not labels:
        return None
    return json.dumps([[x.wanted, x.label.id, x.label.name, x.label.color, x.added] for x in labels])


def _labels(text: str | None) -> tuple[RunLabel, ...]:
    if text is None:
        return ()
    return tuple(
        RunLabel(
            values.text(wanted, "label"),
            Label(
                LabelId(values.identifier(i, "label")),
                values.text(name, "label"),
                values.text(color, "label"),
            ),
            bool(added),
        )
        for wanted, i, name, color, added in json_file.parse(text)
    )


def _counts(text: str) -> RunCounts:
    return RunCounts(**{k: values.integer(v, "number") for k, v in json_file.parse_object(text).items()})
