"""Exports by a small format: what is in the folder and the report, and what is left of one that ended."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from shapely.geometry import MultiPolygon, Polygon

from samdesk.base.jobs import Cancelled, CancelToken
from samdesk.dataset import plans
from samdesk.dataset.dataset import Dataset
from samdesk.domain.annotation import CROWD, Annotation
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction, accept_image, add
from samdesk.domain.review import AnnotationReview
from samdesk.exchange.access import DirectAccess
from samdesk.exchange.exporting.errors import ExportError, FolderExistsError
from samdesk.exchange.exporting.plan import ExportPlan, LabelChoice
from samdesk.exchange.exporting.report import ExportReport
from samdesk.exchange.exporting.run import export
from samdesk.formats.base import Format
from samdesk.images.reader import read_image
from tests.dataset.dataset_kit import SIZE, draw, drawn, photos, with_labels
from tests.exchange.exporting.small_format import SMALL

PLAN = ExportPlan(format_id="small")


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[Dataset]:
    """Four images: a car and a dog, a crowd, a pending one, nothing."""
    photos(tmp_path / "data", "a.jpg", "b.jpg", "sub/c.png", "d.jpg")
    opened = Dataset.open(tmp_path / "data")
    with_labels(opened, "car", "dog")
    draw(opened, ImageKey("a.jpg"))
    draw(opened, ImageKey("a.jpg"), 30, label=1)
    _add(opened, "b.jpg", drawn(opened.labels.labels[0].id, attributes=((CROWD, True),)))
    _add(opened, "sub/c.png", drawn(opened.labels.labels[1].id, review=AnnotationReview.PENDING))
    yield opened
    opened.close()


def _add(dataset: Dataset, key: str, annotation: Annotation) -> None:
    dataset.commit(Transaction("Add", ((ImageKey(key), add([annotation])),)))


def _export(
    dataset: Dataset, out: Path, plan: ExportPlan = PLAN, row: Format = SMALL, *, overwrite: bool = False
) -> ExportReport:
    return export(DirectAccess(dataset), plan, out, row=row, overwrite=overwrite)


def _text(out: Path) -> dict[str, str]:
    """The label files of an export."""
    skipped = {"names.txt", "export-report.txt"}
    return {
        path.relative_to(out).as_posix(): path.read_text()
        for path in sorted(out.rglob("*.txt"))
        if path.name not in skipped
    }


def _listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_images_labels_and_report_are_written(dataset: Dataset, tmp_path: Path) -> None:
    report = _export(dataset, tmp_path / "out")

    out = tmp_path / "out"
    assert _text(out) == {
        "a.txt": "0 10 8 30 23\n1 30 8 50 23", "b.txt": "0 10 8 30 23", "d.txt": "",
        "sub/c.txt": "1 10 8 30 23",
    }  # fmt: skip
    assert (out / "names.txt").read_text() == "car\ndog"
    for name in ("a.jpg", "b.jpg", "d.jpg", "sub/c.png"):
        assert (out / "images" / name).read_bytes() == (dataset.folder / name).read_bytes()
    assert (report.images_in, report.images_out, report.images_empty) == (4, 4, 1)
    assert (report.instances_in, report.instances_out, report.median) == (4, 4, 1.0)
    assert json.loads((out / "export-report.json").read_text())["instances_out"] == 4
    assert "4 images with 4 annotations exported." in (out / "export-report.txt").read_text()
    assert len((out / "export-instances.csv").read_text().splitlines()) == 1 + 4
    assert _listing(tmp_path) == ["data", "out"]


def test_what_is_not_wanted_is_left_out_and_counted(dataset: Dataset, tmp_path: Path) -> None:
    plan = replace(
        PLAN, states="accepted", crowds="drop", empty="drop", labels=(LabelChoice("dog", "animal"),)
    )

    report = _export(dataset, tmp_path / "out", plan)

    assert _text(tmp_path / "out") == {"a.txt": "0 30 8 50 23"}
    assert (tmp_path / "out" / "names.txt").read_text() == "animal"
    assert (report.images_out, report.images_dropped, report.instances_left_out) == (1, 3, 3)
    assert report.losses == {"label": 2, "state": 1}


def test_crowds_and_small_annotations_are_dropped(dataset: Dataset, tmp_path: Path) -> None:
    report = _export(dataset, tmp_path / "out", replace(PLAN, crowds="drop", min_area=301))
    assert report.losses == {"small": 3, "crowd": 1}


def test_labels_are_merged_and_renumbered(dataset: Dataset, tmp_path: Path) -> None:
    merged = replace(PLAN, labels=(LabelChoice("dog", "dog"), LabelChoice("car", "dog")))
    _export(dataset, tmp_path / "merged", merged)
    _export(
        dataset,
        tmp_path / "order",
        replace(PLAN, labels=(LabelChoice("dog", "dog"), LabelChoice("car", "car"))),
    )
    _export(dataset, tmp_path / "renamed", replace(PLAN, renamed=(LabelChoice("car", "truck"),)))

    assert (tmp_path / "merged" / "names.txt").read_text() == "dog"
    assert _text(tmp_path / "merged")["a.txt"] == "0 10 8 30 23\n0 30 8 50 23"
    assert _text(tmp_path / "order")["a.txt"] == "1 10 8 30 23\n0 30 8 50 23"
    assert (tmp_path / "renamed" / "names.txt").read_text() == "truck\ndog"


@pytest.mark.parametrize(
    ("plan", "names"),
    [
        (replace(PLAN, scope="accepted"), ["b.txt"]),
        (replace(PLAN, scope="search", search="label:dog"), ["a.txt", "sub/c.txt"]),
        (replace(PLAN, scope="keys", keys=(ImageKey("d.jpg"), ImageKey("a.jpg"))), ["a.txt", "d.txt"]),
    ],
)
def test_scopes(dataset: Dataset, tmp_path: Path, plan: ExportPlan, names: list[str]) -> None:
    document = dataset.load(ImageKey("b.jpg"))
    dataset.commit(Transaction("Accept", ((document.key, accept_image(document)),)))
    _export(dataset, tmp_path / "out", plan)
    assert list(_text(tmp_path / "out")) == names


def test_splits_are_kept_or_not(dataset: Dataset, tmp_path: Path) -> None:
    dataset.commit_planned(
        lambda d: plans.assign_splits(d, {ImageKey("a.jpg"): "train", ImageKey("b.jpg"): "val"})
    )
    _export(dataset, tmp_path / "out")
    assert (tmp_path / "out" / "train" / "a.jpg").is_file()
    assert (tmp_path / "out" / "val" / "b.jpg").is_file()
    _export(dataset, tmp_path / "flat", replace(PLAN, splits=False))
    assert (tmp_path / "flat" / "images" / "a.jpg").is_file()


def test_images_of_one_name_are_renamed(tmp_path: Path) -> None:
    keys = photos(tmp_path / "data", "a.jpg", "a.png", "images/x.jpg", "ü ß.jpg")
    dataset = Dataset.open(tmp_path / "data")
    with_labels(dataset, "car")
    for x, key in enumerate(keys):
        draw(dataset, key, x)
    report = _export(dataset, tmp_path / "out")
    dataset.close()
    assert list(_text(tmp_path / "out")) == ["a.txt", "a_png.txt", "images_/x.txt", "ü ß.txt"]
    assert _text(tmp_path / "out")["a_png.txt"] == "0 1 8 21 23"
    assert dict(report.renamed) == {"a.png": "a_png.png", "images/x.jpg": "images_/x.jpg"}
    assert "a.png -> a_png.png" in (tmp_path / "out" / "export-report.txt").read_text()


@pytest.mark.parametrize("images", ["hardlink", "symlink", "leave"])
def test_images_are_linked_or_left(dataset: Dataset, tmp_path: Path, images: str) -> None:
    _export(dataset, tmp_path / "out", replace(PLAN, images=images))  # type: ignore[arg-type]
    source, place = dataset.folder / "a.jpg", tmp_path / "out" / "images" / "a.jpg"
    assert place.exists() is (images != "leave")
    assert place.is_symlink() is (images == "symlink")
    if images != "leave":
        assert place.samefile(source)


def test_tiles_cut_labels_along(dataset: Dataset, tmp_path: Path) -> None:
    report = _export(
        dataset, tmp_path / "out", replace(PLAN, tile=32, overlap=0.0, empty="drop", min_share=0.3)
    )

    found = _text(tmp_path / "out")
    # 64 x 48 pixels in tiles of 32 are 2 x 2; the lower ones overlap the upper ones.
    assert [name for name in found if name[0] == "a"] == [
        "a_0_0.txt", "a_0_16.txt", "a_32_0.txt", "a_32_16.txt"
    ]  # fmt: skip
    assert found["a_0_0.txt"] == "0 10 8 30 23"
    assert found["a_32_0.txt"] == "1 0 8 18 23"
    assert read_image(tmp_path / "out" / "images" / "a_0_0.jpg").shape == (32, 32, 3)
    assert report.losses["cut"] >= 1


def test_resized_images_have_their_labels_resized(dataset: Dataset, tmp_path: Path) -> None:
    _export(dataset, tmp_path / "out", replace(PLAN, resize=32))
    assert _text(tmp_path / "out")["b.txt"] == "0 5 4 15 11.5"
    assert read_image(tmp_path / "out" / "images" / "b.jpg").shape == (SIZE[1] // 2, SIZE[0] // 2, 3)


def test_an_unreadable_image_is_reported_and_the_others_are_there(dataset: Dataset, tmp_path: Path) -> None:
    (dataset.folder / "b.jpg").write_bytes(b"no image")
    (dataset.folder / "d.jpg").unlink()
    report = _export(dataset, tmp_path / "out")
    assert sorted(key for key, _ in report.failed) == ["b.jpg", "d.jpg"]
    assert list(_text(tmp_path / "out")) == ["a.txt", "sub/c.txt"]
    assert not (tmp_path / "out" / "images" / "b.jpg").exists()


def test_the_worst_are_listed_first(dataset: Dataset, tmp_path: Path) -> None:
    triangle = replace(
        drawn(dataset.labels.labels[0].id), region=MultiPolygon([Polygon([(2, 2), (40, 2), (2, 40)])])
    )
    _add(dataset, "d.jpg", triangle)
    report = _export(dataset, tmp_path / "out", replace(PLAN, crowds="drop"))
    assert report.worst[0].annotation_id == triangle.id
    assert report.worst[0].image == "d.jpg"
    assert report.worst[0].iou == pytest.approx(0.5)
    assert report.worst[-1].losses == ("crowd",)
    assert report.lowest == report.worst[0].iou
    assert report.below == 1


def test_a_folder_is_overwritten_only_if_asked_and_if_it_is_an_export(
    dataset: Dataset, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    _export(dataset, out)
    (out / "mark").touch()
    with pytest.raises(FolderExistsError, match="is there already"):
        _export(dataset, out)
    assert (out / "mark").exists()
    _export(dataset, out, overwrite=True)
    assert not (out / "mark").exists()
    (out / "export-report.json").unlink()
    with pytest.raises(ExportError, match="not made by an export"):
        _export(dataset, out, overwrite=True)
    assert _listing(tmp_path) == ["data", "out"]


@pytest.mark.parametrize(
    ("out", "words"), [("data/out", "inside the dataset"), (".", "holds the dataset"), ("f", "is a file")]
)
def test_folders_that_are_no_place_for_an_export(
    dataset: Dataset, tmp_path: Path, out: str, words: str
) -> None:
    (tmp_path / "f").touch()
    with pytest.raises(ExportError, match=words):
        _export(dataset, tmp_path / out)


def test_cancelled_it_leaves_nothing(dataset: Dataset, tmp_path: Path) -> None:
    cancel = CancelToken()
    seen: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 2:
            cancel.cancel()

    with pytest.raises(Cancelled):
        export(
            DirectAccess(dataset), PLAN, tmp_path / "new" / "out", row=SMALL, progress=progress, cancel=cancel
        )
    assert seen == [(0, 4), (1, 4), (2, 4)]
    assert _listing(tmp_path) == ["data"]


def test_a_full_disk_is_reported_in_words_and_leaves_nothing(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "copy_file_range", full)
    with pytest.raises(ExportError, match="the disk is full"):
        _export(dataset, tmp_path / "out")
    assert _listing(tmp_path) == ["data"]


def test_a_writer_cannot_leave_the_folder(dataset: Dataset, tmp_path: Path) -> None:
    assert SMALL.write is not None
    escaping = replace(SMALL, write=replace(SMALL.write, image_path=lambda _record: "../escaped.jpg"))
    with pytest.raises(ExportError, match="leads out of the folder"):
        _export(dataset, tmp_path / "out", row=escaping)
    assert _listing(tmp_path) == ["data"]


def test_processes_write_the_same(dataset: Dataset, tmp_path: Path) -> None:
    _export(dataset, tmp_path / "one")
    export(DirectAccess(dataset), PLAN, tmp_path / "two", row=SMALL, processes=1)
    assert _text(tmp_path / "two") == _text(tmp_path / "one")
