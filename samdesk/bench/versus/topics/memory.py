"""Paging through many photos with small budgets for the embeddings: does memory grow?"""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import numpy as np

from samdesk.bench.machine import resident_bytes
from samdesk.bench.versus.aside import aside
from samdesk.bench.versus.rows import Row
from samdesk.bench.versus.stage import Stage
from samdesk.bench.versus.variants import write_variants
from samdesk.domain.prompts import PointPrompt, PromptSet
from samdesk.engine.load import load_predictor
from samdesk.engine.tier import MIB, EmbeddingTier, ImageStamp, model_key
from samdesk.io.images import read_image

BUDGET_MIB = 64
_WARM_UP = 1
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
    times, resident = aside(_paged, folder, info.path, info.device, info.precision)
    stage.on_step(1, 1)
    grown = np.array(resident) / MIB
    over = float(grown.max() - BUDGET_MIB)
    late = grown[len(grown) // 2 :]
    slope = float(np.polyfit(np.arange(len(late)), late, 1)[0] * 100) if len(late) > 1 else 0.0
    words = (
        f"{pages} photos; resident memory at most {grown.max():.0f} MB more than with the model loaded, "
        f"{over:+.0f} MB beside the budget of {BUDGET_MIB} MB; "
        f"{slope:+.1f} MB per 100 photos in the second half"
    )
    row = Row(name, float(np.median(times)), None, _NOTE)
    return [
        row.having(words, times=len(times), over_budget_mb=over, slope_mb_per_100=slope, budget_mb=BUDGET_MIB)
    ]


def _paged(folder: Path, model: str, device: str, precision: str) -> tuple[list[float], list[int]]:
    """Milliseconds of each photo, and bytes of resident memory after it, more than before the first."""
    predictor = load_predictor(model, device, precision)
    tier = EmbeddingTier(BUDGET_MIB * MIB, BUDGET_MIB * MIB)
    key = model_key(predictor.info)

    def look_at(path: Path) -> float:
        started = perf_counter()
        image = read_image(path)
        tier.put(ImageStamp.of(path), key, predictor.encode(image), predictor.info.device)
        kept = tier.get(ImageStamp.of(path), key)
        assert kept is not None
        click = PromptSet((PointPrompt(image.shape[1] / 2, image.shape[0] / 2),))
        predictor.predict(kept, click)
        return (perf_counter() - started) * 1e3

    files = sorted(folder.iterdir())
    for path in files[:_WARM_UP]:
        look_at(path)
    tier.clear()
    before = resident_bytes() or 0
    times, grown = [], []
    for path in files[_WARM_UP:]:
        times.append(look_at(path))
        grown.append((resident_bytes() or 0) - before)
    return times, grown
