"""JSON from a damaged or crafted file is read, or refused in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from samdesk.base import json_file
from samdesk.base.json_file import JsonError


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 5_000 + "1" + "}" * 5_000, "nested too deeply"),
        ("[" * 70 + "]" * 70, "nested too deeply"),
        ('"\\ud800"', "not Unicode"),
        ('{"\\udfff": 1}', "not Unicode"),
        ('["a\\u0000b"]', "not Unicode"),
        ("NaN", "not finite"),
        ("[1, -Infinity]", "not finite"),
        ("1e999", "not finite"),
        ("9" * 5_000, "too large"),
        ("9" * 30, "too large"),
        ("", "not JSON"),
        ("{'a': 1}", "not JSON"),
        (b"\xff\xfe\x00", "not UTF-8|not JSON"),
        (b"\x80", "not UTF-8"),
    ],
)  # fmt: skip
def test_what_is_not_ours_is_refused_in_words(text: str | bytes, why: str) -> None:
    with pytest.raises(JsonError, match=why):
        json_file.parse(text)


def test_values_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "values.json"
    values = {"path": "/data/caf\udce9/b\\c", "名": ["ü", 1.5, -(2**63), None, True, {}], "😀": "\x1b\n"}
    json_file.write(path, values, indent=2, sort_keys=True)
    assert json_file.read_object(path) == values
    assert "名" in path.read_text("utf-8")  # readable, and UTF-8 even with bytes that are not
    assert json.loads(path.read_text("utf-8")) == values


def test_a_file_that_is_no_object_too_large_or_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "values.json"
    path.write_text("[]", "utf-8")
    with pytest.raises(JsonError, match="not a JSON object"):
        json_file.read_object(path)
    path.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(JsonError, match="not UTF-8"):
        json_file.read(path)
    path.write_bytes(b" " * 100)
    with pytest.raises(OSError, match="larger than"):
        json_file.read(path, 50)
