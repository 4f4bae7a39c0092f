"""Auto-annotate real photos with a real YOLO11n; skipped where they are not available.

The masks are Flint's on a few photos, and plain boxes with a margin where only counts matter.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

import samdesk
from samdesk.base.jobs import CancelToken
from samdesk.batch.models import Loaders
from samdesk.dataset.dataset import Dataset
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Edit, Transaction
from samdesk.domain.review import ReviewChange
from samdesk.engine.protocols import Detection, Detector
from samdesk.formats.yolo import segmentation
from samdesk.images.reader import read_image, read_size
from samdesk.images.sources import scan
from tests.helpers.finding import InnerPredictor

PHOTOS = 20
NOTHING_FOUND = ("000000000250.jpg", "000000000508.jpg")


def box_masks() -> Loaders:
    """The real detectors; masks that cost nothing."""
    real = Loaders.real(lambda _: None, CancelToken())
    return replace(real, predictor=lambda name, device, precision: InnerPredictor())


@pytest.fixture(scope="module")
def photos(coco64: Path) -> list[Path]:
    keys = scan(coco64 / "images")
    return [coco64 / "images" / key for key in dict.fromkeys([*keys[:PHOTOS], *NOTHING_FOUND])]


@pytest.fixture(scope="module")
def detections(photos: list[Path], yolo11n: Path) -> tuple[Detector, dict[str, list[Detection]]]:
    """The output of the detector when it is called directly."""
    detector = samdesk.load_detector(str(yolo11n), "cpu")
    return detector, {p.stem: detector.detect([read_image(p)])[0] for p in photos}


def dataset(folder: Path, photos: list[Path]) -> Path:
    (folder / "images").mkdir(parents=True)
    for photo in photos:
        try:
            os.link(photo, folder / "images" / photo.name)
        except OSError:
            shutil.copy(photo, folder / "images")
    return folder


def lines(folder: Path) -> dict[str, str]:
    return {p.stem: p.read_text() for p in sorted((folder / "labels").glob("*.txt"))}


def test_one_annotation_for_each_detection_with_its_class(
    tmp_path: Path,
    photos: list[Path],
    yolo11n: Path,
    detections: tuple[Detector, dict[str, list[Detection]]],
) -> None:
    _, expected = detections
    folder = dataset(tmp_path / "set", photos)
    summary = samdesk.auto_annotate(folder / "images", yolo11n, "boxes", "cpu", loaders=box_masks())
    assert summary.ok
    assert (summary.annotations, summary.empty) == (sum(len(d) for d in expected.values()), 2)
    written = lines(folder)
    assert written.keys() == expected.keys()
    for photo in photos:
        parsed = segmentation.parse(written[photo.stem], *read_size(photo))
        assert not parsed.problems
        assert [line.class_id for line in parsed.lines] == [d.class_id for d in expected[photo.stem]]
        for line, found in zip(parsed.lines, expected[photo.stem], strict=True):
            x0, y0, x1, y1 = line.region.bounds
            assert found.x0 - 2 <= x0 < x1 <= found.x1 + 2
            assert found.y0 - 2 <= y0 < y1 <= found.y1 + 2


def test_the_trainers_loader_reads_the_run_of_a_dataset(
    tmp_path: Path,
    photos: list[Path],
    yolo11n: Path,
    detections: tuple[Detector, dict[str, list[Detection]]],
) -> None:
    """Only the classes found, in order; nothing corrupt or missing; a photo edited by hand is skipped."""
    detector, expected = detections
    folder = dataset(tmp_path / "set", photos)
    touched = ImageKey(f"images/{photos[3].name}")
    user = Dataset.open(folder)
    user.commit(Transaction("Look", ((touched, Edit(review=ReviewChange.MARK_EDITED)),)))
    user.close()

    summary = samdesk.auto_annotate(folder / "images", yolo11n, "boxes", "cpu", loaders=box_masks())
    assert [(s.key, s.reason) for s in summary.skipped] == [(touched, "edited by hand")]
    expected = {stem: [] if stem == photos[3].stem else found for stem, found in expected.items()}
    assert summary.annotations == sum(len(d) for d in expected.values())

    found, missing, empty, corrupt, names, classes = trained(folder)
    assert (missing, corrupt) == (0, 0)
    assert (found, empty) == (len(photos), sum(not d for d in expected.values()))
    assert empty == 3, "the touched photo and two on which nothing is found"
    of = {stem: [detector.names[d.class_id] for d in ds] for stem, ds in expected.items()}
    assert names == list(dict.fromkeys(name for photo in photos for name in of[photo.stem]))
    assert classes == {stem: Counter(map(names.index, found)) for stem, found in of.items()}

    before = lines(folder)
    again = samdesk.auto_annotate(folder / "images", yolo11n, "boxes", "cpu", loaders=box_masks())
    assert again.annotations == 0
    assert lines(folder) == before

    undone = Dataset.open(folder)
    undone.undo()
    assert sum(len(undone.load(key).annotations) for key in undone.keys) == 0
    undone.close()


def trained(folder: Path) -> tuple[int, int, int, int, list[str], dict[str, Counter[int]]]:
    """What Ultralytics' segmentation dataset sees: (found, missing, empty, corrupt, names, classes)."""
    from samdesk.engine.ultralytics import import_ultralytics

    import_ultralytics()
    from ultralytics.data.dataset import YOLODataset
    from ultralytics.data.utils import check_det_dataset, load_dataset_cache_file

    data = check_det_dataset(str(folder / "data.yaml"), autodownload=False)
    loaded = YOLODataset(img_path=data["train"], data=data, task="segment", imgsz=64, augment=False)
    found, missing, empty, corrupt, _ = load_dataset_cache_file(folder / "labels.cache")["results"]
    classes = {
        Path(label["im_file"]).stem: Counter(label["cls"].astype(int).ravel().tolist())
        for label in loaded.labels
    }
    for label in loaded.labels:
        assert len(label["segments"]) == len(label["cls"]), "outlines were dropped"
    return found, missing, empty, corrupt, [data["names"][i] for i in range(data["nc"])], classes


def test_cancel_and_resume_give_the_same_as_one_run(
    tmp_path: Path, photos: list[Path], yolo11n: Path
) -> None:
    once = dataset(tmp_path / "once", photos[:8])
    samdesk.auto_annotate(once / "images", yolo11n, "boxes", "cpu", loaders=box_masks())
    twice = dataset(tmp_path / "twice", photos[:8])
    cancel = CancelToken()
    cut = samdesk.auto_annotate(
        twice / "images",
        yolo11n,
        "boxes",
        "cpu",
        loaders=box_masks(),
        cancel=cancel,
        progress=lambda p: cancel.cancel() if p.done == 3 else None,
    )
    done = lines(twice)  # what was at work when it was cancelled is finished
    assert cut.cancelled
    assert 3 <= len(done) < 8
    assert list(done) == [photo.stem for photo in photos[: len(done)]]
    samdesk.auto_annotate(twice / "images", yolo11n, "boxes", "cpu", loaders=box_masks())
    assert lines(twice) == lines(once)


def test_flint_draws_in_the_boxes(tmp_path: Path, photos: list[Path], yolo11n: Path) -> None:
    folder = dataset(tmp_path / "set", photos[:2])
    summary = samdesk.auto_annotate(folder / "images", yolo11n, "flint", "cpu")
    assert summary.predictor is not None
    assert summary.predictor.title == "Flint"
    assert summary.ok
    assert summary.annotations == sum(len(text.splitlines()) for text in lines(folder).values()) > 0
