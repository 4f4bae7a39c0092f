"""CanvasDisplay: shows an image and its annotations, without tools."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QCursor, QPainter, QPaintEvent, QPalette, QRegion
from PySide6.QtWidgets import QWidget

from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import Changes, ImageDocument, ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.labels import LabelId, LabelSet
from samdesk.images.partial import CoarseImage
from samdesk.ui.canvas.layers.adjustments import Adjustments
from samdesk.ui.canvas.layers.comparison import RegionComparison
from samdesk.ui.canvas.navigation import NavigableWidget
from samdesk.ui.canvas.progress_line import ProgressLine
from samdesk.ui.canvas.proposal import Proposal
from samdesk.ui.canvas.scene import Scene
from samdesk.ui.canvas.shapes import Shape
from samdesk.ui.canvas.spotlight import surroundings
from samdesk.ui.canvas.style import paint_region
from samdesk.ui.canvas.tags import Tag, paint_message, paint_tag, place_tags, tag_font
from samdesk.ui.canvas.view_frame import ViewFrame, paint_view_frame
from samdesk.ui.kit.plain import plain_lines

_SLICE_S = 0.012
"""Time slice for painting layers before pending events are handled, seconds."""
_MOVING_SLICE_S = 0.003
"""The slice while the image moves: it is shown moved first, and then painted."""


class CanvasDisplay(NavigableWidget):
    """Shows one image and its annotations; edits nothing.

    Signals:
        selection_changed: The frozenset of selected annotation ids.
        proposal_changed: Another current proposal is shown, or none.
        adjustments_changed: The ``Adjustments`` of how the image is shown.
    """

    selection_changed = Signal(object)
    proposal_changed = Signal()
    adjustments_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene = Scene(self._surround())
        self._key: ImageKey | None = None
        self._message = ""
        self._many: list[Proposal] = []
        self._view_frame: ViewFrame | None = None
        self._comparison: RegionComparison | None = None
        self._progress_line = ProgressLine(self)
        self._busy: bool | float = False
        self._adjustments = Adjustments()
        self._coarse: CoarseImage | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._tick)
        self._update_due = False
        self._ticked_view = self._view
        self._shown_size = QSize()  # that the layers are painted for, device pixels
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(160, 120)

    # Contents

    def set_image(self, key: ImageKey | None, rgb: RgbImage | None, message: str = "") -> None:
        """Shows another image.

        Args:
            key: The image, or None for none; zoom and position are kept if the key is unchanged.
            rgb: Its pixels, (H, W, 3) uint8, not copied; None while they are not available.
            message: Text to show instead; the first line is the title.
        """
        another = key != self._key
        self._key, self._message, self._coarse = key, message, None
        self.setAccessibleDescription(
            plain_lines(message) or "The image and its annotations. The active tool works here."
        )
        self._scene.set_image(rgb)
        self._follow_image(another, None if rgb is None else (rgb.shape[1], rgb.shape[0]))

    def set_coarse(self, key: ImageKey, coarse: CoarseImage) -> None:
        """Shows a coarse version of an image, and how much of it is read; tools wait for the image."""
        another = key != self._key
        self._key, self._message, self._coarse = key, "", coarse
        self._scene.set_coarse(coarse.pixels, coarse.size)
        self._follow_image(another, coarse.size)

    def _follow_image(self, another: bool, size: tuple[int, int] | None) -> None:
        resized = size != self._image_size
        self._image_size = size
        self._show_progress()
        if another:
            self._scene.set_proposal(None)
            self.set_proposals([])
            self._image_switched()
        if size is not None and (another or resized):
            self._zoomed = None
            self.fit()
        self._refresh()

    @property
    def image_key(self) -> ImageKey | None:
        """The image shown, if only a coarse version of it."""
        return self._key

    @property
    def image_size(self) -> tuple[int, int] | None:
        """Width and height of the image, pixels, or None without one, or while only a coarse one is shown."""
        return self._image_size if self._coarse is None else None

    def set_document(
        self, document: ImageDocument | None, labels: LabelSet, changes: Changes | None = None
    ) -> None:
        """Shows a document; only changed annotations are repainted. See ``Scene.set_document``."""
        self._scene.set_document(document, labels, changes)
        self._annotations_changed()
        self._refresh()

    def set_selection(self, ids: Iterable[AnnotationId]) -> bool:
        """Selects annotations; emits ``selection_changed`` and returns True if the selection changes."""
        changed = self._scene.set_selection(ids)
        if changed:
            self._annotations_changed()
            self.selection_changed.emit(self._scene.selection)
            self._refresh()
        return changed

    def reveal(self, ids: Iterable[AnnotationId]) -> None:
        """Moves the image just as far as needed to show annotations; not at all if they are in sight."""
        bounds = self._scene.bounds(ids)
        if not bounds.isEmpty():
            self.show_rect(bounds)

    def zoom_to(self, ids: Iterable[AnnotationId]) -> None:
        """Zooms to annotations; back to where it was if that was the last change of the view."""
        bounds = self._scene.bounds(ids)
        if not bounds.isEmpty():
            self.zoom_to_rect(bounds)

    def place_below(self, ids: Iterable[AnnotationId]) -> QPoint:
        """Where to open something about annotations: just below them, else at the mouse; global position."""
        bounds, inside = self._scene.bounds(ids), self.rect().adjusted(8, 8, -8, -8)
        place = self.mapFromGlobal(QCursor.pos())
        if not bounds.isEmpty():
            place = self.to_widget(bounds.left(), bounds.bottom()).toPoint()
        elif not inside.contains(place):
            place = inside.center()
        x = min(max(place.x(), inside.left()), inside.right())
        return self.mapToGlobal(QPoint(x, min(max(place.y(), inside.top()), inside.bottom())))

    def zoom_around(self, annotation_id: AnnotationId) -> None:
        """Shows an annotation with its surroundings in the middle of the canvas."""
        bounds = self._scene.bounds([annotation_id])
        if not bounds.isEmpty() and self._image_size is not None:
            self.fill_with_rect(surroundings(bounds, self._image_size))

    def set_spotlight(self, annotation_id: AnnotationId | None) -> None:
        """Dims everything but an annotation, or nothing."""
        if annotation_id != self._scene.spotlight:
            self._scene.spotlight = annotation_id
            self.update()

    @property
    def spotlight(self) -> AnnotationId | None:
        """The annotation that everything but is dimmed, which stays selected; None: there is none."""
        return self._scene.spotlight

    def set_ghosts(self, annotations: Sequence[Annotation], labels: LabelSet) -> None:
        """Outlines annotations that the document does not show: rejected ones."""
        self._scene.set_ghosts(annotations, labels)
        self.update()

    def set_hidden(self, ids: Iterable[AnnotationId]) -> None:
        """Hides annotations; hidden ones cannot be clicked."""
        self._scene.set_hidden(ids)
        self._refresh()

    def set_checked(self, sure: frozenset[AnnotationId], doubtful: frozenset[AnnotationId]) -> None:
        """Marks pending annotations that are probably right where they are, or not: those are named, too."""
        if (sure, doubtful) != (self._scene.sure, self._scene.doubtful):
            self._scene.set_checked(sure, doubtful)
            self._refresh()

    def set_filtered(self, ids: frozenset[AnnotationId]) -> None:
        """Hides annotations for their scores; hidden ones cannot be clicked."""
        if ids != self._scene.filtered:
            self._scene.set_filtered(ids)
            self._refresh()

    @property
    def filtered(self) -> frozenset[AnnotationId]:
        """The annotations that are hidden for their scores."""
        return self._scene.filtered

    def set_hidden_labels(self, labels: Iterable[LabelId]) -> None:
        """Hides all annotations of these labels, on every image; hidden ones cannot be clicked."""
        self._scene.set_hidden_labels(labels)
        self._refresh()

    def set_locked(self, ids: Iterable[AnnotationId]) -> None:
        """Marks annotations that nothing may change; tools leave them alone, see ``Session.edit``."""
        self._scene.set_locked(ids)
        self._annotations_changed()
        self._refresh()

    def set_annotations_visible(self, visible: bool) -> None:
        """Shows or hides every annotation."""
        self._scene.set_shown(visible)
        self._refresh()

    def set_opacity(self, opacity: float) -> None:
        """Sets the opacity of the fill of unselected annotations, 0..1."""
        self._scene.set_opacity(opacity)
        self._refresh()

    def set_outline_width(self, outline: float) -> None:
        """Sets the outline width of unselected annotations, logical pixels."""
        self._scene.set_outline(outline)
        self._refresh()

    def set_all_tags(self, shown: bool) -> None:
        """Sets whether all annotations show their name tags, not only hovered and selected ones."""
        self._scene.set_all_tags(shown)
        self._refresh()

    def set_color_by_instance(self, by_instance: bool) -> None:
        """Paints each annotation in a colour of its own, or in that of its label."""
        self._scene.set_color_by_instance(by_instance)
        self._refresh()

    def color(self, annotation_id: AnnotationId) -> QColor | None:
        """The colour that an annotation is painted in; None: it is not on this image."""
        return self._scene.color(annotation_id)

    @property
    def adjustments(self) -> Adjustments:
        """How the image is shown."""
        return self._adjustments

    def set_adjustments(self, adjustments: Adjustments) -> None:
        """Sets how the image is shown: for the eye only, models get its pixels as they are.

        While the last ones are still being painted, the newest wait: a slider is followed at the rate at
        which whole frames are ready.
        """
        if adjustments != self._adjustments:
            self._adjustments = adjustments
            self._refresh()
            self.adjustments_changed.emit(adjustments)

    def set_edited(self, annotation_id: AnnotationId | None) -> None:
        """Hides the annotation that is being edited while a proposal replaces it."""
        self._scene.set_edited(annotation_id)
        self._refresh()

    def set_proposal(self, proposal: Proposal | None) -> None:
        """Shows the current proposal, or none."""
        self._scene.set_proposal(proposal)
        self._refresh()  # in the same frame as the annotation that may replace it
        self.proposal_changed.emit()

    def set_proposals(self, proposals: Sequence[Proposal]) -> None:
        """Shows a list of proposals to choose from; a click on one emits ``proposal_clicked``."""
        self._many = list(proposals)
        self._scene.set_proposals(self._many)
        self._refresh()

    def work_under(self, rect: QRectF) -> float:
        """How much of the current proposal is under a rectangle of the widget, square logical pixels."""
        x0, y0 = self.to_image(rect.topLeft())
        x1, y1 = self.to_image(rect.bottomRight())
        area = self._scene.proposed_area(x0, y0, x1, y1)
        return area / self.image_pixels(1.0) ** 2

    def tags(self) -> list[Tag]:
        """The name tags on the canvas, the most important first; none overlaps another.

        The tag of an annotation under the mouse covers others where there is no room for it.
        """
        if self._scene.tags_pending:
            self.settle()
        live = self._live_tags()
        resting = self._scene.resting_tags
        return [*live, *(t for t in resting if not any(t.rect.intersects(over.rect) for over in live))]

    def _live_tags(self) -> list[Tag]:
        return place_tags(self._scene.tags(), self.to_widget, QRectF(self.rect()), tag_font(self.font()))

    @property
    def view_frame(self) -> ViewFrame | None:
        """The marked view: the part of the image that the model encodes, or None for the whole."""
        return self._view_frame

    def set_view_frame(self, frame: ViewFrame | None) -> None:
        """Marks the view that the model encodes, or none."""
        if frame != self._view_frame:
            self._view_frame = frame
            self.update()

    @property
    def comparison(self) -> RegionComparison | None:
        """The comparison over the annotations, if there is one."""
        return self._comparison

    def set_comparison(self, comparison: RegionComparison | None) -> None:
        """Shows regions before and after a change over the annotations, or none."""
        self._comparison = comparison
        self.update()

    def set_busy(self, busy: bool | float) -> None:
        """Shows a progress line at the top: indeterminate (True), a share of 0..1, or none (False)."""
        self._busy = busy
        self._show_progress()

    def _show_progress(self) -> None:
        reading = None if self._coarse is None else self._coarse.share or True
        self._progress_line.show_progress(self._busy if reading is None else reading)

    # For tools (see ``tools.base.Canvas``)

    @property
    def document(self) -> ImageDocument | None:
        """The document shown."""
        return self._scene.document

    @property
    def selection(self) -> frozenset[AnnotationId]:
        """The selected annotations."""
        return self._scene.selection

    @property
    def locked(self) -> frozenset[AnnotationId]:
        """The locked annotations: no tool drags, reshapes or removes them."""
        return self._scene.locked

    def annotations_at(self, x: float, y: float) -> list[AnnotationId]:
        """The visible annotations at a position (image pixels), the smallest first."""
        return self._scene.at(x, y, self.image_pixels(4))

    def proposal_at(self, x: float, y: float) -> int | None:
        """The index of the smallest proposal of the list at a position (image pixels), or None."""
        return self._scene.proposal_at(x, y)

    def enclosed(self, rect: QRectF) -> frozenset[AnnotationId]:
        """The visible annotations completely inside a rectangle (image pixels)."""
        return self._scene.enclosed(rect)

    def shape(self, annotation_id: AnnotationId) -> Shape | None:
        """The shape of a visible annotation."""
        return self._scene.shape(annotation_id)

    def set_hovered(self, annotation_id: AnnotationId | None) -> None:
        """Highlights the annotation under the mouse, on the canvas or in a list."""
        if annotation_id != self._scene.hovered:
            self._scene.hovered = annotation_id
            self.update()

    def set_dragged(self, ids: Iterable[AnnotationId]) -> None:
        """Excludes annotations from the layers while a tool drags and paints them."""
        self._scene.set_dragged(ids)
        self._refresh()

    @property
    def shapes_pending(self) -> bool:
        """Whether annotations on screen are not yet painted as they are now."""
        return self._scene.shapes_pending

    def update_region(self, region: QRegion) -> None:
        """Schedules a repaint of a part of the canvas, logical pixels."""
        self.update(region)

    def paint_shape(self, painter: QPainter, shape: Shape) -> None:
        """Paints a shape like an annotation; the painter uses logical pixels."""
        size = self.device_size()
        painter.save()
        painter.scale(1 / self.devicePixelRatioF(), 1 / self.devicePixelRatioF())
        path = shape.path(self._view, (size.width(), size.height()))
        paint_region(painter, path, shape.color, shape.mark, unit=self.devicePixelRatioF())
        painter.restore()

    def visible_rect(self) -> QRectF:
        """The visible rectangle, image pixels; it may extend past the image."""
        top_left = QPointF(*self.to_image(QPointF(0, 0)))
        return QRectF(top_left, QPointF(*self.to_image(QPointF(self.width(), self.height()))))

    # Painting

    def settle(self) -> None:
        """Finishes painting every layer synchronously, for screenshots and tests."""
        self._scene.set_adjustments(self._adjustments)
        self._scene.set_font(self.font())
        self._scene.set_viewport(self._view, self.device_size(), self.devicePixelRatioF())
        while self._scene.busy:
            self._scene.step(1.0)
        self._timer.stop()
        self.update()

    def _refresh(self) -> None:
        """Schedules painting after a change of the scene or the viewport."""
        self._update_due = True
        self._timer.start()

    def _view_moved(self) -> None:
        self._refresh()

    def _tick(self) -> None:
        if not self._scene.image_busy:
            self._scene.set_adjustments(self._adjustments)
        before, self._ticked_view = self._ticked_view, self._view
        zooms = self._view.scale != before.scale and self._shown_size == self.device_size()
        changed = False
        if not zooms:  # else all of the layers would be begun anew for every notch of the wheel
            self._shown_size = self.device_size()
            self._scene.set_font(self.font())
            self._scene.set_viewport(self._view, self._shown_size, self.devicePixelRatioF())
            changed = self._scene.step(_MOVING_SLICE_S if self._view != before else _SLICE_S)
            if not self._scene.busy and self._scene.adjustments == self._adjustments:
                self._timer.stop()
        if changed or self._update_due:
            self._update_due = False
            self.update()

    def _surround(self) -> QColor:
        window = self.palette().color(QPalette.ColorRole.Window)
        return window.darker(135) if window.lightness() < 128 else window.darker(128)

    def _paint_text(self, painter: QPainter) -> None:
        area = QRectF(self.rect())
        if self._image_size is None:
            paint_message(painter, self._message, area, self.palette().color(QPalette.ColorRole.WindowText))
            return
        painter.setFont(tag_font(painter.font()))
        for tag in reversed(self._live_tags()):
            paint_tag(painter, tag)

    def _image_switched(self) -> None:
        """Called when another image is shown; for subclasses."""

    def _annotations_changed(self) -> None:
        """Called when the annotations or the selection change; for subclasses."""

    def _paint_tool(self, painter: QPainter) -> None:
        """Paints over the scene, in logical pixels; for subclasses."""

    # Qt overrides

    def changeEvent(self, event: QEvent) -> None:
        """Follows a change between light and dark."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange:
            self._scene.set_background(self._surround())
            self._refresh()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Composes the cached layers and paints tags, tool and view frame over them."""
        ratio, size = self.devicePixelRatioF(), self.device_size()
        painter = QPainter(self)
        painter.fillRect(event.rect(), self._surround())
        if self._image_size is not None:
            painter.save()
            painter.scale(1 / ratio, 1 / ratio)
            self._scene.draw(painter, self._view, size)
            if self._view_frame is not None:
                paint_view_frame(painter, self._view_frame, self._image_size, (self._view, size, ratio))
            if self._comparison is not None:
                self._comparison.paint(painter, self._view, size, ratio)
            painter.restore()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._image_size is not None:
            self._paint_tool(painter)
        self._paint_text(painter)
        if self._comparison is not None:
            self._comparison.paint_key(painter, self.font(), self.height())
        painter.end()
