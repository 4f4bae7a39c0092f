"""Which images a folder, a file or a pattern names."""

from __future__ import annotations

from pathlib import Path

import pytest

from samdesk.domain.document import ImageKey
from samdesk.images.sources import ImageSet, Survey, find_images, scan, survey


def test_scan_is_in_natural_order_and_skips_what_is_hidden(tmp_path: Path) -> None:
    for name in [
        "b10.jpg",
        "b2.JPG",
        "a/z.png",
        "a/notes.txt",
        ".hidden.jpg",
        ".samdesk/x.png",
        "c/d/1.tiff",
    ]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    assert scan(tmp_path) == ["a/z.png", "b2.JPG", "b10.jpg", "c/d/1.tiff"]


def test_scan_survives_a_loop_of_links(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x.jpg").write_bytes(b"x")
    try:
        (tmp_path / "a/loop").symlink_to(tmp_path)
    except OSError:
        pytest.skip("no links here")
    assert scan(tmp_path) == ["a/x.jpg"]


def test_a_folder_a_file_and_a_pattern_name_images(tmp_path: Path) -> None:
    for name in ("b10.jpg", "b2.jpg", "more/c.png", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    assert find_images(tmp_path).keys == ("b2.jpg", "b10.jpg", "more/c.png")
    assert find_images(tmp_path / "b2.jpg") == ImageSet(tmp_path, (ImageKey("b2.jpg"),))
    assert find_images(tmp_path / "*.jpg") == ImageSet(tmp_path, (ImageKey("b10.jpg"), ImageKey("b2.jpg")))
    assert find_images(tmp_path / "mo*" / "*.png") == ImageSet(tmp_path, (ImageKey("more/c.png"),))
    with pytest.raises(ValueError, match="there is no folder or file"):
        find_images(tmp_path / "nothing")
    with pytest.raises(ValueError, match="there are no images in"):
        find_images(tmp_path / "*.webp")


def test_brackets_in_the_folder_of_a_pattern_are_its_name(tmp_path: Path) -> None:
    for name in ("shoot [2024]/a.jpg", "shoot [2024]/day 1/b.jpg", "shoot 2/c.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    folder = tmp_path / "shoot [2024]"
    assert find_images(f"{folder}/*.jpg") == ImageSet(folder, (ImageKey("a.jpg"),))
    assert find_images(f"{folder}/**/[ab].jpg").keys == ("a.jpg", "day 1/b.jpg")
    assert find_images(f"{tmp_path}/shoot [0-9]/*.jpg").keys == ("shoot 2/c.jpg",)


def test_a_survey_finds_what_samdesk_cannot_read_and_what_runs_made(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.heic", "runs/detect/val/plot.png", "runs/detect/val/c.dng", "runs/x/d.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    assert survey(tmp_path) == Survey(
        (ImageKey("a.jpg"), ImageKey("runs/x/d.png")),
        ("b.heic",),
        ("runs/detect/val/c.dng", "runs/detect/val/plot.png"),
    )


def test_folders_deeper_than_any_dataset_are_named(tmp_path: Path) -> None:
    (tmp_path / ("x/" * 300)).mkdir(parents=True)
    found = survey(tmp_path)
    assert found.keys == ()
    assert found.unlisted == ("x/" * 65,)
