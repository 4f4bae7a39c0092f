"""``samdesk check``: what it prints, its exit codes, fixes and their undo, hostile folders, cancelling."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from samdesk.base.jobs import Cancelled
from samdesk.cli.main import main
from samdesk.dataset.dataset import Dataset
from samdesk.exchange.access import DirectAccess
from samdesk.exchange.check.fixing.fix import apply
from samdesk.exchange.check.registry import CHECKS
from samdesk.exchange.check.run import CheckChoice, run_checks
from tests.dataset.dataset_kit import files
from tests.exchange.check import test_rows as faults
from tests.exchange.check.check_kit import check_folder, found, make, opened, write_labels


def run(*arguments: str) -> int:
    """Runs the command; its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(["check", *arguments])
    code = ended.value.code
    assert isinstance(code, int)
    return code


def test_the_exit_code_is_that_of_the_most_serious_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make(tmp_path / "set")
    assert run(str(folder)) == 0
    assert "4 images with 24 annotations checked in" in capsys.readouterr().out
    faults.orphan(folder)
    assert run(str(folder)) == 0
    assert run(str(folder), "--strict") == 1
    out = capsys.readouterr().out
    assert "1 warning\n  Label files without an image: 1  [orphans]\n" in out
    assert "    labels/train/gone.txt: There is no image for this label file.\n" in out
    assert "    Fix: 1 label file is moved to the folder" in out
    faults.bad_line(folder)
    assert run(str(folder)) == 1
    assert run(str(folder), "--skip", "bad-lines") == 0
    assert run(str(folder), "--only", "orphans") == 0


def test_what_cannot_be_asked_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make(tmp_path / "set")
    assert run(str(folder), "--only", "nothing") == 2
    assert run(str(folder), "--fix", "leaks") == 2
    assert run(str(folder), "--yes") == 2
    assert run(str(folder), "--undo") == 2
    assert run(str(tmp_path / "gone")) == 2
    errors = capsys.readouterr().err
    for text in ("no check 'nothing'", "no fix for 'leaks'", "--yes makes", "no fix to undo", "no folder"):
        assert text in errors


def test_json_has_every_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make(tmp_path / "set")
    faults.bad_line(folder)
    assert run(str(folder), "--json") == 1
    value = json.loads(capsys.readouterr().out)
    assert (value["format"], value["images"], value["instances"]) == (1, 4, 24)
    assert value["counts"] == {"error": 2, "warning": 0, "information": 0}
    (row,) = value["checks"]
    assert (row["id"], row["severity"], row["count"], row["images"], row["more"]) == (
        "bad-lines", "error", 2, 1, 0,
    )  # fmt: skip
    assert row["findings"][0] == {
        "message": "'cat' is not a number.",
        "image": faults.A,
        "file": "labels/train/a.txt",
        "record": "line 7",
    }
    assert row["fix"]["title"] == "Remove bad lines"
    assert set(value["clean"]) | {"bad-lines", "near-leaks"} == {row.id for row in CHECKS}
    assert value["skipped"] == ["near-leaks"]


def test_a_fix_is_announced_then_made_then_undone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make(tmp_path / "set")
    faults.duplicate(folder)
    faults.orphan(folder)
    before = files(folder)
    run(str(folder), "--fix", "duplicates", "--fix", "orphans")
    assert "Would fix duplicates: Of 1 pair on 1 image" in capsys.readouterr().out
    assert files(folder) == before
    assert run(str(folder), "--fix", "duplicates", "--fix", "orphans", "--yes", "--strict") == 0
    assert "labels/train/gone.txt" not in files(folder)
    run_undo(folder)
    run_undo(folder)
    assert files(folder) == before


def run_undo(folder: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["check", str(folder), "--undo"])
    assert not ended.value.code


def test_a_dataset_that_is_open_elsewhere_is_checked_and_not_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make(tmp_path / "set")
    faults.duplicate(folder)
    with opened(folder) as dataset:
        faults.draw(dataset, faults.A)
        before = files(folder)
        other = Dataset.open(folder)
        try:
            assert other.read_only
            assert "duplicates" in found(run_checks(DirectAccess(other)))
        finally:
            other.close()
        assert run(str(folder), "--fix", "duplicates", "--yes") == 2
        assert "open in another samdesk" in capsys.readouterr().err
        assert files(folder) == before


def test_a_check_can_be_cancelled_at_any_step(tmp_path: Path) -> None:
    folder = make(tmp_path / "set")
    before = files(folder)
    with opened(folder) as dataset:
        for last in range(3):
            steps = iter(range(last))

            def progress(_done: int, _total: int, steps: object = steps) -> None:
                if next(steps, None) is None:  # type: ignore[call-overload]
                    raise Cancelled

            with pytest.raises(Cancelled):
                run_checks(DirectAccess(dataset), CheckChoice(), progress)
    assert files(folder) == before


def test_hostile_folders_are_checked_without_leaving_them(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("0 0.1 0.1 0.9 0.1 0.9 0.9\n")
    folder = make(tmp_path / "set")
    labels = folder / "labels/train"
    (labels / "a.txt").unlink()
    (labels / "a.txt").symlink_to(outside)
    (labels / "gone.txt").symlink_to(outside)
    (labels / "huge.txt").write_bytes(b"0 " * 100_000)
    (labels / "binary.txt").write_bytes(bytes(range(256)) * 8)
    (labels / "loop").symlink_to(labels)
    (labels / os.fsdecode(b"\xff.txt")).write_text("0 0.5 0.5 0.1 0.1\n")
    os.mkfifo(labels / "pipe.txt")
    write_labels(
        folder, "train/b", ["0 nan inf 1e999 0.1 0.2 0.3", "0 " + "0.5 " * 900, "-1 0.1 0.1 0.2 0.2"]
    )
    (folder / "data.yaml").write_text("train: ../../../etc\nval: /dev/zero\nnames: [cat]\n")
    report = check_folder(folder)
    result = report.result("unreadable-labels")
    assert result is not None
    assert "link" in result.findings[0].message
    assert found(report)["bad-lines"] >= 2
    with opened(folder) as dataset:
        result = run_checks(DirectAccess(dataset)).result("orphans")
        assert result is not None
        assert result.row.fix is not None
        apply(DirectAccess(dataset), result.row.fix, result, lambda _done, _total: None)
    assert outside.read_text() == "0 0.1 0.1 0.9 0.1 0.9 0.9\n"
    assert (labels / "binary.txt").exists()
