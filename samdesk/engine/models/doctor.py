"""Diagnostics: versions, devices, a test encode and decode, folders, weights, plug-ins."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from time import perf_counter

import numpy as np

from samdesk.base.plugins import Plugin
from samdesk.base.text import printable
from samdesk.domain.prompts import PointPrompt, PromptSet
from samdesk.engine.models import weights
from samdesk.engine.models.load import default_model, load_predictor
from samdesk.engine.models.plugins import added_models, load_added_detector, load_added_predictor
from samdesk.engine.models.registry import MODELS
from samdesk.engine.protocols import EngineError
from samdesk.engine.runtime.device import devices
from samdesk.formats.plugins import added_formats
from samdesk.formats.registry import FORMATS

PACKAGES = (
    "samdesk", "torch", "torchvision", "ultralytics", "onnxruntime", "safetensors", "PySide6-Essentials",
    "qtawesome", "numpy", "opencv-python", "pillow", "shapely", "contourpy",
)  # fmt: skip
DECODES = 5


@dataclass(frozen=True)
class Diagnosis:
    """The result of ``diagnose``.

    Attributes:
        text: The report, in lines.
        sound: Whether a model was loaded and segmented a test image.
    """

    text: str
    sound: bool


def diagnose(model: str, device: str, places: Mapping[str, object]) -> Diagnosis:
    """Collects the facts that a bug report needs.

    Args:
        model: Name or path of the model to test; "": the best installed one.
        device: Where to run it; "": the fastest device.
        places: Names and paths of the folders in use.
    """
    lines = ["Versions", *_versions(), "", "Devices", *(f"  {d.id:<8} {d.title}" for d in devices())]
    try:
        measured, sound = _measure(model or default_model(), device), True
    except EngineError as error:
        measured, sound = [f"  FAILED: {error}"], False
    lines += ["", "Test encode and decode", *measured]
    lines += ["", "Folders", *(f"  {name:<12} {path}" for name, path in places.items())]
    lines += ["", "Weights", *_weights(), "", "Plug-ins", *_plugins(device)]
    return Diagnosis("\n".join(lines), sound)


def _versions() -> list[str]:
    rows = [("python", f"{platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores")]
    for name in PACKAGES:
        try:
            rows.append((name, version(name)))
        except PackageNotFoundError:
            rows.append((name, "in the packaged app" if getattr(sys, "frozen", False) else "not installed"))
    return [f"  {name:<20} {found}" for name, found in rows]


def _measure(model: str, device: str) -> list[str]:
    started = perf_counter()
    predictor = load_predictor(model, device)
    loaded = perf_counter() - started
    image = np.random.default_rng(0).integers(0, 255, (768, 1024, 3), dtype=np.uint8)
    image[200:500, 300:700] = (200, 60, 40)
    started = perf_counter()
    embedding = predictor.encode(image)
    encoded = perf_counter() - started
    times = []
    for _ in range(DECODES):
        started = perf_counter()
        predictor.predict(embedding, PromptSet((PointPrompt(500.0, 350.0),)))
        times.append(perf_counter() - started)
    info = predictor.info
    return [
        f"  model        {info.title} ({info.path or info.name})",
        f"  runs on      {info.device_title} ({info.device}), {info.precision}",
        f"  load         {loaded * 1e3:.0f} ms",
        f"  encode       {encoded * 1e3:.0f} ms for 1024 x 768 pixels",
        f"  decode       {median(times) * 1e3:.1f} ms (median of {DECODES})",
        f"  embedding    {embedding.nbytes / 1e6:.1f} MB",
    ]


def _weights() -> list[str]:
    here = [(spec, path) for spec in MODELS if (path := weights.find(spec.name)) is not None]
    rows = [f"  {spec.name:<16} {path}" for spec, path in here]
    if not any(spec.url for spec, _ in here):
        rows.append("  no others; download one in the window (Model > Choose model)")
    return rows


def _plugins(device: str) -> list[str]:
    """A row for each plug-in: what it is, its package, and whether it loads, which is tried."""
    models, taken = added_models(), added_formats([row.id for row in FORMATS])
    loads: list[tuple[str, Plugin, Callable[[], object]]] = [
        *(("detector", p, partial(load_added_detector, p, device, "auto")) for p in models.detectors),
        *(("predictor", p, partial(load_added_predictor, p, device, "auto")) for p in models.predictors),
        *(("format", p, lambda: None) for _, p in taken.rows),
    ]
    rows = [f"  {kind:<10} {p.name:<16} {p.origin}: {_loads(load)}" for kind, p, load in loads]
    rows += [f"  {problem}" for problem in (*models.problems, *taken.problems)]
    return [printable(row) for row in rows] or ["  none"]


def _loads(load: Callable[[], object]) -> str:
    try:
        load()
    except EngineError as error:
        return f"FAILED: {error}"
    return "loads"
