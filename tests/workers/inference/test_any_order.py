"""Any requests in any order, between any layers: no click is lost, no stale mask is emitted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot
from shapely.geometry import Point

from samdesk.domain.geometry.types import Frame
from samdesk.workers.inference import mailbox
from samdesk.workers.inference.client import Prediction
from tests.helpers.gated import settle, spin_until
from tests.workers.inference.client_helpers import (
    WHOLE,
    A,
    B,
    C,
    D,
    Desk,
    at,
    make_images,
    name,
    running_client,
)

KEYS = (A, B, C, D)
VIEWS = (Frame(0, 0, 128), Frame(100, 60, 100), Frame(128, 128, 128))
PASSES = ("layer", "layer", "decoding")

steps = st.one_of(
    st.tuples(st.just("show"), st.sampled_from(KEYS)),
    st.tuples(st.just("click"), st.integers(8, 248)),
    st.tuples(st.just("hover"), st.integers(8, 248)),
    st.tuples(st.just("view"), st.sampled_from((None, *VIEWS))),
    st.tuples(st.just("load"), st.sampled_from(("gated.pt", "other.pt", "missing.pt"))),
    st.tuples(st.just("pass"), st.sampled_from(PASSES)),
    st.tuples(st.sampled_from(("everything", "clear", "leave", "settle")), st.none()),
)


class Watch:
    """Checks every signal when it is emitted."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.newest = desk, 0
        self.encoding: Frame | None = None
        self.wrong: list[str] = []
        client = desk.client
        client.predicted.connect(self.see_mask)
        client.encoding.connect(self.see_image)
        client.encoded.connect(lambda key, _ms, _cached: self.see_image(key))
        client.view_encoding.connect(self.see_encoding)
        client.view_ready.connect(self.see_ready)

    def see_mask(self, prediction: Prediction) -> None:
        point = prediction.prompts.points[-1]
        mask = prediction.masks[0]
        self.check(prediction.key == self.desk.client.key, "a mask of another image")
        self.check(mask.region.contains(Point(point.x, point.y)), "a mask of another place")
        frame = mask.candidate.frame
        self.check(frame == WHOLE or frame in VIEWS, "a mask of an unknown view")

    def see_image(self, key: str) -> None:
        self.check(key == self.desk.client.key, "another image was announced")

    def see_encoding(self, view: Frame) -> None:
        self.encoding = view

    def see_ready(self, view: Frame | None) -> None:
        self.check(view in (None, self.encoding), "a view is ready that was not encoding")

    def check(self, right: bool, otherwise: str) -> None:
        if not right:
            self.wrong.append(otherwise)


def do(desk: Desk, what: str, value: object) -> None:
    client = desk.client
    if what == "show":
        assert value in KEYS
        i = KEYS.index(value)
        client.show_image(value, desk.path(value))
        desk.prefetch(*(KEYS[(i + by) % len(KEYS)] for by in (1, -1, 2)))
    elif what in ("click", "hover"):
        assert isinstance(value, int)
        client.predict(at(value, 256 - value), hover=what == "hover")
    elif what == "view":
        client.set_view(value if isinstance(value, Frame) else None)
    elif what == "load":
        client.load(str(value))
    elif what == "pass":
        for predictor in desk.models.shelf.values():
            getattr(predictor, str(value)).let_one_through()
    else:
        {
            "everything": client.segment_everything,
            "clear": client.clear,
            "leave": client.cancel_hover,
            "settle": settle,
        }[what]()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, max_size=25), st.integers(8, 248), st.sampled_from((None, *VIEWS)))
def test_the_last_click_is_answered_and_all_that_is_shown_is_true(
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: list[tuple[str, object]],
    last: int,
    view: Frame | None,
) -> None:
    monkeypatch.setattr(mailbox, "IDLE_S", 0.001)
    with running_client(make_images(tmp_path)) as desk:
        watch = Watch(desk)
        for predictor in desk.models.shelf.values():
            predictor.layer.close()
            predictor.decoding.close()
        desk.client.load("gated.pt")
        spin_until(lambda: bool(desk.received.models))
        for what, value in [("show", A), *asked]:
            do(desk, what, value)
        token = desk.client.predict(at(last, 256 - last))
        for predictor in desk.models.shelf.values():
            predictor.open()
        answer = desk.answer(token)
        assert answer.key == desk.client.key
        desk.client.set_view(None)
        desk.client.set_view(view)
        token = desk.client.predict(at(last, 256 - last))
        desk.answer(token)
        if view is not None:
            spin_until(lambda: desk.received.views[-1:] == [("ready", view)])
        assert watch.wrong == []
        assert desk.received.failures == []
        assert desk.received.notices == []
        for predictor in desk.models.shelf.values():
            ended = zip(map(name, predictor.finished), predictor.finished_on, strict=True)
            assert max(Counter(ended).values(), default=0) <= 1  # nothing was encoded twice
