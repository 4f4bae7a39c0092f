"""Names are text to a terminal, any encoding can print them, and a reader that goes away ends no job."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from samdesk.batch.report import BatchSummary, ImageFailure, ImageNote
from samdesk.cli.annotate_output import print_summary
from samdesk.domain.document import ImageKey

ROOT = Path(__file__).parents[2]
HOSTILE = "a\x1b]52;c;ZWNobw==\x07b\x9b2J\u202eגרק\udcff"
SHOWN = "a\\x1b]52;c;ZWNobw==\\x07b\\x9b2J\\u202eגרק\\xff"
JOB = f"""
from samdesk.cli.output import echo, prepare_streams
prepare_streams()
for number in range(LINES):
    echo({HOSTILE!r})
echo({HOSTILE!r}, err=True)
"""


def run(code: str, encoding: str = "utf-8", **more: object) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, timeout=60, check=False, **more)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
def test_a_hostile_name_is_printed_as_text_in_every_encoding(encoding: str) -> None:
    done = run(JOB.replace("LINES", "1"), encoding, capture_output=True)
    assert done.returncode == 0, done.stderr
    expected = SHOWN.encode(encoding, "backslashreplace")
    assert done.stdout.split() == [expected]
    assert done.stderr.split() == [expected]


def test_what_libraries_print_to_the_standard_error_is_escaped() -> None:
    code = "from samdesk.cli.main import main; main(['annotate', 'a', 'b\\x1b[2J', '--bad\\x1b]0;t\\x07'])"
    done = run(code, capture_output=True)
    assert done.returncode == 2
    assert b"\x1b" not in done.stderr + done.stdout
    assert b"\\x1b]0;t\\x07" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="pipes and devices of POSIX")
@pytest.mark.parametrize("full", [False, True])
def test_a_job_goes_on_when_its_reader_has_gone_or_the_disk_of_its_output_is_full(
    tmp_path: Path, full: bool
) -> None:
    finished = tmp_path / "finished"
    code = JOB.replace("LINES", "3000") + f"open({str(finished)!r}, 'w')"
    read, write = os.pipe()
    os.close(read)
    with Path("/dev/full").open("wb") if full else os.fdopen(write, "wb") as output:
        done = run(code, stdout=output, stderr=subprocess.PIPE)
    assert finished.exists()
    assert done.returncode == 0
    expected = b"samdesk: The output cannot be written (No space left on device); the work goes on."
    assert done.stderr.splitlines()[:-1] == [expected] * full


def test_a_run_names_each_failure_once_and_the_first_remarks_only(
    capsys: pytest.CaptureFixture[str],
) -> None:
    key = ImageKey("sub/a.jpg")
    failed = (ImageFailure(key, "a.jpg: the file is empty"),)
    print_summary(BatchSummary(failed=failed, notes=(ImageNote(key, "; ".join("12345")),)))
    printed = capsys.readouterr()
    assert printed.err == "failed: sub/a.jpg: the file is empty\n"
    assert "such as sub/a.jpg: 1; 2; 3; and 2 more (--report" in printed.out
