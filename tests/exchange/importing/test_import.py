"""Imports into real datasets: what is added, where, what is left out and why, and what an undo restores."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from shapely.geometry import box

import samdesk
from samdesk.base.jobs import CancelToken
from samdesk.dataset import queries
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.runs.record import RunRecord
from samdesk.domain.annotation import CROWD, Source
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry import regions
from samdesk.domain.review import AnnotationReview, ImageReview
from samdesk.exchange.access import DirectAccess
from samdesk.exchange.importing.errors import ImportRefusedError
from samdesk.exchange.importing.names import KnownImages
from samdesk.exchange.importing.plan import ImportPlan
from samdesk.exchange.importing.session import ImportSession, import_into, known_formats, resume_into
from tests.dataset.dataset_kit import content, draw, files, photos, with_labels

SQUARE = [10, 8, 30, 8, 30, 23, 10, 23]


def coco(path: Path, images: dict[str, list[dict[str, Any]]], names: tuple[str, ...] = ("cat", "dog"),
         size: tuple[int, int] = (64, 48)) -> Path:  # fmt: skip
    """Writes a COCO file: file name -> annotations, each with a category id from 1 and a segmentation."""
    number = 0
    annotations = []
    for image_id, found in enumerate(images.values(), 1):
        for values in found:
            number += 1
            annotations.append({"id": number, "image_id": image_id, "category_id": 1, "iscrowd": 0} | values)
    content = {
        "images": [
            {"id": i, "file_name": name, "width": size[0], "height": size[1]}
            for i, name in enumerate(images, 1)
        ],
        "annotations": annotations,
        "categories": [{"id": i, "name": name} for i, name in enumerate(names, 1)],
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def square(x: int = 10, **more: Any) -> dict[str, Any]:
    return {"segmentation": [[x, 8, x + 20, 8, x + 20, 23, x, 23]]} | more


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "data"
    photos(found, "a.png", "b.png", "sub/c.png")
    return found


def labels_of(dataset: Dataset, key: str) -> list[str]:
    document = dataset.load(ImageKey(key))
    return [dataset.labels.get(a.label_id).name for a in document.annotations]


def test_what_the_file_says_is_on_the_images_in_the_label_files_and_in_the_list_of_runs(
    folder: Path, tmp_path: Path
) -> None:
    source = coco(
        tmp_path / "all.json",
        {"a.png": [square(), square(35, category_id=2)], "c.png": [square(12)], "b.png": []},
    )
    report = samdesk.import_annotations(folder, source)
    assert (report.added, report.images, report.problem_count, report.state) == (3, 2, 0, "done")
    dataset = Dataset.open(folder)
    assert dataset.labels.names == ("cat", "dog")
    assert labels_of(dataset, "a.png") == ["cat", "dog"]
    (found,) = dataset.load(ImageKey("sub/c.png")).annotations
    assert regions.iou(found.region, regions.from_box(12, 8, 32, 23)) > 0.999
    assert (found.source, found.review) == (Source.IMPORT, AnnotationReview.ACCEPTED)
    (run,) = queries.runs(dataset)
    assert run.is_import
    assert run.counts.annotations == 3
    assert run.record.parameters["format"] == "coco"
    assert len(run.record.parameters["hashes"]["all.json"]) == 64
    dataset.close()
    assert (folder / "a.txt").read_text().splitlines()[1].startswith("1 ")


def test_one_undo_restores_every_file_and_document_also_of_images_edited_by_hand(
    folder: Path, tmp_path: Path
) -> None:
    dataset = Dataset.open(folder)
    with_labels(dataset, "cat")
    draw(dataset, ImageKey("a.png"), 40)
    before = files(folder), content(dataset.load(ImageKey("a.png"))), dataset.labels
    source = coco(tmp_path / "all.json", {"a.png": [square(category_id=2)], "b.png": [square()]})
    import_into(dataset, [source], ImportPlan())
    assert labels_of(dataset, "a.png") == ["cat", "dog"]
    assert dataset.undo() is not None
    assert (files(folder), content(dataset.load(ImageKey("a.png"))), dataset.labels) == before
    dataset.redo()
    assert labels_of(dataset, "a.png") == ["cat", "dog"]
    assert dataset.load(ImageKey("a.png")).review is ImageReview.EDITED
    dataset.close()


def test_classes_become_the_labels_the_user_chooses_or_are_left_out(folder: Path, tmp_path: Path) -> None:
    dataset = Dataset.open(folder)
    with_labels(dataset, "animal")
    source = coco(
        tmp_path / "x.json",
        {"a.png": [square(), square(35, category_id=2), square(20, category_id=3)]},
        ("cat", "dog", "ANIMAL"),
    )
    report = import_into(dataset, [source], ImportPlan({"cat": "animal", "dog": None}))
    assert labels_of(dataset, "a.png") == ["animal", "animal"]
    assert (report.added, report.left_out) == (2, 1)
    assert dataset.labels.names == ("animal",)
    with pytest.raises(ImportRefusedError, match=r"There is no class 'cow'.*cat, dog"):
        import_into(dataset, [source], ImportPlan({"cow": "animal"}))
    dataset.close()


def test_an_object_that_is_there_is_not_added_twice_and_one_that_overlaps_less_is(
    folder: Path, tmp_path: Path
) -> None:
    dataset = Dataset.open(folder)
    with_labels(dataset, "cat")
    draw(dataset, ImageKey("a.png"), 10)
    source = coco(
        tmp_path / "x.json",
        {"a.png": [square(10), square(11), square(13), square(10, category_id=2), square(10, iscrowd=1)]},
    )
    report = import_into(dataset, [source], ImportPlan())
    # 19 of 21 columns are IoU 0.905, 17 of 23 are 0.74.
    assert (report.duplicates, report.added) == (2, 3)
    assert import_into(dataset, [source], ImportPlan()).added == 0
    crowds = [a for a in dataset.load(ImageKey("a.png")).annotations if dict(a.attributes).get(CROWD)]
    assert len(crowds) == 1
    dataset.close()


def test_a_dry_run_counts_the_same_and_changes_nothing(folder: Path, tmp_path: Path) -> None:
    source = coco(tmp_path / "x.json", {"a.png": [square(), square(10)], "z.png": [square()]})
    before = files(folder)
    report = samdesk.import_annotations(folder, source, dry_run=True)
    assert (report.added, report.duplicates, report.problem_count) == (1, 1, 1)
    assert files(folder) == before
    assert not (folder / ".samdesk").exists()
    again = samdesk.import_annotations(folder, source)
    assert (again.added, again.duplicates) == (1, 1)


def test_bad_records_are_named_and_the_others_imported(folder: Path, tmp_path: Path) -> None:
    source = coco(
        tmp_path / "x.json",
        {
            "a.png": [
                {"segmentation": [["x", 1, 2, 3, 4, 5]]},
                square(),
                {"segmentation": [[1e9, 1, 2e9, 1, 2e9, 9]]},
            ],
            "gone.png": [square()],
        },
    )
    report = samdesk.import_annotations(folder, source)
    assert report.added == 1
    texts = [problem.text for problem in report.problems]
    assert any("x.json" in text and "annotations[0]" in text for text in texts)
    assert any("the dataset has no image “gone.png”" in text for text in texts)
    assert report.outside == 1 or any("annotations[2]" in text for text in texts)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("stored", [False, True])
def test_annotations_lie_on_the_same_pixels_whatever_the_exif_orientation(
    tmp_path: Path, orientation: int, stored: bool
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[8:23, 10:30] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(folder / "ä.jpg", exif=exif, quality=100)
    from samdesk.images.reader import read_image

    upright = read_image(folder / "ä.jpg")[..., 0] > 127
    rows, columns = np.nonzero(upright)
    if stored:
        box_ = SQUARE
        size = (64, 48)
    else:
        x0, y0, x1, y1 = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        box_ = [int(v) for v in (x0, y0, x1, y0, x1, y1, x0, y1)]
        size = upright.shape[::-1]
    source = coco(tmp_path / "x.json", {"a\u0308.jpg": [{"segmentation": [box_]}]}, size=size)
    plan = ImportPlan(coordinates="stored" if stored and orientation in (2, 3, 4) else "auto")
    dataset = Dataset.open(folder)
    report = import_into(dataset, [source], plan)
    assert report.problem_count == 0
    (found,) = dataset.load(ImageKey("ä.jpg")).annotations
    mask = regions.rasterize(found.region, *upright.shape)
    assert np.array_equal(mask, upright)
    dataset.close()


def test_coordinates_of_another_size_are_scaled_and_of_another_shape_refused(
    folder: Path, tmp_path: Path
) -> None:
    source = coco(
        tmp_path / "x.json", {"a.png": [{"segmentation": [[20, 16, 60, 16, 60, 46, 20, 46]]}]}, size=(128, 96)
    )
    dataset = Dataset.open(folder)
    report = import_into(dataset, [source], ImportPlan())
    assert report.scaled == 1
    (found,) = dataset.load(ImageKey("a.png")).annotations
    assert found.region.bounds == pytest.approx((10, 8, 30, 23))
    other = coco(tmp_path / "y.json", {"b.png": [square()]}, size=(100, 48))
    refused = import_into(dataset, [other], ImportPlan())
    assert refused.added == 0
    assert "annotations are for 100 x 48 pixels, but b.png has 64 x 48" in refused.problems[0].message
    dataset.close()


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("sub/c.png", "sub/c.png"),
        ("/data/photos/sub/c.png", "sub/c.png"),
        ("C:\\photos\\c.png", "sub/c.png"),
        ("c.jpg", "sub/c.png"),
        ("c", "sub/c.png"),
        ("../../other/d.png", None),
        ("two/x.png", "two/x.png"),
        ("x.png", None),
    ],
)
def test_an_image_is_found_by_the_best_of_path_tail_name_and_stem(name: str, key: str | None) -> None:
    names = KnownImages([ImageKey(k) for k in ("a.png", "sub/c.png", "one/x.png", "two/x.png")])
    found = names.find(name)
    assert found.key == key
    assert bool(found.rivals) == (name == "x.png")


def test_splits_of_the_files_are_taken_over_and_undone_with_the_import(folder: Path, tmp_path: Path) -> None:
    export = tmp_path / "export"
    other = Dataset.open(folder)
    from samdesk.dataset import plans

    with_labels(other, "cat")
    draw(other, ImageKey("a.png"))
    draw(other, ImageKey("b.png"), 30)
    other.commit_planned(
        lambda d: plans.assign_splits(d, {ImageKey("a.png"): "train", ImageKey("b.png"): "val"})
    )
    other.close()
    samdesk.export_dataset(folder, "coco", export, processes=0)
    fresh = tmp_path / "fresh"
    photos(fresh, "a.png", "b.png")
    dataset = Dataset.open(fresh)
    report = import_into(dataset, [export], ImportPlan())
    assert report.splits == 2
    assert dict(queries.splits(dataset)) == {"a.png": "train", "b.png": "val"}
    dataset.undo()
    assert dict(queries.splits(dataset)) == {}
    dataset.close()


def test_images_that_the_dataset_lacks_are_copied_if_the_user_wants(folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "from"
    photos(source, "images/new.png")
    coco(source / "x.json", {"images/new.png": [square()], "a.png": [square()]})
    assert samdesk.import_annotations(folder, source / "x.json").problem_count == 1
    report = samdesk.import_annotations(folder, source / "x.json", copy_images=True)
    assert (report.copied, report.added, report.duplicates) == (1, 1, 1)
    assert (folder / "images/new.png").read_bytes() == (source / "images/new.png").read_bytes()


def test_a_stopped_import_is_resumed_unless_its_files_have_changed(folder: Path, tmp_path: Path) -> None:
    photos(folder, *(f"n{i:02}.png" for i in range(40)))
    source = coco(tmp_path / "x.json", {f"n{i:02}.png": [square()] for i in range(40)})
    dataset = Dataset.open(folder)
    cancel = CancelToken()

    def progress(what: str, done: int, _total: int, _unit: str) -> None:
        if what == "Importing" and done:
            cancel.cancel()

    session = ImportSession(DirectAccess(dataset), known_formats(), progress, cancel)
    report = import_into(dataset, [source], ImportPlan(), session)
    assert report.state == "stopped"
    assert 0 < report.added < 40
    whole = source.read_text()
    source.write_text(whole + " ")
    with pytest.raises(ImportRefusedError, match="have changed since"):
        resume_into(dataset)
    source.write_text(whole)
    assert report.added + resume_into(dataset).added == 40
    assert len(queries.runs(dataset)) == 1
    dataset.undo()
    assert all(not dataset.load(key).annotations for key in dataset.keys)
    dataset.close()


def test_nothing_outside_the_chosen_folder_is_read(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    coco(secret, {"a.png": [square()]})
    chosen = tmp_path / "chosen"
    chosen.mkdir()
    (chosen / "link.json").symlink_to(secret)
    coco(chosen / "x.json", {"../secret.json": [square()], "b.png": [square()]})
    report = samdesk.import_annotations(folder, chosen)
    assert report.added == 1
    dataset = Dataset.open(folder)
    assert labels_of(dataset, "a.png") == []
    dataset.close()


_KILLED = """
import os, signal, sys
from pathlib import Path
from samdesk.dataset.dataset import Dataset
from samdesk.exchange.access import DirectAccess
from samdesk.exchange.importing.plan import ImportPlan
from samdesk.exchange.importing.session import ImportSession, import_into, known_formats
dataset = Dataset.open(Path(sys.argv[1]))
def progress(what, done, total, unit):
    if what == "Importing" and done:
        os.kill(os.getpid(), signal.SIGKILL)
session = ImportSession(DirectAccess(dataset), known_formats(), progress)
import_into(dataset, [Path(sys.argv[2])], ImportPlan(), session)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_killed_import_is_a_run_that_goes_on_to_the_same_labels(folder: Path, tmp_path: Path) -> None:
    photos(folder, *(f"n{i:02}.png" for i in range(40)))
    source = coco(tmp_path / "x.json", {f"n{i:02}.png": [square(10), square(35)] for i in range(40)})
    subprocess.run([sys.executable, "-c", _KILLED, str(folder), str(source)], check=False, timeout=60)
    dataset = Dataset.open(folder)
    (run,) = queries.runs(dataset)
    assert run.state == "interrupted"
    counts = [len(dataset.load(key).annotations) for key in dataset.keys]
    assert set(counts) == {0, 2}
    resume_into(dataset)
    assert [len(dataset.load(key).annotations) for key in dataset.keys if key.startswith("n")] == [2] * 40
    dataset.undo()
    assert [len(dataset.load(key).annotations) for key in dataset.keys] == [0] * len(dataset.keys)
    dataset.close()


def test_an_import_that_ended_before_its_first_image_is_a_step_that_takes_its_labels_back(
    folder: Path, tmp_path: Path
) -> None:
    dataset = Dataset.open(folder)
    with_labels(dataset, "cat")
    draw(dataset, ImageKey("a.png"))
    before = dataset.labels
    record = RunRecord({"kind": "import"})
    dataset.runs.begin_import("Import", record, [ImageKey("b.png")], ["cat", "dog", "bird"], {})
    assert dataset.labels.names == ("cat", "dog", "bird")
    dataset.close()
    dataset = Dataset.open(folder)
    assert queries.runs(dataset)[0].state == "interrupted"
    dataset.undo()
    assert dataset.labels == before
    assert len(dataset.load(ImageKey("a.png")).annotations) == 1
    dataset.redo()
    dataset.undo()
    assert dataset.labels == before
    dataset.close()


def test_regions_are_the_files_own_to_the_last_digit(folder: Path, tmp_path: Path) -> None:
    source = coco(
        tmp_path / "x.json", {"a.png": [{"segmentation": [[10.25, 8.5, 30.125, 8.5, 30.125, 23, 10.25, 23]]}]}
    )
    dataset = Dataset.open(folder)
    import_into(dataset, [source], ImportPlan())
    (found,) = dataset.load(ImageKey("a.png")).annotations
    assert found.region.equals(regions.from_polygons([box(10.25, 8.5, 30.125, 23)]))
    dataset.close()


def test_what_is_no_json_is_named_as_damaged(tmp_path: Path) -> None:
    photos(tmp_path / "data", "a.png")
    given = tmp_path / "given"
    given.mkdir()
    (given / "broken.json").write_text('{"imag": [1, 2')
    (given / "fine.json").write_text("[1, 2]")
    (given / "notes.txt").write_text("{")
    with pytest.raises(
        ImportRefusedError, match=r"^broken\.json is damaged: it is not JSON: .* in line 1\. Exp"
    ):
        samdesk.import_annotations(tmp_path / "data", given)
    (given / "other.json").write_bytes(b'"\xff"')
    with pytest.raises(ImportRefusedError, match=r"and 1 other file as well"):
        samdesk.import_annotations(tmp_path / "data", given)
    for name in ("broken.json", "other.json"):
        (given / name).unlink()
    with pytest.raises(ImportRefusedError, match="No annotations of a known format"):
        samdesk.import_annotations(tmp_path / "data", given)
