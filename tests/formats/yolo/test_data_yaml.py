from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from samdesk.formats.yolo.data_yaml import NamesFound, read_names, render, search_names

COMMENTED = """\
# my dataset
path: /somewhere # keep
train: pictures
val: other
names:
  0: cat # first
  1: dog
# after the names
kpt_shape: [17, 3]
"""


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("names: [cat, dog]", ("cat", "dog")),
        ("names:\n- cat\n- 'a  b'\n", ("cat", "a b")),
        ("names: {0: cat, 1: dog}", ("cat", "dog")),
        ("names: {'0': cat, '2': dog}", ("cat", "class_1", "dog")),
        ("\ufeffnames: [cat]", ("cat",)),
        ("names: [1, 2.5, null]", ("1", "2.5", "class_2")),
    ],
)
def test_names_are_a_list_or_numbered(tmp_path: Path, text: str, names: tuple[str, ...]) -> None:
    path = tmp_path / "data.yaml"
    path.write_text(text, "utf-8")
    assert read_names(tmp_path) == NamesFound(names, path)


@pytest.mark.parametrize(
    ("names_at", "opened"),
    [
        ("data.yaml", "."),
        ("data.yaml", "images"),
        ("data.yaml", "images/train"),
        ("data.yaml", "train/images"),
        ("data.yaml", "train"),
        ("dataset.yaml", "images"),
        ("mine.yaml", "."),
        ("images/data.yaml", "images"),
    ],
)
def test_yaml_is_found_from_where_images_are(tmp_path: Path, names_at: str, opened: str) -> None:
    folder = tmp_path / "set" / opened
    folder.mkdir(parents=True)
    path = tmp_path / "set" / names_at
    path.write_text("names: [cat]", "utf-8")
    found = read_names(folder)
    assert found is not None
    assert found.path.resolve() == path.resolve()


@pytest.mark.parametrize("name", ["classes.txt", "names.txt", "obj.names", "labels/classes.txt"])
def test_lists_of_names(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes("cat\r\n\r\nkäfer\r\n\r\n".encode())
    assert read_names(tmp_path) == NamesFound(("cat", "class_1", "käfer"), path)


def test_yaml_goes_before_lists_and_foreign_yaml_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("old", "utf-8")
    (tmp_path / "compose.yaml").write_text("services: {web: {}}", "utf-8")
    assert read_names(tmp_path) == NamesFound(("old",), tmp_path / "classes.txt")
    (tmp_path / "set.yaml").write_text("names: [new]", "utf-8")
    assert read_names(tmp_path) == NamesFound(("new",), tmp_path / "set.yaml")
    assert search_names(tmp_path / "nowhere").found is None


@pytest.mark.parametrize(
    "garbage",
    [
        b"names: [cat",
        b"names: 7",
        b"names: {first: cat}",
        b"names: {99999999: cat}",
        b"names: {-1: cat}",
        b"- a\n- b\n",
        b"\xff\xfe\x00\x01names",
        b"names: !!python/object:os.system x",
        b"names: 2024-99-99",
        b"[" * 1500,
        b"? [1]\n: names",
    ],
)
def test_garbage_is_a_problem_in_words(tmp_path: Path, garbage: bytes) -> None:
    (tmp_path / "data.yaml").write_bytes(garbage)
    search = search_names(tmp_path)
    assert search.found is None
    assert len(search.problems) == 1
    assert "data.yaml cannot be read: it" in search.problems[0]


def test_a_broken_yaml_does_not_hide_a_list(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text("names: [cat", "utf-8")
    (tmp_path / "classes.txt").write_text("cat", "utf-8")
    search = search_names(tmp_path)
    assert search.found == NamesFound(("cat",), tmp_path / "classes.txt")
    assert len(search.problems) == 1


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60) | st.text(alphabet="names: []{}-0ab\n&*!?'\"", max_size=40).map(str.encode))
def test_no_file_breaks_the_reader(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data.yaml").write_bytes(content)
    search = search_names(tmp_path)
    assert search.found is None or search.found.names


def test_a_fresh_yaml_is_what_the_trainer_needs() -> None:
    text = render(None, ["cat", "no", "käfer: 1"], "images")
    assert yaml.safe_load(text) == {
        "train": "images",
        "val": "images",
        "names": {0: "cat", 1: "no", 2: "käfer: 1"},
    }
    assert "käfer" in text


def test_foreign_keys_order_and_comments_stay() -> None:
    text = render(COMMENTED, ["cat", "cow", "dog"], "images")
    there = yaml.safe_load(text)
    assert list(there) == ["path", "train", "val", "names", "kpt_shape"]
    assert there["names"] == {0: "cat", 1: "cow", 2: "dog"}
    assert there["train"] == "pictures"
    for comment in ("# my dataset", "# keep", "# after the names"):
        assert comment in text
    assert render(text, ["cat", "cow", "dog"], "images") == text


@pytest.mark.parametrize(
    "text",
    [
        "nc: 2\nnames: ['a', 'b']\n",
        "{nc: 2, names: [a, b]}",
        "base: &n [a, b]\nnc: 2\nnames: *n\n",
        "nc: 2 # how many\nnames:\n- a\n- b",
        "names: [a, b]\nnc: 2\ntrain:\n",
    ],
)
def test_lists_stay_lists_and_the_count_follows(text: str) -> None:
    there = yaml.safe_load(render(text, ["x", "y", "z"], "images"))
    assert there["names"] == ["x", "y", "z"]
    assert there["nc"] == 3
    assert there["train"] == there["val"] == "images"


@pytest.mark.parametrize("text", ["names: [cat", "- a", "just words"])
def test_what_is_no_yaml_of_keys_is_not_overwritten(text: str) -> None:
    with pytest.raises(ValueError, match="it is no"):
        render(text, ["cat"], "images")


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.text(min_size=1, max_size=12), max_size=6),
    st.sampled_from([None, "", COMMENTED, "names: [a]"]),
)
def test_any_names_survive(names: list[str], before: str | None) -> None:
    there = yaml.safe_load(render(before, names, "images"))["names"]
    assert (list(there.values()) if isinstance(there, dict) else there) == names
