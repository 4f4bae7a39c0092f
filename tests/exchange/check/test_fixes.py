"""A fix mends exactly what was found, and undoing it brings every byte back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from samdesk.dataset.dataset import Dataset
from samdesk.dataset.types import RefusedError, StoreError
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction, add, update
from samdesk.domain.review import AnnotationReview
from samdesk.exchange.access import DirectAccess
from samdesk.exchange.check.fixing.fix import apply
from samdesk.exchange.check.fixing.steps import steps, undo_step
from samdesk.exchange.check.registry import CHECKS
from tests.dataset.dataset_kit import drawn, files
from tests.exchange.check import test_rows as faults
from tests.exchange.check.check_kit import LINES, check, found, make, opened, square, write_labels

A = faults.A
FIXED: dict[str, Callable[[Path], None]] = {
    "bad-lines": faults.bad_line,
    "mixed-lines": faults.mixed,
    "boxes": faults.boxes,
    "refused": faults.refused,
    "missing-classes": faults.class_id,
    "splits-ignored": faults.splits_ignored,
    "crossing": faults.crossing,
    "duplicates": faults.duplicate,
    "tiny": faults.tiny,
    "orphans": faults.orphan,
}
NEVER = {"labels-elsewhere", "unreached", "run-outputs", "unreadable", "unlisted", "unreviewed-images"}
"""Fixed by changing data.yaml in other datasets than those of these tests."""


def nothing(_done: int, _total: int) -> None:
    """Ignores the progress."""


def test_every_fix_is_tested() -> None:
    assert {row.id for row in CHECKS if row.fix is not None} - NEVER == set(FIXED)


@pytest.mark.parametrize("name", FIXED)
def test_a_fix_ends_what_was_found_and_undo_restores_every_byte(name: str, tmp_path: Path) -> None:
    folder = make(tmp_path / "set")
    FIXED[name](folder)
    before = files(folder)
    with opened(folder) as dataset:
        access = DirectAccess(dataset)
        report = check(dataset)
        assert files(folder) == before  # a check changes nothing
        result = report.result(name)
        assert result is not None
        assert result.row.fix is not None
        assert result.row.fix.text(result)
        apply(access, result.row.fix, result, nothing)
        assert files(folder) != before
        again = found(check(dataset))
        assert name not in again
        assert set(again) <= set(found(report))
        (step,) = steps(dataset)
        undo_step(access, step)
        assert files(folder) == before
        assert steps(dataset) == []
        assert found(check(dataset)) == found(report)
    if name == "missing-classes":
        return  # samdesk itself adds the names of all class ids to data.yaml when it closes the dataset
    with opened(folder) as dataset:  # and also after the next start
        assert files(folder) == before
        assert found(check(dataset)) == found(report)


def test_the_good_lines_beside_bad_ones_stay_as_they_are(tmp_path: Path) -> None:
    folder = make(tmp_path / "set")
    faults.bad_line(folder)
    with opened(folder) as dataset:
        _apply(dataset, "bad-lines")
        assert (folder / "labels/train/a.txt").read_text().splitlines() == LINES
        assert len(dataset.load(A).annotations) == 6
        assert A not in dataset.conflicts


def test_only_the_line_that_crosses_itself_is_written_anew(tmp_path: Path) -> None:
    folder = make(tmp_path / "set")
    faults.crossing(folder)
    with opened(folder) as dataset:
        area = dataset.load(A).annotations[-1].region.area
        _apply(dataset, "crossing")
        lines = (folder / "labels/train/a.txt").read_text().splitlines()
        assert lines[:5] == LINES[1:]
        assert lines[5] != "0 0.1 0.1 0.3 0.4 0.3 0.1 0.1 0.4"
        assert dataset.load(A).annotations[-1].region.area == pytest.approx(area)
        dataset.undo()
        assert (folder / "labels/train/a.txt").read_text().splitlines()[5].endswith("0.1 0.4")


def test_of_two_duplicates_the_reviewed_one_stays_else_the_older_one(tmp_path: Path) -> None:
    folder = make(tmp_path / "set")
    with opened(folder) as dataset:
        label = dataset.labels.labels[0].id
        first = dataset.load(A).annotations[0]
        pending = drawn(label, 30, 28, review=AnnotationReview.PENDING)
        reviewed, third = drawn(label, 30, 28), drawn(label, 30, 28)
        twin = drawn(label)
        dataset.commit(Transaction("Add", ((A, add([pending, reviewed, third])),)))
        dataset.commit(Transaction("Add", ((A, add([twin])),)))
        dataset.commit(Transaction("Same", ((A, update([replace(twin, region=first.region)])),)))
        assert found(check(dataset))["duplicates"] == 4
        _apply(dataset, "duplicates")
        ids = [a.id for a in dataset.load(A).annotations]
        assert ids[-1] == reviewed.id
        assert first.id in ids
        assert not {pending.id, third.id, twin.id} & set(ids)


def test_an_orphan_is_kept_beside_the_store(tmp_path: Path) -> None:
    folder = make(tmp_path / "set")
    faults.orphan(folder)
    content = (folder / "labels/train/gone.txt").read_bytes()
    with opened(folder) as dataset:
        _apply(dataset, "orphans")
    assert not (folder / "labels/train/gone.txt").exists()
    (kept,) = (folder / ".samdesk/replaced").rglob("*.txt")
    assert kept.read_bytes() == content


def test_a_fix_that_comes_too_late_says_so_and_changes_nothing(tmp_path: Path) -> None:
    folder = make(tmp_path / "set")
    faults.duplicate(folder)
    with opened(folder) as dataset:
        result = check(dataset).result("duplicates")
        assert result is not None
        assert result.row.fix is not None
        access = DirectAccess(dataset)
        apply(access, result.row.fix, result, nothing)
        before = files(folder)
        with pytest.raises(RefusedError, match="nothing left to fix"):
            apply(access, result.row.fix, result, nothing)
        assert files(folder) == before


def test_a_fix_of_annotations_is_not_undone_over_newer_steps(tmp_path: Path) -> None:
    folder = make(tmp_path / "set")
    faults.duplicate(folder)
    with opened(folder) as dataset:
        _apply(dataset, "duplicates")
        faults.draw(dataset, ImageKey("images/train/b.png"))
        before = files(folder)
        with pytest.raises(RefusedError, match="Something else was changed since"):
            undo_step(DirectAccess(dataset), steps(dataset)[0])
        assert files(folder) == before


def test_files_outside_the_dataset_are_left_alone_when_a_fix_is_undone(tmp_path: Path) -> None:
    folder = make(tmp_path / "set")
    faults.orphan(folder)
    with opened(folder) as dataset:
        _apply(dataset, "orphans")
        (step,) = steps(dataset)
        target = tmp_path / "elsewhere.txt"
        text = (step.folder / "fix.json").read_text()
        (step.folder / "fix.json").write_text(
            text.replace(str(folder / "labels/train/gone.txt"), str(target))
        )
        with pytest.raises(StoreError, match="no label file of this dataset"):
            undo_step(DirectAccess(dataset), steps(dataset)[0])
        assert not target.exists()


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_a_process_killed_in_a_fix_leaves_each_file_as_it_was_or_kept(tmp_path: Path) -> None:
    folder = make(tmp_path / "set")
    for number in range(200):
        write_labels(folder, f"train/gone{number}", [square(2, 2), str(f"0 {number / 1000} 0.1 0.1 0.1")])
    before = files(folder)
    code = (
        "import sys; from samdesk.cli.main import main; "
        "main(['check', sys.argv[1], '--fix', 'orphans', '--only', 'orphans', '--yes'])"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(folder)], stderr=subprocess.DEVNULL)
    end = time.monotonic() + 30
    while len(list((folder / "labels/train").iterdir())) > 170 and time.monotonic() < end:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    after = files(folder)
    assert len(after) < len(before)
    assert all(before[name] == content for name, content in after.items())
    with opened(folder) as dataset:
        (step,) = steps(dataset)
        undo_step(DirectAccess(dataset), step)
    assert files(folder) == before


def _apply(dataset: Dataset, name: str) -> None:
    result = check(dataset).result(name)
    assert result is not None
    assert result.row.fix is not None
    apply(DirectAccess(dataset), result.row.fix, result, nothing)
