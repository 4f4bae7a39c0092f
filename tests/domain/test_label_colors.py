"""Label colours: unlimited, even, told apart by colour-blind users, readable on both themes."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samdesk.domain.label_colors import FIRST_COLORS, label_color, next_color
from samdesk.domain.labels import LabelSet
from tests.helpers.color_difference import ciede2000, cielab, contrast, linear, seen_by

COUNT = 200
VISIONS = ("normal", "protanopia", "deuteranopia")
WHITE, DARK_LIST = "#ffffff", "#1a1a1a"
"""The backgrounds of the lists of the two themes."""


def colors() -> list[str]:
    return [label_color(number) for number in range(COUNT)]


def test_the_measure_is_that_of_the_publication() -> None:
    """Rows 1, 17 and 34 of table 1 in Sharma, Wu and Dalal (2005)."""
    assert ciede2000((50, 2.6772, -79.7751), (50, 0, -82.7485)) == pytest.approx(2.0425, abs=1e-4)
    assert ciede2000((50, 2.5, 0), (61, -5, 29)) == pytest.approx(22.8977, abs=1e-4)
    assert ciede2000((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514)) == pytest.approx(0.9082, abs=1e-4)


def test_the_first_sixteen_stay_as_they_were() -> None:
    assert tuple(colors()[:16]) == FIRST_COLORS
    assert FIRST_COLORS[0] == "#e69f00"
    assert FIRST_COLORS[15] == "#b8b8b8"


def test_the_sequence_is_the_same_on_every_machine() -> None:
    assert colors()[16:20] == ["#7f3c7f", "#7050e5", "#575f11", "#bc36a7"]


@pytest.mark.parametrize(
    ("vision", "neighbour", "first_forty", "any_pair"),
    [("normal", 15, 8, 3), ("protanopia", 14, 3.5, 0.7), ("deuteranopia", 14, 3.5, 1.2)],
)
def test_colours_are_told_apart_by_everyone(
    vision: str, neighbour: float, first_forty: float, any_pair: float
) -> None:
    """CIEDE2000: above 1 two patches side by side are seen to differ, 10 is another colour at a glance."""
    seen = [cielab(seen_by(linear(color), vision)) for color in colors()]
    assert min(ciede2000(one, other) for one, other in pairwise(seen)) >= neighbour
    new = [ciede2000(seen[i], seen[j]) for i in range(16, COUNT) for j in range(i)]
    assert min(new) >= any_pair
    assert min(ciede2000(seen[i], seen[j]) for i in range(16, 40) for j in range(i)) >= first_forty


def test_colours_are_visible_on_the_lists_of_both_themes() -> None:
    for color in colors()[16:]:
        assert contrast(color, WHITE) >= 1.6, color
        assert contrast(color, DARK_LIST) >= 2.2, color


@cache
def thousand() -> LabelSet:
    return LabelSet.from_names(f"label {number}" for number in range(1000))


@settings(max_examples=8, deadline=None)
@given(st.sets(st.integers(0, 999), max_size=30))
def test_colours_of_a_thousand_labels_never_repeat_whatever_is_deleted_and_added(gone: set[int]) -> None:
    labels = thousand()
    for number in gone:
        labels = labels.remove(thousand().labels[number].id)
    for number in range(len(gone) + 1):
        labels = labels.add(f"new {number}")
    used = [label.color for label in labels]
    assert len(set(used)) == len(used) == 1001
    assert all(color == color.lower() and len(color) == 7 for color in used)


def test_neighbours_among_a_thousand_labels_are_other_colours_at_a_glance() -> None:
    """CIEDE2000: 17 for one label and the next; 8.4 among the first 40, 2.0 among 256, 0.5 among 1,000."""
    seen = [cielab(linear(label.color)) for label in thousand()]
    assert min(ciede2000(one, other) for one, other in pairwise(seen)) >= 15
    places = np.array(seen)
    near = np.linalg.norm(places[:, None] - places[None], axis=-1) + 1000 * np.eye(1000)
    closest = np.argsort(near, axis=None)[:200].tolist()
    assert min(ciede2000(seen[pair // 1000], seen[pair % 1000]) for pair in closest) >= 0.4


@given(st.sets(st.integers(0, 300), max_size=40))
def test_the_next_colour_is_the_first_free_one(numbers: set[int]) -> None:
    used = [label_color(number).upper() for number in numbers] + ["#123456"]
    free = min(set(range(len(numbers) + 1)) - numbers)
    assert next_color(used) == label_color(free)
