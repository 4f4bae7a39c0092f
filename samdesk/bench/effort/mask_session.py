"""One object in work with the mask model: prompts, the masks that answer them, and the chosen candidate.

Prompts go to the predictor as the window sends them: each with the mask it corrects as mask prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from samdesk.domain.geometry.contours import region_to_logits
from samdesk.domain.geometry.types import Frame, Region
from samdesk.domain.prompts import BoxPrompt, MaskCandidate, MaskPrompt, PointPrompt, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import Predictor


class MaskModel:
    """The mask model with one image, encoded."""

    def __init__(self, predictor: Predictor, embedding: Embedding) -> None:
        self.predictor, self.embedding = predictor, embedding
        self._previews: dict[tuple[float, float], list[Region]] = {}

    def predict(self, prompts: PromptSet) -> list[MaskCandidate]:
        """The candidates for prompts."""
        return self.predictor.predict(self.embedding, prompts)

    def preview(self, x: float, y: float) -> list[Region]:
        """The candidates for a click at (x, y), as the window shows them before it is made."""
        if (x, y) not in self._previews:
            found = self.predict(PromptSet((PointPrompt(x, y),)))
            self._previews[x, y] = [candidate.region() for candidate in found]
        return self._previews[x, y]

    def tightened(self, region: Region) -> MaskCandidate | None:
        """What the model makes of a region from its bounds and the region itself."""
        x0, y0, x1, y1 = region.bounds
        found = self.predict(PromptSet(box=BoxPrompt(x0, y0, x1, y1), mask=self.as_prompt(region)))
        return found[0] if found else None

    def as_prompt(self, region: Region) -> MaskPrompt:
        """A region as mask prompt over the whole image."""
        image_hw = self.embedding.image_hw
        frame = Frame(0.0, 0.0, float(max(image_hw)))
        return MaskPrompt(region_to_logits(region, frame, image_hw), frame)


class MaskSession:
    """Prompts one object.

    Attributes:
        prompts: Those placed, without the mask prompt.
        region: The mask shown; None before the first.
        score: Its predicted IoU, if a prompt has been answered.
        stability: Its stability score, likewise.
    """

    def __init__(self, model: MaskModel) -> None:
        self._model = model
        self._mask: MaskPrompt | None = None
        self._answered: list[MaskCandidate] = []
        self._before: tuple[MaskPrompt | None, PromptSet, Region | None] | None = None
        self.prompts = PromptSet()
        self.region: Region | None = None
        self.score: float | None = None
        self.stability: float | None = None

    def reopen(self, region: Region, prompts: PromptSet | None) -> None:
        """Starts from an annotation's region and prompts."""
        self._mask = self._model.as_prompt(region)
        self.prompts = replace(prompts or PromptSet(), mask=None)
        self.region = region

    def click(self, x: float, y: float, positive: bool = True) -> list[Region]:
        """Adds a point; shows the first candidate and returns all of them."""
        points = (*self.prompts.points, PointPrompt(x, y, positive))
        return self._answer(replace(self.prompts, points=points))

    def box(self, box: Sequence[float]) -> list[Region]:
        """Draws the box; as ``click``."""
        return self._answer(replace(self.prompts, box=BoxPrompt(*(float(v) for v in box))))

    @property
    def candidates(self) -> int:
        """How many candidates the last prompt was answered with."""
        return len(self._answered)

    def undo(self) -> None:
        """Takes back the last prompt: shows the mask before it again."""
        if self._before is not None:
            self._mask, self.prompts, self.region = self._before
            self._before = None

    def choose(self, index: int) -> None:
        """Shows another candidate of the last answer."""
        self._show(self._answered[index])

    def _answer(self, prompts: PromptSet) -> list[Region]:
        self._before = self._mask, self.prompts, self.region
        self.prompts = prompts
        self._answered = self._model.predict(replace(prompts, mask=self._mask))
        if self._answered:
            self._show(self._answered[0])
        return [candidate.region() for candidate in self._answered]

    def _show(self, candidate: MaskCandidate) -> None:
        self._mask = candidate.as_prompt()
        self.region = candidate.region()
        self.score, self.stability = float(candidate.score), float(candidate.stability)
