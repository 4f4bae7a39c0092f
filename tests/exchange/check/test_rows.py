"""Every check finds its fault in a dataset that has exactly that one, and names the place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from shapely.geometry import MultiPolygon, Polygon, box

from samdesk.dataset.dataset import Dataset
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Transaction, accept_image, add, remove
from samdesk.domain.labels import LabelSet
from samdesk.domain.review import AnnotationReview
from samdesk.exchange.access import DirectAccess
from samdesk.exchange.check.output import place
from samdesk.exchange.check.registry import CHECKS
from samdesk.exchange.check.run import run_checks
from samdesk.exchange.check.types import CheckResult, CheckRow
from samdesk.formats.label_format import label_format
from tests.dataset.dataset_kit import SIZE, drawn
from tests.exchange.check.check_kit import LINES, check_folder, found, make, opened, square, write_labels

A = ImageKey("images/train/a.png")


def without_labels(folder: Path) -> None:
    shutil.rmtree(folder / "labels")


def unreadable_image(folder: Path) -> None:
    (folder / A).write_bytes(b"no image")


def unreadable_label(folder: Path) -> None:
    path = folder / "labels/train/a.txt"
    path.unlink()
    path.mkdir()


def bad_line(folder: Path) -> None:
    write_labels(folder, "train/a", [*LINES, "0 0.1 0.1 cat", square(2, 2) + " 1.5 0.5"])


def class_id(folder: Path) -> None:
    write_labels(folder, "train/a", [*LINES[1:], square(2, 2, class_id=3)])


def mixed(folder: Path) -> None:
    write_labels(folder, "train/a", [*LINES[1:], "0 0.1 0.1 0.1 0.1"])


def boxes(folder: Path) -> None:
    write_labels(folder, "train/a", [f"0 {0.1 + 0.15 * n} 0.5 0.1 0.1" for n in range(6)])


def name_clash(folder: Path) -> None:
    noise = np.random.default_rng(9).integers(0, 255, (6, 8, 3), np.uint8)
    Image.fromarray(noise).resize(SIZE, Image.Resampling.BICUBIC).save(folder / "images/train/a.jpg")


def dropped(folder: Path) -> None:
    Image.new("RGB", (9, 9), "red").save(folder / A)
    write_labels(folder, "train/a", ["0 0.1 0.1 0.9 0.1 0.9 0.9 0.1 0.9"])


def leak(folder: Path) -> None:
    shutil.copy(folder / A, folder / "images/val/c.png")


def near_leak(folder: Path) -> None:
    image = Image.open(folder / A)
    image.resize((96, 72)).save(folder / "images/val/c.png")


def refused(folder: Path) -> None:
    (folder / "data.yaml").write_text("train: images/train\nval: images/gone\nnames: [cat]\n")


def behind_link(folder: Path) -> None:
    (folder / "images").rename(folder / "pictures")
    (folder / "images").symlink_to("pictures")
    (folder / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [cat]\n")


def unreached(folder: Path) -> None:
    (folder / "images/more").mkdir()
    (folder / A).rename(folder / "images/more/a.png")
    (folder / "labels/more").mkdir()
    (folder / "labels/train/a.txt").rename(folder / "labels/more/a.txt")


def splits_ignored(folder: Path) -> None:
    (folder / "data.yaml").write_text("train: images\nval: images\nnames: [cat]\n")


def run_output(folder: Path) -> None:
    runs = folder / "images/train/run"
    runs.mkdir()
    (runs / "args.yaml").write_text("task: segment\n")
    Image.new("RGB", SIZE).save(runs / "results.png")


def heic(folder: Path) -> None:
    (folder / "images/train/x.heic").write_bytes(b"heic")


def unlisted(folder: Path) -> None:
    deep = folder / "images/train" / "/".join(["d"] * 70)
    deep.mkdir(parents=True)


def without_split(folder: Path) -> None:
    (folder / "images/a.png").write_bytes((folder / A).read_bytes())
    (folder / A).unlink()
    (folder / "labels/train/a.txt").unlink()


def missing_of_list(folder: Path) -> None:
    names = "./images/train/a.png\n./images/train/b.png\n./images/train/gone.png\n"
    (folder / "train.txt").write_text(names)
    (folder / "data.yaml").write_text("train: train.txt\nval: images/val\nnames: [cat]\n")


def changed(folder: Path) -> None:
    with opened(folder) as dataset:
        draw(dataset, A)
    write_labels(folder, "train/a", LINES[1:])


def turned(folder: Path) -> None:
    with opened(folder) as dataset:
        draw(dataset, A)
    exif = Image.Exif()
    exif[274] = 6
    Image.open(folder / A).save(folder / A, exif=exif)


def crossing(folder: Path) -> None:
    bow = "0 0.1 0.1 0.3 0.4 0.3 0.1 0.1 0.4"
    write_labels(folder, "train/a", [*LINES[1:], bow])


def duplicate(folder: Path) -> None:
    write_labels(folder, "train/a", [*LINES, square(2, 2, 8, 7.6)])


def two_labels(folder: Path) -> None:
    (folder / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [cat, dog]\n")
    write_labels(folder, "train/a", [*LINES, square(2, 2, class_id=1)])


def contained(folder: Path) -> None:
    write_labels(folder, "train/a", [*LINES, square(3, 3, 4, 4)])


def tiny(folder: Path) -> None:
    write_labels(folder, "train/a", [*LINES, square(50, 42, 0.6, 0.6)])


def unreviewed(folder: Path) -> None:
    with opened(folder) as dataset:
        label = dataset.labels.labels[0].id
        dataset.commit(
            Transaction("Run", ((A, add([drawn(label, 10, 30, review=AnnotationReview.PENDING)])),))
        )


def orphan(folder: Path) -> None:
    write_labels(folder, "train/gone", LINES)


def in_one_split(folder: Path) -> None:
    (folder / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [cat, dog]\n")
    write_labels(
        folder, "train/a", [square(2 + 12 * (n % 5), 2 + 12 * (n // 5), class_id=1) for n in range(20)]
    )


def same_image(folder: Path) -> None:
    shutil.copy(folder / A, folder / "images/train/b.png")


def rare(folder: Path) -> None:
    for name in ("train/b", "val/c", "val/d"):
        write_labels(folder, name, LINES[:1])


def empty_class(folder: Path) -> None:
    (folder / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [cat, dog]\n")


def outside(folder: Path) -> None:
    write_labels(folder, "train/a", [*LINES[1:], "0 -0.005 0.1 0.1 0.1 0.1 0.2"])


def orientation(folder: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.open(folder / A).save(folder / A, exif=exif)


def empty_accepted(folder: Path) -> None:
    with opened(folder) as dataset:
        document = dataset.load(A)
        dataset.commit(Transaction("Clear", ((A, remove(a.id for a in document.annotations)),)))
        dataset.commit(Transaction("Accept", ((A, accept_image(dataset.load(A))),)))


def not_looked_at(folder: Path) -> None:
    (folder / "labels/train/a.txt").unlink()


def draw(dataset: Dataset, key: ImageKey) -> None:
    annotation = drawn(dataset.labels.labels[0].id, 30, 28)
    dataset.commit(Transaction("Draw", ((key, add([annotation])),)))


Case = tuple[Callable[[Path], None], int, str, str, frozenset[str]]


def case(make_fault: Callable[[Path], None], where: str, says: str, *others: str, count: int = 1) -> Case:
    """A fault, where it is found, what is reported, and what else is wrong with it."""
    return make_fault, count, where, says, frozenset(others)


CASES: dict[str, Case] = {
    "nothing-annotated": case(without_labels, "", "No image has annotations", "empty-classes"),
    "unreadable-images": case(unreadable_image, A, "not an image"),
    "unreadable-labels": case(unreadable_label, A, "cannot be read: it is a folder"),
    "bad-lines": case(bad_line, "labels/train/a.txt, line 7", "'cat' is not a number", count=2),
    "class-ids": case(class_id, A, "class id 3, but there is 1 class", "empty-classes", "rare-classes",
                      "missing-in-split", "missing-classes"),
    "mixed-lines": case(mixed, A, "Boxes and outlines"),
    "boxes": case(boxes, A, "has boxes"),
    "name-clashes": case(name_clash, A, "shares a label file with images/train/a.jpg",
                         "unreviewed-images"),
    "dropped": case(dropped, A, "9 x 9 pixels"),
    "leaks": case(leak, "images/val/c.png", "is the same file as images/train/a.png (for training)"),
    "near-leaks": case(near_leak, "images/val/c.png", "looks like images/train/a.png (for training)"),
    "refused": case(refused, "data.yaml", "its val folder does not exist", "unreached"),
    "missing-classes": case(class_id, "data.yaml", "has 1 class, but class ids up to 3",
                            "class-ids", "empty-classes", "rare-classes", "missing-in-split"),
    "labels-elsewhere": case(behind_link, "data.yaml", "follows a link"),
    "unreached": case(unreached, "data.yaml", "1 annotated image is neither", "without-split"),
    "splits-ignored": case(splits_ignored, "data.yaml", "although there are folders", "same-for-both"),
    "run-outputs": case(run_output, "data.yaml", "1 plot of training runs"),
    "unreadable": case(heic, "data.yaml", "cannot read HEIC"),
    "unlisted": case(unlisted, "data.yaml", "could not be listed"),
    "same-for-both": case(splits_ignored, "data.yaml", "names the same images for", "splits-ignored"),
    "without-split": case(without_split, "images/a.png", "in no split"),
    "missing-of-lists": case(missing_of_list, "gone.png", "an image that does not exist"),
    "changed-labels": case(changed, A, "was changed by another program"),
    "turned-images": case(turned, A, "annotated as 64 x 48 pixels and is 48 x 64 now", "orientation"),
    "crossing": case(crossing, "labels/train/a.txt, line 6", "crosses itself"),
    "duplicates": case(duplicate, A, "Two annotations cat show the same (IoU 0.96)"),
    "two-labels": case(two_labels, A, "cat and dog show the same (IoU 1.00)", "rare-classes",
                       "missing-in-split"),
    "contained": case(contained, A, "cat lies inside another cat (100%)"),
    "tiny": case(tiny, A, "cat: 2.56 pixels"),
    "unreviewed": case(unreviewed, A, "1 annotation of a model"),
    "orphans": case(orphan, "labels/train/gone.txt", "no image for this label file"),
    "missing-in-split": case(in_one_split, "", "dog is trained on, but not validated"),
    "same-images": case(same_image, A, "2 images are the same file: also images/train/b.png"),
    "rare-classes": case(rare, "", "cat has 9 annotations only"),
    "empty-classes": case(empty_class, "", "dog has no annotations"),
    "outside": case(outside, "labels/train/a.txt, line 6", "clipped"),
    "orientation": case(orientation, A, "EXIF orientation 6"),
    "empty-accepted": case(empty_accepted, A, "without annotations"),
    "unreviewed-images": case(not_looked_at, "data.yaml", "1 image has no annotations"),
}  # fmt: skip


def test_a_dataset_with_nothing_wrong_has_no_findings(tmp_path: Path) -> None:
    report = check_folder(make(tmp_path / "set"))
    assert found(report) == {}
    assert (report.images, report.instances) == (4, 24)
    assert sorted(report.clean) == sorted(row.id for row in CHECKS)
    assert report.skipped == ()


@pytest.mark.parametrize("row", CHECKS, ids=lambda row: row.id)
def test_a_fault_is_found_and_nothing_else(row: CheckRow, tmp_path: Path) -> None:
    make_fault, count, where, says, others = CASES[row.id]
    folder = make(tmp_path / "set")
    if os.name == "nt" and make_fault is behind_link:
        pytest.skip("links need a privilege on Windows")
    make_fault(folder)
    report = check_folder(folder)
    result = report.result(row.id)
    assert result is not None, found(report)
    assert (result.count, where in place(result.findings[0]), says in result.findings[0].message) == (
        count, True, True,
    ), (place(result.findings[0]), result.findings[0].message)  # fmt: skip
    assert set(found(report)) - {result.row.id} == others


def test_annotations_of_a_finding_are_those_of_the_dataset(tmp_path: Path) -> None:
    folder = make(tmp_path / "set")
    duplicate(folder)
    with opened(folder) as dataset:
        document = dataset.load(A)
    result = check_folder(folder).result("duplicates")
    assert result is not None
    ids = [a.id for a in document.annotations]
    assert result.findings[0].annotations == (ids[0], ids[6])


def test_a_line_that_crosses_itself_leads_to_its_annotation(tmp_path: Path) -> None:
    folder = make(tmp_path / "set")
    crossing(folder)
    with opened(folder) as dataset:
        wanted = dataset.load(A).annotations[5].id
    result = check_folder(folder).result("crossing")
    assert result is not None
    assert result.findings[0].annotations == (wanted,)


def test_findings_beyond_the_limit_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samdesk.exchange.check.types.MOST_FINDINGS", 1)
    folder = make(tmp_path / "set")
    bad_line(folder)
    orphan(folder)
    result: CheckResult | None = check_folder(folder).result("bad-lines")
    assert result is not None
    assert (result.count, len(result.findings)) == (2, 1)
    assert list(result.images) == [A]


def test_an_outline_with_a_hole_is_no_crossing_one(tmp_path: Path) -> None:
    folder = make(tmp_path / "set")
    ring = Polygon(box(4, 4, 40, 40).exterior, [box(10, 10, 20, 20).exterior])
    region = MultiPolygon([ring, box(44, 4, 60, 40)])
    labels = LabelSet.from_names(["cat"])
    annotation = drawn(labels.labels[0].id)
    document = ImageDocument(A, *SIZE, (replace(annotation, region=region),))
    text, _ = label_format().write(document, labels)
    write_labels(folder, "train/a", [text.strip()])
    assert set(found(check_folder(folder))) == set()


def test_processes_find_the_same(tmp_path: Path) -> None:
    folder = make(tmp_path / "set")
    for fault in (bad_line, orphan):
        fault(folder)
    with opened(folder) as dataset:
        reports = [run_checks(DirectAccess(dataset), processes=count) for count in (0, 1)]
    alone, beside = (replace(report, seconds=0.0, at=0.0) for report in reports)
    assert alone.results
    assert beside == alone
