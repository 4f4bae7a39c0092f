"""The training material of a dataset on disk."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from shapely.geometry import MultiPolygon, Point

from samdesk.base.jobs import Cancelled, CancelToken
from samdesk.dataset.dataset import Dataset, StoreError
from samdesk.dataset.store.database import Store
from samdesk.domain.annotation import Annotation, new_annotation_id
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction, accept_image, add
from samdesk.domain.review import AnnotationReview
from samdesk.training.record.taught_weights import DETECTOR, MASKS
from samdesk.training.teach.material import TrainingMaterial, is_box, read_material
from samdesk.training.teach.readiness import MIN_IMAGES, Readiness
from tests.dataset.dataset_kit import SIZE, photos, region, with_labels

NAMES = tuple(f"{i}.png" for i in range(5))


def disc(x: float = 20, y: float = 20, radius: float = 8) -> MultiPolygon:
    return MultiPolygon([Point(x, y).buffer(radius)])


def outline(dataset: Dataset, label: int = 0, x: float = 20, **more: object) -> Annotation:
    return Annotation(new_annotation_id(), dataset.labels.labels[label].id, disc(x), **more)  # type: ignore[arg-type]


def put(dataset: Dataset, key: ImageKey, *annotations: Annotation) -> None:
    dataset.commit(Transaction("Add", ((key, add(annotations)),)))


def finish(dataset: Dataset, key: ImageKey) -> None:
    dataset.commit(Transaction("Accept", ((key, accept_image(dataset.load(key))),)))


def keys(material: TrainingMaterial, which: str) -> list[str]:
    return [image.key for image in getattr(material, which)]


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Drawn, drawn and pending, pending only, accepted without objects, never opened."""
    folder = tmp_path / "photos"
    photos(folder, *NAMES)
    dataset = Dataset.open(folder)
    with_labels(dataset, "cat", "dog")
    pending = {"review": AnnotationReview.PENDING}
    put(dataset, ImageKey("0.png"), outline(dataset), outline(dataset, 1, 40))
    put(dataset, ImageKey("1.png"), outline(dataset), outline(dataset, 0, 40, **pending))
    put(dataset, ImageKey("2.png"), outline(dataset, **pending))
    finish(dataset, ImageKey("3.png"))
    yield dataset  # type: ignore[misc]
    with contextlib.suppress(StoreError):  # it was closed in the test
        dataset.close()


def test_accepted_annotations_of_a_dataset_that_is_open_in_a_window(dataset: Dataset) -> None:
    material = read_material(dataset.folder)
    assert material.names == ("cat", "dog")
    assert keys(material, "for_masks") == ["0.png", "1.png"]
    assert [len(image.instances) for image in material.for_masks] == [2, 1]
    assert keys(material, "for_detector") == ["0.png", "3.png"]
    assert material.total == 3
    assert Readiness.of(material) == Readiness(3, 2, 2, 1, 1, 0, (("cat", 2), ("dog", 1)))
    assert Readiness.of(material).notes() == ["1 image with pending annotations: used for the masks only."]
    first = material.for_masks[0]
    assert first.path == dataset.folder / "0.png"
    assert first.image_hw == (SIZE[1], SIZE[0])
    assert [i.label for i in first.instances] == [0, 1]
    assert first.instances[0].region.equals_exact(disc(), 1e-9)
    put(dataset, ImageKey("4.png"), outline(dataset))  # nothing was locked
    assert keys(read_material(dataset.folder), "for_masks") == ["0.png", "1.png", "4.png"]


def test_an_accepted_image(dataset: Dataset) -> None:
    finish(dataset, ImageKey("2.png"))
    material = read_material(dataset.folder)
    assert "2.png" in keys(material, "for_masks")
    assert "2.png" in keys(material, "for_detector")


def test_nothing_is_written(dataset: Dataset) -> None:
    before = {p.name: p.stat().st_mtime_ns for p in dataset.folder.rglob("*") if p.suffix in (".txt", ".db")}
    read_material(dataset.folder)
    after = {p.name: p.stat().st_mtime_ns for p in dataset.folder.rglob("*") if p.suffix in (".txt", ".db")}
    assert before == after


def test_label_files_alone(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    photos(folder, *NAMES)
    (folder / "0.txt").write_text("1 0.2 0.2 0.6 0.2 0.5 0.7\n")
    (folder / "1.txt").write_text("")
    (folder / "2.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    material = read_material(folder)
    assert keys(material, "for_masks") == ["0.png"]
    assert keys(material, "for_detector") == ["0.png", "1.png", "2.png"]
    assert Readiness.of(material).boxes == 1
    assert material.names == ("class_0", "class_1")
    assert not (folder / ".samdesk").exists()


def test_plain_boxes_are_for_the_detector_only(dataset: Dataset) -> None:
    put(dataset, ImageKey("4.png"), replace(outline(dataset), region=region()))
    material = read_material(dataset.folder)
    assert "4.png" not in keys(material, "for_masks")
    assert "4.png" in keys(material, "for_detector")
    assert Readiness.of(material).boxes == 1
    assert "1 plain box: used for the detector only." in Readiness.of(material).notes()
    assert is_box(region())
    assert not is_box(disc())


def test_a_resized_image_and_a_damaged_one(dataset: Dataset) -> None:
    Image.new("RGB", (SIZE[0] * 2, SIZE[1] * 2)).save(dataset.folder / "0.png")
    (dataset.folder / "1.png").write_bytes(b"no image")
    material = read_material(dataset.folder)
    (image,) = material.for_masks
    assert image.image_hw == (SIZE[1] * 2, SIZE[0] * 2)
    assert image.instances[0].region.bounds == pytest.approx(tuple(2 * v for v in disc().bounds))
    assert material.unreadable == ("1.png: not an image samdesk can read",)


def test_a_missing_image_is_not_read(dataset: Dataset) -> None:
    (dataset.folder / "0.png").unlink()
    assert keys(read_material(dataset.folder), "for_masks") == ["1.png"]


def test_exif_frame(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.new("RGB", (64, 48)).save(tmp_path / "0.jpg", exif=exif)
    (tmp_path / "0.txt").write_text("0 0.2 0.2 0.6 0.2 0.5 0.7\n")
    (image,) = read_material(tmp_path).for_masks
    assert image.image_hw == (64, 48)


def test_a_store_that_cannot_be_opened_beside_its_writer(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset.close()
    real = Store.open.__func__  # type: ignore[attr-defined]

    def refusing(cls: type[Store], path: Path, *, read_only: bool = False) -> Store:
        if read_only:
            raise StoreError(f"{path} cannot be read or written: unable to open database file")
        return real(cls, path)  # type: ignore[no-any-return]

    monkeypatch.setattr(Store, "open", classmethod(refusing))
    assert keys(read_material(dataset.folder), "for_masks") == ["0.png", "1.png"]


def test_a_damaged_store_is_reported(dataset: Dataset) -> None:
    dataset.close()
    store = dataset.folder / ".samdesk" / "dataset.db"
    store.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="is damaged"):
        read_material(dataset.folder)


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no folder"):
        read_material(tmp_path / "nowhere")


def test_of_many_images_a_fixed_sample_is_used(dataset: Dataset) -> None:
    put(dataset, ImageKey("4.png"), outline(dataset))
    material = read_material(dataset.folder, max_images=2)
    assert material.total == 4
    assert len(material.accepted) == 2
    assert read_material(dataset.folder, max_images=2) == material
    assert "2 images left out: at most 2,000 are used." in Readiness.of(material).notes()


def test_cancel(dataset: Dataset) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        read_material(dataset.folder, cancel=cancel)


def test_advice() -> None:
    few = Readiness(9, 3, 12, 7, 0, 0, ())
    assert not few.enough(MASKS)
    assert few.advice(MASKS) == "3 images with accepted masks; at least 8 are needed. Accept masks on 5 more."
    assert "Accept 1 more (Ctrl+Enter)" in few.advice(DETECTOR)
    some = Readiness(40, 30, 12, 12, 0, 0, ())
    assert some.enough(MASKS)
    assert some.enough(DETECTOR)
    assert some.advice(MASKS) == ""
    assert some.advice(DETECTOR) == "12 images are enough to start; 20 or more work well."


def test_the_limits_are_those_of_the_trainings() -> None:
    pytest.importorskip("torch")
    from samdesk.training.detector import teach_detector
    from samdesk.training.masks import teach_masks

    assert teach_masks.MIN_IMAGES == teach_detector.MIN_IMAGES == MIN_IMAGES
