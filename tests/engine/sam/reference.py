"""Meta's own predictors with the weights of an Ultralytics network, and the prompts to compare on."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from samdesk.domain.prompts import BoxPrompt, MaskPrompt, PointPrompt, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.sam.predictor import SamPredictor
from tests.helpers.networks import save_seeded

KINDS = ("point", "points", "box", "box+points", "mask", "point+mask", "box+mask")
_SAM2_CONFIGS = {"sam2_t": "configs/sam2/sam2_hiera_t.yaml", "sam2.1_t": "configs/sam2.1/sam2.1_hiera_t.yaml"}


Reference: TypeAlias = "Reference1 | Reference2"


def seeded_checkpoint(name: str, folder: Path) -> Path:
    """Saves the checkpoint that both predictors load."""
    return save_seeded(name, folder)


def load_reference(name: str, checkpoint: Path) -> Reference:
    """Returns Meta's predictor for a checkpoint; skips the test if its package is not installed."""
    return Reference2(name, checkpoint) if name.startswith("sam2") else Reference1(name, checkpoint)


def _state(checkpoint: Path) -> dict[str, Any]:
    import torch

    loaded = torch.load(checkpoint, weights_only=True)
    return dict(loaded.get("model", loaded))


class Reference1:
    """``SamPredictor`` of segment-anything or mobile_sam."""

    def __init__(self, name: str, checkpoint: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if name == "mobile_sam":
                package = pytest.importorskip("mobile_sam", exc_type=ImportError)
                model = package.sam_model_registry["vit_t"]()
            else:
                package = pytest.importorskip("segment_anything")
                model = package.sam_model_registry[{"sam_b": "vit_b", "sam_l": "vit_l"}[name]]()
        model.load_state_dict(_state(checkpoint))
        model.eval()
        self.predictor = package.SamPredictor(model)

    def set_image(self, image: Any) -> Any:
        """Encodes; returns the network's input tensor, (1, 3, 1024, 1024)."""
        import torch

        predictor = self.predictor
        predictor.set_image(image)
        resized = torch.as_tensor(predictor.transform.apply_image(image)).permute(2, 0, 1)[None]
        return predictor.model.preprocess(resized)

    def features(self) -> Any:
        return self.predictor.features

    def predict(self, prompts: PromptSet, multimask: bool) -> tuple[Any, Any, Any]:
        """(masks, scores, low-resolution logits)."""
        masks, scores, logits = self.predictor.predict(**_arguments(prompts), multimask_output=multimask)
        return masks, scores, logits


class Reference2:
    """``SAM2ImagePredictor`` of sam2."""

    def __init__(self, name: str, checkpoint: Path) -> None:
        pytest.importorskip("sam2", exc_type=ImportError)
        pytest.importorskip("hydra")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from sam2.build_sam import build_sam2
            from sam2.sam2_image_predictor import SAM2ImagePredictor

            model = build_sam2(_SAM2_CONFIGS[name], device="cpu")
        model.load_state_dict(_state(checkpoint))
        model.eval()
        self.predictor = SAM2ImagePredictor(model)

    def set_image(self, image: Any) -> Any:
        self.predictor.set_image(image)
        return self.predictor._transforms(image)[None]

    def features(self) -> Any:
        return self.predictor._features["image_embed"]

    def predict(self, prompts: PromptSet, multimask: bool) -> tuple[Any, Any, Any]:
        masks, scores, logits = self.predictor.predict(**_arguments(prompts), multimask_output=multimask)
        return masks, scores, logits


def meta_pixels(name: str, image: Any) -> Any:
    """Returns the input tensor of Meta's preprocessing, without a network."""
    import torch

    if name.startswith("sam2"):
        transforms = pytest.importorskip("sam2.utils.transforms", exc_type=ImportError)
        return transforms.SAM2Transforms(1024, 0.0)(image)[None]
    package = pytest.importorskip("segment_anything")
    resized = package.utils.transforms.ResizeLongestSide(1024).apply_image(image)
    # The same as Sam.preprocess with the mean and std of every SAM 1.
    mean, std = torch.tensor([123.675, 116.28, 103.53]), torch.tensor([58.395, 57.12, 57.375])
    pixels = ((torch.as_tensor(resized) - mean) / std).permute(2, 0, 1)[None]
    height, width = pixels.shape[-2:]
    return torch.nn.functional.pad(pixels, (0, 1024 - width, 0, 1024 - height))


def _arguments(prompts: PromptSet) -> dict[str, Any]:
    return {
        "point_coords": np.array([(p.x, p.y) for p in prompts.points]) if prompts.points else None,
        "point_labels": np.array([int(p.positive) for p in prompts.points]) if prompts.points else None,
        "box": None if prompts.box is None else np.array(prompts.box.xyxy),
        "mask_input": None if prompts.mask is None else prompts.mask.logits[None],
    }


def prompts_of(kind: str, image_hw: tuple[int, int], feedback: MaskPrompt, seed: int) -> PromptSet:
    """Returns seeded random prompts of a kind."""
    rng = np.random.default_rng(seed)
    size = np.array([image_hw[1], image_hw[0]])
    low, high = np.sort(rng.uniform(0, 1, (2, 2)), axis=0) * size
    many = tuple(
        PointPrompt(float(x), float(y), i != 1) for i, (x, y) in enumerate(rng.uniform(0, 1, (3, 2)) * size)
    )
    points = many[:1] if kind.startswith("point+") or kind == "point" else many if "points" in kind else ()
    box = BoxPrompt(*map(float, (*low, *high))) if "box" in kind else None
    return PromptSet(points, box, feedback if "mask" in kind else None)


@dataclass
class Differences:
    """Largest absolute differences on one image; ``mask_pixels`` is the share of pixels that differ."""

    pixels: float
    features: float
    logits: dict[str, float]
    scores: float
    spread: float
    mask_pixels: float


def compare(
    ours: SamPredictor, meta: Reference, image: Any, seed: int, kinds: tuple[str, ...] = KINDS
) -> Differences:
    """Compares our predictor with Meta's on one image: these kinds of prompts, one mask and three."""
    pixels = meta.set_image(image)
    hw = (image.shape[0], image.shape[1])
    pixel_gap = float((ours.network.preprocess(image) - pixels).abs().max())
    embedding = ours.encode_pixels(pixels, hw)  # an equal input tensor
    cells = meta.features()[0].flatten(1).T
    features = float((embedding.data.tokens[0].cpu() - cells).abs().max())
    feedback = _feedback(ours, embedding)
    gaps: dict[str, float] = {}
    score_gap = spread = mask_gap = 0.0
    for kind in kinds:
        for multimask in (True, False):
            prompts = prompts_of(kind, hw, feedback, seed)
            found = ours.predict(embedding, prompts, multimask=multimask)
            logits, scores = np.stack([c.logits for c in found]), np.array([c.score for c in found])
            masks, wanted_scores, wanted = meta.predict(prompts, multimask)
            order = np.argsort(-wanted_scores, kind="stable")
            gap = float(np.abs(logits - wanted[order]).max())
            gaps[kind] = max(gaps.get(kind, 0.0), gap)
            score_gap = max(score_gap, float(np.abs(scores - wanted_scores[order]).max()))
            spread = max(spread, float(wanted.std()))
            mask_gap = max(mask_gap, float(np.mean(found[0].raster() != masks[order[0]].astype(bool))))
    return Differences(pixel_gap, features, gaps, score_gap, spread, mask_gap)


def _feedback(ours: SamPredictor, embedding: Embedding) -> MaskPrompt:
    height, width = embedding.image_hw
    start = PromptSet((PointPrompt(width / 2, height / 2),))
    return ours.predict(embedding, start)[0].as_prompt()
