"""Back to a photo that was looked at before: from its kept embedding to the first mask."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from samdesk.bench.versus.contest import Clock, Timing
from samdesk.bench.versus.gestures import Ask, Asks
from samdesk.bench.versus.rows import Entry, Row
from samdesk.bench.versus.stage import Stage
from samdesk.engine.embedding import Embedding
from samdesk.engine.tier import EmbeddingTier, ImageStamp, model_key

_NOTE = "kept embedding to the first mask; Ultralytics keeps none: set_image and one click"
_ROOM = 1 << 34


def switches(stage: Stage) -> list[Row]:
    """``switch_from_*``: from each place where embeddings are kept."""
    turns = stage.settings.rounds
    asks = Asks(stage, stage.photos, turns + 1)
    theirs = partial(_theirs, stage, asks)
    on_cpu = "" if stage.settings.device != "cpu" else "; on a CPU there is no device but the host"
    entries = [
        Entry(stage.name("switch_from_device"), partial(_from, stage, asks, True), theirs, _NOTE + on_cpu),
        Entry(stage.name("switch_from_host"), partial(_from, stage, asks, False), theirs, _NOTE),
    ]
    return stage.contest(entries, turns)


def _theirs(stage: Stage, asks: Asks, turn: int) -> Timing:
    ask = asks.at(turn, "point")
    return stage.reference.first_mask(ask.photo, ask.prompts, turn)


def _from(stage: Stage, asks: Asks, on_device: bool, turn: int) -> Timing:
    """Out of the program's own tier, where the embedding is either on the device or in the host's memory."""
    ask = asks.at(turn, "point")
    stamp, model = ImageStamp(ask.photo.name, 0, 0), model_key(stage.best.predictor.info)
    tier = EmbeddingTier(_ROOM if on_device else 0, _ROOM)
    tier.put(stamp, model, stage.best.embedding(ask.photo), stage.best.device)
    tier.set_budget(_ROOM, _ROOM)
    return _shown(stage, ask, turn, lambda: tier.get(stamp, model))


def _shown(stage: Stage, ask: Ask, turn: int, kept: Callable[[], Embedding | None]) -> Timing:
    """Fetches an embedding and prompts it."""
    with Clock(stage.best.device) as clock:
        embedding = kept()
    assert embedding is not None
    mask = stage.best.mask(embedding, ask.prompts, turn)
    return Timing(clock.ms + mask.ms, mask.network_ms)
