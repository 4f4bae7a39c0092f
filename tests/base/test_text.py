"""Formatted counts, sizes, durations and rates."""

from __future__ import annotations

import pytest

from samdesk.base import text


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 images"), (1, "1 image"), (2, "2 images"), (1234, "1,234 images")]
)
def test_counts(number: int, words: str) -> None:
    assert text.counted(number, "image") == words


def test_an_irregular_plural() -> None:
    assert text.counted(2, "box", "boxes") == "2 boxes"


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 kB"),
        (120_400, "120 kB"),
        (8_140_000, "8.1 MB"),
        (375_042_383, "375 MB"),
        (2_564_550_879, "2.6 GB"),
    ],
)
def test_sizes(count: int, words: str) -> None:
    assert text.size(count) == words


def test_memory_is_counted_in_powers_of_1024() -> None:
    assert text.size(10 * 1024**3, 1024) == "10 GB"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s"),
        (45.4, "45 s"),
        (59.7, "1 min"),
        (150, "2 min"),
        (3599, "1 h 00 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_estimated_durations(seconds: float, words: str) -> None:
    assert text.duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(3.21, "3.2 s"), (99, "99 s"), (200, "3 min 20 s"), (3600, "1 h 00 min")]
)
def test_measured_durations(seconds: float, words: str) -> None:
    assert text.duration(seconds, exact=True) == words


@pytest.mark.parametrize(("rate", "words"), [(0, ""), (6.23, "6.2 images/s"), (0.2, "5.0 s/image")])
def test_rates(rate: float, words: str) -> None:
    assert text.rate(rate, "image") == words


def test_a_missing_figure_is_a_dash() -> None:
    assert (text.share(0.5), text.share(0.5, 3), text.share(None)) == ("0.50", "0.500", "–")
