"""Once an edit is durable, nothing that follows makes it fail: it is saved once, and the rest is a notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from shapely.geometry import MultiPolygon, box

from samdesk.dataset.dataset import Dataset
from samdesk.dataset.labels.projection import Projection
from samdesk.dataset.store.history import History
from samdesk.dataset.types import RefusedError
from samdesk.domain.annotation import Annotation, new_annotation_id
from samdesk.domain.edits import Transaction, add
from samdesk.formats.label_lines import WriteReport
from samdesk.formats.yolo import segmentation
from samdesk.workers.storage.changes import Kind, PendingChange, UndoStep
from tests.dataset.dataset_kit import SIZE, draw, photos, user, with_labels

Break = Callable[..., object]


def _with_edits(folder: Path) -> Dataset:
    photos(folder, "a.png", "b.png")
    dataset = Dataset.open(folder)
    with_labels(dataset, "cat")
    draw(dataset, dataset.keys[0])
    return dataset


def _region(dataset: Dataset, *bounds: float) -> Annotation:
    region = MultiPolygon([box(*bounds)])
    return Annotation(new_annotation_id(), dataset.labels.labels[0].id, region)


def _save(dataset: Dataset, annotation: Annotation) -> int:
    """Saves an edit of the first image as the storage thread does; returns the number of its step."""
    key = dataset.keys[0]
    step = UndoStep(user(key, add([annotation])), Transaction("Undo"))
    return PendingChange(1, 1, Kind.COMMIT, step).save(dataset, 0).number


def _lines(folder: Path, name: str) -> int:
    return len((folder / f"{name}.txt").read_text("utf-8").splitlines())


def test_an_image_replaced_by_a_placeholder_of_one_pixel(tmp_path: Path) -> None:
    dataset = _with_edits(tmp_path)
    Image.new("RGB", (1, 1)).save(tmp_path / "a.png")
    assert _save(dataset, _region(dataset, 30, 8, 50, 20)) == 3  # on screen it has its old size still
    draw(dataset, dataset.keys[1])
    assert dataset.load(dataset.keys[0]).width == 1
    assert _save(dataset, _region(dataset, 0, 0, 1, 1)) == 5
    notice = dataset.notices()[0]
    assert (notice.kind, notice.key) == ("image", "a.png")
    assert "64 x 48 pixels when it was annotated and is 1 x 1 now" in notice.message
    dataset.close()
    assert (_lines(tmp_path, "a"), _lines(tmp_path, "b")) == (3, 1)

    again = Dataset.open(tmp_path)
    assert len(again.history()[0]) == 5
    assert [len(again.load(key).annotations) for key in again.keys] == [3, 1]
    assert again.conflicts == frozenset()
    again.close()


@pytest.mark.parametrize("far", [200_000, 9_000_000])
def test_a_region_far_beyond_the_image_takes_a_raster_of_the_image_only(tmp_path: Path, far: int) -> None:
    """It took as much memory as the region has pixels."""
    dataset = _with_edits(tmp_path)
    assert _save(dataset, _region(dataset, 40, 30, far, far)) == 3
    draw(dataset, dataset.keys[1])
    assert dataset.notices() == []
    dataset.close()
    line = (tmp_path / "a.txt").read_text("utf-8").splitlines()[1]
    outline = segmentation.parse(line, *SIZE).lines[0].region
    assert outline.symmetric_difference(box(40, 30, *SIZE)).area < 1e-3  # the numbers of a line are rounded
    assert _lines(tmp_path, "b") == 1

    again = Dataset.open(tmp_path)
    assert len(again.history()[0]) == 4
    assert again.load(again.keys[0]).annotations[1].region.bounds == (40, 30, *SIZE)
    again.close()


@pytest.mark.parametrize("bounds", [(1000, 1000, 1200, 1200), (-1e300, -1e300, 1e300, 1e300)])
def test_a_region_that_would_be_read_as_damaged_is_refused(
    tmp_path: Path, bounds: tuple[float, float, float, float]
) -> None:
    dataset = _with_edits(tmp_path)
    with pytest.raises(RefusedError, match=r"a\.png: the annotation cannot be saved, because its region"):
        _save(dataset, _region(dataset, *bounds))
    assert len(dataset.history()[0]) == 2
    dataset.close()
    again = Dataset.open(tmp_path)
    assert len(again.load(again.keys[0]).annotations) == 1
    assert again.notices() == []
    again.close()


def _refusing_format(error: Exception) -> Break:
    write = segmentation.write

    def fails_for_the_first(document: object, *more: object) -> tuple[str, WriteReport]:
        if document.key == "a.png":  # type: ignore[attr-defined]
            raise error
        return write(document, *more)  # type: ignore[arg-type]

    return fails_for_the_first


@pytest.mark.logs("a.png|a.txt")
@pytest.mark.parametrize(
    "error",
    [MemoryError("a raster"), ValueError("no outline"), RecursionError("deep"), OSError(5, "Input/output")],
    ids=lambda error: type(error).__name__,
)
def test_a_label_file_that_cannot_be_made_is_a_notice_about_its_image(
    tmp_path: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = _with_edits(tmp_path)
    with monkeypatch.context() as broken:
        object.__setattr__(dataset.core.files, "format", _format(dataset, _refusing_format(error)))
        assert _save(dataset, _region(dataset, 30, 8, 50, 20)) == 3
        (notice,) = dataset.notices()
        assert (notice.kind, notice.key) == ("save", "a.png")
        assert "annotations are saved in samdesk's store" in notice.message
        draw(dataset, dataset.keys[1])
        assert _lines(tmp_path, "b") == 1
        broken.setattr(Projection, "_wanted", _raise(error))
        (tmp_path / "a.txt").write_text("0 0.1 0.1 0.5 0.1 0.5 0.5\n", "utf-8")
        assert len(dataset.load(dataset.keys[0]).annotations) == 2  # shown, although it cannot be compared
        assert {(n.kind, n.key) for n in dataset.notices()} == {("save", "a.png")}
        dataset.close()
    again = Dataset.open(tmp_path)
    assert len(again.history()[0]) == 4
    assert [len(again.load(key).annotations) for key in again.keys] == [2, 1]
    again.close()


def test_a_step_is_not_sent_again_because_the_log_cannot_be_read_after_it_is_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = _with_edits(tmp_path)
    for name in ("find", "newest_number"):
        monkeypatch.setattr(History, name, _raise(OSError(5, "Input/output error")))
    assert _save(dataset, _region(dataset, 30, 8, 50, 20)) == 3
    monkeypatch.undo()
    assert len(dataset.history()[0]) == 3
    dataset.close()


def _format(dataset: Dataset, write: Break) -> object:
    return replace(dataset.core.files.format, write=write)  # type: ignore[arg-type]


def _raise(error: Exception) -> Break:
    def fail(*_more: object, **_named: object) -> object:
        raise error

    return fail
