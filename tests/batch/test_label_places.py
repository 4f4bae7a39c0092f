"""Where label files of a run go, whose they are, and what their class ids mean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import samdesk
from samdesk.base.hashing import hash_file
from samdesk.batch.report import BatchSummary
from samdesk.batch.targets import label_folder
from samdesk.batch.targets.label_folder import LabelFolder
from samdesk.batch.targets.written_files import OLD_RECORD, RECORD
from samdesk.domain.document import ImageKey
from tests.helpers.finding import ColourModels
from tests.helpers.make import photo


def annotated(data: Path, **options: object) -> BatchSummary:
    """What ``samdesk.auto_annotate`` returns."""
    options = {"loaders": ColourModels().loaders, **options}
    return samdesk.auto_annotate(data, "colour.pt", "inner.pt", **options)  # type: ignore[arg-type]


def classes(path: Path) -> list[int]:
    """The class ids in a label file."""
    return [int(line.split()[0]) for line in path.read_text().splitlines()]


def test_labels_go_to_a_folder_beside_data_with_the_class_names(tmp_path: Path) -> None:
    photo(tmp_path / "photos" / "deep" / "1.png")
    summary = annotated(tmp_path / "photos")
    labels = tmp_path / "labels"
    assert summary.output == str(labels)
    assert classes(labels / "deep" / "1.txt") == [0, 2], "the detector's class ids"
    assert (labels / "classes.txt").read_text() == "ellipse\nnothing\nbox\n"
    assert sorted(p.name for p in (tmp_path / "photos").rglob("*")) == ["1.png", "deep"]


@pytest.mark.parametrize("data", ["a/1.png", "a/*.png", "a/"])
def test_beside_an_image_a_pattern_and_a_folder(tmp_path: Path, data: str) -> None:
    photo(tmp_path / "a" / "1.png")
    summary = samdesk.auto_annotate(
        f"{tmp_path}/{data}", "colour.pt", "inner.pt", loaders=ColourModels().loaders
    )
    assert summary.output == str(tmp_path / ("a/labels" if "png" in data else "labels"))


def test_in_the_trainers_folder_the_class_names_are_in_data_yaml(tmp_path: Path) -> None:
    photo(tmp_path / "images" / "1.png")
    assert annotated(tmp_path / "images").ok
    assert classes(tmp_path / "labels" / "1.txt") == [0, 2]
    assert "nothing" in (tmp_path / "data.yaml").read_text()
    assert not (tmp_path / "labels" / "classes.txt").exists()
    (tmp_path / "labels" / "1.txt").unlink()
    (tmp_path / "data.yaml").write_text("train: images\nval: images\nnames: [cat, BOX]\n")
    for output in (None, tmp_path / "labels"):
        assert annotated(tmp_path / "images", output_dir=output, existing="replace").ok
        assert classes(tmp_path / "labels" / "1.txt") == [2, 1], "an id never stands for two classes"
        assert "names: [cat, BOX, ellipse]" in (tmp_path / "data.yaml").read_text()


def test_the_class_names_in_a_label_folder_are_joined(tmp_path: Path) -> None:
    photo(tmp_path / "a" / "1.png")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "classes.txt").write_text("cat\nbox\n")
    annotated(tmp_path / "a")
    assert classes(tmp_path / "labels" / "1.txt") == [2, 1]
    assert (tmp_path / "labels" / "classes.txt").read_text() == "cat\nbox\nellipse\n"


def test_class_ids_without_a_name_keep_their_places(tmp_path: Path) -> None:
    """A detector's class never takes the id that unnamed labels of another file have."""
    photo(tmp_path / "images" / "1.png")
    photo(tmp_path / "images" / "2.png", seed=2)
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "2.txt").write_text("1 0.5 0.5 0.1 0.1\n9999 0.5 0.5 0.1 0.1\n")
    (tmp_path / "data.yaml").write_text("train: images\nval: images\nnames: [Ellipse]\n")
    annotated(tmp_path / "images")
    assert "names: [Ellipse, class_1, box]" in (tmp_path / "data.yaml").read_text()
    assert classes(tmp_path / "labels" / "1.txt") == [0, 2]


# Whose label files


def test_two_folders_with_equal_names_never_share_a_label_file(tmp_path: Path) -> None:
    photo(tmp_path / "a" / "1.png")
    photo(tmp_path / "b" / "1.png", seed=1)
    photo(tmp_path / "b" / "2.png", seed=2)
    labels = tmp_path / "labels"
    assert annotated(tmp_path / "a").ok
    first = (labels / "1.txt").read_bytes()
    for existing in ("skip", "add", "replace"):
        summary = annotated(tmp_path / "b", existing=existing)
        assert [(f.key, f.message) for f in summary.failed] == [
            ("1.png", f"{labels}/1.txt holds the labels of {tmp_path}/a/1: give another output folder")
        ]
        assert not summary.ok
        assert (labels / "1.txt").read_bytes() == first
        assert (labels / "2.txt").exists(), "what does not clash is done"
    # the other way round: a's own file is still a's
    assert [s.reason for s in annotated(tmp_path / "a").skipped] == ["already has annotations"]
    again = annotated(tmp_path / "a", existing="replace")
    assert (again.annotated, again.failed) == (1, ())
    assert annotated(tmp_path / "b", output_dir=tmp_path / "b_labels").ok


def test_label_files_of_the_trainer_are_never_those_of_another_folder(tmp_path: Path) -> None:
    """``images/1.png`` is not annotated yet, but ``labels/1.txt`` would be taken for its labels."""
    photo(tmp_path / "images" / "1.png")
    photo(tmp_path / "a" / "1.jpg", seed=1)
    summary = annotated(tmp_path / "a")
    message = (
        f"{tmp_path}/labels/1.txt is the label file of {tmp_path}/images/1.png: give another output folder"
    )
    assert [f.message for f in summary.failed] == [message]
    assert not (tmp_path / "labels" / "1.txt").exists()
    assert annotated(tmp_path / "images").ok
    # and the other way round: what another folder's run wrote there is not taken for its own
    photo(tmp_path / "a" / "2.jpg", seed=2)
    assert annotated(tmp_path / "a").annotated == 1
    photo(tmp_path / "images" / "2.png", seed=3)
    assert [f.key for f in annotated(tmp_path / "images").failed] == ["2.png"]


def test_moved_together_they_still_belong_together(tmp_path: Path) -> None:
    photo(tmp_path / "x" / "a" / "1.png")
    annotated(tmp_path / "x" / "a")
    (tmp_path / "x").rename(tmp_path / "y")
    assert annotated(tmp_path / "y" / "a", existing="replace").annotated == 1
    (tmp_path / "y" / "link").symlink_to(tmp_path / "y" / "a")
    assert annotated(tmp_path / "y" / "link").skipped, "through a link they are the same images"


def test_an_image_called_as_the_class_names_is_reported(tmp_path: Path) -> None:
    photo(tmp_path / "a" / "classes.png")
    assert "holds the class names" in annotated(tmp_path / "a").failed[0].message


# The record of what runs wrote


def test_a_killed_run_leaves_no_file_that_counts_as_edited_by_hand(tmp_path: Path) -> None:
    for i in range(3):
        photo(tmp_path / "a" / f"{i}.png", seed=i)

    class Killed(BaseException):
        pass

    def kill(call: int) -> None:
        if call == 3:
            raise Killed

    with pytest.raises(Killed):
        annotated(tmp_path / "a", loaders=ColourModels(before=kill).loaders)
    labels = tmp_path / "labels"
    with (labels / RECORD).open("ab") as record:
        record.write(b'{"file": "2.t')  # killed in the middle of a line
    assert annotated(tmp_path / "a", existing="replace").annotated == 3
    assert annotated(tmp_path / "a", existing="replace").annotated == 3
    assert not list(labels.glob("*.bad"))
    (labels / "1.txt").write_text("0 0.1 0.1 0.2 0.1 0.2 0.2\n")
    assert [s.key for s in annotated(tmp_path / "a", existing="replace").skipped] == ["1.png"]


def test_a_run_killed_between_record_and_file_keeps_the_earlier_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo(tmp_path / "a" / "1.png")
    annotated(tmp_path / "a")

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(label_folder, "write_bytes", fails)
        assert annotated(tmp_path / "a", existing="replace", classes=[0]).stopped
    assert classes(tmp_path / "labels" / "1.txt") == [0, 2]
    assert annotated(tmp_path / "a", existing="replace", classes=[0]).annotated == 1
    assert classes(tmp_path / "labels" / "1.txt") == [0]


def test_the_record_of_an_older_version_is_read_and_replaced(tmp_path: Path) -> None:
    photo(tmp_path / "a" / "1.png")
    annotated(tmp_path / "a")
    labels = tmp_path / "labels"
    (labels / RECORD).unlink()
    (labels / OLD_RECORD).write_text(json.dumps({"1.txt": hash_file(labels / "1.txt")}))
    assert annotated(tmp_path / "a", existing="replace").annotated == 1
    assert not (labels / OLD_RECORD).exists()
    assert annotated(tmp_path / "a", existing="replace").annotated == 1


def test_a_long_record_is_shortened(tmp_path: Path) -> None:
    folder = LabelFolder(tmp_path, [ImageKey("1.png")])
    with folder.locked():
        for i in range(1010):
            folder._written.add("1.txt", tmp_path / "1.png", f"{i}")
    with folder.locked():
        folder.begin()
        folder.write(ImageKey("1.png"), "", from_run=True)
    assert len((tmp_path / RECORD).read_bytes().splitlines()) == 3
    assert LabelFolder(tmp_path, []).from_run(ImageKey("1.png"))
