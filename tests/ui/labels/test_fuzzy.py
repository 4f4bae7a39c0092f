"""Fuzzy matching of names by a few letters."""

from __future__ import annotations

import pytest

from samdesk.ui.labels.fuzzy import fuzzy_match


@pytest.mark.parametrize(
    ("typed", "name", "kind", "marked"),
    [
        ("Car", "car", 0, "car"),
        ("tra", "traffic light", 1, "tra"),
        ("li", "traffic light", 2, "li"),
        ("red", "car/red", 2, "red"),
        ("ffi", "traffic light", 3, "ffi"),
        ("tl", "traffic light", 4, "tl"),
        ("tra li", "traffic light", 4, "trali"),
        ("", "car", 4, ""),
    ],
)
def test_letters_in_order_match(typed: str, name: str, kind: int, marked: str) -> None:
    found = fuzzy_match(typed, name)
    assert found is not None
    assert (found.kind, "".join(name[place] for place in found.places)) == (kind, marked)


@pytest.mark.parametrize(("typed", "name"), [("rac", "car"), ("cars", "car"), ("x", "car")])
def test_other_letters_or_another_order_do_not(typed: str, name: str) -> None:
    assert fuzzy_match(typed, name) is None


def test_letters_close_together_are_better() -> None:
    close, wide = fuzzy_match("ab", "xaxxa-b"), fuzzy_match("ab", "axxxxb")
    assert close is not None
    assert wide is not None
    assert close.places == (4, 6)
    assert fuzzy_match("ab", "xab") < close  # type: ignore[operator]


def test_letters_that_grow_in_lower_case_keep_their_places() -> None:
    found = fuzzy_match("x", "İx")
    assert found is not None
    assert found.places == (1,)
