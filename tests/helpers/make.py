"""Small values for tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from shapely.geometry import MultiPolygon, box

from samdesk.domain.annotation import Annotation, AnnotationId, Source
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit, update
from samdesk.domain.geometry.types import Region
from samdesk.domain.labels import LabelId


def square(x: float = 10, y: float = 10, side: float = 20) -> Region:
    """An axis-parallel square."""
    return MultiPolygon([box(x, y, x + side, y + side)])


def annotation(name: str, label: str = "car", **changes: object) -> Annotation:
    """An annotation whose id is its name."""
    made = Annotation(AnnotationId(name), LabelId(label), square())
    return replace(made, **changes)  # type: ignore[arg-type]


def document(*names: str, key: str = "a.jpg", width: int = 100, height: int = 80) -> ImageDocument:
    """A document with one annotation per name."""
    return ImageDocument(ImageKey(key), width, height, tuple(annotation(n) for n in names))


def photo(path: Path, width: int = 320, height: int = 240, seed: int = 0) -> Path:
    """Writes an image with a few plain shapes on a noisy background."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(90, 130, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(ground)
    draw = ImageDraw.Draw(image)
    draw.ellipse((width * 0.1, height * 0.2, width * 0.4, height * 0.7), fill=(220, 60, 40))
    draw.rectangle((width * 0.55, height * 0.3, width * 0.85, height * 0.8), fill=(40, 90, 220))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path


def reshape(drawn: Annotation, region: Region) -> Edit:
    """An edit that gives an annotation another region, drawn by the user."""
    return update([replace(drawn, region=region, source=Source.MANUAL)])


def truncated_image(path: Path, share: float) -> Path:
    """Writes an image of noise, cut off after a share of its bytes, and returns its path."""
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3)).astype(np.uint8)
    Image.fromarray(noise).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path
