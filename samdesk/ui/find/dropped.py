"""DroppedModels: a model file that is dropped on the window is used for what it can do."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject

from samdesk.engine.models.open_vocabulary import ModelUse, use_of
from samdesk.settings.table import AUTO_DET_MODEL, AUTO_OPEN_MODEL, MODEL_DEVICE, MODEL_PRECISION
from samdesk.ui.auto_annotate.controller import BatchController
from samdesk.ui.commands.actions import Actions
from samdesk.ui.dataset.files import FilesController
from samdesk.ui.kit.messages import Messages
from samdesk.ui.models.rows import known_name

SUFFIXES = (".pt", ".pth", ".safetensors")
_KEY = "model file"


class DroppedModels(QObject):
    """Takes checkpoints that are dropped on the window. They are recognised without running them."""

    def __init__(
        self, files: FilesController, batch: BatchController, actions: Actions, messages: Messages
    ) -> None:
        super().__init__(files)
        self._batch, self._actions, self._messages = batch, actions, messages
        files.takers.append(self.take)

    def take(self, paths: Sequence[Path]) -> bool:
        """Uses a model file; False: the first file is none."""
        if paths[0].suffix.lower() not in SUFFIXES:
            return False
        path = paths[0].absolute()
        self._batch.models.open.ask(partial(use_of, path), partial(self._use, path))
        return True

    def _use(self, path: Path, use: ModelUse | None) -> None:
        settings, name = self._batch.settings, known_name(str(path))
        if use is None:
            self._messages.warn(f"{path} is not a model that samdesk knows.", key=_KEY)
        elif use is ModelUse.MASKS:
            self._batch.models.use(name, settings.get(MODEL_DEVICE), settings.get(MODEL_PRECISION))
        elif use is ModelUse.CONCEPTS:
            settings.set(AUTO_OPEN_MODEL, name)
            key = self._actions.shortcut_text("find.again")
            by_key = f"press {key}" if key else "choose Find more like these"
            self._note(f"{path.name} finds what you show it: select annotations and {by_key}.", name)
        else:
            settings.set(AUTO_DET_MODEL, name)
            self._note(f"{path.name} finds the objects of the next auto-annotate run.")

    def _note(self, text: str, open_model: str = "") -> None:
        def ask() -> None:
            self._batch.ask_for(self._batch.usual_plan(), open_model)

        ready = self._actions.action("run.auto_annotate").isEnabled()
        self._messages.info(text, key=_KEY, actions=[("Auto-annotate…", ask)] if ready else [], seconds=12)
