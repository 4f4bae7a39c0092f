"""Writes accepted images as a YOLO dataset for the Ultralytics trainer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from samdesk.base import atomic
from samdesk.base.cv import cv2
from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.labels import LabelSet
from samdesk.formats.yolo import data_yaml, segmentation
from samdesk.formats.yolo.trainer_raster import resized
from samdesk.images.reader import read_image
from samdesk.training.samples import TrainingImage

_QUALITY = 95


def write_yolo_dataset(
    folder: Path,
    train: Sequence[TrainingImage],
    held_out: Sequence[TrainingImage],
    names: Sequence[str],
    side: int,
    check: Callable[[], None],
) -> Path:
    """Writes copies of the images with label files, unless they are complete; returns the data.yaml.

    A copy is what the trainer would read: rotated by EXIF and resized to ``side``, so that an epoch does not
    decode full images again.

    Args:
        folder: The dataset folder; created if needed.
        train: Training images.
        held_out: Validation images.
        names: Class names by class id.
        side: Longest side of a copy, pixels.
        check: Called before each image; may raise.

    Raises:
        ImageError: An image cannot be read.
        OSError: The folder cannot be written.
    """
    index, done = folder / "data.yaml", folder / "complete"
    text = f"path: {_quoted(folder.absolute())}\ntrain: images/train\nval: images/val\n"
    if done.is_file():  # written last
        # The folder lies beside a dataset, which others may have made: of it, only images and label files are
        # used. The trainer would run a "download" of the yaml, and its cache files are pickles.
        _remove_caches(folder)
        atomic.write_text(index, data_yaml.render(text, names, "images/train"))
        return index
    _remove_caches(folder)
    labels = LabelSet.from_names(names)
    for part, images in (("train", train), ("val", held_out)):
        (folder / "images" / part).mkdir(parents=True, exist_ok=True)
        (folder / "labels" / part).mkdir(parents=True, exist_ok=True)
        for number, image in enumerate(images):
            check()
            _write_copy(folder / "images" / part / f"{number:06}.jpg", image.path, side)
            lines, _ = segmentation.write(_document(image, labels), labels)
            (folder / "labels" / part / f"{number:06}.txt").write_text(lines, "utf-8")
    atomic.write_text(index, data_yaml.render(text, names, "images/train"))
    atomic.write_text(done, "")
    return index


def _remove_caches(folder: Path) -> None:
    for cache in folder.rglob("*.cache"):
        cache.unlink()


def _quoted(path: Path) -> str:
    return "'" + path.as_posix().replace("'", "''") + "'"


def _write_copy(target: Path, source: Path, side: int) -> None:
    pixels = read_image(source)
    height, width = pixels.shape[:2]
    if max(height, width) > side:  # as the detector resizes in use
        pixels = np.asarray(
            cv2.resize(pixels, resized(width, height, side), interpolation=cv2.INTER_LINEAR), np.uint8
        )
    encoded, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not encoded:
        raise OSError(f"{target} could not be encoded")
    target.write_bytes(data.tobytes())


def _document(image: TrainingImage, labels: LabelSet) -> ImageDocument:
    height, width = image.image_hw
    annotations = tuple(
        Annotation(AnnotationId(str(number)), labels.labels[instance.label].id, instance.region)
        for number, instance in enumerate(image.instances)
    )
    return ImageDocument(ImageKey(image.key), width, height, annotations)
