"""The registry of formats."""

from __future__ import annotations

import pytest

from samdesk.formats.registry import FORMATS, find_format


def test_every_id_and_title_is_there_once() -> None:
    assert len({row.id for row in FORMATS}) == len({row.title for row in FORMATS}) == len(FORMATS)


def test_every_format_is_read_or_written_and_found_by_its_id() -> None:
    for row in FORMATS:
        assert find_format(row.id) is row
        assert row.read is not None or row.write is not None
    with pytest.raises(KeyError):
        find_format("no such format")
