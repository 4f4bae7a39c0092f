"""Like things stand side by side."""

from __future__ import annotations

import numpy as np

from samdesk.domain.likeness import by_likeness


def groups(count: int, each: int) -> tuple[np.ndarray, np.ndarray]:
    """Features around ``count`` centres, shuffled, and the centre of each."""
    random = np.random.default_rng(1)
    centres = random.normal(size=(count, 32))
    which = np.repeat(np.arange(count), each)
    random.shuffle(which)
    features = centres[which] + 0.1 * random.normal(size=(len(which), 32))
    return (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32), which


def test_groups_stay_together() -> None:
    features, which = groups(8, 25)
    order = by_likeness(features)
    assert sorted(order.tolist()) == list(range(len(features)))
    changes = (which[order][1:] != which[order][:-1]).sum()
    assert changes <= 12  # 7 at best, some 175 at random
    assert by_likeness(features).tolist() == order.tolist()


def test_the_most_alike_come_first() -> None:
    features, which = groups(5, 10)
    first = int(np.flatnonzero(which == 3)[0])
    order = by_likeness(features, features[[first]])
    assert order[0] == first
    assert set(which[order[:10]]) == {3}


def test_few_and_equal_ones_are_no_trouble() -> None:
    assert by_likeness(np.zeros((0, 4), np.float32)).tolist() == []
    assert by_likeness(np.ones((1, 4), np.float32)).tolist() == [0]
    assert sorted(by_likeness(np.ones((9, 4), np.float32)).tolist()) == list(range(9))
