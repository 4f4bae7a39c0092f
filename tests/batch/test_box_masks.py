"""Masks from boxes that are there: in a dataset with a store and in label files."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

import samdesk
from samdesk.batch import pipeline
from samdesk.batch.box_masks import ACCEPTED, NO_BOXES
from samdesk.batch.report import BatchSummary
from samdesk.batch.targets.place import place_of_all
from samdesk.dataset.dataset import Dataset
from samdesk.domain.annotation import Annotation, Source
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit, Transaction, add, by_user, reject
from samdesk.domain.geometry.regions import from_box, from_ring
from samdesk.domain.review import AnnotationReview, ImageReview, ReviewChange
from samdesk.formats.yolo import segmentation
from tests.helpers.finding import ColourModels
from tests.helpers.make import annotation, photo

KEYS = [ImageKey(f"{i}.png") for i in range(3)]
BOXES = "1 0.25 0.5 0.25 0.5\n0 0.75 0.5 0.125 0.25\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i, key in enumerate(KEYS):
        photo(tmp_path / key, seed=i)
    (tmp_path / "0.txt").write_text(BOXES)
    (tmp_path / "1.txt").write_text("0 0.5 0.5 0.25 0.25\n1 0 0 0.5 0 0.5 0.5\n")
    with closing(Dataset.open(tmp_path)) as dataset:
        labels = dataset.labels
        dataset.commit(Transaction("Add label", labels=labels.add("c"), labels_before=labels))
    return tmp_path


def masks(folder: Path, **options: object) -> tuple[BatchSummary, ColourModels]:
    shelf = ColourModels()
    options = {"objects_from": "boxes", "loaders": shelf.loaders, **options}
    return samdesk.auto_annotate(folder, "colour.pt", "inner.pt", **options), shelf  # type: ignore[arg-type]


def documents(folder: Path) -> list[ImageDocument]:
    with closing(Dataset.open(folder)) as dataset:
        return [dataset.load(key) for key in KEYS]


def change(folder: Path, key: ImageKey, edit: Edit) -> None:
    with closing(Dataset.open(folder)) as dataset:
        dataset.commit(Transaction("Edit", ((key, edit),)))


def test_a_detection_dataset_becomes_one_of_masks_and_one_undo_brings_the_boxes_back(folder: Path) -> None:
    before, files = documents(folder), [(folder / f"{i}.txt").read_text() for i in range(2)]
    summary, shelf = masks(folder)
    assert shelf.asked == [("inner.pt", "")], "only the mask model is loaded"
    assert (summary.annotated, summary.annotations) == (2, 3)
    assert [(s.key, s.reason) for s in summary.skipped] == [(KEYS[2], NO_BOXES)]
    after = documents(folder)
    for old, new in zip(before, after, strict=True):
        assert [(a.id, a.label_id) for a in new.annotations] == [(a.id, a.label_id) for a in old.annotations]
    first, box = after[0].annotations[0], before[0].annotations[0]
    assert box.region.bounds == (40, 60, 120, 180)
    assert first.region.bounds == pytest.approx((42, 62, 118, 178), abs=1.5)
    assert first.prompts is not None
    assert first.prompts.box is not None
    assert first.prompts.box.xyxy == box.region.bounds
    assert (first.source, first.review) == (Source.SAM, AnnotationReview.PENDING)
    assert (first.detector_score, first.mask_score, first.model) == (None, 0.95, "inner.pt")
    assert first.run_id == summary.run_id
    assert after[1].annotations[1] == before[1].annotations[1], "an outline stays"
    assert [len(line.split()) > 5 for line in (folder / "0.txt").read_text().splitlines()] == [True, True]
    assert [line.split()[0] for line in (folder / "0.txt").read_text().splitlines()] == ["1", "0"]
    with closing(Dataset.open(folder)) as dataset:
        dataset.undo()
    undone = documents(folder)
    assert [d.annotations for d in undone] == [d.annotations for d in before]
    assert [(folder / f"{i}.txt").read_text() for i in range(2)] == files


def test_documents_are_loaded_in_parts_and_every_image_gets_its_masks(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "_DOCUMENTS", 1)
    assert masks(folder)[0].annotations == 3
    assert {a.source for d in documents(folder)[:1] for a in d.annotations} == {Source.SAM}
    assert documents(folder)[1].annotations[0].source is Source.SAM


def test_boxes_drawn_by_hand_count_and_decisions_stay(folder: Path) -> None:
    there = documents(folder)
    change(folder, KEYS[0], by_user(reject(there[0], [there[0].annotations[0].id]), there[0]))
    label = there[0].annotations[0].label_id
    drawn = replace(annotation("drawn", region=from_box(60, 60, 160, 200)), label_id=label)
    change(folder, KEYS[2], by_user(add([drawn]), there[2]))
    accepted = by_user(Edit(review=ReviewChange.SET_ACCEPTED), there[1])
    change(folder, KEYS[1], accepted)
    before = documents(folder)
    summary, _ = masks(folder)
    assert [(s.key, s.reason) for s in summary.skipped] == [(KEYS[1], ACCEPTED)]
    after = documents(folder)
    assert after[1] == before[1]
    assert after[0].rejected == before[0].rejected, "a rejected box got a mask"
    assert after[0].annotations[0].source is Source.SAM
    assert after[2].review is ImageReview.EDITED
    assert after[2].annotations[0].region.bounds == pytest.approx((62, 62, 158, 198), abs=1.5)


def test_a_later_run_replaces_neither_the_masks_nor_what_was_decided_about_them(folder: Path) -> None:
    masks(folder)
    made = documents(folder)
    assert masks(folder)[0].annotations == 0, "there are no boxes left"
    found, _ = masks(folder, objects_from="detector", existing="replace")
    assert [d.annotations for d in documents(folder)[:2]] == [d.annotations for d in made[:2]], found
    again, _ = masks(folder, existing="replace")
    assert again.annotations == 3
    now = documents(folder)
    assert [[a.id for a in d.annotations] for d in now[:2]] == [
        [a.id for a in d.annotations] for d in made[:2]
    ]
    assert [a.run_id for a in now[0].annotations] == [again.run_id] * 2


def test_boxes_in_label_files_stay_and_the_masks_go_to_a_folder_beside(tmp_path: Path) -> None:
    images, labels = tmp_path / "images", tmp_path / "labels"
    for i in range(3):
        photo(images / f"{i}.png", seed=i)
    labels.mkdir()
    (labels / "0.txt").write_text("7 0.25 0.5 0.25 0.5\n7 0.5 0.1 0.6 0.1 0.6 0.2\n0 0.75 0.5 0.125 0.25\n")
    (labels / "1.txt").write_text("0 1 2\n")
    before = {p.name: p.read_bytes() for p in labels.iterdir()}
    summary, _ = masks(images)
    assert {p.name: p.read_bytes() for p in labels.iterdir()} == before
    assert summary.output == str(tmp_path / "labels-segment")
    assert place_of_all([str(images)], None).text("boxes") == summary.output, "as it is named before the run"
    assert [f.key for f in summary.failed] == ["1.png"], "a line that cannot be read"
    assert [(s.key, s.reason) for s in summary.skipped] == [("2.png", NO_BOXES)]
    text = (tmp_path / "labels-segment" / "0.txt").read_text()
    lines = segmentation.parse(text, 320, 240).lines
    assert [line.class_id for line in lines] == [7, 7, 0]
    assert lines[0].region.bounds == pytest.approx((42, 62, 118, 178), abs=1.5)
    assert text.splitlines()[1] == "7 0.5 0.1 0.6 0.1 0.6 0.2", "an outline stays as it is"
    assert not segmentation.parse(text, 320, 240).detection
    again, _ = masks(images)
    assert (again.annotated, len(again.skipped)) == (0, 2)
    assert masks(images, existing="replace")[0].annotations == 2


def test_an_empty_mask_leaves_the_box(folder: Path) -> None:
    from samdesk.batch.box_masks import masks_edit
    from samdesk.batch.find import FoundObject
    from samdesk.batch.sources.boxes import boxes_of
    from samdesk.domain.annotation import RunId

    box = replace(annotation("a", region=from_box(1, 2, 30, 40)), source=Source.IMPORT)
    document = ImageDocument(KEYS[0], 100, 100, (box,))
    [detected] = boxes_of(document)
    empty = FoundObject(detected.detection, detected.region, 0.0, empty_mask=True, replaces=box.id)
    drawn = replace(empty, region=from_ring([(2, 3), (29, 3), (9, 39)]), empty_mask=False)

    def edited(found: FoundObject, there: Annotation) -> tuple[Annotation, ...]:
        now = replace(document, annotations=(there,))
        return masks_edit(now, [found], RunId("r"), "skip").apply(now)[0].annotations

    assert edited(empty, box) == (box,)
    moved = replace(box, region=from_box(5, 2, 34, 40))
    assert edited(drawn, moved) == (moved,), "it was moved since its mask was drawn"
    assert edited(drawn, box)[0].region == drawn.region
