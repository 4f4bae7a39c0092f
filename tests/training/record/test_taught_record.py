"""The record of taught weights: undo and redo, export and import, damaged files, and crashes."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from samdesk.base import atomic
from samdesk.training.record.taught_record import (
    DETECTOR,
    MASKS,
    Score,
    TaughtError,
    TaughtRecord,
    TaughtWeights,
    export,
)
from samdesk.training.record.weights_header import kind_of, names_of
from tests.helpers.flint_files import weights_file

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    return tmp_path / "photos"


def masks(when: float = 1.0) -> TaughtWeights:
    scores = (Score("box", 0.7, 0.8), Score("click", None, 0.6))
    return TaughtWeights("", MASKS, when, scores, n_train=12, n_held_out=4, seconds=90.0, better=True)


def add(folder: Path, name: str, entry: TaughtWeights | None = None) -> TaughtWeights:
    weights = weights_file(folder.parent / f"{name}.safetensors", f"head.{name}")
    return TaughtRecord.read(folder).add(entry or masks(), weights)


def test_a_dataset_without_taught_weights(folder: Path) -> None:
    taught = TaughtRecord.read(folder)
    assert taught.entries == ()
    assert not taught.in_use
    assert (taught.can_undo, taught.can_redo, taught.problem) == (False, False, "")
    assert taught.undo() == taught.redo() == taught
    assert not (folder / ".samdesk").exists()


def test_add_use_undo_redo(folder: Path) -> None:
    first, second = add(folder, "a"), add(folder, "b", masks(2.0))
    taught = TaughtRecord.read(folder)
    assert taught.entries == (first, second)
    assert not taught.in_use, "weights are used when the user agrees, not before"
    assert first.path.parent.parent == folder / ".samdesk" / "taught"
    assert kind_of(first.path) == MASKS
    taught = taught.use(first).use(second)
    assert taught.in_use.masks == second
    assert taught.undo().in_use.masks == first
    assert not TaughtRecord.read(folder).undo().in_use
    assert not TaughtRecord.read(folder).can_undo
    assert taught.redo().in_use.masks == first
    third = add(folder, "c", masks(3.0))
    taught = TaughtRecord.read(folder).use(third)
    assert not taught.can_redo, "using other weights discards the undone steps"
    assert taught.undo().in_use.masks == first


def test_masks_and_detector_are_used_and_undone_together(folder: Path) -> None:
    one = add(folder, "a")
    file = weights_file(folder.parent / "d.safetensors", names=("washer", "gear"))
    two = TaughtRecord.read(folder).add(TaughtWeights("", DETECTOR, 2.0, names=("washer", "gear")), file)
    taught = TaughtRecord.read(folder).use(one, two)
    assert (taught.in_use.masks, taught.in_use.detector) == (one, two)
    assert taught.in_use.of(DETECTOR) == two
    assert not taught.undo().in_use


def test_the_same_weights_are_kept_once(folder: Path) -> None:
    assert add(folder, "a") == add(folder, "a", masks(9.0))
    assert len(TaughtRecord.read(folder).entries) == 1


def test_using_weights_already_in_use_adds_no_step(folder: Path) -> None:
    one = add(folder, "a")
    taught = TaughtRecord.read(folder).use(one).use(one)
    assert not taught.undo().can_undo


def test_export_and_import_into_another_dataset(folder: Path, tmp_path: Path) -> None:
    one = add(folder, "a")
    out = tmp_path / "out" / "parts.safetensors"
    export(one, out)
    assert out.read_bytes() == one.path.read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    taught = TaughtRecord.read(other)
    imported = taught.import_weights(out)
    assert (imported.kind, imported.origin, imported.scores) == (MASKS, str(out), ())
    assert TaughtRecord.read(other).use(imported).in_use.masks == imported
    assert TaughtRecord.read(other).latest(MASKS) is None, "its scores are of another dataset"
    detector = weights_file(tmp_path / "d.safetensors", names=("washer", "gear"))
    assert TaughtRecord.read(other).import_weights(detector).names == ("washer", "gear")


def test_importing_files_that_are_not_flint_weights(folder: Path, tmp_path: Path) -> None:
    taught = TaughtRecord.read(folder)
    with pytest.raises(TaughtError, match="File not found"):
        taught.import_weights(tmp_path / "gone.safetensors")
    text = tmp_path / "text.txt"
    text.write_text("hello, this is no file of weights")
    with pytest.raises(TaughtError, match="does not contain Flint weights"):
        taught.import_weights(text)
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(TaughtError, match="does not contain Flint weights"):
        taught.import_weights(tmp_path / "empty")
    cut = weights_file(tmp_path / "cut.safetensors", "head.a", "head.b")
    cut.write_bytes(cut.read_bytes()[:-1])
    with pytest.raises(TaughtError, match="truncated"):
        taught.import_weights(cut)
    with pytest.raises(TaughtError, match="made for another version of Flint"):
        taught.import_weights(weights_file(tmp_path / "old.safetensors", form="flint-0"))
    assert taught.entries == TaughtRecord.read(folder).entries == ()
    assert names_of(weights_file(tmp_path / "n.safetensors", names=("a",))) == ("a",)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"steps": [], "at": 0}', '{"steps": [{}], "at": 7}', "\x00"]
)
def test_a_damaged_record_is_reported_and_no_weights_are_lost(folder: Path, text: str) -> None:
    one = add(folder, "a")
    use = folder / ".samdesk" / "taught" / "use.json"
    TaughtRecord.read(folder).use(one)
    use.write_text(text)
    taught = TaughtRecord.read(folder)
    assert not taught.in_use
    assert "use.json cannot be read" in taught.problem
    assert "No taught weights are lost" in taught.problem
    assert taught.entries == (one,)
    again = taught.use(one)
    assert (again.problem, again.in_use.masks) == ("", one)
    assert use.with_name("use.json.bad").read_text() == text


def test_damaged_scores_leave_the_weights_usable(folder: Path) -> None:
    one = add(folder, "a")
    TaughtRecord.read(folder).use(one)
    (one.path.parent / "teaching.json").write_text('{"kind": "masks", "scores": 3}')
    found = TaughtRecord.read(folder).in_use.masks
    assert found is not None
    assert found.path == one.path
    assert "cannot be read" in found.problem


def test_missing_weights_are_reported(folder: Path) -> None:
    one = add(folder, "a")
    TaughtRecord.read(folder).use(one)
    one.path.unlink()
    taught = TaughtRecord.read(folder)
    assert not taught.in_use
    assert f"{one.id} are missing" in taught.problem


def test_a_read_only_dataset_folder(
    folder: Path, samdesk_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = add(folder, "a")
    TaughtRecord.read(folder).use(shared)
    monkeypatch.setattr(atomic, "is_writable", lambda place: folder not in (place, *place.parents))
    before = sorted(folder.rglob("*"))
    assert TaughtRecord.read(folder).in_use.masks == shared, "weights in the dataset's folder are used"
    mine = add(folder, "b", masks(5.0))
    assert samdesk_home in mine.path.parents
    taught = TaughtRecord.read(folder).use(mine)
    assert taught.in_use.masks == mine
    assert taught.undo().in_use.masks == shared
    assert sorted(folder.rglob("*")) == before


def test_a_record_that_cannot_be_written_is_reported(folder: Path) -> None:
    (folder / ".samdesk").mkdir()
    (folder / ".samdesk" / "taught").write_text("a file")
    with pytest.raises(TaughtError, match="cannot be read or written"):
        add(folder, "a")


def test_unfinished_training_is_marked(folder: Path) -> None:
    taught = TaughtRecord.read(folder)
    assert not taught.unfinished(MASKS)
    taught.mark_started(MASKS)
    assert TaughtRecord.read(folder).unfinished(MASKS)
    assert not TaughtRecord.read(folder).unfinished(DETECTOR)
    add(folder, "a")
    assert not TaughtRecord.read(folder).unfinished(MASKS)


def test_two_entries_of_the_same_second_have_different_ids(folder: Path) -> None:
    assert add(folder, "a").id != add(folder, "b").id


SESSION = """
import sys, time
from pathlib import Path
from samdesk.training.record.taught_record import TaughtRecord
from tests.helpers.flint_files import weights_file
from tests.training.record.test_taught_record import masks
folder = Path(sys.argv[1])
print("open", flush=True)
for i in range(200):
    file = weights_file(folder.parent / "w.safetensors", f"head.{i}")
    one = TaughtRecord.read(folder).add(masks(i), file)
    TaughtRecord.read(folder).use(one)
    print(one.id, flush=True)
"""


@pytest.mark.parametrize("seed", range(4))
def test_the_record_is_intact_after_a_kill_at_any_moment(folder: Path, seed: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SESSION, str(folder)], stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    killer = threading.Timer(random.Random(seed).uniform(0, 0.6), process.kill)
    killer.start()
    with process.stdout:
        printed = [line.strip() for line in process.stdout if line.endswith("\n")]
    killer.join(30)
    process.wait(30)
    taught = TaughtRecord.read(folder)
    assert taught.problem == ""
    assert all(entry.problem == "" for entry in taught.entries)
    assert {t.id for t in taught.entries} >= set(printed)
    if printed:
        assert taught.in_use.masks is not None
        assert taught.in_use.masks.id in {printed[-1], taught.entries[-1].id}
    assert add(folder, "after", masks(time.time())) in TaughtRecord.read(folder).entries


def test_the_record_is_plain_json(folder: Path) -> None:
    one = add(folder, "a")
    TaughtRecord.read(folder).use(one)
    value = json.loads((folder / ".samdesk" / "taught" / "use.json").read_text())
    assert value == {"version": 1, "steps": [{}, {"masks": one.id}], "at": 1}
    assert TaughtWeights.from_json(json.loads(json.dumps(one.to_json()))) == one
