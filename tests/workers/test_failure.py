"""Exceptions become words."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from samdesk.domain.document import ImageKey
from samdesk.engine.protocols import EngineError, OutOfMemory
from samdesk.images.errors import ImageError
from samdesk.workers.failure import REPORT, describe


def test_messages_for_users_are_shown_as_they_are() -> None:
    for error in (EngineError("No."), OutOfMemory("Full."), ImageError(Path("a.jpg"), "the file is empty")):
        assert describe(error, "doing it").what == str(error)


def test_the_systems_errors_name_the_file_and_the_reason() -> None:
    error = OSError(errno.ENOSPC, "No space left on device", "/data/a.txt")
    assert str(describe(error, "saving")) == "Saving failed: No space left on device. (/data/a.txt)"


@pytest.mark.logs("unexpected error while counting sheep")
def test_a_fault_of_the_program_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise KeyError("x")
    except KeyError as error:
        failure = describe(error, "counting sheep", "the meadow")
    assert failure.next == REPORT
    assert "counting sheep" in str(failure)
    assert "the meadow" in str(failure)
    assert "Traceback" in caplog.text


def test_a_failure_can_be_made_the_answer_to_a_request() -> None:
    failure = describe(EngineError("No."), "x").about(token=7, key=ImageKey("a.jpg"))
    assert (failure.what, failure.token, failure.key) == ("No.", 7, "a.jpg")
    assert failure.about(token=8).key == "a.jpg"
