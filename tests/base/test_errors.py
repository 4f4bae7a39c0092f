"""One-line texts of errors."""

from __future__ import annotations

import pytest

from samdesk.base.errors import first_line, typed_line


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("The disk is full.\nIt was a large file.", "The disk is full"),
        ("Errors in loading:\n  size mismatch", "Errors in loading"),
        ("  \n", "ValueError"),
        ("x" * 300, "x" * 200),
    ],
)
def test_the_first_line_of_a_message(message: str, line: str) -> None:
    assert first_line(ValueError(message)) == line


def test_an_unexpected_error_names_its_type_once() -> None:
    assert typed_line(ValueError("no data\nmore")) == "ValueError: no data"
    assert typed_line(ValueError()) == "ValueError"
