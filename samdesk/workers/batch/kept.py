"""KeptModels: the models that were loaded last, for the next run with the same ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

from samdesk.batch.models import Loaders
from samdesk.engine.models import weights
from samdesk.engine.protocols import Detector, Predictor

M = TypeVar("M", Detector, Predictor)
_Key: TypeAlias = tuple[object, ...]


class KeptModels:
    """One detector and one predictor; a file that has changed is loaded anew. Used by one thread."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[_Key, Any]] = {}

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._kept)

    def over(self, loaders: Loaders) -> Loaders:
        """Loaders that load what is not kept, and keep it in place of what was."""
        return replace(
            loaders,
            detector=self._once("detector", loaders.detector),
            predictor=self._once("predictor", loaders.predictor),
        )

    def clear(self) -> None:
        """Frees them."""
        self._kept.clear()

    def _once(self, purpose: str, load: Callable[[str, str, str], M]) -> Callable[[str, str, str], M]:
        def loaded(name: str, device: str, precision: str) -> M:
            key = (name, device, precision, *_stamp(name))
            if self._kept.get(purpose, ((),))[0] != key:
                self._kept.pop(purpose, None)  # freed before the other takes its memory
                self._kept[purpose] = key, load(name, device, precision)
            model: M = self._kept[purpose][1]
            return model

        return loaded


def _stamp(name: str) -> tuple[int, ...]:
    """What differs once the file of a model is another."""
    path = weights.find(name)
    try:
        found = None if path is None else path.stat()
    except OSError:
        found = None
    return () if found is None else (found.st_mtime_ns, found.st_size)
