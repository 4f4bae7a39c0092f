"""An open dataset takes over what other programs have changed in its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from samdesk.dataset import queries, rescan
from samdesk.dataset.dataset import Dataset, ImageError
from samdesk.domain.document import ImageKey
from samdesk.images.sources import survey
from tests.dataset.dataset_kit import SQUARE, draw, photos, with_labels


def test_images_are_added_and_removed(tmp_path: Path) -> None:
    photos(tmp_path, "2.png", "10.png", "30.png")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "cat")
    draw(dataset, ImageKey("10.png"))
    (tmp_path / "10.png").rename(tmp_path.parent / "10.png")
    (tmp_path / "30.png").unlink()
    photos(tmp_path, "3.png", "sub/1.png")
    found = rescan.update_images(dataset, survey(tmp_path), ImageKey("30.png"))
    assert found.keys == dataset.keys == ("2.png", "3.png", "30.png", "sub/1.png")  # 30 is on screen
    assert (found.added, found.removed) == (2, 1)
    draw(dataset, ImageKey("sub/1.png"))
    assert (tmp_path / "sub" / "1.txt").is_file()
    with pytest.raises(ImageError, match="not in this dataset"):
        dataset.load(ImageKey("10.png"))
    (tmp_path.parent / "10.png").rename(tmp_path / "10.png")
    found = rescan.update_images(dataset, survey(tmp_path), None)
    assert found.keys == ("2.png", "3.png", "10.png", "sub/1.png")
    assert len(dataset.load(ImageKey("10.png")).annotations) == 1  # its work has waited for it
    dataset.close()


def test_images_that_share_a_label_file_after_a_rescan_are_kept_apart(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "b.png")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "cat")
    draw(dataset, key)
    text = (tmp_path / "b.txt").read_text()
    (twin,) = photos(tmp_path, "b.tif")
    rescan.update_images(dataset, survey(tmp_path), None)
    draw(dataset, twin, 2)
    assert ["share the label file" in n.message for n in dataset.notices()] == [True]
    assert (tmp_path / "b.txt").read_text() == text
    dataset.close()


def test_only_label_files_that_say_something_else_are_reported(tmp_path: Path) -> None:
    mine, other, never, unread = photos(tmp_path, "a.png", "b.png", "c.png", "d.png")
    for name in "cd":
        (tmp_path / f"{name}.txt").write_text(f"0 {SQUARE}\n")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "cat")
    draw(dataset, mine)
    draw(dataset, other)
    assert len(dataset.load(never).annotations) == 1
    assert queries.summaries(dataset, [never, unread])[1].count == 1
    path = tmp_path / "b.txt"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert rescan.recheck(dataset, (), dataset.keys[:2]) == ()
    path.write_text(f"0 {SQUARE}\n")
    for name in "cd":
        (tmp_path / f"{name}.txt").write_text(f"0 {SQUARE}\n0 0.1 0.1 0.2 0.1 0.2 0.2\n")
    assert rescan.recheck(dataset, (), dataset.keys) == (other, never, unread)
    assert dataset.conflicts == frozenset()  # asked when it is shown
    assert [row.count for row in queries.summaries(dataset, [never, unread])] == [2, 2]
    assert len(dataset.load(never).annotations) == 2
    dataset.load(other)
    assert dataset.conflicts == {other}
    dataset.close()


def test_a_label_file_is_read_again_when_its_image_is_shown_again(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.png")
    (tmp_path / "a.txt").write_text(f"0 {SQUARE}\n")
    dataset = Dataset.open(tmp_path)
    assert len(dataset.load(key).annotations) == 1
    (tmp_path / "a.txt").write_text(f"0 {SQUARE}\n0 0.1 0.1 0.2 0.1 0.2 0.2\n")
    assert len(dataset.load(key).annotations) == 2
    draw(dataset, key)
    assert dataset.conflicts == frozenset()
    assert len((tmp_path / "a.txt").read_text().splitlines()) == 3
    dataset.close()


def test_an_image_that_was_cut_off_is_read_again(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[:10])
    dataset = Dataset.open(tmp_path)
    assert queries.summaries(dataset, [key])[0].problem
    (tmp_path / "a.png").write_bytes(whole)
    assert rescan.recheck(dataset, [key], ()) == ()
    (row,) = queries.summaries(dataset, [key])
    assert (row.problem, row.width) == (None, 64)
    dataset.close()
