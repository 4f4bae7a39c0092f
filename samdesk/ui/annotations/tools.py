"""ToolsController: the tool in use, the selection, and the edits of the selected annotations."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, QPoint, Signal

from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, AnnotationId, Source, TrackId, new_annotation_id
from samdesk.domain.document import Changes, ImageDocument
from samdesk.domain.edits import Edit
from samdesk.domain.geometry.regions import translate
from samdesk.domain.geometry.types import Region
from samdesk.domain.labels import LabelId
from samdesk.domain.review import AnnotationReview
from samdesk.ui.annotations.panel import AnnotationsPanel
from samdesk.ui.canvas.tools.base import Tool, edit_title
from samdesk.ui.canvas.tools.registry import SEGMENT, SELECT, Toolbox
from samdesk.ui.canvas.tools.select import SelectTool
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.editing.session import Session
from samdesk.ui.labels.controller import LabelsController
from samdesk.ui.prompting.annotate import AnnotateController

DUPLICATE_OFFSET_PX = 12.0


class ToolsController(QObject):
    """Switches tools, synchronizes the selection of canvas and panel, and edits what is selected.

    Signals:
        tool_changed: (str) id of the tool now in use, see ``ToolSpec``.
        selection_changed: (frozenset of AnnotationId) the selected annotations.
        steps_changed: ``undo_name`` or ``redo_name`` may have changed.
        menu_requested: (QPoint) the context menu of the selection is to be opened there, global position.
    """

    tool_changed = Signal(str)
    selection_changed = Signal(object)
    steps_changed = Signal()
    menu_requested = Signal(QPoint)

    def __init__(
        self,
        session: Session,
        canvas: CanvasView,
        panel: AnnotationsPanel,
        labels: LabelsController,
        toolbox: Toolbox,
        annotate: AnnotateController,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._canvas, self._panel, self._labels = session, canvas, panel, labels
        self.toolbox, self._annotate = toolbox, annotate
        self._read_only = False
        self.reviewing = False
        """Whether digits relabel the selection with any tool."""
        for tool in toolbox:
            tool.edit_requested.connect(self._edit)
            tool.region_drawn.connect(self.add_region)
            tool.reopen_requested.connect(self.reopen)
            tool.steps_changed.connect(self.steps_changed)
        annotate.changed.connect(self.steps_changed)
        self.tool_changed.connect(lambda _tool_id: self.steps_changed.emit())
        model = session.model
        model.document_opened.connect(self._show_document)
        model.document_changed.connect(self._show_changes)
        canvas.selection_changed.connect(self._select_from_canvas)
        canvas.context_menu_requested.connect(self._open_menu)
        panel.selection_changed.connect(self._select_from_panel)
        panel.visibility_changed.connect(canvas.set_hidden)
        panel.relabel_requested.connect(self._relabel)
        panel.lock_requested.connect(lambda ids, locked: session.locks.set_locked(ids, locked=locked))
        session.locks.changed.connect(panel.set_locked)
        panel.reopen_requested.connect(self.reopen)
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

    def choose(self, tool_id: str) -> None:
        """Switches to a tool; the others keep their unfinished work until they are chosen again.

        The brush and other tools that work on the selection go on with the mask shown: it is accepted first.
        """
        tool = self.toolbox.tool(tool_id)
        mask_shown = self._tool is self.toolbox.get(SEGMENT) and self._annotate.answered
        if mask_shown and tool.edits_selection and tool_id != SELECT.id:
            self._select_mask_shown()
        self._canvas.set_tool(tool)
        self.tool_changed.emit(tool_id)

    def _select_mask_shown(self) -> None:
        """Accepts the mask of the Segment tool and selects its annotation."""
        reopened = self._annotate.reopened
        before = {a.id for a in self.document.annotations} if self.document else set()
        self._annotate.accept()
        after = {a.id for a in self.document.annotations} if self.document else set()
        chosen = frozenset(after - before) or frozenset({reopened} if reopened else ())
        self.select(chosen)

    def set_read_only(self, read_only: bool) -> None:
        """Switches to the Select tool, or back to the Segment tool."""
        self._panel.set_read_only(read_only)
        if read_only:
            self.choose(SELECT.id)
        elif self._read_only:
            self.choose(SEGMENT.id)
        self._read_only = read_only

    def set_color_by_instance(self, by_instance: bool) -> None:
        """Shows each annotation in a colour of its own, or in that of its label."""
        self._canvas.set_color_by_instance(by_instance)
        self._panel.set_colors(self._canvas.color if by_instance else None)

    @property
    def is_idle(self) -> bool:
        """Whether the tool in use has no unfinished work."""
        tool = self._tool
        return tool is None or tool.is_idle

    @property
    def tool_id(self) -> str:
        """The id of the tool in use; "" before one is chosen."""
        return next((spec.id for spec in self.toolbox.specs if self.toolbox.tool(spec.id) is self._tool), "")

    @property
    def select_tool(self) -> SelectTool:
        """The tool that edits vertices."""
        return self.toolbox.get(SELECT)

    @property
    def undo_name(self) -> str:
        """What ``undo_step`` undoes ("prompt", "vertex"); "" if there is nothing."""
        if self._tool is self.toolbox.get(SEGMENT):
            return self._annotate.undo_name
        return "" if self._tool is None else self._tool.undo_name

    @property
    def redo_name(self) -> str:
        """What ``redo_step`` redoes; "" if there is nothing."""
        return "" if self._tool is None else self._tool.redo_name

    def undo_step(self) -> None:
        """Undoes the last step of what is being drawn: a prompt, a vertex, a drag."""
        if self._tool is self.toolbox.get(SEGMENT):
            self._annotate.undo_step()
        elif self._tool is not None:
            self._tool.undo_step()

    def redo_step(self) -> None:
        """Redoes the step of what is being drawn that was undone last."""
        if self._tool is not None:
            self._tool.redo_step()

    def undo_prompt(self) -> None:
        """Removes the last prompt or vertex."""
        if self._tool is not None:
            self._tool.undo_step()

    def complete(self) -> None:
        """Ends a drag where it is, then keeps the mask shown or the outline drawn so far, if it can be."""
        if self._tool is not None:
            self._tool.interrupt()
            self._tool.finish()

    def cancel(self) -> None:
        """Discards the mask, outline or drag in progress."""
        if self._tool is not None:
            self._tool.discard()

    def finish(self) -> None:
        """Keeps the mask shown, or the outline drawn so far."""
        if self._tool is not None:
            self._tool.finish()

    def add_region(self, region: Region) -> None:
        """Adds an annotation with the current label."""
        label = self._labels.current_or_new()
        if label is not None:
            annotation = Annotation(new_annotation_id(), label.id, region, Source.MANUAL)
            self._session.edit(f"Add {label.name}", edits.add([annotation]))
            self.select(frozenset({annotation.id}))

    def label_by_index(self, index: int) -> None:
        """Makes the label with this class id current; the select tool also gives it to the selection."""
        label_id = self._labels.choose_index(index)
        if label_id is not None and self.relabel_count:
            self._relabel(self.selection, label_id)

    @property
    def relabel_count(self) -> int:
        """How many annotations a chosen label is given to: the selected ones, while the tool edits them."""
        edits_them = self.reviewing or (self._tool is not None and self._tool.edits_selection)
        return len(self.selection) if edits_them else 0

    def relabel_selected(self, label_id: LabelId) -> int:
        """Gives the selected annotations a label, as one step; returns how many had another one."""
        changed = sum(annotation.label_id != label_id for annotation in self._selected())
        self._relabel(self.selection, label_id)
        return changed

    def step(self, by: int) -> None:
        """Selects the next (+1) or previous (-1) annotation of the list, and shows it; wraps around."""
        found = self._panel.next_to(self.selection, by) or self._panel.next_to((), by)
        if found is not None:
            self.use_select_tool()
            self.go_on(found)

    def zoom_to_selection(self) -> None:
        """Zooms to the selected annotations, or back if it has just done so."""
        self._canvas.zoom_to(self.selection)

    def show(self, annotation_id: AnnotationId) -> None:
        """Selects an annotation and shows it with its surroundings."""
        self.use_select_tool()
        self.select(frozenset({annotation_id}))
        self._canvas.zoom_around(annotation_id)

    def show_all_of(self, ids: tuple[AnnotationId, ...]) -> None:
        """Selects those annotations that the image has, and shows them with their surroundings."""
        document = self.document
        known = () if document is None else tuple(i for i in ids if document.find(i) is not None)
        if known:
            self.use_select_tool()
            self.select(frozenset(known))
            self._canvas.zoom_around(known[-1])

    def select_all(self) -> None:
        """Selects every annotation of the image but those that are hidden for their scores."""
        if self.document is not None:
            self.choose(SELECT.id)
            self.select(frozenset(a.id for a in self.document.annotations) - self._canvas.filtered)

    def duplicate_selected(self) -> None:
        """Duplicates the selected annotations, offset but within the image, and selects the copies."""
        size = self._canvas.image_size
        if size is None:
            return
        copies = [
            replace(
                a,
                id=new_annotation_id(),
                track=TrackId(""),
                region=_offset(a.region, size),
                prompts=None,
                detector_score=None,
                mask_score=None,
            )
            for a in self._selected()
        ]
        if copies:
            self._session.edit(edit_title("Duplicate", len(copies)), edits.add(copies))
            self.select(frozenset(c.id for c in copies))

    @property
    def can_accept(self) -> bool:
        """Whether ``accept_selected`` does anything: accepts an annotation, or goes on to the next."""
        return bool(self._pending_selected() or self._panel.next_to(self.selection, 1))

    def accept_selected(self) -> None:
        """Accepts the selected annotations, if they are not yet, and goes on to the next one in the list."""
        following = self._panel.next_to(self.selection, 1)
        pending = self._pending_selected()
        if pending:
            accepted = [replace(a, review=AnnotationReview.ACCEPTED, note="") for a in pending]
            self._session.edit(edit_title("Accept", len(pending)), edits.update(accepted))
        self.go_on(following)

    def reopen_selected(self) -> None:
        """Opens the one selected annotation in the Segment tool."""
        if len(self.selection) == 1:
            self.reopen(next(iter(self.selection)))

    def reopen(self, annotation_id: AnnotationId) -> None:
        """Opens an annotation in the Segment tool, with the prompts that made it."""
        found = self.document.find(annotation_id) if self.document else None
        if annotation_id in self._session.locks.locked:
            self._session.locked.emit(frozenset((annotation_id,)))
        elif found is not None:
            self.choose(SEGMENT.id)
            self._annotate.reopen(found)

    @property
    def _tool(self) -> Tool | None:
        return self._canvas.tool

    def _recolor(self) -> None:
        segment = self.toolbox.get(SEGMENT)
        for tool in self.toolbox:
            tool.set_color(self._annotate.color if tool is segment else self._labels.color())

    def _selected(self) -> list[Annotation]:
        document, selection = self.document, self.selection
        return [a for a in document.annotations if a.id in selection] if document and selection else []

    def _pending_selected(self) -> list[Annotation]:
        return [a for a in self._selected() if a.review.is_open]

    def unlocked(self) -> frozenset[AnnotationId]:
        """The selected annotations that are not locked; all of them, so that an edit says so, if all are."""
        return self.selection - self._session.locks.locked or self.selection

    def _edit(self, text: str, edit: Edit) -> None:
        self._session.edit(text, edit)

    def _relabel(self, ids: frozenset[AnnotationId], label_id: LabelId) -> None:
        ids = ids - self._session.locks.locked or ids
        if self.document is not None:
            self._session.edit(
                f"Relabel to {self._labels.name(label_id)}", edits.relabel(self.document, ids, label_id)
            )

    def go_on(self, annotation_id: AnnotationId | None) -> None:
        """Selects an annotation and moves the canvas to it if it is out of sight."""
        if annotation_id is not None:
            self.select(frozenset({annotation_id}))
            self._canvas.reveal({annotation_id})

    def use_select_tool(self) -> None:
        """Switches to the Select tool, unless that would discard something unfinished."""
        works_on_selection = self._tool is not None and self._tool.edits_selection
        if self.is_idle and not works_on_selection and not self._annotate.has_prompts:
            self.choose(SELECT.id)

    def select(self, ids: frozenset[AnnotationId]) -> None:
        """Selects annotations, on the canvas and in the panel."""
        if not self._canvas.set_selection(ids):  # else its signal has come here already
            self._select_from_canvas(ids)

    def _open_menu(self, under: AnnotationId | None, place: QPoint) -> None:
        """Requests the context menu; the annotation under the cursor is selected first if it is not."""
        if under is not None and under not in self.selection:
            self.select(frozenset({under}))
        if self.selection:
            self.menu_requested.emit(place)

    def _select_from_canvas(self, ids: frozenset[AnnotationId]) -> None:
        self._panel.set_selection(ids)
        self.selection_changed.emit(ids)

    def _select_from_panel(self, ids: frozenset[AnnotationId]) -> None:
        if ids:
            self.use_select_tool()
        self._canvas.set_selection(ids)
        if len(ids) == 1:
            self._canvas.reveal(ids)
        self.selection_changed.emit(ids)

    def _show_document(self, document: ImageDocument | None) -> None:
        self._annotate.reset()
        self._canvas.set_document(document, self._labels.labels)
        self._panel.set_document(document, self._labels.labels, None)
        self.select(frozenset())

    def _show_changes(self, changes: Changes) -> None:
        labels = self._session.model.labels
        self._canvas.set_document(self.document, labels, changes)
        self._panel.set_document(self.document, labels, changes)
        removed = self.selection & changes.removed
        if removed:
            self.select(self.selection - removed)


def _offset(region: Region, size: tuple[int, int]) -> Region:
    """The region moved right and down by ``DUPLICATE_OFFSET_PX``; up or left where there is no room."""
    x0, y0, x1, y1 = region.bounds
    return translate(region, _step(x0, x1, size[0]), _step(y0, y1, size[1]))


def _step(low: float, high: float, limit: int) -> float:
    if high + DUPLICATE_OFFSET_PX <= limit:
        return DUPLICATE_OFFSET_PX
    return -min(DUPLICATE_OFFSET_PX, max(low, 0.0))
