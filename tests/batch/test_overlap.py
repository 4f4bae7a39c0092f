"""Stages that run side by side: order, bounds, batches, failures, cancellation. Gated by events."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import pytest

from samdesk.base.jobs import Cancelled
from samdesk.batch import overlap
from samdesk.batch.overlap import Cancelling, Limits, Stage, overlapped

PATIENCE_S = 10.0


def each(work: Callable[[int], int]) -> Callable[[Sequence[int]], list[int]]:
    return lambda items: [work(item) for item in items]


def plus(n: int) -> Callable[[Sequence[int]], list[int]]:
    return each(lambda item: item + n)


def test_results_come_in_order_though_a_later_item_is_done_first() -> None:
    later = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert later.wait(PATIENCE_S), "no other thread took the next item"
        later.set()
        return item * 10

    stages = [Stage("a", [each(work), each(work)]), Stage("b", [plus(1)])]
    assert list(overlapped(range(6), stages, Limits(4))) == [1, 11, 21, 31, 41, 51]


def test_a_stage_works_while_the_next_one_does() -> None:
    second_read = threading.Event()

    def read(item: int) -> int:
        if item == 1:
            second_read.set()
        return item

    def find(item: int) -> int:
        assert second_read.wait(PATIENCE_S), "the next image was not read meanwhile"
        return item

    assert list(overlapped(range(2), [Stage("a", [each(read)]), Stage("b", [each(find)])], Limits(2))) == [
        0,
        1,
    ]


@pytest.mark.parametrize(
    ("limits", "most"),
    [(Limits[int](3), 3), (Limits[int](9, nbytes=250, size=lambda _: 100, at_least=2), 3)],
)
def test_what_is_in_the_pipeline_is_bounded_by_number_and_size(limits: Limits[int], most: int) -> None:
    entered: list[int] = []

    def source() -> Iterator[int]:
        for i in range(12):
            entered.append(i)
            yield i

    with closing(overlapped(source(), [Stage("a", [plus(0)]), Stage("b", [plus(0)])], limits)) as results:
        for taken, _ in enumerate(results):
            assert len(entered) <= taken + most
    assert len(entered) == 12


def test_an_item_as_large_as_the_bound_still_enters() -> None:
    limits = Limits[int](9, nbytes=10, size=lambda _: 1000, at_least=1)
    assert list(overlapped(range(3), [Stage("a", [plus(0)])], limits)) == [0, 1, 2]


def test_a_batch_fills_up_while_the_next_stage_has_work() -> None:
    batches: list[int] = []
    full = threading.Event()

    def find(items: Sequence[int]) -> list[int]:
        batches.append(len(items))
        if len(batches) == 3:
            full.set()
        return list(items)

    def draw(item: int) -> int:
        if item == 0:
            assert full.wait(PATIENCE_S), "nothing was found ahead of a slow image"
        return item

    stages = [Stage("a", [plus(0)]), Stage("b", [find], batch=4), Stage("c", [each(draw)])]
    assert list(overlapped(range(20), stages, Limits(14))) == list(range(20))
    assert 4 in batches[1:3], f"no full batch in {batches}"


def test_what_a_stage_raises_ends_the_pipeline_and_its_threads() -> None:
    before = threading.active_count()

    def work(item: int) -> int:
        if item == 2:
            raise ZeroDivisionError("oops")
        return item

    results: list[int] = []
    with pytest.raises(ZeroDivisionError):
        results.extend(overlapped(range(9), [Stage("a", [each(work)]), Stage("b", [plus(0)])], Limits(4)))
    assert results in ([], [0], [0, 1])
    assert threading.active_count() == before


def test_a_consumer_that_leaves_early_ends_the_threads() -> None:
    before = threading.active_count()
    with closing(overlapped(range(99), [Stage("a", [plus(0)] * 3)], Limits(4))) as results:
        assert next(results) == 0
        assert threading.active_count() == before + 3
    assert threading.active_count() == before


def test_cancel_gives_up_what_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    cancel = Cancelling()
    monkeypatch.setattr(overlap, "GRACE_S", 0.05)
    encoding = threading.Event()

    def encode(item: int) -> int:
        if item == 1:
            encoding.set()
            assert cancel.abandon._event.wait(PATIENCE_S), "an encode that takes long was not given up"
            raise Cancelled
        return item

    stages = [Stage("a", [each(encode)], drains=True)]
    with closing(overlapped(range(9), stages, Limits(4), cancel)) as results:
        assert next(results) == 0
        assert encoding.wait(PATIENCE_S)
        cancel.request.cancel()
        assert list(results) == []


def test_a_cancelled_pipeline_finishes_what_it_has_begun() -> None:
    cancel = Cancelling()
    found: list[int] = []

    def find(item: int) -> int:
        found.append(item)
        if item == 2:
            cancel.request.cancel()
        return item

    stages = [Stage("a", [plus(0)]), Stage("b", [each(find)]), Stage("c", [plus(0)], drains=True)]
    assert list(overlapped(range(9), stages, Limits(6), cancel)) == [0, 1, 2]
    assert found == [0, 1, 2]


def test_every_thread_pauses_before_each_batch() -> None:
    names: set[str] = set()
    stages = [Stage("a", [plus(0)]), Stage("b", [plus(0)])]
    list(overlapped(range(3), stages, Limits(4), pause=lambda: names.add(threading.current_thread().name)))
    assert names == {"auto-annotate: a", "auto-annotate: b"}
