"""A background job: its result, and which of its errors are logged."""

from __future__ import annotations

import logging

import pytest
from pytestqt.qtbot import QtBot

from samdesk.base.errors import UserError
from samdesk.workers.job import Job


def fail(error: Exception) -> None:
    raise error


def test_the_result_is_emitted(qtbot: QtBot) -> None:
    job = Job(lambda: 7)
    with qtbot.waitSignal(job.done) as done:
        job.start()
    job.wait()
    assert done.args == [7]


@pytest.mark.parametrize(
    ("error", "message", "logged"),
    [
        (UserError("There is no file x.", next="Choose another."), "There is no file x. Choose another.", 0),
        pytest.param(ValueError("odd"), "odd", 1, marks=pytest.mark.logs("workers.job: ")),
        pytest.param(ValueError(), "ValueError", 1, marks=pytest.mark.logs("workers.job: ")),
    ],
)
def test_only_bugs_are_logged(
    qtbot: QtBot, caplog: pytest.LogCaptureFixture, error: Exception, message: str, logged: int
) -> None:
    job = Job(lambda: fail(error))
    with caplog.at_level(logging.WARNING), qtbot.waitSignal(job.failed) as failed:
        job.start()
    job.wait()
    assert failed.args == [message]
    assert len(caplog.records) == logged
