"""Tools, selection, and what is done to the selected annotations."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, QPoint, Signal

from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, AnnotationId, ReviewState, Source, new_annotation_id
from samdesk.domain.document import Changes, ImageDocument
from samdesk.domain.edits import Edit
from samdesk.domain.geometry.regions import translate
from samdesk.domain.geometry.types import Region
from samdesk.domain.labels import LabelId
from samdesk.ui.annotations.panel import AnnotationsPanel
from samdesk.ui.canvas.tools.base import Tool
from samdesk.ui.canvas.tools.polygon import PolygonTool
from samdesk.ui.canvas.tools.rectangle import RectangleTool
from samdesk.ui.canvas.tools.sam import SamTool
from samdesk.ui.canvas.tools.select import SelectTool
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.editing.session import Session
from samdesk.ui.labels.controller import LabelsController
from samdesk.ui.prompting.annotate import AnnotateController

DUPLICATE_OFFSET_PX = 12.0


class ToolsController(QObject):
    """Switches tools, keeps canvas, panel and selection in step, and edits what is selected.

    Signals:
        tool_changed: Name of the tool now in use: "select", "sam", "polygon" or "rectangle".
        selection_changed: frozenset of the selected annotations' ids.
    """

    tool_changed = Signal(str)
    selection_changed = Signal(object)

    def __init__(
        self,
        session: Session,
        canvas: CanvasView,
        panel: AnnotationsPanel,
        labels: LabelsController,
        sam: SamTool,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._canvas, self._panel, self._labels = session, canvas, panel, labels
        self.annotate: AnnotateController | None = None
        self._read_only = False
        self.tools: dict[str, Tool] = {
            "select": SelectTool(self),
            "sam": sam,
            "polygon": PolygonTool(self),
            "rectangle": RectangleTool(self),
        }
        for tool in self.tools.values():
            tool.edit_requested.connect(self._edit)
        for drawing in (self.tools["polygon"], self.tools["rectangle"]):
            drawing.region_drawn.connect(self.add_region)  # type: ignore[attr-defined]
        self.tools["select"].reopen_requested.connect(self.reopen)  # type: ignore[attr-defined]
        model = session.model
        model.document_opened.connect(self._show_document)
        model.document_changed.connect(self._show_changes)
        canvas.selection_changed.connect(self._select_from_canvas)
        canvas.context_menu_requested.connect(self._open_menu)
        panel.selection_changed.connect(self._select_from_panel)
        panel.visibility_changed.connect(canvas.set_hidden)
        panel.relabel_requested.connect(self._relabel)
        panel.delete_requested.connect(self._delete)
        panel.reopen_requested.connect(self.reopen)
        panel.accept_requested.connect(self._accept)
        labels.current_changed.connect(lambda _label: self._recolor())
        self._recolor()

    @property
    def document(self) -> ImageDocument | None:
        """The document on screen."""
        return self._session.model.document

    @property
    def selection(self) -> frozenset[AnnotationId]:
        """The selected annotations' ids."""
        return frozenset(self._canvas.selection)

    def choose(self, name: str) -> None:
        """Takes a tool in hand."""
        if self.annotate is not None and name != "sam":
            self.annotate.discard()
        self._canvas.set_tool(self.tools[name])
        self.tool_changed.emit(name)

    def set_read_only(self, read_only: bool) -> None:
        """Leaves only the tool that looks in hand, or gives the tool that draws back."""
        self._panel.set_read_only(read_only)
        if read_only:
            self.choose("select")
        elif self._read_only:
            self.choose("sam")
        self._read_only = read_only

    @property
    def at_rest(self) -> bool:
        """Whether the tool in use has nothing begun."""
        tool = self._canvas.tool
        return tool is None or tool.at_rest

    def undo_step(self) -> None:
        """Takes the last prompt or corner back."""
        if self._canvas.tool is not None:
            self._canvas.tool.undo_step()

    def cancel(self) -> None:
        """Drops what is begun."""
        tool = self._canvas.tool
        if tool is self.tools["sam"] and self.annotate is not None:
            self.annotate.discard()
        elif tool is not None:
            tool.cancel()

    def finish(self) -> None:
        """Keeps what is begun: the mask shown, or the outline drawn so far."""
        tool = self._canvas.tool
        if tool is self.tools["sam"] and self.annotate is not None:
            self.annotate.accept()
        elif tool is not None:
            tool.finish()

    def add_region(self, region: Region) -> None:
        """A region drawn by hand becomes an annotation with the current label."""
        label = self._labels.current_or_new()
        if label is not None:
            annotation = Annotation(new_annotation_id(), label.id, region, Source.MANUAL)
            self._session.edit(f"Add {label.name}", edits.add([annotation]))
            self._select(frozenset({annotation.id}))

    def label_by_index(self, index: int) -> None:
        """The label with this class id is chosen; a selection gets it too."""
        label_id = self._labels.choose_index(index)
        if label_id is not None and self.selection and self._canvas.tool is self.tools["select"]:
            self._relabel(self.selection, label_id)

    def delete_selected(self) -> None:
        """Deletes the selected annotations."""
        self._delete(self.selection)

    def select_all(self) -> None:
        """Selects every annotation of the image."""
        if self.document is not None:
            self.choose("select")
            self._select(frozenset(a.id for a in self.document.annotations))

    def duplicate_selected(self) -> None:
        """Copies the selected annotations, a little aside but not out of the image; selects the copies."""
        size = self._canvas.image_size
        if size is None:
            return
        copies = [
            replace(a, id=new_annotation_id(), region=_aside(a.region, size), prompts=None)
            for a in self._selected()
        ]
        if copies:
            self._session.edit(f"Duplicate {len(copies)}", edits.add(copies))
            self._select(frozenset(c.id for c in copies))

    def accept_selected(self) -> None:
        """Agrees with the selected annotations."""
        self._accept(self.selection)

    def reopen_selected(self) -> None:
        """Opens the one selected annotation in the SAM tool."""
        if len(self.selection) == 1:
            self.reopen(next(iter(self.selection)))

    def reopen(self, annotation_id: AnnotationId) -> None:
        """Opens an annotation in the SAM tool, with the prompts that made it."""
        found = self.document.find(annotation_id) if self.document else None
        if found is not None and self.annotate is not None:
            self.choose("sam")
            self.annotate.reopen(found)

    def _recolor(self) -> None:
        for tool in self.tools.values():
            tool.set_color(self._labels.color())

    def _selected(self) -> list[Annotation]:
        return [a for a in self.document.annotations if a.id in self.selection] if self.document else []

    def _edit(self, text: str, edit: Edit) -> None:
        self._session.edit(text, edit)

    def _relabel(self, ids: frozenset[AnnotationId], label_id: LabelId) -> None:
        if self.document is not None:
            self._session.edit(
                f"Relabel to {self._labels.name(label_id)}", edits.relabel(self.document, ids, label_id)
            )

    def _delete(self, ids: frozenset[AnnotationId]) -> None:
        if ids:
            text = "Delete annotation" if len(ids) == 1 else f"Delete {len(ids)} annotations"
            self._session.edit(text, edits.remove(ids))

    def _accept(self, ids: frozenset[AnnotationId]) -> None:
        document = self.document
        if document is None:
            return
        pending = [
            a for a in document.annotations if a.id in frozenset(ids) and a.review is ReviewState.PENDING
        ]
        self._session.edit("Accept annotation", edits.update(pending))

    def _select(self, ids: frozenset[AnnotationId]) -> None:
        self._canvas.set_selection(ids)
        self._panel.set_selection(ids)
        self.selection_changed.emit(ids)

    def _open_menu(self, under: AnnotationId | None, place: QPoint) -> None:
        """The menu of the annotation under the mouse, or of all that is selected if it is one of them."""
        if under is not None and under not in self.selection:
            self._select(frozenset({under}))
        if self.selection:
            self._panel.menu().popup(place)

    def _select_from_canvas(self, ids: frozenset[AnnotationId]) -> None:
        self._panel.set_selection(ids)
        self.selection_changed.emit(ids)

    def _select_from_panel(self, ids: frozenset[AnnotationId]) -> None:
        if ids and self._canvas.tool is not self.tools["select"]:
            self.choose("select")
        self._canvas.set_selection(ids)
        self.selection_changed.emit(ids)

    def _show_document(self, document: ImageDocument | None) -> None:
        if self.annotate is not None:
            self.annotate.discard()
        self._canvas.set_document(document, self._labels.labels)
        self._panel.set_document(document, self._labels.labels, None)
        self._select(frozenset())

    def _show_changes(self, changes: Changes) -> None:
        labels = self._session.model.labels
        self._canvas.set_document(self.document, labels)
        self._panel.set_document(self.document, labels, changes)
        gone = self.selection & changes.removed
        if gone:
            self._select(self.selection - gone)


def _aside(region: Region, size: tuple[int, int]) -> Region:
    """The region moved a little, to the right and down where there is room, else the other way."""
    x0, y0, x1, y1 = region.bounds
    return translate(region, _step(x0, x1, size[0]), _step(y0, y1, size[1]))


def _step(low: float, high: float, limit: int) -> float:
    if high + DUPLICATE_OFFSET_PX <= limit:
        return DUPLICATE_OFFSET_PX
    return -min(DUPLICATE_OFFSET_PX, max(low, 0.0))
