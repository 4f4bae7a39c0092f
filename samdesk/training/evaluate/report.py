"""The report of a training run: mean IoU by prompt and size, curves, a contact sheet."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from samdesk.base import json_file
from samdesk.base.cv import cv2
from samdesk.engine.protocols import Predictor
from samdesk.training.evaluate.contact_sheet import contact_sheet
from samdesk.training.evaluate.masks import PROMPTS, SIZES, MaskOutcome, mean_iou, score_agreement
from samdesk.training.masks.recipe import Recipe
from samdesk.training.samples import TrainingImage

_SMOOTH = 50


def table(outcomes: Sequence[MaskOutcome]) -> str:
    """Mean IoU by prompt and size, and the error of the predicted IoU, as Markdown."""
    first = [o.area for o in outcomes if o.prompt == outcomes[0].prompt]
    counts = {name: sum(low <= area < high for area in first) for name, low, high in SIZES}
    lines = ["| prompt | " + " | ".join(f"{name} ({counts[name]})" for name, _, _ in SIZES) + " |"]
    lines.append("|---" * (len(SIZES) + 1) + "|")
    for prompt in PROMPTS:
        cells = [f"{mean_iou(outcomes, prompt, low, high):.3f}" for _, low, high in SIZES]
        lines.append(f"| {prompt} | " + " | ".join(cells) + " |")
    error, correlation = score_agreement(outcomes)
    lines += ["", f"Predicted IoU: mean error {error:.3f}, rank correlation {correlation:.2f}."]
    return "\n".join(lines)


def write_report(
    folder: Path,
    recipe: Recipe,
    outcomes: Sequence[MaskOutcome],
    predictor: Predictor,
    images: Sequence[TrainingImage],
    facts: Mapping[str, Any],
) -> None:
    """Writes ``report.md``, ``outcomes.json``, ``contact_sheet.jpg`` and, with matplotlib, ``curves.png``.

    Args:
        folder: The run's folder, with its log.
        recipe: The recipe it was trained with.
        outcomes: Results on the held-out images.
        predictor: The trained network.
        images: The held-out images.
        facts: Further lines of the report, by name.
    """
    sheet = contact_sheet(predictor, images)
    cv2.imwrite(str(folder / "contact_sheet.jpg"), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    (folder / "outcomes.json").write_text(json.dumps([asdict(o) for o in outcomes]), "utf-8")
    rows = [json_file.parse(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]
    rows = list({row["step"]: row for row in rows}.values())  # a resumed run logs some steps again
    drawn = _curves(rows, folder / "curves.png")
    lines = ["# Training report", "", *(f"- {name}: {value}" for name, value in facts.items()), ""]
    lines += ["## Recipe", "", "```", json.dumps(asdict(recipe), indent=1), "```", ""]
    lines += ["## Mean IoU on held-out images (instances)", "", table(outcomes), ""]
    lines += ["![curves](curves.png)", ""] if drawn else []
    lines += ["![contact sheet](contact_sheet.jpg)", ""]
    (folder / "report.md").write_text("\n".join(lines), "utf-8")


def _curves(rows: Sequence[Mapping[str, Any]], path: Path) -> bool:
    """Plots loss and IoU over the steps; False if matplotlib is not installed (extra ``train``)."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    steps = np.array([row["step"] for row in rows])
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, axes in (("loss", left), ("first_iou", right), ("last_iou", right)):
        axes.plot(steps, _smoothed(np.array([row[name] for row in rows])), label=f"{name} (training)")
    checks = [row for row in rows if "check_iou" in row]
    for name in ("check_iou", "check_last_iou"):
        right.plot(
            [row["step"] for row in checks], [row[name] for row in checks], "o-", label=f"{name} (held out)"
        )
    left.set_yscale("log")
    for axes in (left, right):
        axes.set_xlabel("step")
        axes.legend()
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    return True


def _smoothed(values: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The running mean over the last ``_SMOOTH`` steps."""
    sums = np.cumsum(np.insert(values.astype(np.float64), 0, 0.0))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - _SMOOTH)
    return np.asarray((sums[ends] - sums[starts]) / (ends - starts), np.float64)
