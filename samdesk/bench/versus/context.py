"""Both sides with one model, loaded on first use, and the comparison of their times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from samdesk.bench.seeded import Checkpoint
from samdesk.bench.versus.images import BenchImage
from samdesk.bench.versus.reference import UltralyticsSide
from samdesk.bench.versus.rows import BenchRow, RowSpec, make_row
from samdesk.bench.versus.samdesk_side import SamdeskSide
from samdesk.bench.versus.settings import BenchSettings
from samdesk.bench.versus.shapes import Shapes
from samdesk.bench.versus.stock import Stock
from samdesk.bench.versus.timing import OnStep, take_turns
from samdesk.engine.sam.architectures import architecture

PLAIN_MODEL = "mobile_sam"


class BenchContext:
    """The objects shared by all topics.

    Args:
        checkpoint: The model of both sides.
        settings: Options of the measurement.
        images: At least one.
        shapes: Masks for the work after the network.
        scratch: A folder for temporary files.

    Attributes:
        on_step: Called with the progress of the current topic.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        settings: BenchSettings,
        images: Sequence[BenchImage],
        shapes: Shapes,
        scratch: Path,
    ) -> None:
        self.checkpoint = checkpoint
        self.settings = settings
        self.images = images
        self.shapes = shapes
        self.scratch = scratch
        self.on_step: OnStep = lambda _done, _total: None
        self._sides: dict[str, SamdeskSide] = {}
        self._features: dict[str, Any] = {}

    def name(self, figure: str, precision: str = "") -> str:
        """Returns the name of a row; it ends with the model's name unless that is MobileSAM."""
        stem = Path(self.checkpoint.name).stem
        model = "" if stem == PLAIN_MODEL else stem
        return "_".join(part for part in (figure, precision, model) if part)

    def samdesk(self, precision: str) -> SamdeskSide:
        """Returns samdesk's side at a precision."""
        if precision not in self._sides:
            self._sides[precision] = SamdeskSide.load(
                self.checkpoint, self.settings.device, precision, self.shapes
            )
        return self._sides[precision]

    @property
    def best(self) -> SamdeskSide:
        """samdesk's side for rows that are measured at only one precision."""
        return self.samdesk(self.settings.best)

    @cached_property
    def reference(self) -> UltralyticsSide:
        """Ultralytics' side, with the same weights file."""
        path = Path(self.samdesk(self.settings.best).predictor.info.path)
        return UltralyticsSide(path, self.settings.device, self.checkpoint.random, self.shapes)

    @cached_property
    def stock(self) -> Stock:
        """The stock network, as built by Ultralytics."""
        reference = self.reference
        return Stock(reference.network, architecture(reference.name).is_sam2, reference.device)

    def stock_features(self, image: BenchImage) -> Any:
        """Returns the stock encoder's features of an image; encodes it on the first call."""
        if image.name not in self._features:
            self._features[image.name] = self.stock.encode(image.rgb)
        return self._features[image.name]

    def selects(self, names: Sequence[str]) -> bool:
        """Returns whether any of these rows is selected."""
        return any(self.settings.selects(name) for name in names)

    def contest(self, specs: Sequence[RowSpec], turns: int) -> list[BenchRow]:
        """Times the contestants of the selected specifications and returns their rows."""
        wanted = [spec for spec in specs if self.settings.selects(spec.name)]
        both = [side for spec in wanted for side in (spec.samdesk, spec.reference) if side is not None]
        times = (
            take_turns(list(dict.fromkeys(both)), turns, self.on_step, self.settings.warm_up) if both else {}
        )
        return [
            make_row(spec, times[spec.samdesk], times[spec.reference] if spec.reference else ())
            for spec in wanted
        ]


Topic: TypeAlias = Callable[[BenchContext], list[BenchRow]]
"""Measures the selected rows of one topic."""
