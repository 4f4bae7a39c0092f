"""Back to a photo that was looked at before: from its kept embedding to the first mask."""

from __future__ import annotations

from functools import partial

from samdesk.bench.versus.contest import Clock, Timing
from samdesk.bench.versus.gestures import Asks
from samdesk.bench.versus.photos import Photo
from samdesk.bench.versus.rows import Entry, Row
from samdesk.bench.versus.stage import Stage
from samdesk.engine.cache.disk import DiskCache
from samdesk.engine.cache.memory import MemoryCache, model_key
from samdesk.engine.protocols import EngineError
from samdesk.images.reader import read_image
from samdesk.images.stamp import ImageStamp
from samdesk.workers.inference.embeddings import Embeddings, Source

_NOTE = "kept embedding to the first mask, 3 outlines; Ultralytics keeps none: set_image and one click"
_ON_CPU = "; on a CPU there is no device but the host"
_ON_DISK = "; the photo's bytes are hashed, the file is in the system's cache"
_ROOM = 1 << 34


def switches(stage: Stage) -> list[Row]:
    """``switch_from_*``: from each place where embeddings are kept."""
    turns = stage.settings.rounds * (1 if stage.settings.quick else 2)
    asks = Asks(stage, stage.photos, turns + 1)
    theirs = partial(_theirs, stage, asks)
    notes: dict[Source, str] = {
        "device": _NOTE + (_ON_CPU if stage.settings.device == "cpu" else ""),
        "host": _NOTE,
        "disk": _NOTE + _ON_DISK,
    }
    return stage.contest(
        [
            Entry(stage.name(f"switch_from_{place}"), partial(_from, stage, asks, place), theirs, note)
            for place, note in notes.items()
        ],
        turns,
    )


def _theirs(stage: Stage, asks: Asks, turn: int) -> Timing:
    ask = asks.at(turn, "point")
    return stage.reference.first_mask(ask.photo, ask.prompts, turn)


def _from(stage: Stage, asks: Asks, place: Source, turn: int) -> Timing:
    """As the inference thread does it: fetches the embedding of a file, and prompts it."""
    ask, ours = asks.at(turn, "point"), stage.best
    assert ask.photo.path is not None
    cache = _filled_cache(stage, ask.photo, place)
    embeddings = Embeddings(read_image, cache)
    with Clock(ours.device) as clock:
        made = embeddings.get(ours.predictor, ask.photo.path)
    if cache.disk is not None:
        cache.disk.close()
    if made.source != ("host" if place == "device" and ours.device == "cpu" else place):
        raise EngineError(f"An embedding that was kept ({place}) came from another place ({made.source}).")
    mask = ours.mask(made.embedding, ask.prompts, turn)
    return Timing(clock.ms + mask.ms, mask.network_ms)


def _filled_cache(stage: Stage, photo: Photo, place: Source) -> MemoryCache:
    """A fresh cache, as after a start of the program, that has the photo's embedding in one place."""
    ours = stage.best
    assert photo.path is not None
    stamp, embedding = ImageStamp.of(photo.path), ours.embedding(photo)
    if place == "disk":
        folder = stage.scratch / "kept"
        with_disk = DiskCache(folder)
        if not with_disk.has(ours.predictor, stamp):
            with_disk.put(ours.predictor, stamp, embedding)
        with_disk.close()
        return MemoryCache(_ROOM, _ROOM, DiskCache(folder))  # it has hashed nothing yet
    cache = MemoryCache(_ROOM if place == "device" else 0, _ROOM)
    cache.put(stamp, model_key(ours.predictor.info), embedding, ours.device)
    cache.set_budget(_ROOM, _ROOM)
    return cache
