"""Memory growth while going through many images with a small embedding cache."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import numpy as np

from samdesk.bench.machine import resident_bytes
from samdesk.bench.subprocess import run_in_subprocess
from samdesk.bench.versus.context import BenchContext
from samdesk.bench.versus.rows import BenchRow
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
_NOTE = "reading, encoding, caching and clicking one image, in a separate process"


def paging(context: BenchContext) -> list[BenchRow]:
    """``memory_paging``: the time per image and the growth of memory, in a separate process."""
    name = context.name("memory_paging")
    if not context.selects([name]) or resident_bytes() is None:
        return []
    pages = 3 if context.settings.quick else context.settings.pages
    folder = write_variants(context.images, pages + _WARM_UP, context.scratch / "pages")
    context.on_step(0, 1)
    info = context.best.predictor.info
    times, resident = run_in_subprocess(
        _page_through, folder, context.scratch / "paged", info.path, info.device, info.precision
    )
    context.on_step(1, 1)
    return [_with_results(BenchRow(name, float(np.median(times)), None, _NOTE), np.array(resident) / MIB)]


def _with_results(row: BenchRow, grown: FloatArray) -> BenchRow:
    """Returns the row with the growth of memory: ``grown`` is MB after each image, relative to the start."""
    over = float(grown.max() - BUDGET_MIB)
    remark = (
        f"{len(grown)} images; resident memory at most {grown.max():.0f} MB more than with the model loaded, "
        f"{over:+.0f} MB relative to the budget of {BUDGET_MIB} MB"
    )
    curve = [round(float(megabytes), 1) for megabytes in grown[:: max(len(grown) // _POINTS, 1)]]
    row = row.extended(
        remark, times=len(grown), over_budget_mb=over, budget_mb=BUDGET_MIB, resident_grown_mb=curve
    )
    late = grown[len(grown) // 4 :]
    if len(late) < _FEWEST_FOR_SLOPE:
        return row
    slope = float(np.polyfit(np.arange(len(late)), late, 1)[0] * 100)
    return row.extended(f"{slope:+.1f} MB per 100 images after the first quarter", slope_mb_per_100=slope)


def _page_through(
    folder: Path, disk: Path, model: str, device: str, precision: str
) -> tuple[list[float], list[int]]:
    """Returns, for each image, its milliseconds and the growth of resident memory since the start, bytes."""
    predictor = load_predictor(model, device, precision)
    kept = DiskCache(disk, BUDGET_MIB * MIB)
    embeddings = Embeddings(read_image, MemoryCache(BUDGET_MIB * MIB, BUDGET_MIB * MIB, kept))

    def encode_and_click(path: Path) -> float:
        started = perf_counter()
        embedding = embeddings.get(predictor, path).embedding
        height, width = embedding.image_hw
        predictor.predict(embedding, PromptSet((PointPrompt(width / 2, height / 2),)))
        return (perf_counter() - started) * 1e3

    files = sorted(folder.iterdir())
    for path in files[:_WARM_UP]:
        encode_and_click(path)
    embeddings.clear()
    before = resident_bytes() or 0
    times, grown = [], []
    for path in files[_WARM_UP:]:
        times.append(encode_and_click(path))
        grown.append((resident_bytes() or 0) - before)
    kept.close()
    return times, grown
