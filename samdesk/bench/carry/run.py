"""Reads annotated images and measures how well their objects are carried along."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from samdesk.base.jobs import CancelToken
from samdesk.bench.carry.measure import SCENARIOS, CarryImage, Show, measure, timed
from samdesk.bench.carry.report import CarryReport
from samdesk.bench.effort.truth import TruthError, read_truth
from samdesk.bench.machine import this_machine
from samdesk.domain.geometry import regions
from samdesk.engine.models.load import load_detector, load_predictor
from samdesk.engine.models.registry import FLINT
from samdesk.engine.protocols import Predictor
from samdesk.images.reader import read_image

_TIMED = 15


def carry_report(
    paths: Sequence[Path], only: Sequence[str], most: int, show: Show, cancel: CancelToken
) -> CarryReport:
    """Measures at most ``most`` images, by COCO's masks if there are any, else by those that Flint finds.

    ``only`` are patterns of the names of scenarios; empty: all.
    """
    scenarios = [s for s in SCENARIOS if not only or any(fnmatch(s.name, pattern) for pattern in only)]
    predictor = load_predictor(FLINT)
    images = _images(paths, predictor, most)
    times = timed(images, predictor, _TIMED)
    steps = measure(images, predictor, scenarios, show, cancel)
    return CarryReport(predictor.info.title, len(images), str(this_machine()), tuple(steps), times)


def _images(paths: Sequence[Path], predictor: Predictor, most: int) -> list[CarryImage]:
    try:
        truth = read_truth(paths[0].parent)
    except TruthError:
        return [_found(path, predictor) for path in paths[:most]]
    wanted = {path.name for path in paths}
    rows = [image for image in truth if image.key in wanted][:most]
    return [CarryImage(read_image(row.path), tuple(o.region for o in row.objects)) for row in rows]


def _found(path: Path, predictor: Predictor) -> CarryImage:
    """An image with the objects that Flint finds."""
    rgb = read_image(path)
    boxes = np.array([(d.x0, d.y0, d.x1, d.y1) for d in load_detector(FLINT).detect([rgb])[0]], np.float32)
    masks = predictor.predict_boxes(predictor.encode(rgb), boxes.reshape(-1, 4))
    return CarryImage(rgb, tuple(region for mask in masks if regions.is_drawable(region := mask.region())))
