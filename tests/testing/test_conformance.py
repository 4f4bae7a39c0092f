"""Every format of the registry passes the check that authors of others run, and the check finds faults."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from samdesk.formats.base import (
    EncodedImage,
    Format,
    ImageRecord,
    ReadableFiles,
    ReadItem,
    WriteContext,
    Writer,
)
from samdesk.formats.registry import FORMATS, find_format
from samdesk.testing import check_format


@pytest.mark.parametrize("row", FORMATS, ids=lambda row: row.id)
def test_every_format_conforms(row: Format) -> None:
    assert check_format(row, damaged=20) == ()


def _forgetful(record: ImageRecord, context: WriteContext) -> EncodedImage:
    encode = find_format("csv").write
    assert encode is not None
    return replace(encode.encode(record, context), instances=())


def _fragile(files: ReadableFiles) -> Iterator[ReadItem]:
    for name in files.names:
        files.read(name).decode("ascii")
    yield from ()


def test_faults_are_found() -> None:
    row = find_format("csv")
    assert row.write is not None
    forgetful = replace(row, write=Writer(_forgetful, row.write.assemble, row.write.image_path))
    assert "what became of each instance" in check_format(forgetful, damaged=0)[0]
    fragile = check_format(replace(row, read=_fragile), damaged=0)
    assert any("UnicodeDecodeError" in finding for finding in fragile)
    flat = replace(row, write=replace(row.write, image_path=lambda _record: "images/x.jpg"))
    assert "two images have one path" in check_format(flat, damaged=0)
