"""Measures how long the canvas takes from an input event until the frame is painted.

The canvas and the tools are the window's own, the events are those that Qt delivers, the platform is
``offscreen``: everything is painted by the processor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtWidgets import QApplication

from samdesk.demo.input_driver import InputDriver
from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit
from samdesk.domain.geometry import boolean, morphology, regions, vertices
from samdesk.domain.geometry.types import Region
from samdesk.domain.labels import LabelSet
from samdesk.ui.canvas.tools.base import Tool
from samdesk.ui.canvas.tools.brush import BrushTool
from samdesk.ui.canvas.tools.cut import CutTool
from samdesk.ui.canvas.tools.select import SelectTool
from samdesk.ui.canvas.view import CanvasView

BRUSH_SIZES = (2, 30, 200, 800, 2000)
"""Diameters, image pixels."""
_WIDTH, _HEIGHT = 6000, 4000
"""Of the image at scale 1: 24 megapixels."""
_LABELS = LabelSet.from_names(["a", "b", "c", "d"])
_BIG = AnnotationId("big")
_CONTROL = Qt.KeyboardModifier.ControlModifier
_JITTER = 1.5
"""Standard deviation of an outline's noise, image pixels."""


@dataclass(frozen=True)
class FrameScene:
    """What is measured.

    Attributes:
        width: Of the canvas, pixels.
        height: Of the canvas, pixels.
        vertices: Of the region that is edited.
        annotations: Number of annotations while the image is moved.
        crowd: Number of annotations of a crowded image.
        events: How often each event is repeated.
        scale: Of the image's sides, and of all that is on it; 1: 24 megapixels.
    """

    width: int = 1920
    height: int = 1080
    vertices: int = 5000
    annotations: int = 1000
    crowd: int = 5000
    events: int = 60
    scale: float = 1.0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the image, pixels."""
        return round(_WIDTH * self.scale), round(_HEIGHT * self.scale)


class _Bench:
    """A canvas, the events sent to it, and the edits of its tools."""

    def __init__(self, scene: FrameScene) -> None:
        self.scene = scene
        self.canvas = CanvasView()
        self.canvas.resize(scene.width, scene.height)
        self.canvas.show()
        width, height = scene.size
        blocks = np.random.default_rng(0).integers(0, 255, (height // 50, width // 50, 3), dtype=np.uint8)
        self._rgb = np.ascontiguousarray(blocks.repeat(50, 0).repeat(50, 1))
        self.canvas.set_image(ImageKey("a"), self._rgb)
        self.mouse = InputDriver(self.canvas)

    def show(self, *annotations: Annotation) -> None:
        width, height = self.scene.size
        self.canvas.fit()
        self.canvas.set_document(ImageDocument(ImageKey("a"), width, height, annotations), _LABELS)
        self.rest()

    def use(self, tool: Tool) -> None:
        tool.edit_requested.connect(self.apply)
        self.canvas.set_tool(tool)
        self.rest()

    def apply(self, _text: str, edit: Edit) -> None:
        document = self.canvas.document
        assert document is not None
        self.canvas.set_document(edit.apply(document)[0], _LABELS)

    def rest(self) -> None:
        """Paints all there is to paint."""
        self.canvas.settle()
        QApplication.processEvents()

    def until_painted(self) -> None:
        QApplication.processEvents()
        while self.canvas.shapes_pending:
            QApplication.processEvents()

    def timed(self, event: Callable[[], object], *, settled: bool = False) -> float:
        """Milliseconds of an event until its frame is painted; ``settled``: and every layer."""
        start = perf_counter()
        event()
        if settled:
            self.until_painted()
        QApplication.processEvents()
        return (perf_counter() - start) * 1e3


def measure_frames(scene: FrameScene) -> dict[str, list[float]]:
    """Milliseconds of each event, by kind: "brush 30", "vertex", "pan", "zoom", "cut", "hover", ..."""
    if QApplication.instance() is None:
        QApplication([])
    stage = _Bench(scene)
    found: dict[str, list[float]] = {}
    for size in BRUSH_SIZES:
        found[f"brush {size}"] = _brush(stage, size)
    found["vertex"] = _vertex(stage)
    found |= {"cut": _cut(stage), "merge": _merge(stage), "grow": _grow(stage)}
    stage.show(*_many(scene, scene.annotations))
    stage.use(SelectTool(stage.canvas))
    stage.canvas.zoom_at(2.0, _centre(stage))
    stage.rest()
    found |= {"pan": _pan(stage), "zoom": _zoom(stage)}
    stage.show(*_many(scene, scene.crowd))
    found |= {"crowd hover": _hover(stage), "crowd select": _select(stage)}
    stage.canvas.close()
    stage.canvas.deleteLater()
    return found


def _brush(stage: _Bench, size: int) -> list[float]:
    stage.show(_big(stage.scene))
    k = stage.scene.scale
    brush = BrushTool(stage.canvas)
    brush.set_size(size * k)
    stage.use(brush)
    stage.canvas.set_selection({_BIG})
    stage.rest()
    times = []
    for keys in (Qt.KeyboardModifier.NoModifier, _CONTROL):
        stage.mouse.move(2900 * k, 600 * k, keys)
        stage.mouse.press(2900 * k, 600 * k, modifiers=keys)
        stage.until_painted()
        for i in range(stage.scene.events // 2):
            at = (2900 + 12 * i) * k, (600 + 9 * i) * k
            times.append(stage.timed(partial(stage.mouse.move, *at, keys)))
        stage.mouse.release(3000 * k, 700 * k, modifiers=keys)
        stage.until_painted()
    return times


def _vertex(stage: _Bench) -> list[float]:
    big = _big(stage.scene)
    stage.show(big)
    stage.use(SelectTool(stage.canvas))
    stage.canvas.set_selection({_BIG})
    x0, _, x1, y1 = big.region.bounds
    _, (x, y) = vertices.nearest_edge(big.region, x1, y1 / 2, x1 - x0) or (None, (x1, y1))
    stage.canvas.zoom_to_rect(QRectF(x - 60, y - 40, 120, 80))  # where handles are shown
    stage.rest()
    stage.mouse.move(x, y)
    stage.mouse.press(x, y)
    pixel = stage.canvas.image_pixels(1)
    stage.mouse.move(x + 20 * pixel, y)
    stage.until_painted()
    times = [
        stage.timed(partial(stage.mouse.move, x + 2 * pixel * i, y + pixel * i))
        for i in range(stage.scene.events)
    ]
    stage.mouse.release(x, y)
    stage.until_painted()
    return times


def _cut(stage: _Bench) -> list[float]:
    tool = CutTool(stage.canvas)
    stage.use(tool)
    times, k = [], stage.scene.scale
    for _ in range(_times(stage)):
        stage.show(_big(stage.scene))
        stage.mouse.press(3000 * k, 100 * k)
        stage.mouse.move(2950 * k, 2000 * k)
        stage.mouse.move(3000 * k, 3900 * k)
        stage.until_painted()
        times.append(stage.timed(lambda: stage.mouse.release(3000 * k, 3900 * k), settled=True))
    return times


def _merge(stage: _Bench) -> list[float]:
    half = replace(stage.scene, vertices=stage.scene.vertices // 2)
    left, right = _big(half, 2200, 900), _big(half, 3400, 900)

    def merge() -> None:
        merged = _annotation("left", boolean.union(left.region, right.region))
        stage.apply("", Edit(drop=(AnnotationId("right"),), put=edits.update([merged]).put))

    times = []
    for _ in range(_times(stage)):
        stage.show(_annotation("left", left.region), _annotation("right", right.region))
        times.append(stage.timed(merge, settled=True))
    return times


def _grow(stage: _Bench) -> list[float]:
    big = _big(stage.scene)
    width, height = stage.scene.size

    def grow() -> None:
        grown = _annotation(_BIG, morphology.grow(big.region, 1, width, height))
        stage.apply("", edits.update([grown]))

    times = []
    for _ in range(_times(stage)):
        stage.show(big)
        times.append(stage.timed(grow, settled=True))
    return times


def _pan(stage: _Bench) -> list[float]:
    turn = stage.scene.events // 2
    return [
        stage.timed(partial(stage.canvas.pan_by, 9 if i < turn else -9, 4 if i < turn else -4))
        for i in range(stage.scene.events)
    ]


def _zoom(stage: _Bench) -> list[float]:
    stage.rest()
    turn = stage.scene.events // 2
    return [
        stage.timed(partial(stage.canvas.zoom_at, 1.03 if i < turn else 1 / 1.03, _centre(stage)))
        for i in range(stage.scene.events)
    ]


def _hover(stage: _Bench) -> list[float]:
    k = stage.scene.scale
    return [
        stage.timed(partial(stage.mouse.move, (1000 + 31 * i) * k, (1000 + 17 * i) * k))
        for i in range(stage.scene.events)
    ]


def _select(stage: _Bench) -> list[float]:
    k = stage.scene.scale

    def click(i: int) -> None:
        stage.mouse.click((1000 + 310 * i) * k, (1000 + 170 * i) * k)

    return [stage.timed(partial(click, i), settled=True) for i in range(_times(stage))]


def _times(stage: _Bench) -> int:
    return max(stage.scene.events // 6, 1)


def _centre(stage: _Bench) -> QPointF:
    return QPointF(stage.canvas.width() / 2, stage.canvas.height() / 2)


def _annotation(name: str, region: Region, label: int = 0) -> Annotation:
    return Annotation(AnnotationId(name), _LABELS.labels[label].id, region)


def _big(scene: FrameScene, x: float = 3000, radius: float = 1500) -> Annotation:
    """A blob with a noisy outline of many vertices."""
    k = scene.scale
    return _annotation(_BIG, _blob(scene.vertices, x * k, 2000 * k, radius * k, _JITTER * k))


def _many(scene: FrameScene, count: int) -> list[Annotation]:
    """Blobs of 100 vertices all over the image."""
    width, height = scene.size
    columns = max(round((count * width / height) ** 0.5), 1)
    step = width / columns
    return [
        _annotation(
            f"{i}",
            _blob(100, step * (i % columns + 0.5), step * (i // columns + 0.5), step * 0.44, 0.2),
            i % 4,
        )
        for i in range(count)
        if step * (i // columns + 1) <= height
    ]


def _blob(count: int, x: float, y: float, radius: float, jitter: float) -> Region:
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    noise = np.random.default_rng(1).normal(0, jitter, count)
    away = radius * (1 + 0.06 * np.sin(9 * angles)) + noise
    return regions.from_ring(np.column_stack([x + away * np.cos(angles), y + away * np.sin(angles)]))
