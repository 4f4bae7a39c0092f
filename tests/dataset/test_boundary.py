"""Datasets whose links, keys and files lead elsewhere: nothing outside is read into them or written."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from samdesk.base import places
from samdesk.base.boundary import Boundary, LeadsOutsideError, is_on_other_machine, name_problem
from samdesk.batch.targets.label_folder import LabelFolder
from samdesk.dataset.dataset import NAMES, Dataset, StoreError
from samdesk.dataset.links import LINK, allow, boundary_of
from samdesk.dataset.trainer.paths import LISTING
from samdesk.domain.document import ImageKey
from samdesk.formats.yolo import data_yaml
from tests.dataset.dataset_kit import SQUARE, draw, photos, with_labels

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")

SECRET = "0 " + SQUARE + "\n"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder with another program's files, which is compared at the end of each test."""
    folder = tmp_path / "outside"
    (folder / "labels").mkdir(parents=True)
    (folder / "secret.txt").write_text(SECRET)
    (folder / "secret.txt").chmod(0o600)
    (folder / "labels" / "a.txt").write_text(SECRET)
    (folder / "names.yaml").write_text("names: [secret]\n")
    (folder / "classes.txt").write_text("secret\n")
    return folder


def state(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """The files of a folder: content, permissions and time."""
    found = {}
    for path in sorted(folder.rglob("*")):
        kept = path.lstat()
        found[str(path)] = (path.read_bytes() if path.is_file() else b"", kept.st_mode, kept.st_mtime_ns)
    return found


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("a.jpg", ""),
        ("images/Ä 1/a..b.jpg", ""),
        ("", "it is empty"),
        ("a\0.jpg", "it holds a null character"),
        ("/etc/a.jpg", "it is an absolute path"),
        ("//nas/share/a.jpg", "it is an absolute path"),
        ("../a.jpg", "it leads out of the folder"),
        ("images/../../a.jpg", "it leads out of the folder"),
        ("a/..", "it leads out of the folder"),
        ("..\\a.jpg", "it is that of a hidden file or folder"),
        (".samdesk/a.jpg", "it is that of a hidden file or folder"),
        ("a//b.jpg", "it is that of a hidden file or folder"),
        ("./a.jpg", "it is that of a hidden file or folder"),
    ],
)
def test_a_key_is_a_path_in_the_folder_on_every_system(name: str, problem: str) -> None:
    assert name_problem(name, windows=False) == name_problem(name, windows=True) == problem


@pytest.mark.parametrize(
    "name",
    ["C:/a.jpg", "C:a.jpg", "a:stream.jpg", "\\\\nas\\share\\a.jpg", "a\\..\\..\\b.jpg", "nul.jpg",
     "images/COM1.png", "a./b.jpg", "a .jpg/ ", "what?.jpg", "bell\x07.jpg"],
)  # fmt: skip
def test_drives_shares_streams_and_devices_are_no_keys_on_windows(name: str) -> None:
    assert name_problem(name, windows=True) == "it is not a name of a file on Windows"
    assert name_problem(name, windows=False) == ""


@pytest.mark.parametrize(
    ("path", "elsewhere"),
    [
        (r"\\evil\share\images", True),
        ("//evil/share/images", True),
        (r"\\?\UNC\evil\share\x", True),
        (r"\\nas\data\other\images", False),
        ("//NAS/Data/x", False),
        (r"C:\images", False),
        ("images", False),
    ],
)
def test_no_machine_is_signed_in_to_because_a_file_names_it(path: str, elsewhere: bool) -> None:
    assert is_on_other_machine(path, r"\\nas\data\set\data.yaml", windows=True) is elsewhere
    assert is_on_other_machine(path, "/data/set/data.yaml", windows=False) is False


def test_links_within_the_dataset_are_followed_and_hidden_files_are_not(tmp_path: Path) -> None:
    folder = tmp_path.resolve()
    (folder / ".samdesk").mkdir()
    (folder / "shared").mkdir()
    (folder / "labels").symlink_to(folder / "shared")
    (folder / "b.txt").symlink_to(folder / ".samdesk" / "dataset.db")
    boundary = Boundary((str(folder),))
    assert boundary.real_path(folder / "labels" / "a.txt") == folder / "shared" / "a.txt"
    with pytest.raises(LeadsOutsideError) as caught:
        boundary.real_path(folder / "b.txt")
    assert caught.value.target == folder / ".samdesk"


def linked_label_file(folder: Path, outside: Path) -> None:
    (folder / "labels").mkdir(parents=True)
    (folder / "labels" / "a.txt").symlink_to(outside / "secret.txt")


def linked_labels(folder: Path, outside: Path) -> None:
    (folder / "labels").symlink_to(outside / "labels")


def dangling_label_file(folder: Path, outside: Path) -> None:
    (folder / "labels").mkdir(parents=True)
    (folder / "labels" / "a.txt").symlink_to(outside / "new.txt")


@pytest.mark.parametrize("link", [linked_label_file, linked_labels, dangling_label_file])
@pytest.mark.parametrize("stored", [False, True])
def test_a_label_file_behind_a_link_is_neither_read_nor_written(
    tmp_path: Path, outside: Path, link: Callable[[Path, Path], None], stored: bool
) -> None:
    folder = tmp_path / "set"
    key, other = photos(folder, "images/a.png", "images/b.png")
    if stored:
        dataset = Dataset.open(folder)
        with_labels(dataset, "cat")
        draw(dataset, key)
        dataset.close()
        for path in (folder / "labels").iterdir():
            path.unlink()
        (folder / "labels").rmdir()
    link(folder, outside)
    before = state(outside)
    dataset = Dataset.open(folder)
    if stored:
        draw(dataset, key, 30)
        assert len(dataset.load(key).annotations) == 2
        dataset.undo()
    else:
        with_labels(dataset, "cat")
        with pytest.raises(StoreError, match="link that leads out of the dataset, to "):
            dataset.load(key)
    draw(dataset, other) if link is not linked_labels else None
    linked = [notice for notice in dataset.notices() if notice.kind == LINK]
    target = outside / "labels" if link is linked_labels else outside
    assert {notice.path for notice in linked} == {str(target)}
    assert str(target) in linked[0].message
    dataset.close()
    assert state(outside) == before
    if link is not linked_labels:
        assert (folder / "labels" / "b.txt").read_text()  # one link keeps no other file from being written


def test_a_linked_folder_of_labels_is_used_once_the_user_has_agreed(tmp_path: Path, outside: Path) -> None:
    folder = tmp_path / "set"
    key, other = photos(folder, "images/a.png", "images/b.png")
    linked_labels(folder, outside)
    allow(folder, outside / "labels")
    dataset = Dataset.open(folder)
    assert len(dataset.load(key).annotations) == 1
    draw(dataset, other)
    assert [notice for notice in dataset.notices() if notice.kind == LINK] == []
    dataset.close()
    assert len((outside / "labels" / "b.txt").read_text().splitlines()) == 1
    # the answer is not in the dataset, which somebody else may have made, and is one for that folder only
    assert not list(folder.rglob("*links*"))
    (kept,) = (places.state() / "links").iterdir()
    assert json.loads(kept.read_text()) == [str(outside / "labels")]
    (folder / "labels").unlink()
    (folder / "labels").symlink_to(outside)
    with pytest.raises(LeadsOutsideError):
        boundary_of(folder).real_path(folder / "labels" / "secret.txt")


@pytest.mark.parametrize("name", ["data.yaml", "classes.txt", "custom.yaml", LISTING])
def test_class_names_behind_a_link_are_neither_read_nor_written(
    tmp_path: Path, outside: Path, name: str
) -> None:
    (key,) = photos(tmp_path / "set", "a.png")
    photos(tmp_path / "set" / "runs" / "segment" / "train", "plot.png")  # so that a list of images is written
    target = outside / ("names.yaml" if name.endswith("yaml") else "classes.txt")
    (tmp_path / "set" / name).symlink_to(target)
    before = state(outside)
    dataset = Dataset.open(tmp_path / "set")
    assert dataset.labels.names == ()
    with_labels(dataset, "cat")
    draw(dataset, key)
    dataset.resolve(NAMES, "mine")
    dataset.close()
    assert state(outside) == before
    assert (tmp_path / "set" / name).is_symlink()


@pytest.mark.parametrize("place", ["../outside/classes.txt", "{outside}/classes.txt", "link.txt"])
def test_a_list_of_names_that_data_yaml_names_is_in_its_folder(
    tmp_path: Path, outside: Path, place: str
) -> None:
    photos(tmp_path / "set", "a.png")
    (tmp_path / "set" / "link.txt").symlink_to(outside / "classes.txt")
    (tmp_path / "set" / "data.yaml").write_text(f"names: {place.format(outside=outside)}\n")
    search = data_yaml.search_names(tmp_path / "set")
    assert search.found is None
    assert "secret" not in search.problems[0].replace(str(tmp_path), "")
    (tmp_path / "set" / "own.txt").write_text("cat\n")
    (tmp_path / "set" / "data.yaml").write_text("names: own.txt\n")
    assert data_yaml.read_yaml(tmp_path / "set" / "data.yaml") == ("cat",)


@pytest.mark.parametrize(
    "key", ["../outside/secret.png", "images/../../outside/secret.png", "{outside}/secret.png"]
)
def test_a_key_that_leads_out_of_the_dataset_is_never_followed(
    tmp_path: Path, outside: Path, key: str
) -> None:
    """The store of somebody's dataset: an undo of a step on such an image wrote a file of any folder."""
    folder = tmp_path / "set"
    (mine,) = photos(folder, "a.png")
    photos(outside, "secret.png")
    dataset = Dataset.open(folder)
    with_labels(dataset, "cat")
    draw(dataset, mine)
    dataset.close()
    bad = key.format(outside=outside)
    with sqlite3.connect(folder / ".samdesk" / "dataset.db") as store:
        store.execute("PRAGMA foreign_keys=OFF")
        for table, column in (("images", "key"), ("annotations", "image"), ("log_edits", "image")):
            store.execute(f"UPDATE {table} SET {column}=?, digest=NULL", (bad,))
        store.execute("UPDATE images SET dirty=1, file_hash=NULL")
    store.close()
    before = state(outside)
    dataset = Dataset.open(folder)
    with pytest.raises(StoreError, match="which is left alone"):
        dataset.undo()
    with pytest.raises(StoreError, match="which is left alone"):
        dataset.core.documents.get(ImageKey(bad))
    draw(dataset, mine)  # the others go on
    assert (folder / "a.txt").is_file()
    dataset.close()
    assert state(outside) == before


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_the_kept_copy_of_a_file_has_its_permissions(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.png")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "cat")
    draw(dataset, key)
    (tmp_path / "a.txt").write_text(SECRET)
    (tmp_path / "a.txt").chmod(0o600)
    draw(dataset, key, 30)
    dataset.resolve(key, "mine")
    dataset.close()
    (kept,) = (tmp_path / ".samdesk" / "replaced").iterdir()
    assert kept.read_text() == SECRET
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_folder_of_kept_copies_that_is_a_link_is_not_written_to(tmp_path: Path, outside: Path) -> None:
    (key,) = photos(tmp_path / "set", "a.png")
    dataset = Dataset.open(tmp_path / "set")
    with_labels(dataset, "cat")
    draw(dataset, key)
    (tmp_path / "set" / ".samdesk" / "replaced").symlink_to(outside)
    before = state(outside)
    (tmp_path / "set" / "a.txt").write_text(SECRET)
    draw(dataset, key, 30)
    with pytest.raises(StoreError, match="cannot be copied before it is replaced: it is a link"):
        dataset.resolve(key, "mine")
    dataset.close()
    assert state(outside) == before
    assert (tmp_path / "set" / "a.txt").read_text() == SECRET


@pytest.mark.parametrize("link", [linked_label_file, linked_labels, dangling_label_file])
def test_annotate_leaves_a_label_file_behind_a_link_alone(
    tmp_path: Path, outside: Path, link: Callable[[Path, Path], None]
) -> None:
    (key,) = photos(tmp_path / "set" / "images", "a.png")
    link(tmp_path / "set", outside)
    before = state(outside)
    folder = LabelFolder.beside(tmp_path / "set" / "images", [key])
    with pytest.raises(LeadsOutsideError):
        folder.write(key, "0\n", from_run=True)
    with pytest.raises(LeadsOutsideError):
        folder.read(key)
    assert state(outside) == before
