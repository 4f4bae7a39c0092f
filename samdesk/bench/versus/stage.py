"""Both sides with one model, loaded when they are first needed, and the contests between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from samdesk.bench.seeded import Checkpoint
from samdesk.bench.versus.contest import OnStep, take_turns
from samdesk.bench.versus.ours import Ours
from samdesk.bench.versus.photos import Photo
from samdesk.bench.versus.reference import Reference
from samdesk.bench.versus.rows import Entry, Row, row
from samdesk.bench.versus.settings import Settings
from samdesk.bench.versus.shapes import Shapes
from samdesk.bench.versus.stock import Stock
from samdesk.engine.sam.architectures import architecture

USUAL = "mobile_sam"


class Stage:
    """What the topics share.

    Args:
        checkpoint: The model of both sides.
        settings: What is measured.
        photos: At least one.
        shapes: Masks for what comes after the network.
        scratch: A folder for files.

    Attributes:
        on_step: Told of the progress of the topic at hand.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        settings: Settings,
        photos: Sequence[Photo],
        shapes: Shapes,
        scratch: Path,
    ) -> None:
        self.checkpoint = checkpoint
        self.settings = settings
        self.photos = photos
        self.shapes = shapes
        self.scratch = scratch
        self.on_step: OnStep = lambda _done, _total: None
        self._ours: dict[str, Ours] = {}
        self._features: dict[str, Any] = {}

    def name(self, figure: str, precision: str = "") -> str:
        """The name of a row: MobileSAM's are plain, another model's end with its name."""
        stem = Path(self.checkpoint.name).stem
        model = "" if stem == USUAL else stem
        return "_".join(part for part in (figure, precision, model) if part)

    def ours(self, precision: str) -> Ours:
        """Samdesk's side at a precision."""
        if precision not in self._ours:
            self._ours[precision] = Ours.load(self.checkpoint, self.settings.device, precision, self.shapes)
        return self._ours[precision]

    @property
    def best(self) -> Ours:
        """Samdesk's side where there is one row for all precisions."""
        return self.ours(self.settings.best)

    @cached_property
    def reference(self) -> Reference:
        """Ultralytics' side, with the same file."""
        path = Path(self.ours(self.settings.best).predictor.info.path)
        return Reference(path, self.settings.device, self.checkpoint.random, self.shapes)

    @cached_property
    def stock(self) -> Stock:
        """The stock network, which is Ultralytics' own."""
        reference = self.reference
        return Stock(reference.network, architecture(reference.name).is_sam2, reference.device)

    def stock_features(self, photo: Photo) -> Any:
        """What the stock encoder makes of a photo; only the first call takes long."""
        if photo.name not in self._features:
            self._features[photo.name] = self.stock.encode(photo.rgb)
        return self._features[photo.name]

    def wants(self, names: Sequence[str]) -> bool:
        """Whether one of these rows is asked for."""
        return any(self.settings.wants(name) for name in names)

    def contest(self, entries: Sequence[Entry], turns: int) -> list[Row]:
        """The rows of those entries that are asked for; nobody is timed for the others."""
        wanted = [entry for entry in entries if self.settings.wants(entry.name)]
        both = [who for entry in wanted for who in (entry.ours, entry.reference) if who is not None]
        times = (
            take_turns(list(dict.fromkeys(both)), turns, self.on_step, self.settings.warm_up) if both else {}
        )
        return [
            row(entry, times[entry.ours], times[entry.reference] if entry.reference else ())
            for entry in wanted
        ]


Topic: TypeAlias = Callable[[Stage], list[Row]]
"""Measures the rows about one matter, as far as they are asked for."""
