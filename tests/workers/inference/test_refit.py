"""Masks of shapes that are known: which view answers, what is served meanwhile, how it ends."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from samdesk.base.jobs import CancelToken
from samdesk.domain.geometry.regions import from_box
from samdesk.domain.geometry.types import Frame, Region
from samdesk.engine.protocols import EngineError
from samdesk.workers.inference.requests.refit import RefitDone, RefitProgress, RefitRequest
from tests.helpers.gated import settle, spin_until
from tests.workers.inference.client_helpers import WHOLE, A, B, Desk, at

VIEW = Frame(0.0, 0.0, 128.0)
SMALL, LARGE, FAR = from_box(40, 40, 60, 60), from_box(10, 10, 200, 200), from_box(200, 200, 220, 220)


class Answers:
    """What a client answers to refit requests."""

    def __init__(self, desk: Desk) -> None:
        self.progress: list[RefitProgress] = []
        self.done: list[RefitDone] = []
        self._client = desk.client
        desk.client.on(RefitProgress, self.progress.append)
        desk.client.on(RefitDone, self.done.append)

    def request(self, regions: Sequence[Region], *, with_masks: bool = True) -> RefitRequest:
        assert self._client.key is not None
        request = RefitRequest(
            self._client.epoch, self._client.key, tuple(regions), with_masks, CancelToken()
        )
        self._client.submit(request)
        return request

    @property
    def middles(self) -> list[tuple[int, int]]:
        """Where the masks are."""
        found = [mask.region.centroid for answer in self.progress for mask in answer.masks]
        return [(round(middle.x), round(middle.y)) for middle in found]


@pytest.mark.parametrize("with_masks", [True, False])
def test_each_region_is_answered_in_order_from_the_closest_view(ready: Desk, with_masks: bool) -> None:
    ready.set_view(VIEW)
    answers = Answers(ready)
    answers.request([LARGE, SMALL, FAR], with_masks=with_masks)
    spin_until(lambda: len(answers.done) == 1)
    assert answers.middles == [(105, 105), (50, 50), (210, 210)]
    assert ready.predictor.decoded_on == [WHOLE, VIEW, WHOLE]
    for asked, region in zip(ready.predictor.decoded, (LARGE, SMALL, FAR), strict=True):
        assert asked.box is not None
        assert asked.box.xyxy == region.bounds
        assert (asked.mask is not None) is with_masks
        if asked.mask is not None:  # over a frame of its own, so that small regions keep their detail
            covered = asked.mask.frame.side**2 * (asked.mask.logits > 0).mean()
            assert covered == pytest.approx(region.area, rel=0.03)


def test_prompts_are_answered_between_two_masks(ready: Desk) -> None:
    answers = Answers(ready)
    ready.predictor.decoding.close()
    answers.request([SMALL, FAR])
    ready.predictor.decoding.wait_for_arrival()
    token = ready.client.predict(at(30, 30))
    ready.predictor.decoding.open()
    ready.answer(token)
    spin_until(lambda: len(answers.done) == 1)
    assert [bool(asked.points) for asked in ready.predictor.decoded] == [False, True, False]


def test_it_stops_between_two_masks(ready: Desk) -> None:
    answers = Answers(ready)
    ready.predictor.decoding.close()
    request = answers.request([SMALL, FAR])
    ready.predictor.decoding.wait_for_arrival()
    request.cancel.cancel()
    ready.predictor.decoding.open()
    spin_until(lambda: len(answers.done) == 1)
    assert answers.middles == [(50, 50)]
    assert answers.done[0].failure is None


def test_another_image_ends_it_without_an_answer(ready: Desk) -> None:
    answers = Answers(ready)
    ready.predictor.decoding.close()
    answers.request([SMALL, FAR])
    ready.predictor.decoding.wait_for_arrival()
    ready.client.show_image(B, ready.path(B))
    ready.predictor.decoding.open()
    spin_until(lambda: len(ready.received.encoded) == 2)
    settle()
    assert (answers.progress, answers.done) == ([], [])
    assert len(ready.predictor.decoded) == 1


def test_a_model_that_fails_is_named_and_what_is_done_stays(ready: Desk) -> None:
    answers = Answers(ready)
    ready.predictor.decoding.close()
    answers.request([SMALL, FAR])
    ready.predictor.decoding.wait_for_arrival()
    ready.predictor.decoding.let_one_through()
    spin_until(lambda: len(answers.progress) == 1)
    ready.predictor.prompt_errors.append(EngineError("It broke."))
    ready.predictor.decoding.open()
    spin_until(lambda: len(answers.done) == 1)
    (done,) = answers.done
    assert done.failure is not None
    assert (done.failure.what, done.failure.key) == ("It broke.", A)
    assert answers.middles == [(50, 50)]
    token = ready.client.predict(at(30, 30))
    assert ready.answer(token).masks, "prompts are answered as before"
