"""How far samdesk's masks are from those of the stock network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from samdesk.bench.versus.gestures import Ask
from samdesk.bench.versus.ours import Ours
from samdesk.bench.versus.photos import Photo
from samdesk.bench.versus.rows import Row
from samdesk.bench.versus.settings import FP32
from samdesk.bench.versus.stage import Stage
from samdesk.domain.geometry.types import FloatArray
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import Predictor, Storable


@dataclass(frozen=True)
class Agreement:
    """What came of some prompts.

    Attributes:
        logit_difference: The largest difference of any logit from the stock network's.
        logit_largest: The largest logit of the stock network, whatever its sign.
        ious: Of every mask with the stock network's, both at threshold 0 on the 256 x 256 grid.
    """

    logit_difference: float
    logit_largest: float
    ious: tuple[float, ...]

    @property
    def iou_median(self) -> float:
        """The middle one."""
        return float(np.median(self.ious))

    def told(self, row: Row, exact: bool) -> Row:
        """A row with this said about it; ``exact``: with the logits, for fp32."""
        words = f"IoU with the stock network's masks {self.iou_median:.4f} median, {min(self.ious):.4f} least"
        if exact:
            words = (
                f"logits within {self.logit_difference:.1e} of the stock network's, "
                f"which reach {self.logit_largest:.2g}; {words}"
            )
        return row.having(
            words,
            logit_max_difference=self.logit_difference,
            logit_max=self.logit_largest,
            iou_median=self.iou_median,
            iou_min=min(self.ious),
            masks_compared=len(self.ious),
        )


def agreement(stage: Stage, ours: Ours, asks: Iterable[Ask]) -> Agreement:
    """Asks samdesk and the stock network, each with its own encoder, and compares all masks."""
    return _compared(stage, ours.predictor, ours.embedding, asks)


def of_decoder(stage: Stage, ours: Ours, asks: Iterable[Ask]) -> Agreement | None:
    """The same with samdesk's decoder alone: it is given what the encoder said in fp32.

    None where a predictor cannot take another's embedding.
    """
    encoder, decoder = stage.ours(FP32), ours.predictor
    if not (isinstance(encoder.predictor, Storable) and isinstance(decoder, Storable)):
        return None
    writer, reader = encoder.predictor, decoder

    def handed_over(photo: Photo) -> Embedding:
        exact = encoder.embedding(photo)
        return reader.from_arrays(writer.to_arrays(exact), exact.image_hw, exact.frame)

    return _compared(stage, decoder, handed_over, asks)


def _compared(
    stage: Stage, predictor: Predictor, embedding: Callable[[Photo], Embedding], asks: Iterable[Ask]
) -> Agreement:
    differences, ious, largest = [0.0], [], 0.0
    for ask in asks:
        features = stage.stock_features(ask.photo)
        wanted, _, _ = stage.stock.logits(features, ask.prompts, ask.photo.hw)
        largest = max(largest, float(np.abs(wanted).max()))
        for candidate in predictor.predict(embedding(ask.photo), ask.prompts):
            same = _nearest(candidate.logits, wanted)
            differences.append(float(np.abs(candidate.logits - same).max()))
            ious.append(_iou(candidate.logits, same))
    return Agreement(max(differences), largest, tuple(ious))


def _nearest(logits: FloatArray, wanted: Sequence[FloatArray] | FloatArray) -> FloatArray:
    """The stock mask that a candidate is: they are in another order where scores tie."""
    return wanted[int(np.argmin([np.abs(logits - other).mean() for other in wanted]))]


def _iou(a: FloatArray, b: FloatArray) -> float:
    union = np.count_nonzero((a > 0) | (b > 0))
    return float(np.count_nonzero((a > 0) & (b > 0)) / union) if union else 1.0
