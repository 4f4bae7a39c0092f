"""Our decoder against the stock prompt encoder and mask decoder with the same weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from samdesk.engine.sam.decoder.decoder import Decoder, DecoderOutput, ImageFeatures
from samdesk.engine.sam.decoder.upscaling import to_nested_order
from tests.helpers.networks import seeded_network

NAMES = ("mobile_sam", "sam2_t")
KINDS = ("point", "points", "box", "box and points", "mask", "box, points and mask")
CLOSE = 1e-4


class Pair:
    """A stock decoder, ours, and random image features."""

    def __init__(self, name: str) -> None:
        module = seeded_network(name)
        self.second = name.startswith("sam2")
        self.prompt_encoder = module.sam_prompt_encoder if self.second else module.prompt_encoder
        self.mask_decoder = module.sam_mask_decoder if self.second else module.mask_decoder
        random = torch.Generator().manual_seed(5)
        self.image = torch.randn(1, 256, 64, 64, generator=random)
        self.high_resolution: list[torch.Tensor] = []
        if self.second:
            self.high_resolution = [
                torch.randn(1, 32, 256, 256, generator=random) / 2,
                torch.randn(1, 64, 128, 128, generator=random) / 2,
            ]

    def ours(self, dtype: torch.dtype = torch.float32) -> tuple[Decoder, ImageFeatures]:
        decoder = Decoder(self.prompt_encoder, self.mask_decoder, dtype)
        return decoder, decoder.prepare_image(self.image, *self.high_resolution)

    def stock(self, prompts: Prompts, multimask: bool) -> tuple[torch.Tensor, torch.Tensor]:
        points, boxes = prompts.points, prompts.boxes
        if self.second and boxes is not None:  # Meta gives boxes to SAM 2 as two points each
            points, boxes = prompts.as_points(boxes_first=True), None
        sparse, dense = self.prompt_encoder(points=points, boxes=boxes, masks=prompts.masks)
        more: dict[str, Any] = {}
        if self.second:
            more = {"repeat_image": len(sparse) > 1, "high_res_features": self.high_resolution}
        logits, scores, *_ = self.mask_decoder(
            image_embeddings=self.image,
            image_pe=self.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=multimask,
            **more,
        )
        return logits, scores

    def answer(
        self, decoder: Decoder, image: ImageFeatures, prompts: Prompts, multimask: bool
    ) -> DecoderOutput:
        points = prompts.as_points(boxes_first=self.second)
        if self.second or prompts.boxes is None:
            points = None if points is None else append_padding_point(*points)
        points = points or (torch.empty(prompts.count, 0, 2), torch.empty(prompts.count, 0))
        sparse = decoder.embed_points(*points)
        mask = None if prompts.masks is None else decoder.embed_mask(prompts.masks)
        return decoder(image, sparse, mask, multimask)


class Prompts:
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

    def as_points(self, boxes_first: bool) -> tuple[torch.Tensor, torch.Tensor] | None:
        parts = [] if self.points is None else [self.points]
        if self.boxes is not None:
            corners = self.boxes.reshape(-1, 2, 2), torch.tensor([[2.0, 3.0]]).expand(self.count, 2)
            parts = [corners, *parts] if boxes_first else [*parts, corners]
        if not parts:
            return None
        return torch.cat([p for p, _ in parts], 1), torch.cat([labels for _, labels in parts], 1)


def append_padding_point(points: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
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
    prompts = Prompts(kind, seed=len(kind))
    found = pair.answer(decoder, image, prompts, multimask)
    logits, scores = pair.stock(prompts, multimask)
    assert found.logits.shape == logits.shape
    assert float(logits.std()) > 1, "the seeded network's logits are flat"
    assert float((found.logits - logits).abs().max()) < CLOSE
    assert float((found.scores - scores).abs().max()) < CLOSE


@pytest.mark.parametrize("kind", ["box", "points", "mask"])
def test_a_batch_decodes_each_object_as_alone(pair: Pair, kind: str) -> None:
    decoder, image = pair.ours()
    many = Prompts(kind, count=3, seed=9)
    found = pair.answer(decoder, image, many, False)
    for i in range(3):
        one = Prompts(kind)
        one.points = None if many.points is None else (many.points[0][i : i + 1], many.points[1][i : i + 1])
        one.boxes = None if many.boxes is None else many.boxes[i : i + 1]
        one.masks = None if many.masks is None else many.masks[i : i + 1]
        logits, scores = pair.stock(one, False)
        assert float((found.logits[i] - logits[0]).abs().max()) < CLOSE
        assert float((found.scores[i] - scores[0]).abs().max()) < CLOSE


def test_sam_2_returns_the_best_of_three_if_the_single_mask_is_unstable() -> None:
    pair = Pair("sam2_t")
    outputs = []
    for limit in (0.0, 1.1):  # every mask is stable; none is
        pair.mask_decoder.dynamic_multimask_stability_thresh = limit
        decoder, image = pair.ours()
        prompts = Prompts("box", seed=3)
        found = pair.answer(decoder, image, prompts, False)
        logits, scores = pair.stock(prompts, False)
        assert float((found.logits - logits).abs().max()) < CLOSE
        assert float((found.scores - scores).abs().max()) < CLOSE
        outputs.append(found.logits)
    assert float((outputs[0] - outputs[1]).abs().max()) > 1


def test_bf16_is_close_to_fp32(pair: Pair) -> None:
    exact, image = pair.ours()
    rough, rough_image = pair.ours(torch.bfloat16)
    for kind in KINDS:
        prompts = Prompts(kind, seed=2)
        expected = pair.answer(exact, image, prompts, True).logits > 0
        found = pair.answer(rough, rough_image, prompts, True).logits
        assert found.dtype == torch.float32
        overlap = ((found > 0) & expected).sum((-1, -2)) / ((found > 0) | expected).sum((-1, -2))
        # These masks are noise: every cell is an edge. Real masks differ far less.
        assert float(overlap.min()) > 0.9, kind


def test_image_features_are_restored_from_the_encoder_output(pair: Pair) -> None:
    decoder, image = pair.ours()
    again = decoder.from_encoder_output([x.half() for x in image.encoder_output])
    prompts = Prompts("box and points", seed=4)
    found, expected = (pair.answer(decoder, x, prompts, True).logits for x in (again, image))
    assert float((found - expected).abs().max()) < 0.2 * float(expected.std())
    with pytest.raises(ValueError, match="not an embedding of this model"):
        decoder.from_encoder_output([image.tokens[:, :100]])


def test_image_features_of_another_dtype_are_converted(pair: Pair) -> None:
    decoder, image = pair.ours()
    other = Decoder(pair.prompt_encoder, pair.mask_decoder, torch.bfloat16).to_device(image)
    assert other.tokens.dtype == other.cached.keys.dtype == torch.bfloat16
    assert decoder.to_device(image) is image
    assert other.nbytes * 2 == image.nbytes


def test_inputs_are_not_modified(pair: Pair) -> None:
    decoder, image = pair.ours()
    before = [
        x.clone()
        for x in (*image.encoder_output, image.cached.keys, image.cached.values, image.cached.queries)
    ]
    for kind in KINDS:
        pair.answer(decoder, image, Prompts(kind), True)
    after = (*image.encoder_output, image.cached.keys, image.cached.values, image.cached.queries)
    assert all(torch.equal(x, y) for x, y in zip(before, after, strict=True))


@settings(max_examples=20, deadline=None)
@given(side=st.integers(1, 4), levels=st.integers(1, 2), channels=st.integers(1, 3))
def test_nested_order(side: int, levels: int, channels: int) -> None:
    width = side << levels
    features = torch.arange(channels * width * width, dtype=torch.float32).view(1, channels, width, width)
    rows = to_nested_order(features, levels)
    assert rows.shape == (width * width, channels)
    for index in range(width * width):
        place, parts = index, []
        for _ in range(levels):
            place, part = divmod(place, 4)
            parts.append(part)
        row, column = divmod(place, side)
        for part in reversed(parts):
            row, column = 2 * row + part // 2, 2 * column + part % 2
        assert torch.equal(rows[index], features[0, :, row, column])
