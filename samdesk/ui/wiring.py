"""What each command does, and when it can be invoked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject

from samdesk.settings.table import HOVER_PREVIEW, LOOK_CLOSER, Settings
from samdesk.ui.annotations.tools import ToolsController
from samdesk.ui.auto_annotate.controller import BatchController
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.commands.actions import Actions
from samdesk.ui.dataset.files import FilesController
from samdesk.ui.dataset.navigate import NavigateController
from samdesk.ui.editing.session import Session
from samdesk.ui.labels.controller import LabelsController
from samdesk.ui.models.controller import ModelsController
from samdesk.ui.prompting.annotate import AnnotateController
from samdesk.ui.prompting.everything import EverythingController
from samdesk.ui.prompting.views import ViewsController
from samdesk.ui.shell.help import HelpController
from samdesk.ui.shell.main_window import MainWindow
from samdesk.ui.teach.controller import TeachController
from samdesk.ui.teach.taught import TaughtController


@dataclass(frozen=True)
class Controllers:
    """All flows of the window."""

    files: FilesController
    navigate: NavigateController
    labels: LabelsController
    tools: ToolsController
    annotate: AnnotateController
    views: ViewsController
    everything: EverythingController
    models: ModelsController
    batch: BatchController
    taught: TaughtController
    teach: TeachController
    help: HelpController


class CommandsController(QObject):
    """Joins the command table to the controllers and keeps the commands' states true."""

    def __init__(
        self,
        actions: Actions,
        window: MainWindow,
        canvas: CanvasView,
        session: Session,
        settings: Settings,
        flows: Controllers,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._actions, self._canvas, self._session, self._flows = actions, canvas, session, flows
        self._settings, self._window = settings, window
        for command_id, slot in self._slots().items():
            actions.on(command_id, slot)
        stack = session.stack
        for signal in (
            stack.indexChanged, session.model.document_opened, session.model.document_changed,
            flows.tools.selection_changed, flows.tools.tool_changed, flows.annotate.changed,
            flows.models.ready, flows.everything.changed, flows.batch.running_changed,
            flows.files.dataset_opened, flows.taught.changed, flows.teach.changed, flows.views.changed,
        ):  # fmt: skip
            signal.connect(self.refresh)
        flows.tools.tool_changed.connect(lambda name: actions.set_checked(f"tool.{name}", True))
        flows.views.changed.connect(lambda: actions.set_checked("view.look_pin", flows.views.pinned))
        actions.set_checked("view.hover_preview", settings.get(HOVER_PREVIEW))
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Enables what can be done now, and names what would be undone and redone."""
        self._actions.update({name for name, holds in self._conditions().items() if holds})
        stack = self._session.stack
        self._actions.set_title("edit.undo", f"Undo {stack.undoText()}".strip())
        self._actions.set_title("edit.redo", f"Redo {stack.redoText()}".strip())

    def _conditions(self) -> dict[str, bool]:
        flows, stack = self._flows, self._session.stack
        editable = not self._session.read_only
        has_document = self._session.model.document is not None
        selected = len(flows.tools.selection)
        prompted = flows.annotate.has_prompts or not flows.tools.at_rest
        return {
            "folder": flows.files.info is not None,
            "image": has_document,
            "document": has_document,
            "editable": editable,
            "undo": stack.canUndo() and editable,
            "redo": stack.canRedo() and editable,
            "selection": selected > 0,
            "one_selected": selected == 1,
            "prompt": prompted or flows.everything.proposing,
            "proposal": prompted,
            "candidates": flows.annotate.candidate_count > 1,
            "labels": len(self._session.model.labels) > 0,
            "views": flows.models.info is None or flows.models.info.views,
            "model": flows.models.info is not None and has_document,
            "running": flows.batch.running,
            "idle": not flows.batch.running,
            "teachable": not flows.teach.running,
            "teaching": flows.teach.running,
            "taught": flows.taught.in_use,
            "taught_before": flows.taught.can_undo,
        }

    def _slots(self) -> dict[str, Callable[..., Any]]:
        files, navigate, tools, annotate = self._file_flows()
        canvas, session, flows = self._canvas, self._session, self._flows
        return {
            "file.open_folder": files.choose_folder,
            "file.demo": files.open_demo,
            "file.save": files.save,
            "file.show_in_folder": files.show_in_folder,
            "file.quit": self._window.close,
            "edit.undo": session.stack.undo,
            "edit.redo": session.stack.redo,
            "edit.delete": tools.delete_selected,
            "edit.select_all": tools.select_all,
            "edit.duplicate": tools.duplicate_selected,
            "edit.settings": flows.help.settings,
            "edit.shortcuts": flows.help.edit_shortcuts,
            "view.fit": canvas.fit,
            "view.actual_size": canvas.actual_size,
            "view.zoom_in": canvas.zoom_in,
            "view.zoom_out": canvas.zoom_out,
            "view.toggle_annotations": canvas.set_annotations_visible,
            "view.hover_preview": lambda on: self._settings.set(HOVER_PREVIEW, on),
            "view.look_auto": lambda on: self._settings.set(LOOK_CLOSER, on),
            "view.look_pin": flows.views.pin,
            "view.look_now": flows.views.look_now,
            "view.theme": flows.help.toggle_theme,
            **{f"tool.{name}": _choosing(tools, name) for name in tools.tools},
            "prompt.undo": tools.undo_step,
            "prompt.clear": self._clear,
            "prompt.accept": tools.finish,
            "candidate.next": lambda: annotate.step_candidate(1),
            "candidate.previous": lambda: annotate.step_candidate(-1),
            "image.next": lambda: navigate.step(1),
            "image.previous": lambda: navigate.step(-1),
            "image.accept_next": navigate.accept_and_step,
            "annotation.reopen_in_sam": tools.reopen_selected,
            "annotation.accept": tools.accept_selected,
            **{f"label.{n}": _labelling(tools, n - 1) for n in range(1, 10)},
            "run.auto_annotate": flows.batch.ask,
            "run.cancel": flows.batch.cancel,
            "sam.everything": flows.everything.start,
            "model.choose": flows.models.choose,
            "model.info": flows.models.show_info,
            "teach.start": flows.teach.ask,
            "teach.stop": flows.teach.cancel,
            "teach.undo": flows.taught.undo,
            "teach.export": flows.taught.export,
            "teach.bring": flows.taught.bring,
            "help.shortcuts": flows.help.shortcut_sheet,
            "help.diagnostics": flows.help.diagnostics,
            "help.about": flows.help.about,
        }

    def _clear(self) -> None:
        """Drops what is begun, else what is proposed for the whole image."""
        if self._flows.annotate.has_prompts or not self._flows.tools.at_rest:
            self._flows.tools.cancel()
        else:
            self._flows.everything.discard()

    def _file_flows(
        self,
    ) -> tuple[FilesController, NavigateController, ToolsController, AnnotateController]:
        return self._flows.files, self._flows.navigate, self._flows.tools, self._flows.annotate


def _choosing(tools: ToolsController, name: str) -> Callable[..., None]:
    return lambda _checked=True: tools.choose(name)


def _labelling(tools: ToolsController, index: int) -> Callable[..., None]:
    return lambda: tools.label_by_index(index)
