"""The record of what was taught: undo and redo, in and out, broken files, and crashes in between."""

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
from samdesk.training.record.taught import DETECTOR, MASKS, Score, Taught, TaughtError, Teaching, export
from samdesk.training.record.weights_files import kind_of, names_of
from tests.helpers.flint_files import weights_file

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    return tmp_path / "photos"


def masks(when: float = 1.0) -> Teaching:
    scores = (Score("box", 0.7, 0.8), Score("click", None, 0.6))
    return Teaching("", MASKS, when, scores, n_train=12, n_held_out=4, seconds=90.0, better=True)


def add(folder: Path, name: str, teaching: Teaching | None = None) -> Teaching:
    weights = weights_file(folder.parent / f"{name}.safetensors", f"head.{name}")
    return Taught.read(folder).add(teaching or masks(), weights)


def test_nothing_was_taught(folder: Path) -> None:
    taught = Taught.read(folder)
    assert taught.teachings == ()
    assert not taught.in_use
    assert (taught.can_undo, taught.can_redo, taught.problem) == (False, False, "")
    assert taught.undo() == taught.redo() == taught
    assert not (folder / ".samdesk").exists()


def test_add_use_undo_redo(folder: Path) -> None:
    first, second = add(folder, "a"), add(folder, "b", masks(2.0))
    taught = Taught.read(folder)
    assert taught.teachings == (first, second)
    assert not taught.in_use, "a teaching is used when the user agrees, not before"
    assert first.path.parent.parent == folder / ".samdesk" / "taught"
    assert kind_of(first.path) == MASKS
    taught = taught.use(first).use(second)
    assert taught.in_use.masks == second
    assert taught.undo().in_use.masks == first
    assert not Taught.read(folder).undo().in_use
    assert not Taught.read(folder).can_undo
    assert taught.redo().in_use.masks == first
    third = add(folder, "c", masks(3.0))
    taught = Taught.read(folder).use(third)
    assert not taught.can_redo, "what was undone cannot come back after something else was used"
    assert taught.undo().in_use.masks == first


def test_masks_and_detector_are_used_and_undone_together(folder: Path) -> None:
    one = add(folder, "a")
    file = weights_file(folder.parent / "d.safetensors", names=("washer", "gear"))
    two = Taught.read(folder).add(Teaching("", DETECTOR, 2.0, names=("washer", "gear")), file)
    taught = Taught.read(folder).use(one, two)
    assert (taught.in_use.masks, taught.in_use.detector) == (one, two)
    assert taught.in_use.of(DETECTOR) == two
    assert not taught.undo().in_use


def test_the_same_weights_are_kept_once(folder: Path) -> None:
    assert add(folder, "a") == add(folder, "a", masks(9.0))
    assert len(Taught.read(folder).teachings) == 1


def test_use_of_what_is_in_use_is_no_step(folder: Path) -> None:
    one = add(folder, "a")
    taught = Taught.read(folder).use(one).use(one)
    assert not taught.undo().can_undo


def test_out_and_into_another_dataset(folder: Path, tmp_path: Path) -> None:
    one = add(folder, "a")
    out = tmp_path / "out" / "parts.safetensors"
    export(one, out)
    assert out.read_bytes() == one.path.read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    taught = Taught.read(other)
    brought = taught.bring(out)
    assert (brought.kind, brought.origin, brought.scores) == (MASKS, str(out), ())
    assert Taught.read(other).use(brought).in_use.masks == brought
    assert Taught.read(other).latest(MASKS) is None, "its figures are of another dataset"
    detector = weights_file(tmp_path / "d.safetensors", names=("washer", "gear"))
    assert Taught.read(other).bring(detector).names == ("washer", "gear")


def test_files_that_are_no_weights(folder: Path, tmp_path: Path) -> None:
    taught = Taught.read(folder)
    with pytest.raises(TaughtError, match="There is no file"):
        taught.bring(tmp_path / "gone.safetensors")
    text = tmp_path / "text.txt"
    text.write_text("hello, this is no file of weights")
    with pytest.raises(TaughtError, match="holds no Flint weights"):
        taught.bring(text)
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(TaughtError, match="holds no Flint weights"):
        taught.bring(tmp_path / "empty")
    cut = weights_file(tmp_path / "cut.safetensors", "head.a", "head.b")
    cut.write_bytes(cut.read_bytes()[:-1])
    with pytest.raises(TaughtError, match="cut off"):
        taught.bring(cut)
    with pytest.raises(TaughtError, match="made for another Flint"):
        taught.bring(weights_file(tmp_path / "old.safetensors", form="flint-0"))
    assert taught.teachings == Taught.read(folder).teachings == ()
    assert names_of(weights_file(tmp_path / "n.safetensors", names=("a",))) == ("a",)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"steps": [], "at": 0}', '{"steps": [{}], "at": 7}', "\x00"]
)
def test_a_damaged_record_is_told_and_nothing_is_lost(folder: Path, text: str) -> None:
    one = add(folder, "a")
    use = folder / ".samdesk" / "taught" / "use.json"
    Taught.read(folder).use(one)
    use.write_text(text)
    taught = Taught.read(folder)
    assert not taught.in_use
    assert "use.json cannot be read" in taught.problem
    assert "No taught weights are lost" in taught.problem
    assert taught.teachings == (one,)
    again = taught.use(one)
    assert (again.problem, again.in_use.masks) == ("", one)
    assert use.with_name("use.json.bad").read_text() == text


def test_damaged_figures_leave_the_weights(folder: Path) -> None:
    one = add(folder, "a")
    Taught.read(folder).use(one)
    (one.path.parent / "teaching.json").write_text('{"kind": "masks", "scores": 3}')
    found = Taught.read(folder).in_use.masks
    assert found is not None
    assert found.path == one.path
    assert "cannot be read" in found.problem


def test_weights_that_are_gone(folder: Path) -> None:
    one = add(folder, "a")
    Taught.read(folder).use(one)
    one.path.unlink()
    taught = Taught.read(folder)
    assert not taught.in_use
    assert f"{one.id} are gone" in taught.problem


def test_a_folder_where_nothing_can_be_written(
    folder: Path, samdesk_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = add(folder, "a")
    Taught.read(folder).use(shared)
    monkeypatch.setattr(atomic, "is_writable", lambda place: folder not in (place, *place.parents))
    before = sorted(folder.rglob("*"))
    assert Taught.read(folder).in_use.masks == shared, "what someone else taught is used"
    mine = add(folder, "b", masks(5.0))
    assert samdesk_home in mine.path.parents
    taught = Taught.read(folder).use(mine)
    assert taught.in_use.masks == mine
    assert taught.undo().in_use.masks == shared
    assert sorted(folder.rglob("*")) == before


def test_a_home_that_refuses_is_told(folder: Path) -> None:
    (folder / ".samdesk").mkdir()
    (folder / ".samdesk" / "taught").write_text("a file")
    with pytest.raises(TaughtError, match="cannot be read or written"):
        add(folder, "a")


def test_unfinished(folder: Path) -> None:
    taught = Taught.read(folder)
    assert not taught.unfinished(MASKS)
    taught.began(MASKS)
    assert Taught.read(folder).unfinished(MASKS)
    assert not Taught.read(folder).unfinished(DETECTOR)
    add(folder, "a")
    assert not Taught.read(folder).unfinished(MASKS)


def test_two_of_one_second(folder: Path) -> None:
    assert add(folder, "a").id != add(folder, "b").id


SESSION = """
import sys, time
from pathlib import Path
from samdesk.training.record.taught import Taught
from tests.helpers.flint_files import weights_file
from tests.training.record.test_taught import masks
folder = Path(sys.argv[1])
print("open", flush=True)
for i in range(200):
    file = weights_file(folder.parent / "w.safetensors", f"head.{i}")
    one = Taught.read(folder).add(masks(i), file)
    Taught.read(folder).use(one)
    print(one.id, flush=True)
"""


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment(folder: Path, seed: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SESSION, str(folder)], stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    killer = threading.Timer(random.Random(seed).uniform(0, 0.6), process.kill)
    killer.start()
    said = [line.strip() for line in process.stdout if line.endswith("\n")]
    killer.join(30)
    process.wait(30)
    taught = Taught.read(folder)
    assert taught.problem == ""
    assert all(teaching.problem == "" for teaching in taught.teachings)
    assert {t.id for t in taught.teachings} >= set(said)
    if said:
        assert taught.in_use.masks is not None
        assert taught.in_use.masks.id in {said[-1], taught.teachings[-1].id}
    assert add(folder, "after", masks(time.time())) in Taught.read(folder).teachings


def test_the_record_is_plain_json(folder: Path) -> None:
    one = add(folder, "a")
    Taught.read(folder).use(one)
    value = json.loads((folder / ".samdesk" / "taught" / "use.json").read_text())
    assert value == {"version": 1, "steps": [{}, {"masks": one.id}], "at": 1}
    assert Teaching.from_json(json.loads(json.dumps(one.to_json()))) == one
