"""Images whose label files differ only in letter case: one file on most disks of Windows and macOS."""

from __future__ import annotations

from pathlib import Path

import pytest

from samdesk.base.boundary import Boundary
from samdesk.base.disk import letter_case
from samdesk.batch.targets.label_folder import LabelFolder
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.labels.files import LabelFiles
from samdesk.domain.document import ImageKey
from tests.dataset.dataset_kit import draw, photos, with_labels

UPPER, LOWER, OTHER = (ImageKey(f"images/{name}") for name in ("A.jpg", "a.png", "b.png"))
KEYS = (UPPER, LOWER, OTHER)


@pytest.mark.parametrize(("folds_case", "owner"), [(True, UPPER), (False, LOWER)])
def test_the_first_of_them_owns_the_label_file(tmp_path: Path, folds_case: bool, owner: ImageKey) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("")
    files = LabelFiles(tmp_path, KEYS, Boundary((str(tmp_path),)), folds_case=folds_case)
    folder = LabelFolder(tmp_path / "labels", KEYS, folds_case=folds_case)
    assert files.owner(LOWER) == owner
    assert files.owner(OTHER) == OTHER
    assert [key for key in (UPPER, LOWER, OTHER) if not folder.clash(key)] == (
        [UPPER, OTHER] if folds_case else [UPPER, LOWER, OTHER]
    )
    assert files.existing(KEYS) == [owner]


def test_the_other_is_told_and_its_annotations_stay_in_the_store(tmp_path: Path) -> None:
    photos(tmp_path, *KEYS)
    dataset = Dataset.open(tmp_path)
    dataset.core.files.folds_case = True  # as the disk of another system
    with_labels(dataset, "cat")
    draw(dataset, UPPER, 5)
    draw(dataset, LOWER, 20)
    (told,) = [notice.message for notice in dataset.notices() if notice.key == LOWER]
    assert f"{LOWER} and {UPPER} share the label file" in told
    assert len(dataset.load(LOWER).annotations) == 1
    dataset.close()
    assert [path.name for path in (tmp_path / "labels").iterdir()] == ["A.txt"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("A/b.txt", "a/B.TXT", True), ("Ä.txt", "ä.txt", True), ("ß.txt", "SS.txt", False), ("a", "b", False)],
)
def test_letters_are_folded_one_by_one(one: str, other: str, same: bool) -> None:
    assert (letter_case.folded(one, folds_case=True) == letter_case.folded(other, folds_case=True)) is same
    assert letter_case.folded(one, folds_case=False) == one


def test_the_disk_is_asked(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    folds = (tmp_path / "A").exists()
    assert letter_case.folds_case(tmp_path / "a") is folds
    assert letter_case.folds_case(tmp_path / "a" / "missing") is folds
    if not folds:
        (tmp_path / "A").mkdir()
        assert not letter_case.folds_case(tmp_path / "a")
