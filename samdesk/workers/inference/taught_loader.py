"""Loads models; in place of Flint, the weights that were trained on the dataset, if any."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from samdesk.engine.models.registry import FLINT
from samdesk.engine.protocols import EngineError, Predictor
from samdesk.workers.inference.model_in_use import Loader
from samdesk.workers.thread import Post


class TaughtLoader(QObject):
    """Loads predictors on the inference thread; ``path`` is set on the main thread.

    Attributes:
        path: The taught weights in use; None: Flint's own.

    Signals:
        failed: A message that the taught weights cannot be used.
    """

    failed = Signal(str)

    def __init__(self, load: Loader | None = None, parent: QObject | None = None) -> None:
        """Wraps a loader; None: the engine's own."""
        super().__init__(parent)
        self.path: Path | None = None
        self._load = load or _load_predictor
        self._post = Post(lambda text: self.failed.emit(str(text)), self)

    def __call__(self, name: str, device: str, precision: str) -> Predictor:
        """Loads a model; if taught weights fail, Flint's own are loaded. Raises ``EngineError``."""
        path = self.path
        if path is not None and (name or _default_model()) == FLINT:
            try:
                return self._load(str(path), device, precision)
            except EngineError as error:
                self.path = None
                self._post(f"The taught weights cannot be used; Flint uses its own weights instead. {error}")
        return self._load(name, device, precision)


def _default_model() -> str:
    from samdesk.engine.models.load import default_model

    return default_model()


def _load_predictor(name: str, device: str, precision: str) -> Predictor:
    from samdesk.engine.models.load import load_predictor

    return load_predictor(name, device, precision)
