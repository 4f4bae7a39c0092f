"""Scene: the image, annotations and proposals, as cached layers and shapes painted live."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import perf_counter

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QColor, QFont, QPainter

from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import Changes, ImageDocument
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.labels import Label, LabelId, LabelSet
from samdesk.domain.review import AnnotationReview
from samdesk.ui.canvas.hit_test import hits
from samdesk.ui.canvas.layers.adjustments import Adjustments
from samdesk.ui.canvas.layers.image_layer import ImageLayer
from samdesk.ui.canvas.layers.shape_layer import ShapeLayer
from samdesk.ui.canvas.layers.tag_layer import TagLayer
from samdesk.ui.canvas.proposal import Proposal
from samdesk.ui.canvas.shapes import Shape, cut, extents_of
from samdesk.ui.canvas.spotlight import paint_spotlight
from samdesk.ui.canvas.style import DEFAULT_OPACITY, DEFAULT_OUTLINE, Mark, instance_color, paint_region
from samdesk.ui.canvas.tags import Tag
from samdesk.ui.canvas.viewport import Viewport

_SMOOTH_UP_TO = 3_000_000
"""On a larger canvas (device pixels) layers are scaled without smoothing until they are repainted."""
_MOST_NAMED = 8
"""Of more selected annotations none is named for being selected."""
_MOST_STAND_OUT = 24
"""Of more selected annotations none is painted over the others."""
_STEPPED_BACK = 0.55
"""Opacity of the other annotations while some are selected."""
_UNKNOWN = QColor("#b8b8b8")


class Scene:
    """Paints the image, the annotations and the proposals in device pixels."""

    def __init__(self, background: QColor) -> None:
        self._image = ImageLayer(background)
        self._shape_layer = ShapeLayer()
        self._proposed = ShapeLayer()
        self._chosen = ShapeLayer()
        self._tag_layer = TagLayer()
        self._layers = (self._image, self._shape_layer, self._proposed, self._chosen, self._tag_layer)
        self._shapes: dict[AnnotationId, tuple[Annotation, Label | None, Shape]] = {}
        self._hidden: frozenset[AnnotationId] = frozenset()
        self._hidden_labels: frozenset[LabelId] = frozenset()
        self.filtered: frozenset[AnnotationId] = frozenset()
        self.sure: frozenset[AnnotationId] = frozenset()
        self.doubtful: frozenset[AnnotationId] = frozenset()
        self._dragged: frozenset[AnnotationId] = frozenset()
        self._edited: AnnotationId | None = None
        self._selection: frozenset[AnnotationId] = frozenset()
        self.locked: frozenset[AnnotationId] = frozenset()
        self._unit = 1.0
        self._opacity = DEFAULT_OPACITY
        self._outline = DEFAULT_OUTLINE
        self._font = QFont()
        self._all_tags = False
        self._by_instance = False
        self._numbers: dict[AnnotationId, int] = {}
        """The number of each annotation of the image, which gives it a colour of its own."""
        self._live: list[Shape] = []
        self.document: ImageDocument | None = None
        self.hovered: AnnotationId | None = None
        self.spotlight: AnnotationId | None = None
        self._ghosts: dict[AnnotationId, Shape] = {}
        self.shown = True

    # Contents

    def set_image(self, rgb: RgbImage | None) -> None:
        """Sets the image, (H, W, 3) uint8 RGB, or none."""
        self._image.set_image(rgb)

    def set_coarse(self, rgb: RgbImage | None, size: tuple[int, int]) -> None:
        """Sets a coarse version of the image of ``size`` (width, height) until it is there."""
        self._image.set_coarse(rgb, size)

    def set_adjustments(self, adjustments: Adjustments) -> None:
        """Sets how the image is shown."""
        self._image.set_adjustments(adjustments)

    @property
    def adjustments(self) -> Adjustments:
        """How the image is shown, or will be once it is painted."""
        return self._image.adjustments

    @property
    def image_busy(self) -> bool:
        """Whether the image is not painted yet as it is to be shown."""
        return self._image.busy

    def set_background(self, color: QColor) -> None:
        """Sets the colour around the image."""
        self._image.set_background(color)

    def set_document(
        self, document: ImageDocument | None, labels: LabelSet, changes: Changes | None = None
    ) -> None:
        """Sets the document; shapes of unchanged annotations and labels are kept.

        Args:
            document: What is shown.
            labels: The dataset's labels.
            changes: How it differs from the document before; None: in all annotations that are other objects.
        """
        other = None if changes is None else changes.geometry
        by_id = {label.id: label for label in labels}
        annotations = document.annotations if document else ()
        kept = {
            a.id: known
            for a in annotations
            if (known := self._shapes.get(a.id))
            and (known[0] is a if other is None else a.id not in other)
            and known[1] == by_id.get(a.label_id)
        }
        self._number(document)
        made = self._made([(a, by_id.get(a.label_id)) for a in annotations if a.id not in kept])
        self._shapes = {a.id: kept.get(a.id) or made[a.id] for a in annotations}
        self.document = document
        self._selection &= self._shapes.keys()
        self._dragged = frozenset()
        if self.hovered not in self._shapes:
            self.hovered = None
        self._update_shapes()

    def set_color_by_instance(self, by_instance: bool) -> None:
        """Paints each annotation in a colour of its own, or in that of its label."""
        if by_instance == self._by_instance:
            return
        self._by_instance = by_instance
        made = self._made([(annotation, label) for annotation, label, _ in self._shapes.values()])
        self._shapes = {i: made[i] for i in self._shapes}
        self._update_shapes()

    def color(self, annotation_id: AnnotationId) -> QColor | None:
        """The colour that an annotation is painted in."""
        found = self._shapes.get(annotation_id)
        return None if found is None else found[2].color

    def _number(self, document: ImageDocument | None) -> None:
        """Numbers the annotations: one keeps its number, and colour, whatever happens to others."""
        before = None if self.document is None else self.document.key
        if document is None or document.key != before:
            self._numbers.clear()
        for annotation in document.annotations if document else ():
            self._numbers.setdefault(annotation.id, len(self._numbers))

    def _made(
        self, annotations: Sequence[tuple[Annotation, Label | None]]
    ) -> dict[AnnotationId, tuple[Annotation, Label | None, Shape]]:
        """Returns new shapes of annotations with their labels."""
        made = _shapes(annotations)
        for annotation_id in self.locked & made.keys():
            made[annotation_id][2].locked = True
        if self._by_instance:
            for annotation_id, (_, _, shape) in made.items():
                shape.color = QColor(instance_color(self._numbers[annotation_id]))
        return made

    def set_selection(self, ids: Iterable[AnnotationId]) -> bool:
        """Selects annotations; returns whether the selection changed."""
        chosen = frozenset(ids) & self._shapes.keys()
        changed = chosen != self._selection
        self._selection = chosen
        self._restyle()
        return changed

    @property
    def selection(self) -> frozenset[AnnotationId]:
        """The selected annotations."""
        return self._selection

    def set_hidden(self, ids: Iterable[AnnotationId]) -> None:
        """Hides annotations."""
        self._hidden = frozenset(ids)
        self._update_shapes()

    def set_hidden_labels(self, labels: Iterable[LabelId]) -> None:
        """Hides all annotations of these labels."""
        self._hidden_labels = frozenset(labels)
        self._update_shapes()

    def set_filtered(self, ids: frozenset[AnnotationId]) -> None:
        """Hides annotations for their scores, whatever else hides them."""
        self.filtered = ids
        self._update_shapes()

    def set_checked(self, sure: frozenset[AnnotationId], doubtful: frozenset[AnnotationId]) -> None:
        """Marks pending annotations as sure, painted as those that are kept, or as doubtful.

        While there are any, no annotation steps back for a selected one: all are to be checked at a glance.
        """
        for annotation, label, shape in (self._shapes[i] for i in self.doubtful & self._shapes.keys()):
            shape.text = _text(annotation, label, False)
        self.sure, self.doubtful = sure, doubtful
        self._restyle()

    def set_locked(self, ids: Iterable[AnnotationId]) -> None:
        """Marks the locked annotations: their tags have a padlock."""
        self.locked = frozenset(ids)
        for annotation_id, (_, _, shape) in self._shapes.items():
            if shape.locked != (annotation_id in self.locked):
                shape.locked = not shape.locked
                self._tag_layer.invalidate()

    def set_shown(self, shown: bool) -> None:
        """Shows or hides every annotation."""
        self.shown = shown
        self._update_shapes()

    def set_dragged(self, ids: Iterable[AnnotationId]) -> None:
        """Excludes annotations from the layers while a tool drags and paints them."""
        dragged = frozenset(ids)
        if dragged != self._dragged:
            self._dragged = dragged
            self._update_shapes()

    def set_edited(self, annotation_id: AnnotationId | None) -> None:
        """Hides the annotation that is being edited while a proposal replaces it."""
        self._edited = annotation_id
        self._update_shapes()

    def set_opacity(self, opacity: float) -> None:
        """Sets the opacity of the fill of unselected annotations, 0..1."""
        self._opacity = opacity
        for shapes in (self._shape_layer, self._chosen):
            shapes.set_opacity(opacity)

    def set_outline(self, outline: float) -> None:
        """Sets the outline width of unselected annotations, logical pixels."""
        self._outline = outline
        self._shape_layer.set_outline(outline)
        self._chosen.set_outline(outline)
        self._proposed.set_outline(outline)

    def set_ghosts(self, annotations: Sequence[Annotation], labels: LabelSet) -> None:
        """Sets the annotations to outline although the document does not show them."""
        by_id = {label.id: label for label in labels}
        made = _shapes([(a, by_id.get(a.label_id)) for a in annotations])
        self._ghosts = {i: shape for i, (_, _, shape) in made.items()}
        for shape in self._ghosts.values():
            shape.mark = Mark.OTHER

    def set_proposal(self, proposal: Proposal | None) -> None:
        """Sets the current proposal, which is painted live, not cached."""
        self._live = [] if proposal is None else proposal.shapes()

    def set_proposals(self, proposals: Iterable[Proposal]) -> None:
        """Sets the list of proposals to choose from."""
        shapes = [p.shapes()[-1] for p in proposals]
        for i, shape in enumerate(shapes):
            shape.id = str(i)
        self._proposed.set_shapes(shapes)

    # Hit testing

    def at(self, x: float, y: float, reach: float) -> list[AnnotationId]:
        """The visible annotations at a position (image pixels), the smallest first."""
        return [AnnotationId(shape.id) for shape in hits(self._shape_layer.near(x, y, reach), x, y, reach)]

    def proposal_at(self, x: float, y: float) -> int | None:
        """The index of the smallest proposal of the list at a position, or None."""
        found = hits(self._proposed.shapes, x, y, 0.0)
        return int(found[0].id) if found else None

    def proposed_area(self, x0: float, y0: float, x1: float, y1: float) -> float:
        """The area of the current proposal in a box, both image pixels."""
        box = QRectF(x0, y0, x1 - x0, y1 - y0)
        found = [shape for shape in self._live[-1:] if shape.bounds.intersects(box)]
        return sum(float(cut(shape.region, x0, y0, x1, y1).area) for shape in found)

    def enclosed(self, rect: QRectF) -> frozenset[AnnotationId]:
        """The visible annotations completely inside a rectangle (image pixels)."""
        return frozenset(AnnotationId(s.id) for s in self._shape_layer.enclosed(rect))

    def shape(self, annotation_id: AnnotationId) -> Shape | None:
        """The shape of a visible annotation."""
        found = self._shapes.get(annotation_id)
        if not found or not self.shown or annotation_id in self._hidden | self.filtered:
            return None
        return found[2] if found[0].label_id not in self._hidden_labels else None

    def bounds(self, ids: Iterable[AnnotationId]) -> QRectF:
        """The rectangle around annotations, hidden ones and ghosts too, image pixels."""
        around = QRectF()
        for annotation_id in ids:
            found = self._shapes.get(annotation_id)
            shape = self._ghosts.get(annotation_id) if found is None else found[2]
            if shape is not None:
                around = around.united(shape.bounds)
        return around

    # Painting

    @property
    def busy(self) -> bool:
        """Whether a layer still has to be painted."""
        return any(layer.busy for layer in self._layers)

    @property
    def shapes_pending(self) -> bool:
        """Whether annotations are not yet painted as they are now."""
        return self._shape_layer.pending or self._chosen.pending

    def set_viewport(self, view: Viewport, size: QSize, unit: float) -> None:
        """Sets the viewport, the canvas size in device pixels, and the device pixel ratio."""
        self._unit = unit
        for shapes in (self._shape_layer, self._proposed, self._chosen):
            shapes.set_unit(unit)
        self._tag_layer.set_font(self._font, unit)
        for layer in self._layers:
            layer.set_viewport(view, size)

    def step(self, budget: float) -> bool:
        """Paints layers for at most ``budget`` seconds; returns whether the screen has to be updated."""
        deadline = perf_counter() + budget
        changed = False
        for layer in self._layers:
            changed = layer.step(deadline) or changed
            if perf_counter() >= deadline:
                break
        return changed

    def draw(self, painter: QPainter, view: Viewport, size: QSize) -> None:
        """Draws everything with a painter in device pixels."""
        small = size.width() * size.height() <= _SMOOTH_UP_TO
        self._image.draw(painter, view, smooth=small)
        painter.setOpacity(_STEPPED_BACK if self._steps_back else 1.0)
        self._shape_layer.draw(painter, view, smooth=small)
        painter.setOpacity(1.0)
        self._proposed.draw(painter, view, smooth=small)
        self._chosen.draw(painter, view, smooth=small)
        self._tag_layer.draw(painter, view, smooth=small)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._draw_spotlight(painter, view, size)
        hovered = None if self.hovered is None else self.shape(self.hovered)
        if hovered is not None and self.hovered not in self._selection | self._dragged:
            self._draw_live(painter, hovered, Mark.HOVERED, view, size)
        for shape in [*self._ghosts.values(), *self._live]:
            self._draw_live(painter, shape, shape.mark, view, size)

    @property
    def _steps_back(self) -> bool:
        """Whether the other annotations step back for the selected ones: not while all are to be compared."""
        some = 0 < len(self._selection) <= min(_MOST_STAND_OUT, len(self._shapes) - 1)
        return some and not (self.sure | self.doubtful) & self._shapes.keys()

    def tags(self) -> list[Shape]:
        """The shapes named beside ``resting_tags``: the hovered, selected and proposed ones."""
        named = [] if self._all_tags else self._named()
        unseen = self._dragged | {self._edited}
        hovered = None if self.hovered in unseen else self.hovered
        shape = None if hovered is None else self.shape(hovered)
        if shape is not None and shape not in named and not self._tag_layer.names(shape):
            named.append(shape)
        return [s for s in [*named, *self._live] if s.text]

    @property
    def resting_tags(self) -> list[Tag]:
        """The tags of all annotations, as they were last placed; empty if they are not shown."""
        return self._tag_layer.placed

    @property
    def tags_pending(self) -> bool:
        """Whether the tags of all annotations are not placed yet as they will be."""
        return self._tag_layer.pending

    def set_font(self, font: QFont) -> None:
        """Sets the window's font, for name tags."""
        self._font = font

    def set_all_tags(self, shown: bool) -> None:
        """Sets whether all annotations are named, not only the hovered and selected ones."""
        self._all_tags = shown
        self._name()

    def _named(self) -> list[Shape]:
        """The shapes that are named for being selected, or doubtful."""
        chosen = [*self._selection, *(self.doubtful - self._selection)]
        if len(chosen) > _MOST_NAMED:
            return []
        unseen = self._dragged | {self._edited}
        found = [self.shape(i) for i in chosen if i not in unseen]
        return [shape for shape in found if shape is not None]

    def _name(self) -> None:
        first = self._named() if self._all_tags else []
        rest = self._shape_layer.shapes if self._all_tags else []
        self._tag_layer.set_shapes([s for s in rest if s.text and s not in first], first)

    def _draw_spotlight(self, painter: QPainter, view: Viewport, size: QSize) -> None:
        """Dims everything but the annotation in the spotlight, or the mask that is to replace it."""
        if self.spotlight is None:
            return
        lit = self._shapes.get(self.spotlight)
        if lit is None:
            if self.spotlight in self._ghosts:
                paint_spotlight(painter, self._ghosts[self.spotlight], view, size, self._image.size)
            return
        if self.spotlight == self._edited and self._live:
            paint_spotlight(painter, self._live[-1], view, size, self._image.size)
            return
        shape = lit[2]
        paint_spotlight(painter, shape, view, size, self._image.size)
        if self.shown and self.spotlight not in self._hidden | self._dragged | self.filtered:
            path = shape.path(view, (size.width(), size.height()))
            paint_region(
                painter, path, shape.color, shape.mark, unit=self._unit, opacity=0.0, outline=self._outline
            )

    def _selected_shapes(self) -> list[Shape]:
        """The selected shapes to paint over the others, which step back for them; none if too many are."""
        if len(self._selection) > _MOST_STAND_OUT:
            return []
        unseen = self._dragged | {self._edited}
        found = [self.shape(i) for i in self._selection if i not in unseen]
        return [shape for shape in found if shape is not None]

    def _draw_live(self, painter: QPainter, shape: Shape, mark: Mark, view: Viewport, size: QSize) -> None:
        path = shape.path(view, (size.width(), size.height()))
        paint_region(
            painter, path, shape.color, mark, unit=self._unit, opacity=self._opacity, outline=self._outline
        )

    def _update_shapes(self) -> None:
        out = self._hidden | self.filtered | self._dragged | {self._edited}
        self._shape_layer.set_shapes(
            shape
            for i, (annotation, _, shape) in self._shapes.items()
            if self.shown and i not in out and annotation.label_id not in self._hidden_labels
        )
        self._restyle()

    def _restyle(self) -> None:
        """Gives shapes the marks of their annotations' states."""
        self._shape_layer.set_without_selected(len(self._selection) <= _MOST_STAND_OUT)
        restyled = []
        for annotation, label, shape in self._shapes.values():
            mark = self._mark(annotation)
            if annotation.id in self.doubtful:
                shape.text = _text(annotation, label, True)
            if mark is not shape.mark:
                shape.mark = mark
                restyled.append(shape)
        if len(restyled) > 20:
            self._shape_layer.invalidate()
        else:
            self._shape_layer.invalidate_shapes(restyled)
        self._chosen.set_shapes(self._selected_shapes())
        self._name()

    def _mark(self, annotation: Annotation) -> Mark:
        selected, pending = annotation.id in self._selection, _is_pending(annotation)
        if pending and annotation.id in self.doubtful:
            return Mark.UNSURE if selected else Mark.DOUBTFUL
        if selected:
            return Mark.SELECTED
        return Mark.PENDING if pending and annotation.id not in self.sure else Mark.RESTING


def _is_pending(annotation: Annotation) -> bool:
    return annotation.review is AnnotationReview.PENDING


def _text(annotation: Annotation, label: Label | None, doubtful: bool) -> str:
    """What the name tag says: a score beside what is doubtful would speak for it."""
    name = "?" if label is None else label.name
    if doubtful:
        return f"{name}?"
    return name if annotation.score is None else f"{name} {annotation.score:.2f}"


def _shapes(
    annotations: Sequence[tuple[Annotation, Label | None]],
) -> dict[AnnotationId, tuple[Annotation, Label | None, Shape]]:
    """Returns new shapes of annotations with their labels."""
    labels = {annotation.label_id: label for annotation, label in annotations}
    colors = {i: _UNKNOWN if label is None else QColor(label.color) for i, label in labels.items()}
    extents = extents_of([annotation.region for annotation, _ in annotations])
    made = {}
    for (annotation, label), extent in zip(annotations, extents, strict=True):
        text = _text(annotation, label, False)
        mark = Mark.PENDING if _is_pending(annotation) else Mark.RESTING
        shape = Shape(annotation.id, annotation.region, colors[annotation.label_id], mark, text, extent)
        made[annotation.id] = (annotation, label, shape)
    return made
