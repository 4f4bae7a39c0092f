"""Our predictor against Meta's with equal weights: MobileSAM and SAM 2 tiny on synthetic images.

The same on real images and with SAM base: ``SAMDESK_REFERENCE=20`` in the environment, with the images
of ../shared/data/coco64 (some minutes); the figures are printed (``-s``).
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samdesk.engine.models.load import load_predictor
from samdesk.engine.sam.predictor import SamPredictor
from tests.engine.sam.reference import compare, load_reference, meta_pixels, seeded_checkpoint

LOGITS = 1e-3
PIXELS = 1e-4


def made_up_photo(height: int, width: int, seed: int) -> np.ndarray:
    """Returns smooth colour fields with edges and noise."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (9, 11, 3), dtype=np.uint8)
    image = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)).copy()
    image[height // 3 : height // 2, width // 5 : width // 2] = rng.integers(0, 255, 3)
    return np.clip(image.astype(int) + rng.integers(-9, 9, image.shape), 0, 255).astype(np.uint8)


def ours(checkpoint: Path) -> SamPredictor:
    predictor = load_predictor(str(checkpoint), "cpu", "fp32")
    assert isinstance(predictor, SamPredictor)
    return predictor


@pytest.mark.parametrize("name", ["mobile_sam", "sam2_t"])
def test_low_resolution_logits_match_meta(name: str, tmp_path: Path) -> None:
    checkpoint = seeded_checkpoint(name, tmp_path)
    meta = load_reference(name, checkpoint)
    predictor = ours(checkpoint)
    # An odd size: the shorter side is rounded when the image is resized.
    found = compare(predictor, meta, made_up_photo(427, 640, 1), 1, ("points", "box+points", "box+mask"))
    assert found.spread > 1, "the seeded network's logits are flat"
    assert found.pixels < PIXELS
    assert max(found.logits.values()) < LOGITS, found.logits
    assert found.scores < LOGITS
    assert found.mask_pixels < 1e-3


@pytest.mark.parametrize("name", ["mobile_sam", "sam2_t"])
@pytest.mark.parametrize("size", [(1290, 911), (1, 3), (1024, 1024), (60, 3000)])
def test_preprocessing_matches_meta(
    name: str, size: tuple[int, int], networks: dict[str, SamPredictor]
) -> None:
    image = made_up_photo(*size, seed=2)
    found = networks[name].network.preprocess(image)
    assert float((found - meta_pixels(name, image)).abs().max()) < PIXELS


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SamPredictor]:
    folder = tmp_path_factory.mktemp("networks")
    return {name: ours(seeded_checkpoint(name, folder)) for name in ("mobile_sam", "sam2_t")}


@pytest.mark.parametrize("name", ["mobile_sam", "sam2_t", "sam_b"])
def test_real_images(name: str, coco64: Path, tmp_path: Path) -> None:
    count = int(os.environ.get("SAMDESK_REFERENCE", "0"))
    if not count:
        pytest.skip("takes minutes: set SAMDESK_REFERENCE=20")
    checkpoint = seeded_checkpoint(name, tmp_path)
    meta, predictor = load_reference(name, checkpoint), ours(checkpoint)
    photos = sorted((coco64 / "images").glob("*.jpg"))[:count]
    found = [
        compare(predictor, meta, np.array(Image.open(path).convert("RGB")), seed)
        for seed, path in enumerate(photos)
    ]
    worst = {kind: max(f.logits[kind] for f in found) for kind in found[0].logits}
    print(f"\n{name}: {len(found)} images, max |difference|: pixels {max(f.pixels for f in found):.1e},")
    print(f"  features {max(f.features for f in found):.1e}, scores {max(f.scores for f in found):.1e},")
    print("  logits " + ", ".join(f"{kind} {gap:.1e}" for kind, gap in worst.items()))
    assert max(worst.values()) < LOGITS
    assert max(f.pixels for f in found) < PIXELS
