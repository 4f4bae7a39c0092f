"""Everyone does every turn, and nobody is always first."""

from __future__ import annotations

from samdesk.bench.versus.contest import Contestant, Timing, take_turns


def test_all_take_turns_and_the_first_ones_warm_up() -> None:
    order: list[tuple[str, int]] = []
    steps: list[tuple[int, int]] = []

    def who(name: str) -> Contestant:
        def work(turn: int) -> Timing:
            order.append((name, turn))
            return Timing(float(turn))

        return work

    a, b = who("a"), who("b")
    times = take_turns([a, b], 3, lambda done, total: steps.append((done, total)), warm_up=1)
    assert order == [("a", 0), ("b", 0), ("b", 1), ("a", 1), ("a", 2), ("b", 2), ("b", 3), ("a", 3)]
    assert [t.ms for t in times[a]] == [t.ms for t in times[b]] == [1.0, 2.0, 3.0]
    assert steps[0] == (0, 4)
    assert steps[-1] == (4, 4)
