"""Parts of the detector training: the split, the average precision, the dataset on disk."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from shapely.geometry import MultiPolygon, Polygon, box

from samdesk.base.jobs import CancelToken
from samdesk.domain.geometry.types import RgbImage
from samdesk.engine.protocols import Detection, ModelInfo
from samdesk.training.detector.held_out import split
from samdesk.training.detector.yolo_dataset import write_yolo_dataset
from samdesk.training.evaluate.average_precision import average_precision, match_class_names, score
from samdesk.training.samples import Instance, TrainingImage
from tests.helpers.machine_parts import parts_folder, parts_image
from tests.helpers.make import square


def some(count: int, labels: Sequence[int] = (0,), start: int = 0) -> list[TrainingImage]:
    instances = tuple(Instance(square(), label) for label in labels)
    return [
        TrainingImage(f"{start + i}.jpg", Path(f"{start + i}.jpg"), (80, 100), instances)
        for i in range(count)
    ]


def test_a_share_is_held_out_and_stays_held_out() -> None:
    train, held_out = split(some(200))
    assert 25 <= len(held_out) <= 65
    assert {i.key for i in train} | {i.key for i in held_out} == {i.key for i in some(200)}
    more_train, more_held_out = split(some(300, start=0))
    assert {i.key for i in held_out} <= {i.key for i in more_held_out}
    assert {i.key for i in train} <= {i.key for i in more_train}
    assert split(some(200), seed=1)[1] != held_out


@pytest.mark.parametrize(("count", "held"), [(8, 4), (6, 3), (2, 1)])
def test_few_images_are_divided(count: int, held: int) -> None:
    train, held_out = split(some(count), share=0.0)
    assert (len(train), len(held_out)) == (count - held, held)


def test_every_class_has_an_image_to_learn_from() -> None:
    for lone in range(20):
        images = some(20)
        images[lone] = some(1, labels=(0, 1), start=lone)[0]
        train, held_out = split(images, share=0.5)
        assert images[lone] in train
        assert held_out


def test_images_without_instances_do_not_count_as_held_out() -> None:
    images = [*some(50, labels=(), start=100), *some(10)]
    held_out = split(images, share=0.0)[1]
    assert len(held_out) == 4
    assert all(image.instances for image in held_out)


class FixedDetector:
    """A detector with fixed detections, in the order of the images."""

    def __init__(self, names: Sequence[str], answers: list[list[Detection]]) -> None:
        self.names = tuple(names)
        self.info = ModelInfo("found", "FixedDetector", "cpu", "CPU", "-")
        self._answers = list(answers)

    def detect(
        self,
        images: Sequence[RgbImage],
        *,
        conf: float = 0.25,
        iou: float = 0.45,
        imgsz: int = 640,
        max_det: int = 300,
        classes: Sequence[int] | None = None,
    ) -> list[list[Detection]]:
        assert len(images) == 1
        found = self._answers.pop(0)
        return [[d for d in found if classes is None or d.class_id in classes]]


def scattered(folder: Path, rng: np.random.Generator) -> tuple[list[TrainingImage], list[list[Detection]]]:
    """Images with boxes of three classes, and detections that are right, shifted, doubled or wrong."""
    path = folder / "a.png"
    Image.new("RGB", (200, 160)).save(path)
    images, answers = [], []
    for i in range(12):
        instances, found = [], []
        for _ in range(rng.integers(1, 8)):
            x, y, w, h = rng.uniform(0, 120), rng.uniform(0, 90), rng.uniform(8, 70), rng.uniform(8, 60)
            label = int(rng.integers(3))
            instances.append(Instance(MultiPolygon([box(x, y, x + w, y + h)]), label))
            for _ in range(rng.integers(0, 3)):
                dx, dy = rng.normal(0, 0.12, 2) * [w, h]
                its = label if rng.random() < 0.8 else int(rng.integers(3))
                found.append(Detection(x + dx, y + dy, x + dx + w, y + dy + h, float(rng.random()), its))
        images.append(TrainingImage(f"{i}", path, (160, 200), tuple(instances)))
        answers.append(sorted(found, key=lambda d: -d.score))
    return images, answers


def coco_ap50(images: Sequence[TrainingImage], answers: Sequence[Sequence[Detection]]) -> list[float]:
    """Average precision at IoU 0.5 by class, by COCO's own tools."""
    coco = pytest.importorskip("pycocotools.coco")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    boxes = [(i, n.label, n.region.bounds) for i, image in enumerate(images) for n in image.instances]
    truth = coco.COCO()
    truth.dataset = {
        "images": [{"id": i, "height": 160, "width": 200} for i in range(len(images))],
        "categories": [{"id": c} for c in range(3)],
        "annotations": [
            {"id": k + 1, "image_id": i, "category_id": c, "iscrowd": 0,
             "bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0)}
            for k, (i, c, (x0, y0, x1, y1)) in enumerate(boxes)
        ],
    }  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        results = truth.loadRes([
            {"image_id": i, "category_id": d.class_id, "score": d.score,
             "bbox": [d.x0, d.y0, d.x1 - d.x0, d.y1 - d.y0]}
            for i, found in enumerate(answers) for d in found
        ])  # fmt: skip
        evaluator = evaluation.COCOeval(truth, results, "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
    return [float(evaluator.eval["precision"][0, :, c, 0, 2].mean()) for c in range(3)]


@pytest.mark.parametrize("seed", range(4))
def test_the_average_precision_is_that_of_coco(seed: int, tmp_path: Path) -> None:
    images, answers = scattered(tmp_path, np.random.default_rng(seed))
    names = ("a", "b", "c")
    got = score(FixedDetector(names, answers), images, names, imgsz=64, cancel=CancelToken())
    np.testing.assert_allclose(got.by_class, coco_ap50(images, answers), atol=1e-6)
    assert got.map50 == pytest.approx(np.mean(got.by_class))


def test_classes_are_matched_by_name(tmp_path: Path) -> None:
    Image.new("RGB", (100, 80)).save(tmp_path / "a.png")
    image = TrainingImage(
        "a", tmp_path / "a.png", (80, 100), (Instance(square(), 2), Instance(square(60), 0))
    )
    theirs = FixedDetector(
        ("dog", "Hex  Nut"), [[Detection(10, 10, 30, 30, 0.9, 1), Detection(60, 10, 80, 30, 0.9, 0)]]
    )
    got = score(theirs, [image], ("bolt", "cat", "hex nut"), imgsz=64, cancel=CancelToken())
    assert got.known == (False, False, True)
    assert got.by_class == (0.0, None, 1.0)
    assert got.map50 == 0.5
    assert match_class_names(("A", "b"), ("b", "a", "B")) == {0: 1, 1: 0}


def test_nothing_found_and_everything_found() -> None:
    assert average_precision([], 3) == 0.0
    assert average_precision([True] * 3, 3) == 1.0
    assert average_precision([False, True], 1) == 0.5


def test_the_trainer_reads_what_was_written(tmp_path: Path) -> None:
    data = pytest.importorskip("ultralytics.data.dataset")
    utils = pytest.importorskip("ultralytics.data.utils")
    rng = np.random.default_rng(0)
    photo = Image.fromarray(rng.integers(0, 255, (300, 200, 3), dtype=np.uint8))  # shown as 300 x 200
    exif = Image.Exif()
    exif[274] = 6
    lying = tmp_path / "it's lying.jpg"
    photo.save(lying, exif=exif)
    ring = Polygon(
        [(30, 40), (150, 40), (150, 160), (30, 160)], [[(60, 70), (120, 70), (120, 130), (60, 130)]]
    )
    turned = TrainingImage("a", lying, (200, 300), (Instance(MultiPolygon([ring]), 1),))
    empty = TrainingImage("b", tmp_path / "b.png", (40, 50), ())
    Image.new("RGBA", (50, 40)).save(empty.path)
    large = parts_folder(tmp_path / "parts", 1, height=240, width=320)
    folder = tmp_path / "wörk's"
    index = write_yolo_dataset(
        folder, [turned, empty], large, ["a: b", "#1", "c", "d", "e"], 160, lambda: None
    )

    info = utils.check_det_dataset(str(index), autodownload=False)
    assert info["names"] == {0: "a: b", 1: "#1", 2: "c", 3: "d", 4: "e"}
    loaded = data.YOLODataset(img_path=info["train"], data=info, task="detect", augment=False, imgsz=160)
    first, second = sorted(loaded.labels, key=lambda entry: str(entry["im_file"]))
    assert first["shape"] == (107, 160)  # turned, then made smaller
    assert second["shape"] == (40, 50)
    assert first["cls"].ravel().tolist() == [1]
    np.testing.assert_allclose(first["bboxes"], [[0.3, 0.5, 0.4, 0.6]], atol=0.01)
    assert len(second["cls"]) == 0
    assert cv2.imread(str(folder / "images" / "val" / "000000.jpg")).shape == (120, 160, 3)


def test_painted_parts_are_reproducible() -> None:
    one, again = parts_image(5), parts_image(5)
    assert np.array_equal(one.pixels, again.pixels)
    assert one.instances == again.instances
    assert not np.array_equal(one.pixels, parts_image(6).pixels)
    assert any(part.interiors for image in map(parts_image, range(4)) for i in image.instances
               for part in i.region.geoms)  # fmt: skip
    only = parts_image(5, labelled=("nut",))
    assert np.array_equal(only.pixels, one.pixels)
    assert {i.label for i in only.instances} <= {0}
