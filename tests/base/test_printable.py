"""A name is shown as text, whatever it holds."""

from __future__ import annotations

import pytest

from samdesk.base.text import printable


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("café 名前 😀 ‍", "café 名前 😀 ‍"),
        ("a\x1b]52;c;ZWNobw==\x07b", "a\\x1b]52;c;ZWNobw==\\x07b"),
        ("\x9b31mred", "\\x9b31mred"),
        ("two\nlines\tand\r", "two\\nlines\\tand\\r"),
        ("gpj\u202egnp.exe", "gpj\\u202egnp.exe"),
        ("\u2067\u2069\u200f\u2028\ufeff\xad", "\\u2067\\u2069\\u200f\\u2028\\ufeff\\xad"),
        ("caf\udce9.jpg", "caf\\xe9.jpg"),
        ("\ud800\U000e0041", "\\ud800\\U000e0041"),
        ("\0", "\\x00"),
        ("<img src=a.png>&nbsp;", "<img src=a.png>&nbsp;"),
        ("C:\\new\\x1b", "C:\\new\\x1b"),
    ],
)
def test_what_acts_or_is_not_seen_is_escaped(name: str, shown: str) -> None:
    assert printable(name) == shown
    assert printable(name).encode("utf-8")


def test_lines_of_a_text_are_kept_and_a_long_one_loses_its_middle() -> None:
    assert printable("a\n\tb\r\x1b", lines=True) == "a\n\tb\\r\\x1b"
    text = printable("x" * 5_000 + "end", limit=100)
    assert len(text) == 100
    assert text.endswith("xend")
    assert "…" in text
    assert printable("y" * 100, limit=100) == "y" * 100
