"""Every contestant runs in every turn, and none is always first."""

from __future__ import annotations

from samdesk.bench.versus.timing import Contestant, Timing, take_turns


def test_contestants_take_turns_after_the_warm_up() -> None:
    order: list[tuple[str, int]] = []
    steps: list[tuple[int, int]] = []

    def contestant(name: str) -> Contestant:
        def work(turn: int) -> Timing:
            order.append((name, turn))
            return Timing(float(turn))

        return work

    a, b = contestant("a"), contestant("b")
    times = take_turns([a, b], 3, lambda done, total: steps.append((done, total)), warm_up=1)
    assert order == [("a", 0), ("b", 0), ("b", 1), ("a", 1), ("a", 2), ("b", 2), ("b", 3), ("a", 3)]
    assert [t.ms for t in times[a]] == [t.ms for t in times[b]] == [1.0, 2.0, 3.0]
    assert steps[0] == (0, 4)
    assert steps[-1] == (4, 4)
