"""Paging through many photos with small budgets for the embeddings: does memory grow?"""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import numpy as np

from samdesk.bench.machine import resident_bytes
from samdesk.bench.versus.rows import Row
from samdesk.bench.versus.stage import Stage
from samdesk.bench.versus.subprocess import aside
from samdesk.bench.versus.variants import write_variants
from samdesk.domain.geometry.types import FloatArray
from samdesk.domain.prompts import PointPrompt, PromptSet
from samdesk.engine.cache.disk import DiskCache
from samdesk.engine.cache.memory import MIB, MemoryCache
from samdesk.engine.models.load import load_predictor
from samdesk.images.reader import read_image
from samdesk.workers.inference.embeddings import Embeddings

BUDGET_MIB = 64
_WARM_UP = 1
_FEWEST_FOR_SLOPE = 10
_POINTS = 50
_NOTE = "a photo read, encoded, kept and clicked, in a process of its own"


def paging(stage: Stage) -> list[Row]:
    """``memory_paging``: the time of a photo, and what memory did, in a process of its own."""
    name = stage.name("memory_paging")
    if not stage.wants([name]) or resident_bytes() is None:
        return []
    pages = 3 if stage.settings.quick else stage.settings.pages
    folder = write_variants(stage.photos, pages + _WARM_UP, stage.scratch / "pages")
    stage.on_step(0, 1)
    info = stage.best.predictor.info
    times, resident = aside(_paged, folder, stage.scratch / "paged", info.path, info.device, info.precision)
    stage.on_step(1, 1)
    return [_told(Row(name, float(np.median(times)), None, _NOTE), np.array(resident) / MIB)]


def _told(row: Row, grown: FloatArray) -> Row:
    """The row with what memory did: ``grown`` is megabytes after each photo, more than before the first."""
    over = float(grown.max() - BUDGET_MIB)
    words = (
        f"{len(grown)} photos; resident memory at most {grown.max():.0f} MB more than with the model loaded, "
        f"{over:+.0f} MB beside the budget of {BUDGET_MIB} MB"
    )
    curve = [round(float(megabytes), 1) for megabytes in grown[:: max(len(grown) // _POINTS, 1)]]
    row = row.having(
        words, times=len(grown), over_budget_mb=over, budget_mb=BUDGET_MIB, resident_grown_mb=curve
    )
    late = grown[len(grown) // 4 :]
    if len(late) < _FEWEST_FOR_SLOPE:
        return row
    slope = float(np.polyfit(np.arange(len(late)), late, 1)[0] * 100)
    return row.having(f"{slope:+.1f} MB per 100 photos after the first quarter", slope_mb_per_100=slope)


def _paged(
    folder: Path, disk: Path, model: str, device: str, precision: str
) -> tuple[list[float], list[int]]:
    """Milliseconds of each photo, and bytes of resident memory after it, more than before the first."""
    predictor = load_predictor(model, device, precision)
    kept = DiskCache(disk, BUDGET_MIB * MIB)
    embeddings = Embeddings(read_image, MemoryCache(BUDGET_MIB * MIB, BUDGET_MIB * MIB, kept))

    def look_at(path: Path) -> float:
        started = perf_counter()
        embedding = embeddings.get(predictor, path).embedding
        height, width = embedding.image_hw
        predictor.predict(embedding, PromptSet((PointPrompt(width / 2, height / 2),)))
        return (perf_counter() - started) * 1e3

    files = sorted(folder.iterdir())
    for path in files[:_WARM_UP]:
        look_at(path)
    embeddings.clear()
    before = resident_bytes() or 0
    times, grown = [], []
    for path in files[_WARM_UP:]:
        times.append(look_at(path))
        grown.append((resident_bytes() or 0) - before)
    kept.close()
    return times, grown
