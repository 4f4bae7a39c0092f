"""A canvas with an image and a few annotations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot
from shapely.geometry import MultiPolygon, Polygon

from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit
from samdesk.domain.geometry.regions import from_box
from samdesk.domain.geometry.types import Region
from samdesk.domain.labels import LabelSet
from samdesk.ui.canvas.tools.base import Tool
from samdesk.ui.canvas.view import CanvasView
from tests.helpers.mouse import InputDriver

WIDTH, HEIGHT = 400, 300
LABELS = LabelSet.from_names(["cat", "dog", "bird"])


def photo(width: int = WIDTH, height: int = HEIGHT, grey: int = 128) -> np.ndarray:
    return np.full((height, width, 3), grey, np.uint8)


def annotation(
    name: str, box: tuple[float, float, float, float], label: int = 0, **more: object
) -> Annotation:
    return Annotation(AnnotationId(name), LABELS.labels[label].id, from_box(*box), **more)  # type: ignore[arg-type]


def document(annotations: Sequence[Annotation], width: int = WIDTH, height: int = HEIGHT) -> ImageDocument:
    return ImageDocument(ImageKey("a.jpg"), width, height, tuple(annotations))


BIG = annotation("big", (50, 50, 250, 250))
SMALL = annotation("small", (100, 100, 150, 150), 1)
RIGHT = annotation("right", (300, 100, 360, 160), 2)
RING = Annotation(
    AnnotationId("ring"),
    LABELS.labels[0].id,
    MultiPolygon(
        [
            Polygon(
                [(50, 50), (250, 50), (250, 250), (50, 250)],
                [[(120, 120), (180, 120), (180, 180), (120, 180)]],
            )
        ]
    ),
)


class Stage:
    """A visible canvas at 1:1 with an input driver."""

    def __init__(self, canvas: CanvasView) -> None:
        self.canvas, self.mouse = canvas, InputDriver(canvas)

    def show(self, annotations: Sequence[Annotation]) -> None:
        self.canvas.set_document(document(annotations), LABELS)
        self.canvas.settle()

    def screenshot(self) -> QImage:
        self.canvas.settle()
        return self.canvas.grab().toImage()

    def pixel(self, x: float, y: float) -> QColor:
        """The colour at a position in image pixels."""
        image = self.screenshot()
        place = self.canvas.to_widget(x, y) * image.devicePixelRatio()
        return image.pixelColor(int(place.x()), int(place.y()))


class Editor:
    """Replaces the controller: applies the edits of a tool, and records what else it reports."""

    def __init__(self, stage: Stage, tool: Tool) -> None:
        self.stage, self.texts = stage, list[str]()
        self.drawn, self.notices = list[Region](), list[str]()
        tool.edit_requested.connect(self.apply)
        tool.region_drawn.connect(self.drawn.append)
        tool.notice.connect(self.notices.append)

    def apply(self, text: str, edit: Edit) -> None:
        self.texts.append(text)
        before = self.stage.canvas.document
        assert before is not None
        self.stage.canvas.set_document(edit.apply(before)[0], LABELS)

    @property
    def annotations(self) -> tuple[Annotation, ...]:
        document = self.stage.canvas.document
        assert document is not None
        return document.annotations

    def region(self, name: str) -> Region:
        return next(a.region for a in self.annotations if a.id == name)


@pytest.fixture
def stage(qtbot: QtBot) -> Stage:
    canvas = CanvasView()
    qtbot.addWidget(canvas)
    canvas.resize(500, 400)
    canvas.show()
    canvas.set_image(ImageKey("a.jpg"), photo())
    canvas.set_document(document([]), LABELS)
    canvas.actual_size()
    canvas.setFocus()
    canvas.settle()
    return Stage(canvas)
