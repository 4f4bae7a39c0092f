"""``samdesk annotate`` and ``samdesk.auto_annotate``: labels on disk, exit codes, messages."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import samdesk
from samdesk.base import atomic
from samdesk.base.jobs import CancelToken
from samdesk.batch.models import Loaders
from samdesk.batch.targets.written_files import RECORD
from samdesk.cli.main import cli
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.lock import DatasetLock
from samdesk.dataset.store.errors import StoreError
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Edit, Transaction, by_user, reject
from samdesk.domain.review import ReviewChange
from samdesk.engine.protocols import EngineError
from samdesk.formats.yolo import segmentation
from samdesk.images.samples import make_demo_folder
from tests.dataset.trainer_reader import trained
from tests.helpers.finding import NAMES, ColourModels, seeded_yolo
from tests.helpers.make import photo

MODELS = ("--det-model", "colour.pt", "--sam-model", "inner.pt")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for i in range(3):
        photo(tmp_path / "images" / f"{i}.png", seed=i)
    return tmp_path / "images"


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> ColourModels:
    shelf = ColourModels()
    monkeypatch.setattr(Loaders, "real", lambda *_, **_named: shelf.loaders)
    return shelf


def run(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of ``samdesk annotate``."""
    result = CliRunner().invoke(cli, ["annotate", *(str(a) for a in arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def contents(folder: Path) -> dict[str, str]:
    """The label files of a folder by name."""
    return {p.name: p.read_text() for p in sorted(folder.glob("*.txt")) if p.name != "classes.txt"}


def test_one_line_for_each_detection_with_its_class(images: Path, shelf: ColourModels) -> None:
    code, out, _ = run(images, *MODELS)
    assert code == 0
    labels = images.parent / "labels"
    assert list(contents(labels)) == ["0.txt", "1.txt", "2.txt"]
    for text in contents(labels).values():
        parsed = segmentation.parse(text, 320, 240)
        assert [line.class_id for line in parsed.lines] == [0, 1]
        assert parsed.lines[0].region.bounds == pytest.approx((34, 50, 127, 167), abs=2.5)
        assert not parsed.problems
    assert "6 annotations on 3 images" in out
    assert "Colours on CPU (fp32) + Inner on CPU (fp32)" in out
    assert out.count("images/s") == 3, "one plain line an image where there is no terminal"
    assert trained(images.parent / "data.yaml").names == ("ellipse", "box"), "only what was found"


def test_a_terminal_gets_a_bar(images: Path, shelf: ColourModels, monkeypatch: pytest.MonkeyPatch) -> None:
    (images / "1.png").write_bytes(b"no image")
    monkeypatch.setenv("FORCE_COLOR", "1")  # what rich takes for a terminal
    monkeypatch.setenv("COLUMNS", "120")
    code, out, err = run(images, "--device", "cpu")
    assert code == 1
    assert "━" in out
    assert "3/3" in out
    assert "4 annotations, 1 failed" in out
    assert "Inner draws the masks instead" in out.replace("\n", " ")
    assert "failed: 1.png" in err


def test_no_detection_gives_an_empty_file(images: Path, shelf: ColourModels) -> None:
    Image.new("RGB", (64, 64)).save(images / "1.png")
    assert run(images, *MODELS)[0] == 0
    assert (images.parent / "labels" / "1.txt").read_bytes() == b""


def test_running_again_does_nothing_and_needs_no_model(images: Path, shelf: ColourModels) -> None:
    run(images, *MODELS)
    before = {p: p.stat().st_mtime_ns for p in (images.parent / "labels").iterdir()}
    asked = list(shelf.asked)
    code, out, _ = run(images, *MODELS)
    assert (code, shelf.asked) == (0, asked)
    assert "skipped 3: already has annotations" in out
    assert {p: p.stat().st_mtime_ns for p in (images.parent / "labels").iterdir()} == before


def test_add_skips_duplicates_and_keeps_existing_lines(images: Path, shelf: ColourModels) -> None:
    run(images, *MODELS)
    labels = images.parent / "labels"
    whole = contents(labels)
    own = "1 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.2"  # no newline at the end
    (labels / "0.txt").write_text(whole["0.txt"].splitlines()[1] + "\n" + own)
    code, out, _ = run(images, *MODELS, "--existing", "add")
    assert code == 0
    assert "1 annotation on 3 images" in out
    lines = whole["0.txt"].splitlines()
    assert contents(labels) == {**whole, "0.txt": f"{lines[1]}\n{own}\n{lines[0]}\n"}


def test_add_leaves_a_broken_file_alone(images: Path, shelf: ColourModels) -> None:
    broken = images.parent / "labels" / "0.txt"
    broken.parent.mkdir()
    broken.write_text("0 0.1 0.1 nan 0.1 0.2 0.2\n")
    code, _, err = run(images, *MODELS, "--existing", "add")
    assert code == 1
    assert "0.txt line 1" in err
    assert broken.read_text() == "0 0.1 0.1 nan 0.1 0.2 0.2\n"


def test_replace_rewrites_only_files_of_an_earlier_run(images: Path, shelf: ColourModels) -> None:
    run(images, *MODELS)
    labels = images.parent / "labels"
    whole = contents(labels)
    (labels / "0.txt").write_text("1 0.1 0.1 0.2 0.1 0.2 0.2\n")
    code, out, _ = run(images, *MODELS, "--existing", "replace", "--classes", "2")
    assert code == 0
    assert "skipped 1: its label file was not written by an earlier run" in out
    after = contents(labels)
    assert after["0.txt"] == "1 0.1 0.1 0.2 0.1 0.2 0.2\n"
    assert after["1.txt"] == whole["1.txt"].splitlines()[1] + "\n"


def test_ctrl_c_keeps_finished_images_and_the_same_command_continues(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(call: int) -> None:
        if call == 2:
            os.kill(os.getpid(), signal.SIGINT)

    for i in range(3, 24):
        photo(images / f"{i}.png", 160, 120, seed=i)
    handler = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(Loaders, "real", lambda *_, **_named: ColourModels(before=interrupt).loaders)
    code, out, err = run(images, *MODELS)
    assert code == 130
    assert "Stopped: " in out
    assert "Run the same command again to continue" in err
    assert signal.getsignal(signal.SIGINT) is handler
    labels = images.parent / "labels"
    done = contents(labels)
    assert set(done) == {f"{i}.txt" for i in range(len(done))}
    assert 2 <= len(done) < 24, "images at work are finished"

    monkeypatch.setattr(Loaders, "real", lambda *_, **_named: ColourModels().loaders)
    assert run(images, *MODELS)[0] == 0
    once = images.parent / "once" / "images"
    shutil.copytree(images, once)
    assert run(once, *MODELS)[0] == 0
    assert contents(labels) == contents(once.parent / "labels")


def test_some_images_failed(images: Path, shelf: ColourModels) -> None:
    (images / "1.png").write_bytes(b"no image")
    code, out, err = run(images, *MODELS)
    assert code == 1
    assert "failed: 1.png: " in err
    assert "4 annotations on 2 images, 1 failed" in out


def test_two_images_with_one_label_file(images: Path, shelf: ColourModels) -> None:
    photo(images / "1.jpg")
    code, _, err = run(images, *MODELS)
    assert code == 1
    assert "rename one" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--det-model", "lost.pt"), "'lost.pt'"),
        (("--sam-model", "sam_l.pt"), "sam_l.pt"),
        (("--sam-model", "sam_b.pt"), "sam_b.pt"),  # the default, but given by name
        (("--conf", "2"), "conf must be between 0 and 1"),
        (("--classes", "elipse"), "the detector has no class 'elipse'; did you mean 'ellipse'?"),
        (("--classes", "-1"), "classes must be class ids, 0 or more"),
        (("--classes", "9"), "classes 0 to 2"),
        (("--existing", "drop"), "'drop' is not one of 'skip', 'add', 'replace'"),
        (("--imgsz", "big"), "imgsz"),
    ],
)
def test_wrong_usage_and_missing_models(
    images: Path, shelf: ColourModels, arguments: tuple[str, ...], message: str
) -> None:
    code, _, err = run(images, *MODELS, *arguments)
    assert code == 2
    assert message in err
    assert not list((images.parent / "labels").glob("*.txt"))


def test_no_images(tmp_path: Path, shelf: ColourModels) -> None:
    code, _, err = run(tmp_path, *MODELS)
    assert code == 2
    assert "there are no images in" in err
    code, _, err = run(tmp_path / "gone", *MODELS)
    assert code == 2
    assert "there is no folder or file" in err


def test_without_the_default_sam_the_best_installed_one_is_used(images: Path, shelf: ColourModels) -> None:
    code, _, err = run(images)
    assert code == 0
    assert ("yolov8x.pt", "") in shelf.asked
    assert "sam_b.pt is unavailable; Inner draws the masks instead" in err


def test_a_pattern_and_a_single_image(images: Path, shelf: ColourModels) -> None:
    assert run(images / "[01].png", *MODELS)[0] == 0
    assert list(contents(images.parent / "labels")) == ["0.txt", "1.txt"]
    assert run(images / "2.png", *MODELS)[0] == 0
    assert list(contents(images.parent / "labels")) == ["0.txt", "1.txt", "2.txt"]


def test_class_names_of_data_yaml_are_joined_and_missing_ones_added(
    images: Path, shelf: ColourModels
) -> None:
    yaml = images.parent / "data.yaml"
    yaml.write_text("# mine\ntrain: images\nval: images\nnames: [box, cat]\n")
    code, _, err = run(images, *MODELS)
    assert code == 0
    assert f"Class names are in {yaml}." in err
    assert yaml.read_text() == "# mine\ntrain: images\nval: images\nnames: [box, cat, ellipse]\n"
    assert trained(yaml).classes == {f"images/{i}.png": [2, 0] for i in range(3)}


def test_with_an_output_folder_class_ids_are_the_detectors(
    images: Path, shelf: ColourModels, tmp_path: Path
) -> None:
    yaml = images.parent / "data.yaml"
    yaml.write_text("names: [cat]\n")
    _, _, err = run(images, *MODELS, "--output-dir", tmp_path / "out")
    assert "names other classes" in err
    assert yaml.read_text() == "names: [cat]\n"
    assert [line[0] for line in contents(tmp_path / "out")["0.txt"].splitlines()] == ["0", "2"]


def test_class_names_that_cannot_be_read_stop_the_run(images: Path, shelf: ColourModels) -> None:
    (images.parent / "data.yaml").write_text("names: [cat\n")
    code, _, err = run(images, *MODELS)
    assert code == 2
    assert "data.yaml cannot be read: it is not valid YAML" in err
    assert "give an output folder" in err
    assert not (images.parent / "labels").exists()


@pytest.mark.parametrize(
    ("given", "data", "labels"),
    [
        (["photos/0.png"], "photos", ["photos/0.txt"]),
        (["set/images/0.png"], "set", ["set/labels/0.txt"]),
        (["set/images/train/0.png"], "set/images/train", ["set/labels/train/0.txt"]),
        (
            ["set/train/images/0.png", "set/valid/images/1.png"],
            "set",
            ["set/train/labels/0.txt", "set/valid/labels/1.txt"],
        ),
        (["set/images/0.png"], "set/images/*.png", ["set/labels/0.txt"]),
        (["set/images/0.png"], "set/images/0.png", ["set/labels/0.txt"]),
    ],
)
def test_labels_are_where_the_trainer_and_the_window_look(
    tmp_path: Path, shelf: ColourModels, given: list[str], data: str, labels: list[str]
) -> None:
    for i, name in enumerate(given):
        photo(tmp_path / name, seed=i)
    assert run(tmp_path / data, *MODELS)[0] == 0
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("[01].txt")) == labels
    (yaml,) = tmp_path.rglob("data.yaml")
    for split in ("train", "val"):
        found = trained(yaml, split)
        assert found.names == ("ellipse", "box")
        assert found.classes
        assert all(ids == [0, 1] for ids in found.classes.values())
    dataset = Dataset.open(tmp_path / data.rpartition("/")[0] if "." in data else tmp_path / data)
    assert [len(dataset.load(key).annotations) for key in dataset.keys] == [2] * len(given)
    dataset.close()
    before = {p: p.read_bytes() for p in tmp_path.rglob("*.txt")}
    assert "skipped" in run(tmp_path / data, *MODELS)[1]
    assert {p: p.read_bytes() for p in tmp_path.rglob("*.txt")} == before


def test_an_untrainable_data_yaml_is_reported_by_a_run(images: Path, shelf: ColourModels) -> None:
    (images.parent / "data.yaml").write_text(f"names: {list(NAMES)}\n")
    _, _, err = run(images, *MODELS)
    assert "The trainer refuses data.yaml: it has no train folder; it has no val folder." in err


@pytest.mark.parametrize(
    ("given", "classes"),
    [
        (("--classes", "box"), {"2"}),
        (("--classes", "Box,nothing"), {"2"}),
        (("--classes", "0, box"), {"0", "2"}),
        (("--classes", "0 1"), {"0"}),
        (("--classes", "ellipse", "--classes", "2"), {"0", "2"}),
    ],
)
def test_classes_are_chosen_by_id_or_name(
    images: Path, shelf: ColourModels, tmp_path: Path, given: tuple[str, ...], classes: set[str]
) -> None:
    assert run(images, *MODELS, *given, "--output-dir", tmp_path / "out")[0] == 0
    assert {line[0] for text in contents(tmp_path / "out").values() for line in text.splitlines()} == classes


@pytest.mark.parametrize("classes", [2, "box", [2], ("box",), np.int64(2), np.array([2])])
def test_one_class_needs_no_list(images: Path, shelf: ColourModels, tmp_path: Path, classes: Any) -> None:
    samdesk.auto_annotate(images, loaders=shelf.loaders, output_dir=tmp_path / "out", classes=classes)
    assert {line[0] for text in contents(tmp_path / "out").values() for line in text.splitlines()} == {"2"}


@pytest.mark.parametrize("classes", [1.5, [None], [True], []])
def test_what_is_no_class_is_refused_in_words(images: Path, shelf: ColourModels, classes: Any) -> None:
    with pytest.raises(ValueError, match="classes must be"):
        samdesk.auto_annotate(images, loaders=shelf.loaders, classes=classes)


# A dataset with a store


def test_a_label_file_in_conflict_is_reported(images: Path, shelf: ColourModels) -> None:
    labels = images.parent / "labels"
    touch(images, ("0.png", Edit(review=ReviewChange.SET_UNREVIEWED)))
    labels.mkdir()
    (labels / "1.txt").write_text("0 0.1 0.1 nan 0.1 0.2 0.2\n")
    _, _, err = run(images, *MODELS, "--existing", "add")
    assert "1.txt, line 1" in err
    assert (labels / "1.txt").read_text() == "0 0.1 0.1 nan 0.1 0.2 0.2\n"


def touch(folder: Path, *edits: tuple[str, Edit]) -> None:
    dataset = Dataset.open(folder)
    dataset.commit(Transaction("Work", tuple((ImageKey(k), e) for k, e in edits)))
    dataset.close()


def test_a_dataset_gets_one_undoable_run_and_keeps_images_edited_by_hand(
    images: Path, shelf: ColourModels
) -> None:
    folder = images.parent
    touch(folder, ("images/1.png", Edit(review=ReviewChange.MARK_EDITED)))
    code, out, _ = run(images, *MODELS)
    assert code == 0
    assert "skipped 1: edited by hand" in out
    dataset = Dataset.open(folder)
    assert dataset.labels.names == ("ellipse", "box")
    counts = [len(dataset.load(ImageKey(f"images/{i}.png")).annotations) for i in range(3)]
    assert counts == [2, 0, 2]
    assert len(contents(folder / "labels")["0.txt"].splitlines()) == 2
    undone = dataset.undo()
    assert undone is not None
    assert [len(dataset.load(k).annotations) for k in dataset.keys] == [0, 0, 0]
    dataset.close()


def test_in_a_dataset_no_detection_gives_an_empty_file_until_the_run_is_undone(
    images: Path, shelf: ColourModels
) -> None:
    Image.new("RGB", (64, 64)).save(images / "1.png")
    touch(images, ("0.png", Edit(review=ReviewChange.SET_UNREVIEWED)))
    assert run(images, *MODELS)[0] == 0
    labels = images.parent / "labels"
    assert (labels / "1.txt").read_bytes() == b""
    dataset = Dataset.open(images)
    dataset.undo()
    assert contents(labels) == {}
    dataset.redo()
    dataset.close()
    assert list(contents(labels)) == ["0.txt", "1.txt", "2.txt"]


@pytest.mark.parametrize("existing", ["add", "replace"])
def test_a_rejected_object_does_not_come_back_in_a_re_run(
    images: Path, shelf: ColourModels, existing: str
) -> None:
    key = ImageKey("0.png")
    touch(images, ("1.png", Edit(review=ReviewChange.MARK_EDITED)))
    run(images, *MODELS)
    dataset = Dataset.open(images)
    document = dataset.load(key)
    rejected, kept = document.annotations
    dataset.commit(Transaction("Reject", ((key, by_user(reject(document, [rejected.id]), document)),)))
    dataset.close()
    assert run(images, "--existing", existing, *MODELS)[0] == 0
    dataset = Dataset.open(images)
    after = dataset.load(key)
    assert [a.label_id for a in after.annotations] == [kept.label_id]
    assert [a.id for a in after.rejected] == [rejected.id]
    dataset.close()
    assert len(contents(images.parent / "labels")["0.txt"].splitlines()) == 1


def test_a_dataset_run_again_changes_nothing(images: Path, shelf: ColourModels) -> None:
    touch(images, ("0.png", Edit(review=ReviewChange.MARK_EDITED)))
    run(images, *MODELS)
    before = contents(images.parent / "labels")
    assert len(before) == 3
    code, out, _ = run(images, *MODELS)
    assert code == 0
    assert "skipped 2: already has annotations" in out
    assert contents(images.parent / "labels") == before


def test_cancel_and_resume_in_a_dataset_give_the_same_as_one_run(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(images, ("0.png", Edit(review=ReviewChange.SET_UNREVIEWED)))
    cancel = CancelToken()
    stop: Callable[[int], None] = lambda call: cancel.cancel() if call == 2 else None  # noqa: E731
    cut = samdesk.auto_annotate(
        images, "colour.pt", "inner.pt", loaders=ColourModels(stop).loaders, cancel=cancel
    )
    assert (cut.cancelled, cut.annotated) == (True, 2)
    samdesk.auto_annotate(images, "colour.pt", "inner.pt", loaders=ColourModels().loaders)
    once = tmp_path / "once" / "images"
    for i in range(3):
        photo(once / f"{i}.png", seed=i)
    touch(once, ("0.png", Edit(review=ReviewChange.SET_UNREVIEWED)))
    samdesk.auto_annotate(once, "colour.pt", "inner.pt", loaders=ColourModels().loaders)
    resumed = contents(images.parent / "labels")
    assert len(resumed) == 3
    assert resumed == contents(once.parent / "labels")


def test_a_dataset_open_elsewhere_is_refused(images: Path, shelf: ColourModels) -> None:
    touch(images, ("0.png", Edit(review=ReviewChange.SET_UNREVIEWED)))
    dataset = Dataset.open(images)
    try:
        code, _, err = run(images, *MODELS)
        assert code == 2
        assert "another samdesk" in err
        with pytest.raises(StoreError):
            samdesk.auto_annotate(images, "colour.pt", "inner.pt")
    finally:
        dataset.close()
    assert run(images, *MODELS, "--output-dir", images.parent / "out")[0] == 0


# A dataset whose store the user has put elsewhere


def move_store(monkeypatch: pytest.MonkeyPatch, folder: Path, place: Path) -> None:
    """Opens a folder that cannot be written to and puts its store elsewhere, as the window offers."""
    with monkeypatch.context() as read_only:
        read_only.setattr(atomic, "is_writable", lambda _: False)
        dataset = Dataset.open(folder)
    assert dataset.in_memory
    dataset.save_store_to(place)
    dataset.close()
    assert not (folder / ".samdesk").exists()


@pytest.mark.parametrize("data", ["images", "images/*.png", "images/more", "."])
def test_a_run_lands_in_a_store_that_was_moved_and_one_undo_reverts_it(
    images: Path,
    shelf: ColourModels,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    data: str,
) -> None:
    folder, place = images.parent, tmp_path_factory.mktemp("stores") / "dataset.db"
    photo(images / "more" / "deep" / "er" / "3.png", seed=3)
    move_store(monkeypatch, folder, place)
    code, out, _ = run(folder / data, *MODELS)
    assert code == 0
    assert f"labels in {folder}" in out
    expected = {"images": 4, "images/*.png": 3, "images/more": 1, ".": 4}[data]
    dataset = Dataset.open(folder)
    assert sum(len(dataset.load(key).annotations) for key in dataset.keys) == 2 * expected
    assert dataset.labels.names == ("ellipse", "box")
    assert not list(folder.rglob(RECORD)), "plain label files were written"
    undone = dataset.undo()
    assert undone is not None
    assert undone.text == "Auto-annotate"
    assert sum(len(dataset.load(key).annotations) for key in dataset.keys) == 0
    dataset.close()
    assert not (folder / ".samdesk").exists()


def test_a_folder_deep_inside_a_dataset_belongs_to_it(images: Path, shelf: ColourModels) -> None:
    deep = photo(images / "more" / "deep" / "er" / "3.png", seed=3).parent
    touch(images, ("0.png", Edit(review=ReviewChange.MARK_EDITED)))
    code, out, _ = run(deep, *MODELS)
    assert code == 0
    assert f"labels in {images}" in out
    dataset = Dataset.open(images)
    assert [len(dataset.load(key).annotations) for key in dataset.keys] == [0, 0, 0, 2]
    dataset.close()


def test_a_hidden_folder_is_no_part_of_the_dataset_around_it(images: Path, shelf: ColourModels) -> None:
    hidden = photo(images / ".cache" / "3.png", seed=3).parent
    touch(images, ("0.png", Edit(review=ReviewChange.MARK_EDITED)))
    assert run(hidden, *MODELS)[0] == 0
    assert list(contents(images.parent / "labels" / ".cache")) == ["3.txt"]


def test_without_a_store_anywhere_plain_label_files_are_written(
    images: Path, shelf: ColourModels, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = photo(tmp_path / "other" / "images" / "0.png").parent
    move_store(monkeypatch, images, tmp_path / "stores" / "dataset.db")
    assert run(other, *MODELS)[0] == 0
    assert (other.parent / "labels" / RECORD).is_file()
    assert list(contents(other.parent / "labels")) == ["0.txt"]


# The real models


def test_real_models_without_a_network(images: Path, tmp_path: Path) -> None:
    """A YOLO of random weights and Flint: noise, but through every real part."""
    code, out, err = run(
        images, "--det-model", seeded_yolo(tmp_path), "--conf", "1e-7", "--imgsz", "160", "--max-det", "2"
    )
    assert code == 0, err
    assert "sam_b.pt is unavailable; Flint draws the masks instead" in err
    assert "6 annotations on 3 images" in out
    for text in contents(images.parent / "labels").values():
        assert len(segmentation.parse(text, 320, 240).lines) == 2


def test_offline_flint_replaces_the_defaults(images: Path) -> None:
    code, out, err = run(images, "--device", "cpu")
    assert code == 0, err
    assert "yolov8x.pt is unavailable; Flint detector finds the objects instead" in err
    assert "Flint draws the masks instead" in err
    assert "Flint detector on CPU" in out
    summary = samdesk.auto_annotate(images, device="cpu", existing="add")
    assert summary.detector is not None
    assert summary.detector.title == "Flint detector"


def test_a_detector_given_by_name_is_not_replaced(images: Path) -> None:
    code, _, err = run(images, "--det-model", "yolov8x.pt")
    assert code == 2
    assert "yolov8x.pt" in err
    with pytest.raises(EngineError):
        samdesk.auto_annotate(images, "yolo11x.pt")


def test_flint_alone_annotates_a_real_photo(tmp_path: Path) -> None:
    folder = make_demo_folder(tmp_path / "images")
    code, _, err = run(folder, "--det-model", "flint", "--sam-model", "flint", "--device", "cpu")
    assert code == 0, err
    assert "instead" not in err
    found = {
        path.stem: segmentation.parse(path.read_text(), 810, 1080) for path in (tmp_path / "labels").iterdir()
    }
    classes = [line.class_id for line in found["bus"].lines]
    names = trained(tmp_path / "data.yaml").names
    assert len(names) < 10
    assert classes.count(names.index("person")) >= 3
    assert classes.count(names.index("bus")) == 1
    assert len(found["zidane"].lines) >= 2


def test_two_runs_on_one_folder_do_not_do_all_images_twice(images: Path, shelf: ColourModels) -> None:
    labels = images.parent / "labels"
    other = DatasetLock(labels, labels / ".samdesk-runs.lock", "being annotated")
    assert other.acquire() == ""
    code, _, err = run(images, *MODELS)
    assert code == 2
    assert f"{labels} is being annotated in another samdesk" in err
    assert "Wait until it finishes" in err
    assert contents(labels) == {}
    # killed: its file stays, and is recognised as nobody's
    kept = other.path.read_bytes()
    other.release()
    labels.mkdir(exist_ok=True)
    other.path.write_bytes(kept)
    assert run(images, *MODELS)[0] == 0
    assert list(contents(labels)) == ["0.txt", "1.txt", "2.txt"]
    assert not other.path.exists()
