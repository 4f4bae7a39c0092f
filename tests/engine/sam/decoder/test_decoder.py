"""The decoder against the stock prompt encoder and mask decoder it stands in for, with the same weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from samdesk.engine.sam.decoder.decoder import Decoded, Decoder, ImageSide
from samdesk.engine.sam.decoder.upscaling import apart
from tests.helpers.networks import seeded_network

NAMES = ("mobile_sam", "sam2_t")
KINDS = ("point", "points", "box", "box and points", "mask", "box, points and mask")
CLOSE = 1e-4


class Pair:
    """A stock decoder, ours, and a made-up image of theirs."""

    def __init__(self, name: str) -> None:
        module = seeded_network(name)
        self.second = name.startswith("sam2")
        self.prompts = module.sam_prompt_encoder if self.second else module.prompt_encoder
        self.masks = module.sam_mask_decoder if self.second else module.mask_decoder
        random = torch.Generator().manual_seed(5)
        self.image = torch.randn(1, 256, 64, 64, generator=random)
        self.finer: list[torch.Tensor] = []
        if self.second:
            self.finer = [
                torch.randn(1, 32, 256, 256, generator=random) / 2,
                torch.randn(1, 64, 128, 128, generator=random) / 2,
            ]

    def ours(self, dtype: torch.dtype = torch.float32) -> tuple[Decoder, ImageSide]:
        decoder = Decoder(self.prompts, self.masks, dtype)
        return decoder, decoder.image_side(self.image, *self.finer)

    def stock(self, asked: Asked, multimask: bool) -> tuple[torch.Tensor, torch.Tensor]:
        points, boxes = asked.points, asked.boxes
        if self.second and boxes is not None:  # Meta gives boxes to SAM 2 as two points each
            points, boxes = asked.together(boxes_first=True), None
        sparse, dense = self.prompts(points=points, boxes=boxes, masks=asked.masks)
        more: dict[str, Any] = {}
        if self.second:
            more = {"repeat_image": len(sparse) > 1, "high_res_features": self.finer}
        logits, scores, *_ = self.masks(
            image_embeddings=self.image,
            image_pe=self.prompts.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=multimask,
            **more,
        )
        return logits, scores

    def answer(self, decoder: Decoder, image: ImageSide, asked: Asked, multimask: bool) -> Decoded:
        points = asked.together(boxes_first=self.second)
        if self.second or asked.boxes is None:
            points = None if points is None else with_none(*points)
        points = points or (torch.empty(asked.count, 0, 2), torch.empty(asked.count, 0))
        sparse = decoder.embed_points(*points)
        mask = None if asked.masks is None else decoder.embed_mask(asked.masks)
        return decoder(image, sparse, mask, multimask)


class Asked:
    """Seeded prompts of a kind for some objects."""

    def __init__(self, kind: str, count: int = 1, seed: int = 0) -> None:
        random = torch.Generator().manual_seed(seed)
        self.count = count
        self.points = self.boxes = self.masks = None
        if "point" in kind:
            many = 3 if "points" in kind else 1
            xy = torch.rand(count, many, 2, generator=random) * 1024
            labels = torch.ones(count, many)
            labels[:, 1:2] = 0
            self.points = xy, labels
        if "box" in kind:
            corner = torch.rand(count, 2, generator=random) * 500
            self.boxes = torch.cat([corner, corner + 20 + torch.rand(count, 2, generator=random) * 500], 1)
        if "mask" in kind:
            self.masks = torch.randn(count, 1, 256, 256, generator=random) * 5

    def together(self, boxes_first: bool) -> tuple[torch.Tensor, torch.Tensor] | None:
        parts = [] if self.points is None else [self.points]
        if self.boxes is not None:
            corners = self.boxes.reshape(-1, 2, 2), torch.tensor([[2.0, 3.0]]).expand(self.count, 2)
            parts = [corners, *parts] if boxes_first else [*parts, corners]
        if not parts:
            return None
        return torch.cat([p for p, _ in parts], 1), torch.cat([labels for _, labels in parts], 1)


def with_none(points: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    none = torch.zeros(len(points), 1, 2)
    return torch.cat([points, none], 1), torch.cat([labels, -torch.ones(len(points), 1)], 1)


@pytest.fixture(scope="module", params=NAMES)
def pair(request: pytest.FixtureRequest) -> Pair:
    return Pair(request.param)


@pytest.fixture(autouse=True)
def no_gradients() -> Any:
    with torch.inference_mode():
        yield


@pytest.mark.parametrize("multimask", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_logits_and_scores_are_the_stock_decoders(pair: Pair, kind: str, multimask: bool) -> None:
    decoder, image = pair.ours()
    asked = Asked(kind, seed=len(kind))
    found = pair.answer(decoder, image, asked, multimask)
    logits, scores = pair.stock(asked, multimask)
    assert found.logits.shape == logits.shape
    assert float(logits.std()) > 1, "the seeded network says nothing"
    assert float((found.logits - logits).abs().max()) < CLOSE
    assert float((found.scores - scores).abs().max()) < CLOSE


@pytest.mark.parametrize("kind", ["box", "points", "mask"])
def test_many_objects_at_once_are_each_as_alone(pair: Pair, kind: str) -> None:
    decoder, image = pair.ours()
    many = Asked(kind, count=3, seed=9)
    found = pair.answer(decoder, image, many, False)
    for i in range(3):
        one = Asked(kind)
        one.points = None if many.points is None else (many.points[0][i : i + 1], many.points[1][i : i + 1])
        one.boxes = None if many.boxes is None else many.boxes[i : i + 1]
        one.masks = None if many.masks is None else many.masks[i : i + 1]
        logits, scores = pair.stock(one, False)
        assert float((found.logits[i] - logits[0]).abs().max()) < CLOSE
        assert float((found.scores[i] - scores[0]).abs().max()) < CLOSE


def test_sam_2_takes_the_best_of_three_where_the_single_mask_wavers() -> None:
    pair = Pair("sam2_t")
    taken = []
    for limit in (0.0, 1.1):  # no mask wavers; every mask does
        pair.masks.dynamic_multimask_stability_thresh = limit
        decoder, image = pair.ours()
        asked = Asked("box", seed=3)
        found = pair.answer(decoder, image, asked, False)
        logits, scores = pair.stock(asked, False)
        assert float((found.logits - logits).abs().max()) < CLOSE
        assert float((found.scores - scores).abs().max()) < CLOSE
        taken.append(found.logits)
    assert float((taken[0] - taken[1]).abs().max()) > 1


def test_bf16_draws_about_the_same(pair: Pair) -> None:
    exact, image = pair.ours()
    rough, rough_image = pair.ours(torch.bfloat16)
    for kind in KINDS:
        asked = Asked(kind, seed=2)
        wanted = pair.answer(exact, image, asked, True).logits > 0
        found = pair.answer(rough, rough_image, asked, True).logits
        assert found.dtype == torch.float32
        overlap = ((found > 0) & wanted).sum((-1, -2)) / ((found > 0) | wanted).sum((-1, -2))
        # These masks are noise, whose every cell is an edge: a real one differs far less.
        assert float(overlap.min()) > 0.9, kind


def test_an_image_side_comes_back_from_its_primary_tensors(pair: Pair) -> None:
    decoder, image = pair.ours()
    again = decoder.from_primary([x.half() for x in image.primary])
    asked = Asked("box and points", seed=4)
    found, wanted = (pair.answer(decoder, x, asked, True).logits for x in (again, image))
    assert float((found - wanted).abs().max()) < 0.2 * float(wanted.std())
    with pytest.raises(ValueError, match="no embedding of this model"):
        decoder.from_primary([image.tokens[:, :100]])


def test_an_image_side_of_another_type_is_brought_here(pair: Pair) -> None:
    decoder, image = pair.ours()
    other = Decoder(pair.prompts, pair.masks, torch.bfloat16).here(image)
    assert other.tokens.dtype == other.first.keys.dtype == torch.bfloat16
    assert decoder.here(image) is image
    assert other.nbytes * 2 == image.nbytes


def test_the_input_is_left_alone(pair: Pair) -> None:
    decoder, image = pair.ours()
    before = [x.clone() for x in (*image.primary, image.first.keys, image.first.values, image.first.queries)]
    for kind in KINDS:
        pair.answer(decoder, image, Asked(kind), True)
    after = (*image.primary, image.first.keys, image.first.values, image.first.queries)
    assert all(torch.equal(x, y) for x, y in zip(before, after, strict=True))


@settings(max_examples=20, deadline=None)
@given(side=st.integers(1, 4), times=st.integers(1, 2), channels=st.integers(1, 3))
def test_cells_come_apart_in_order(side: int, times: int, channels: int) -> None:
    width = side << times
    features = torch.arange(channels * width * width, dtype=torch.float32).view(1, channels, width, width)
    rows = apart(features, times)
    assert rows.shape == (width * width, channels)
    for index in range(width * width):
        place, parts = index, []
        for _ in range(times):
            place, part = divmod(place, 4)
            parts.append(part)
        row, column = divmod(place, side)
        for part in reversed(parts):
            row, column = 2 * row + part // 2, 2 * column + part % 2
        assert torch.equal(rows[index], features[0, :, row, column])
