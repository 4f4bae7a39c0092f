from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.domain.annotation import Annotation, new_annotation_id
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import BoolArray, Region
from samdesk.domain.labels import LabelError, LabelSet, new_label_id
from samdesk.formats.yolo import data_yaml, segmentation, trainer_raster
from tests.helpers.coco import CocoInstance, instances, raster_iou
from tests.helpers.trained import trained_mask

W, H = 640, 480
LABELS = LabelSet.from_names(["person", "bus", "dog"])
TRIANGLE = "1 0.1 0.1 0.5 0.1 0.3 0.6"


def document(*items: tuple[int, Region], width: int = W, height: int = H) -> ImageDocument:
    annotations = tuple(Annotation(new_annotation_id(), LABELS.labels[i].id, region) for i, region in items)
    return ImageDocument(ImageKey("a.jpg"), width, height, annotations)


def ring_of(line: str) -> NDArray[np.float64]:
    return np.array(line.split()[1:], dtype=np.float64).reshape(-1, 2)


def bad(text: str) -> str:
    """The message of the only problem of a text."""
    parsed = segmentation.parse(text, W, H)
    assert not parsed.lines
    assert len(parsed.problems) == 1
    return parsed.problems[0].message


def test_outlines_and_boxes_are_read() -> None:
    parsed = segmentation.parse(f"{TRIANGLE}\n0 0.5 0.5 0.25 0.5\n", W, H)
    outline, box = parsed.lines
    assert (outline.class_id, outline.line) == (1, 1)
    assert outline.region.contains(shapely.box(150, 60, 250, 120))
    assert (box.class_id, box.line) == (0, 2)
    assert box.region.equals(shapely.box(240, 120, 400, 360))  # a box is its true edge
    assert parsed.detection
    assert not segmentation.parse(TRIANGLE, W, H).detection
    assert not parsed.problems


def test_untidy_text_is_read() -> None:
    text = f"\ufeff  {TRIANGLE}   \r\n\r\n\t2.0\t0.2 0.2  4e-1 0.2 0.3 0.4\r\n"
    parsed = segmentation.parse(text, W, H)
    assert [(line.class_id, line.line) for line in parsed.lines] == [(1, 1), (2, 3)]
    assert segmentation.parse("", W, H).lines == ()
    assert segmentation.parse("\n \n", W, H).problems == ()


def test_values_just_outside_are_moved_onto_the_image() -> None:
    parsed = segmentation.parse("0 -0.005 0.5 1.005 0.5 0.5 1.01", W, H)
    x0, _, x1, y1 = parsed.lines[0].region.bounds
    assert x0 >= 0
    assert x1 <= W
    assert y1 <= H


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("dog 0.1 0.1 0.5 0.1 0.3 0.6", "the class id 'dog' is not a number"),
        ("-1 0.1 0.1 0.5 0.1 0.3 0.6", "negative"),
        ("1.5 0.1 0.1 0.5 0.1 0.3 0.6", "not a whole number"),
        ("nan 0.1 0.1 0.5 0.1 0.3 0.6", "not a whole number"),
        ("1000000000 0.1 0.1 0.5 0.1 0.3 0.6", "larger than"),
        ("1 0.1 0.1 0.5 0.1 0.3 nan", "not finite"),
        ("1 0.1 0.1 0.5 0.1 0.3 inf", "not finite"),
        ("1 0.1 0.1 0.5 x 0.3 0.6", "'x' is not a number"),
        ("1 0.1 0.1 0.5 0.1 0.3 0.6 0.9", "in pairs"),
        ("1 0.5 0.5 0.2 0.2 0.9", "confidence"),
        ("1 0.5", "1 values"),
        ("1", "0 values"),
        ("1 0.1 0.1 0.5 0.1 0.3 1.6", "1.6 is outside 0..1"),
        ("1 10 10 50 10 30 60", "outside 0..1"),
        ("1 0.5 0.5 0 0.2", "no area"),
    ],
)
def test_a_bad_line_is_a_problem_with_a_message(line: str, words: str) -> None:
    assert words in bad(line)


def test_good_lines_beside_bad_ones_are_read() -> None:
    parsed = segmentation.parse(f"{TRIANGLE}\n\n1 0.1 oops\n{TRIANGLE}\n", W, H)
    assert [line.line for line in parsed.lines] == [1, 4]
    (problem,) = parsed.problems
    assert (problem.line, problem.text) == (3, "1 0.1 oops")


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80) | st.text(alphabet="0123456789.-+einfa \n\t", max_size=120))
def test_no_text_breaks_the_reader(text: str) -> None:
    parsed = segmentation.parse(text, W, H)
    for line in parsed.lines:
        assert regions.is_drawable(line.region)
        assert line.region.is_valid


def test_writing_uses_the_class_id_and_painting_order() -> None:
    text, report = segmentation.write(
        document((2, regions.from_box(64, 48, 128, 96)), (0, regions.from_box(200, 200, 300, 300))), LABELS
    )
    lines = text.splitlines()
    assert text.endswith("\n")
    assert [line.split()[0] for line in lines] == ["2", "0"]
    xs, ys = ring_of(lines[0]).T * [[W], [H]]
    np.testing.assert_allclose([xs.min(), xs.max(), ys.min(), ys.max()], [64.5, 127.5, 48.5, 95.5], atol=1e-3)
    assert report.count == 2
    for line, box in zip(lines, ((64, 48, 128, 96), (200, 200, 300, 300)), strict=True):
        assert trainer_raster.trained_iou(ring_of(line), regions.from_box(*box), W, H) == 1.0
    assert report.lossy == ()
    assert segmentation.write(document(), LABELS)[0] == ""
    stray = Annotation(new_annotation_id(), new_label_id(), regions.from_box(0, 0, 9, 9))
    with pytest.raises(LabelError):
        segmentation.write(ImageDocument(ImageKey("a.jpg"), W, H, (stray,)), LABELS)


def test_the_report_names_what_trains_differently() -> None:
    hair = regions.from_box(100, 100, 101, 100.2)
    text, report = segmentation.write(document((0, regions.from_box(0, 0, 200, 90)), (2, hair)), LABELS)
    assert trainer_raster.trained_iou(ring_of(text.splitlines()[1]), hair, W, H) < 0.8
    assert len(report.lossy) == 1
    assert report.lossy[0].startswith("line 2 (dog)")


def test_what_is_written_is_read_back_and_written_again_alike() -> None:
    holed = regions.clean(shapely.box(50, 50, 250, 250).difference(shapely.box(100, 100, 180, 160)))
    two = regions.clean(shapely.union(shapely.box(300, 50, 400, 150), shapely.box(420, 60, 500, 200)))
    text, _ = segmentation.write(document((0, holed), (1, two)), LABELS)
    parsed = segmentation.parse(text, W, H)
    assert [len(line.region.geoms) for line in parsed.lines] == [1, 2]
    assert len(parsed.lines[0].region.geoms[0].interiors) == 1
    again, _ = segmentation.write(document(*((line.class_id, line.region) for line in parsed.lines)), LABELS)
    assert again == text


def coco_region(instance: CocoInstance) -> Region:
    return regions.clean(shapely.union_all([regions.from_ring(ring) for ring in instance.polygons]))


def ultralytics_mask(line: str, width: int, height: int, train_size: int = 640) -> BoolArray:
    """The mask that the trainer's own functions make of a line, at a training size."""
    ops = pytest.importorskip("ultralytics.utils.ops")
    utils = pytest.importorskip("ultralytics.data.utils")
    size_w, size_h = trainer_raster.resized(width, height, train_size)
    segment = ring_of(line).astype(np.float32)
    (segment,) = ops.resample_segments([segment], n=max(1000, len(segment) + 1))
    points = segment * np.array([size_w, size_h], dtype=np.float32)
    return np.asarray(utils.polygon2mask((size_h, size_w), [points.reshape(-1)]), dtype=np.bool_)


def rough_region(seed: int) -> Region:
    rng = np.random.default_rng(seed)
    soft = cv2.resize(rng.normal(size=(6, 8)).astype(np.float32), (W, H), interpolation=cv2.INTER_CUBIC)
    return regions.from_mask(soft > 0.4)


@pytest.mark.parametrize("seed", range(4))
def test_our_trainer_is_the_trainer(seed: int) -> None:
    region = rough_region(seed)
    text, _ = segmentation.write(document((0, region)), LABELS)
    theirs = ultralytics_mask(text, W, H)
    ring = ring_of(text)
    np.testing.assert_array_equal(trained_mask(ring, W, H), theirs)
    iou = trainer_raster.trained_iou(ring, region, W, H)
    assert iou == pytest.approx(raster_iou(theirs, regions.rasterize(region, H, W)))
    assert iou > 0.97


def test_coco_masks_train_as_they_are(coco64: Path) -> None:
    ious = []
    for number, instance in enumerate(instances(coco64, 100)):
        if len(instance.polygons) != 1 or number % 2:
            continue
        height, width = instance.mask.shape
        region = regions.from_mask(instance.mask)
        text, _ = segmentation.write(document((0, region), width=width, height=height), LABELS)
        trained = ultralytics_mask(text, width, height)
        ious.append(raster_iou(trained, instance.mask_at(*trained.shape)))
        if number % 8 == 0:
            (line,) = segmentation.parse(text, width, height).lines
            again, _ = segmentation.write(document((0, line.region), width=width, height=height), LABELS)
            assert again == text
    assert len(ious) > 150
    assert np.median(ious) >= 0.98
    assert np.percentile(ious, 5) >= 0.91


def converted(instance: CocoInstance) -> str:
    """The line that Ultralytics' own converter writes for an instance."""
    converter = pytest.importorskip("ultralytics.data.converter")
    height, width = instance.mask.shape
    parts = [ring.reshape(-1).tolist() for ring in instance.polygons]
    ring = np.concatenate(converter.merge_multi_segment(parts) if len(parts) > 1 else instance.polygons)
    return "0 " + " ".join(f"{value:g}" for value in (ring / [width, height]).reshape(-1))


@pytest.mark.parametrize("scale", [1, 5])
def test_lines_train_as_coco_masks_in_images_of_any_size(coco64: Path, scale: int) -> None:
    """Lines written for 640, trained at other sizes too, beside those of Ultralytics' converter."""
    ours: dict[int, list[float]] = {320: [], 640: [], 1280: []}
    theirs: dict[int, list[float]] = {320: [], 640: [], 1280: []}
    for instance in list(instances(coco64, 100))[::4]:
        if not instance.polygons:
            continue
        height, width = instance.mask.shape
        size = width * scale, height * scale
        points, _, stable = segmentation.outline(regions.scale(coco_region(instance), scale, scale), size)
        assert stable
        for train_size, found in ours.items():
            wanted = instance.mask_at(*trainer_raster.resized(width, height, train_size)[::-1])
            found.append(raster_iou(ultralytics_mask(f"0 {points}", *size, train_size), wanted))
            converter = ultralytics_mask(converted(instance), *size, train_size)
            theirs[train_size].append(raster_iou(converter, wanted))
    assert np.median(ours[640]) >= 0.98
    assert np.percentile(ours[640], 5) >= 0.92
    for train_size, found in ours.items():
        assert np.mean(found) > np.mean(theirs[train_size])
        assert np.percentile(found, 5) > np.percentile(theirs[train_size], 5)


def test_holes_and_parts_of_coco_masks_train_too(coco64: Path) -> None:
    ious = []
    for instance in instances(coco64, 100):
        region = regions.from_mask(instance.mask)
        if len(region.geoms) == 1 and not region.geoms[0].interiors:
            continue
        height, width = instance.mask.shape
        text, _ = segmentation.write(document((0, region), width=width, height=height), LABELS)
        trained = ultralytics_mask(text, width, height)
        ious.append(raster_iou(trained, regions.rasterize(_scaled(region, trained, width), *trained.shape)))
    assert np.median(ious) >= 0.97
    assert np.percentile(ious, 5) >= 0.85


def _scaled(region: Region, trained: BoolArray, width: int) -> Region:
    scale = trained.shape[1] / width
    return regions.clean(shapely.transform(region, lambda xy: xy * scale))


def test_ultralytics_loads_what_is_written(tmp_path: Path) -> None:
    """Its own dataset reader finds every line, none corrupt, none missing, each with its class."""
    pytest.importorskip("ultralytics")
    from ultralytics.data.dataset import YOLODataset
    from ultralytics.data.utils import check_det_dataset

    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    wanted: dict[str, list[int]] = {}
    for seed in range(4):
        region = rough_region(seed)
        boxes = [(i, regions.from_box(10 + 40 * i, 5, 40 + 40 * i, 60 + seed)) for i in range(3)]
        items = [(seed % 3, region), *boxes] if seed else []
        text, _ = segmentation.write(document(*items), LABELS)
        cv2.imwrite(str(tmp_path / "images" / f"{seed}.jpg"), np.full((H, W, 3), 90, dtype=np.uint8))
        (tmp_path / "labels" / f"{seed}.txt").write_text(text, "utf-8")
        wanted[f"{seed}.jpg"] = [i for i, _ in items]
    yaml_path = tmp_path / "data.yaml"
    yaml_path.write_text(data_yaml.render(None, LABELS.names, "images"), "utf-8")

    data = check_det_dataset(str(yaml_path), autodownload=False)
    assert list(data["names"].values()) == list(LABELS.names)
    dataset = YOLODataset(data["train"], data=data, task="segment", imgsz=640, augment=False)
    found = {Path(label["im_file"]).name: label for label in dataset.labels}
    assert {name: label["cls"].reshape(-1).astype(int).tolist() for name, label in found.items()} == wanted
    assert all(len(label["segments"]) == len(wanted[name]) for name, label in found.items())
    cache = np.load(tmp_path / "labels.cache", allow_pickle=True).item()
    found_count, missing, empty, corrupt, total = cache["results"]
    assert (found_count, missing, empty, corrupt, total) == (4, 0, 1, 0, 4)
    masks = dataset[1]["masks"]
    assert masks.max() == len(wanted["1.jpg"])


class TestLineCache:
    """Lines that an undo brings back are not made again."""

    def test_all_lines_of_an_image_are_kept_however_many_they_are(self) -> None:
        cache = segmentation.LineCache()
        boxes = [regions.from_box(x, 2, x + 3, 9) for x in range(300)]
        first = [cache.line(box, (400, 20)) for box in boxes]
        again = [cache.line(regions.from_box(x, 2, x + 3, 9), (400, 20)) for x in range(300)]
        assert all(new is old for new, old in zip(again, first, strict=True))

    def test_the_oldest_are_dropped_by_the_length_of_their_text(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cache = segmentation.LineCache()
        boxes = [regions.from_box(x, 2, x + 3, 9) for x in range(3)]
        lines = [cache.line(box, (400, 20)) for box in boxes]
        monkeypatch.setattr(segmentation.LineCache, "MOST_BYTES", sum(len(text) for text, *_ in lines) - 1)
        assert cache.line(boxes[0], (400, 20)) is lines[0]  # used last: boxes[1] is the oldest now
        cache.line(regions.from_box(9, 2, 12, 9), (400, 20))
        assert cache.line(boxes[0], (400, 20)) is lines[0]
        assert cache.line(boxes[1], (400, 20)) is not lines[1]
