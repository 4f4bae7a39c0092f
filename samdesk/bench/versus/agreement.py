"""Agreement of samdesk's masks with those of the stock network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from samdesk.bench.versus.context import BenchContext
from samdesk.bench.versus.images import BenchImage
from samdesk.bench.versus.rows import BenchRow
from samdesk.bench.versus.samdesk_side import SamdeskSide
from samdesk.bench.versus.schedule import PromptCase
from samdesk.bench.versus.settings import FP32
from samdesk.domain.geometry.types import FloatArray
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import Predictor, Storable


@dataclass(frozen=True)
class Agreement:
    """The agreement over a set of prompts.

    Attributes:
        logit_difference: The largest absolute difference of a logit from the stock network's.
        logit_largest: The largest absolute logit of the stock network.
        ious: IoU of each mask with the stock network's, both at threshold 0 on the 256 x 256 grid.
    """

    logit_difference: float
    logit_largest: float
    ious: tuple[float, ...]

    @property
    def iou_median(self) -> float:
        """Median of ``ious``."""
        return float(np.median(self.ious))

    def add_to(self, row: BenchRow, with_logits: bool) -> BenchRow:
        """Returns the row with the agreement added; ``with_logits`` also adds the logits to its remark."""
        remark = (
            f"IoU with the stock network's masks {self.iou_median:.4f} median, {min(self.ious):.4f} least"
        )
        if with_logits:
            remark = (
                f"logits within {self.logit_difference:.1e} of the stock network's, "
                f"which reach {self.logit_largest:.2g}; {remark}"
            )
        return row.extended(
            remark,
            logit_max_difference=self.logit_difference,
            logit_max=self.logit_largest,
            iou_median=self.iou_median,
            iou_min=min(self.ious),
            masks_compared=len(self.ious),
        )


def agreement(context: BenchContext, samdesk: SamdeskSide, schedule: Iterable[PromptCase]) -> Agreement:
    """Compares the masks of samdesk and of the stock network, each with its own encoder."""
    return _compare(context, samdesk.predictor, samdesk.embedding, schedule)


def decoder_agreement(
    context: BenchContext, samdesk: SamdeskSide, schedule: Iterable[PromptCase]
) -> Agreement | None:
    """Compares samdesk's decoder alone, which is given the encoder's fp32 embedding.

    Returns None if the predictor cannot read another one's embedding.
    """
    encoder, decoder = context.samdesk(FP32), samdesk.predictor
    if not (isinstance(encoder.predictor, Storable) and isinstance(decoder, Storable)):
        return None
    writer, reader = encoder.predictor, decoder

    def handed_over(image: BenchImage) -> Embedding:
        with_logits = encoder.embedding(image)
        return reader.from_arrays(writer.to_arrays(with_logits), with_logits.image_hw, with_logits.frame)

    return _compare(context, decoder, handed_over, schedule)


def _compare(
    context: BenchContext,
    predictor: Predictor,
    embedding: Callable[[BenchImage], Embedding],
    schedule: Iterable[PromptCase],
) -> Agreement:
    differences, ious, largest = [0.0], [], 0.0
    for case in schedule:
        features = context.stock_features(case.image)
        wanted, _, _ = context.stock.logits(features, case.prompts, case.image.hw)
        largest = max(largest, float(np.abs(wanted).max()))
        for candidate in predictor.predict(embedding(case.image), case.prompts):
            same = _best_match(candidate.logits, wanted)
            differences.append(float(np.abs(candidate.logits - same).max()))
            ious.append(_iou(candidate.logits, same))
    return Agreement(max(differences), largest, tuple(ious))


def _best_match(logits: FloatArray, wanted: Sequence[FloatArray] | FloatArray) -> FloatArray:
    """Returns the stock mask that corresponds to a candidate: equal scores may be sorted differently."""
    return wanted[int(np.argmin([np.abs(logits - other).mean() for other in wanted]))]


def _iou(a: FloatArray, b: FloatArray) -> float:
    union = np.count_nonzero((a > 0) | (b > 0))
    return float(np.count_nonzero((a > 0) & (b > 0)) / union) if union else 1.0
