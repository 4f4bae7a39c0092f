"""Going back to an image: from its cached embedding to the first mask."""

from __future__ import annotations

from functools import partial

from samdesk.bench.versus.context import BenchContext
from samdesk.bench.versus.images import BenchImage
from samdesk.bench.versus.rows import BenchRow, RowSpec
from samdesk.bench.versus.schedule import PromptSchedule
from samdesk.bench.versus.timing import Clock, Timing
from samdesk.engine.cache.disk import DiskCache
from samdesk.engine.cache.memory import MemoryCache, model_key
from samdesk.engine.protocols import EngineError
from samdesk.images.reader import read_image
from samdesk.images.stamp import ImageStamp
from samdesk.workers.inference.embeddings import Embeddings, Source

_NOTE = "cached embedding to the first mask, 3 outlines; Ultralytics has no cache: set_image and one click"
_ON_CPU = "; on a CPU, device and host are the same"
_ON_DISK = "; includes hashing the image file, which is in the system's file cache"
_UNLIMITED_BYTES = 1 << 34


def switches(context: BenchContext) -> list[BenchRow]:
    """``switch_from_*``: from each level of the embedding cache."""
    turns = context.settings.rounds * (1 if context.settings.quick else 2)
    schedule = PromptSchedule(context, context.images, turns + 1)
    reference = partial(_reference, context, schedule)
    notes: dict[Source, str] = {
        "device": _NOTE + (_ON_CPU if context.settings.device == "cpu" else ""),
        "host": _NOTE,
        "disk": _NOTE + _ON_DISK,
    }
    return context.contest(
        [
            RowSpec(
                context.name(f"switch_from_{place}"),
                partial(_from, context, schedule, place),
                reference,
                note,
            )
            for place, note in notes.items()
        ],
        turns,
    )


def _reference(context: BenchContext, schedule: PromptSchedule, turn: int) -> Timing:
    case = schedule.at(turn, "point")
    return context.reference.first_mask(case.image, case.prompts, turn)


def _from(context: BenchContext, schedule: PromptSchedule, place: Source, turn: int) -> Timing:
    """Fetches the embedding of a file and predicts from it, as the inference thread does."""
    case, samdesk = schedule.at(turn, "point"), context.best
    assert case.image.path is not None
    cache = _cache_with(context, case.image, place)
    embeddings = Embeddings(read_image, cache)
    with Clock(samdesk.device) as clock:
        made = embeddings.get(samdesk.predictor, case.image.path)
    if cache.disk is not None:
        cache.disk.close()
    if made.source != ("host" if place == "device" and samdesk.device == "cpu" else place):
        raise EngineError(f"An embedding cached on {place} was loaded from {made.source} instead.")
    mask = samdesk.mask(made.embedding, case.prompts, turn)
    return Timing(clock.ms + mask.ms, mask.network_ms)


def _cache_with(context: BenchContext, image: BenchImage, place: Source) -> MemoryCache:
    """Returns a new cache, as after a start of the program, with the image's embedding at one level."""
    samdesk = context.best
    assert image.path is not None
    stamp, embedding = ImageStamp.of(image.path), samdesk.embedding(image)
    if place == "disk":
        folder = context.scratch / "kept"
        with_disk = DiskCache(folder)
        if not with_disk.has(samdesk.predictor, stamp):
            with_disk.put(samdesk.predictor, stamp, embedding)
        with_disk.close()
        return MemoryCache(_UNLIMITED_BYTES, _UNLIMITED_BYTES, DiskCache(folder))  # no hashes remembered yet
    cache = MemoryCache(_UNLIMITED_BYTES if place == "device" else 0, _UNLIMITED_BYTES)
    cache.put(stamp, model_key(samdesk.predictor.info), embedding, samdesk.device)
    cache.set_budget(_UNLIMITED_BYTES, _UNLIMITED_BYTES)
    return cache
