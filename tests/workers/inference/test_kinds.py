"""The table of request kinds."""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from importlib import import_module

import pytest

from samdesk.workers.inference import mailbox, requests
from samdesk.workers.inference.events import ImageEvent
from samdesk.workers.inference.loop import InferenceLoop
from samdesk.workers.inference.requests.kind import ImageRequest, RequestKind
from samdesk.workers.inference.requests.table import KINDS
from tests.helpers.gated import spin_until
from tests.workers.inference.client_helpers import B, Desk


def test_every_kind_of_every_module_has_one_row_and_a_name_of_its_own() -> None:
    modules = [
        import_module(f"{requests.__name__}.{m.name}") for m in pkgutil.iter_modules(requests.__path__)
    ]
    defined = {kind for m in modules for kind in vars(m).values() if isinstance(kind, RequestKind)}
    assert set(KINDS) == defined
    assert len(KINDS) == len(defined) == len({kind.name for kind in KINDS})


def test_a_kind_displaces_only_kinds_that_come_after_it() -> None:
    for i, kind in enumerate(KINDS):
        assert set(kind.displaces) <= set(KINDS[i + 1 :])


@dataclass(frozen=True)
class Brightness(ImageEvent):
    """The mean of the image."""

    mean: float


@dataclass(frozen=True)
class BrightnessRequest(ImageRequest):
    """Measure the image on screen."""

    @property
    def kind(self) -> RequestKind[BrightnessRequest]:
        return BRIGHTNESS


def measure(loop: InferenceLoop, request: BrightnessRequest) -> None:
    assert loop.views.screen is not None
    loop.post(Brightness(request.epoch, float(loop.engine.read_image(loop.views.screen.path).mean())))


BRIGHTNESS = RequestKind("brightness", measure)


def test_a_new_kind_needs_its_module_and_a_row(ready: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "KINDS", (*KINDS, BRIGHTNESS))
    received: list[float] = []
    ready.client.on(Brightness, lambda event: received.append(event.mean))
    ready.client.submit(BrightnessRequest(ready.client.epoch))
    spin_until(lambda: received == [ord("a")])
    earlier = BrightnessRequest(ready.client.epoch)
    ready.show(B)
    ready.client.submit(earlier)
    ready.client.submit(BrightnessRequest(ready.client.epoch))
    spin_until(lambda: received == [ord("a"), ord("b")])
