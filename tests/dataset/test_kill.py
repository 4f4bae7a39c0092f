"""``kill -9`` at any moment: what was reported as saved is saved, and all files are intact.

Three kills by default; ``SAMDESK_FAULTS=50`` for more.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from samdesk.dataset.dataset import Dataset
from samdesk.dataset.labels.files import LabelFiles
from samdesk.dataset.links import boundary_of
from samdesk.formats.yolo import data_yaml, segmentation
from tests.dataset.dataset_kit import SIZE, photos
from tests.dataset.fault_session import fingerprint

KILLS = int(os.environ.get("SAMDESK_FAULTS", "3"))
SESSION = Path(__file__).with_name("fault_session.py")
ROOT = Path(__file__).resolve().parents[2]


def run_and_kill(folder: Path, seed: int, rng: random.Random) -> list[list[str]]:
    """Starts a session, kills it at a random moment after opening and returns the words of its reports."""
    process = subprocess.Popen(
        [sys.executable, str(SESSION), str(folder), str(seed)],
        stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None
    said = [process.stdout.readline()]
    # Not after a line was read: at any moment, so also inside transactions and file writes.
    killer = threading.Timer(rng.uniform(0, 0.8), process.kill)
    killer.start()
    with process.stdout:
        said += process.stdout.readlines()
    killer.join(30)
    assert process.wait(30) != 0
    assert said[0].startswith("open ")
    return [line.split() for line in said if line.endswith("\n")]  # the last may be cut off


def check(folder: Path, said: list[list[str]]) -> int:
    """Checks everything that must hold after a kill; returns the number of reported steps."""
    database = folder / ".samdesk" / "dataset.db"
    if not database.exists():
        assert said[1:] == []
        return 0
    check_files_are_whole(folder)
    dataset = Dataset.open(folder)
    try:
        assert not dataset.read_only
        assert dataset.conflicts == frozenset()
        assert dataset.notices() == []
        check_last_words(dataset, said[-1])
        check_label_files(folder, dataset)
        check_undo(folder, dataset)
    finally:
        dataset.close()
    return len(said) - 1


def check_files_are_whole(folder: Path) -> None:
    """Checks the files before samdesk opens them; of the store, a copy."""
    with tempfile.TemporaryDirectory() as name:
        for path in (folder / ".samdesk").glob("dataset.db*"):
            shutil.copy(path, name)
        connection = sqlite3.connect(Path(name) / "dataset.db")
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        connection.close()
    for path in (folder / "labels").glob("*.txt"):
        text = path.read_text()
        assert not text or text.endswith("\n")
        assert not segmentation.parse(text, *SIZE).problems, path


def check_last_words(dataset: Dataset, words: list[str]) -> None:
    """Checks that what was reported last is saved; one more step may be, which was being saved."""
    _, done, _, reported = words
    now_done = len(dataset.history(10**6)[0])
    assert abs(now_done - int(done)) <= 1
    if now_done > int(done):
        assert dataset.undo() is not None
    elif now_done < int(done):  # the step was an undo
        assert dataset.redo() is not None
    assert fingerprint(dataset) == reported


def check_label_files(folder: Path, dataset: Dataset) -> None:
    """Checks that each file says what is in the store; lines made elsewhere are kept as they are."""
    files = LabelFiles(dataset.folder, dataset.keys, boundary_of(dataset.folder))
    for key in dataset.keys:
        document = dataset.load(key)
        path = files.path(key)
        there = path.read_text() if path.exists() else ""
        if there == segmentation.write(document, dataset.labels)[0]:
            continue
        lines = segmentation.parse(there, *SIZE).lines
        assert [line.class_id for line in lines] == [
            dataset.labels.index(a.label_id) for a in document.annotations
        ]
        for line, annotation in zip(lines, document.annotations, strict=True):
            assert line.region.hausdorff_distance(annotation.region) < 0.1
    if dataset.labels and any(dataset.history()):
        found = data_yaml.read_names(folder)
        assert found is not None
        assert found.names == dataset.labels.names


def check_undo(folder: Path, dataset: Dataset) -> None:
    before = fingerprint(dataset)
    steps = 0
    while steps < 4 and dataset.undo() is not None:
        steps += 1
    check_label_files(folder, dataset)
    for _ in range(steps):
        assert dataset.redo() is not None
    assert fingerprint(dataset) == before


def test_kill_at_random_moments(tmp_path: Path) -> None:
    rng = random.Random(20240607)
    folder = tmp_path / "data"
    photos(folder, "images/a.png", "images/b.png", "images/c.png")
    reported = 0
    for kill in range(KILLS):
        reported += check(folder, run_and_kill(folder, rng.randrange(10**9), rng))
        print(f"kill {kill + 1}: {reported} steps reported saved so far, all there")
    assert reported >= KILLS  # the sessions did get to work
