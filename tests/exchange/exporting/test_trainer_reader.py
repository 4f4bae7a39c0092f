"""Exported labels lie on the right pixels in Ultralytics' own reader: EXIF, depths, colours, names, tiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from shapely.geometry import MultiPolygon, box

from samdesk.dataset import plans
from samdesk.dataset.dataset import Dataset
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction, add
from samdesk.exchange.access import DirectAccess
from samdesk.exchange.exporting.plan import ExportPlan
from samdesk.exchange.exporting.run import export
from tests.dataset.dataset_kit import drawn, with_labels

BRIGHT = (24, 16, 56, 40)
WIDTH, HEIGHT = 96, 64
_TURNED = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
"""EXIF orientation -> how pillow turns the upright image so that the tag turns it back."""
_BACK = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}


def _upright() -> Image.Image:
    pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    pixels[BRIGHT[1] : BRIGHT[3], BRIGHT[0] : BRIGHT[2]] = 255
    return Image.fromarray(pixels)


def make(folder: Path) -> list[ImageKey]:
    folder.mkdir()
    grey = _upright()
    for orientation in range(1, 9):
        turn = _BACK.get(orientation) or (Image.Transpose(_TURNED[orientation]) if orientation > 1 else None)
        exif = Image.Exif()
        exif[274] = orientation
        stored = grey.convert("RGB") if turn is None else grey.convert("RGB").transpose(turn)
        stored.save(folder / f"exif {orientation}.jpg", exif=exif, quality=95)
    grey.save(folder / "grey.png")
    grey.save(folder / "grey.jpg")  # the label file of the image above has this name
    grey.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    rgba = grey.convert("RGBA")
    rgba.putalpha(grey.point(lambda value: 255 - value))
    rgba.save(folder / "alphä 像.png")
    cv2.imwrite(str(folder / "deep.png"), np.asarray(grey).astype(np.uint16) * 257)
    return [ImageKey(path.name) for path in sorted(folder.iterdir())]


def misplaced(image: NDArray[np.uint8], segment: NDArray[np.float32]) -> str:
    """How a normalised outline differs from the bright box of an image; "": it does not."""
    mask = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.int32(segment * image.shape[1::-1])], (1,))
    inside = cv2.erode(mask, np.ones((3, 3), np.uint8)) > 0
    around = cv2.dilate(mask, np.ones((7, 7), np.uint8)) == 0
    bright = image.mean(axis=2)
    if not bright[inside].mean() > 235:
        return "it holds dark pixels"
    return "" if bright[around].max(initial=0) < 60 else "bright pixels are outside of it"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dataset]:
    """Images of a bright box, annotated; all but one for training."""
    folder = tmp_path_factory.mktemp("reader") / "data"
    keys = make(folder)
    opened = Dataset.open(folder)
    label = with_labels(opened, "box").labels[0].id
    for key in keys:
        annotation = replace(drawn(label), region=MultiPolygon([box(*BRIGHT)]))
        opened.commit(Transaction("Add", ((key, add([annotation])),)))
    opened.commit_planned(
        lambda d: plans.assign_splits(d, {key: "val" if key == keys[0] else "train" for key in keys})
    )
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "plan",
    [
        ExportPlan("yolo-seg"),
        ExportPlan("yolo-seg", images="symlink"),
        ExportPlan("yolo-seg", resize=48),
        ExportPlan("yolo-seg", tile=48, min_share=0.05, empty="drop"),
    ],
    ids=["copied", "linked", "resized", "tiles"],
)
def test_labels_lie_on_the_right_pixels(dataset: Dataset, tmp_path: Path, plan: ExportPlan) -> None:
    pytest.importorskip("ultralytics")
    from ultralytics.data.dataset import YOLODataset
    from ultralytics.data.utils import check_det_dataset

    report = export(DirectAccess(dataset), replace(plan, train_size=96), tmp_path / "out", processes=0)

    data = check_det_dataset(str(tmp_path / "out" / "data.yaml"), autodownload=False)
    read = 0
    for split in ("train", "val"):
        found = YOLODataset(img_path=data[split], data=data, task="segment", imgsz=96, augment=False)
        for number, label in enumerate(found.labels):
            image = cv2.imdecode(np.fromfile(label["im_file"], np.uint8), cv2.IMREAD_COLOR)
            assert image.shape[:2] == tuple(label["shape"]), number
            for segment in label["segments"]:
                assert misplaced(image, segment) == "", label["im_file"]
                read += 1
    assert read == report.instances_out >= len(dataset.keys)
    assert report.failed_count == 0
    assert report.median is not None
    assert report.median > 0.95
