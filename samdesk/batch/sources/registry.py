"""The sources of objects: a row each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from samdesk.batch.plan import AutoAnnotatePlan, ObjectsFrom
from samdesk.batch.sources.base import ObjectSource
from samdesk.batch.sources.boxes import BoxSource
from samdesk.batch.sources.detector import DetectorSource
from samdesk.batch.sources.segmenter import SegmenterSource, as_mask_detector
from samdesk.batch.sources.tiled import TiledSource
from samdesk.engine.protocols import Detector

MakeSource: TypeAlias = Callable[[Detector | None, AutoAnnotatePlan, Sequence[int] | None], ObjectSource]
"""(detector, plan, class ids or None for all) -> source; raises ``EngineError``, ``ValueError``."""


@dataclass(frozen=True)
class SourceRow:
    """A source of objects.

    Attributes:
        id: ``AutoAnnotatePlan.objects_from``.
        detects: It needs a detector.
        draws: It needs a predictor, as it has no masks of its own.
        make: Makes the source.
    """

    id: ObjectsFrom
    detects: bool
    draws: bool
    make: MakeSource


def _detector(
    detector: Detector | None, plan: AutoAnnotatePlan, class_ids: Sequence[int] | None
) -> ObjectSource:
    assert detector is not None
    return _tiled(DetectorSource(detector, plan, class_ids), plan)


def _segmenter(
    detector: Detector | None, plan: AutoAnnotatePlan, class_ids: Sequence[int] | None
) -> ObjectSource:
    assert detector is not None
    return _tiled(SegmenterSource(as_mask_detector(detector), plan, class_ids), plan)


def _boxes(_: Detector | None, plan: AutoAnnotatePlan, class_ids: Sequence[int] | None) -> ObjectSource:
    return BoxSource(plan.existing)


def _tiled(source: ObjectSource, plan: AutoAnnotatePlan) -> ObjectSource:
    return TiledSource(source, plan) if plan.tile else source


SOURCES: tuple[SourceRow, ...] = (
    SourceRow("detector", detects=True, draws=True, make=_detector),
    SourceRow("segmenter", detects=True, draws=False, make=_segmenter),
    SourceRow("boxes", detects=False, draws=True, make=_boxes),
)


def source_row(objects_from: ObjectsFrom) -> SourceRow:
    """The row of a plan's ``objects_from``."""
    return next(row for row in SOURCES if row.id == objects_from)
