"""Imported and split labels lie on the right pixels in Ultralytics' reader: EXIF, depths, colours, names."""

from __future__ import annotations

import unicodedata
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from samdesk.dataset.dataset import Dataset
from samdesk.exchange.access import DirectAccess
from samdesk.exchange.importing.plan import ImportPlan
from samdesk.exchange.importing.session import import_into
from samdesk.exchange.splits.splitting import SplitOptions, assign_plan, plan_split
from tests.exchange.exporting.test_trainer_reader import BRIGHT, HEIGHT, WIDTH, make, misplaced
from tests.exchange.importing.test_import import coco


def test_imported_labels_lie_on_the_right_pixels_of_split_images(tmp_path: Path) -> None:
    pytest.importorskip("ultralytics")
    from ultralytics.data.dataset import YOLODataset
    from ultralytics.data.utils import check_det_dataset

    folder = tmp_path / "data"
    keys = set(make(folder)) - {"grey.jpg"}  # the label file of grey.png has its name
    (folder / "grey.jpg").unlink()
    for form in ("NFC", "NFD"):
        name = unicodedata.normalize(form, f"Küste {form}.png")
        (folder / name).write_bytes((folder / "grey.png").read_bytes())
        keys.add(name)
    x0, y0, x1, y1 = BRIGHT
    outline = {"segmentation": [[x0, y0, x1, y0, x1, y1, x0, y1]]}
    # Other systems compose names, whatever form a file has
    named = {unicodedata.normalize("NFC", key): [outline] for key in sorted(keys)}
    source = coco(tmp_path / "all.json", named, size=(WIDTH, HEIGHT))

    with closing(Dataset.open(folder)) as dataset:
        report = import_into(dataset, [source], ImportPlan(coordinates="upright"))
        ratios = {"train": 0.6, "val": 0.4}
        options = SplitOptions(ratios, near_duplicates=False)  # type: ignore[arg-type]
        assign_plan(dataset, plan_split(DirectAccess(dataset), folder, options))

    assert (report.added, report.problem_count) == (len(keys), 0)
    data = check_det_dataset(str(folder / "data.yaml"), autodownload=False)
    read = []
    for split in ("train", "val"):
        found = YOLODataset(img_path=data[split], data=data, task="segment", imgsz=96, augment=False)
        for label in found.labels:
            image = cv2.imdecode(np.fromfile(label["im_file"], np.uint8), cv2.IMREAD_COLOR)
            assert image.shape[:2] == tuple(label["shape"])
            assert [misplaced(image, segment) for segment in label["segments"]] == [""], label["im_file"]
            read.append(Path(label["im_file"]).name)
    assert sorted(read) == sorted(keys)
