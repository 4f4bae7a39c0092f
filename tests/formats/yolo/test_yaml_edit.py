"""Changing names leaves the rest of a data.yaml as the user wrote it."""

from __future__ import annotations

import pytest
import yaml

from samdesk.formats.yolo.names import UnreadableNamesError
from samdesk.formats.yolo.yaml_edit import missing_splits, render

MAPPING = """\
# made by us
path: .   # here
train: images

names:
  # animals
  0: cat   # the first
  1: "dog" # quoted
  # machines
  2: bus

nc: 3 # keep in step
# the end
"""
SEQUENCE = """\
names:
- cat   # the first
# machines
- bus
val: images
train: images
"""


def test_a_renamed_class_changes_its_own_line_only() -> None:
    assert (
        render(MAPPING, ["cat", "wolf", "bus"], "images")
        == MAPPING.replace('"dog"', "wolf") + "val: images\n"
    )
    assert render(SEQUENCE, ["lynx", "bus"], "images") == SEQUENCE.replace("cat", "lynx")


def test_a_new_class_is_one_line_after_the_others() -> None:
    text = render(MAPPING, ["cat", "dog", "bus", "no"], "images")
    expected = MAPPING.replace("  2: bus\n", "  2: bus\n  3: 'no'\n").replace("nc: 3", "nc: 4")
    assert text == expected + "val: images\n"
    assert render(SEQUENCE, ["cat", "bus", "car"], "images") == SEQUENCE.replace("- bus\n", "- bus\n- car\n")


def test_a_removed_class_takes_its_line_along() -> None:
    text = render(MAPPING, ["cat", "dog"], "images")
    assert text == MAPPING.replace("  2: bus\n", "").replace("nc: 3", "nc: 2") + "val: images\n"


@pytest.mark.parametrize(
    ("before", "names", "after"),
    [
        ("names: [cat, dog] # two\n", ["cat", "cow"], "names: [cat, cow] # two\n"),
        ("names: [cat, dog] # two\n", ["cat", "dog", "cow"], "names: [cat, dog, cow] # two\n"),
        ("names: [cat, dog] # two\n", ["cat"], "names: [cat] # two\n"),
        ("names: {0: cat, 1: dog}\n", ["cat", "dog", "cow"], "names: {0: cat, 1: dog, 2: cow}\n"),
        ("names: {0: cat, 2: dog}\n", ["cat", "a", "dog"], "names: {0: cat, 1: a, 2: dog}\n"),
        ("names:\n  1: cat\n  2: dog\n", ["a", "cat", "dog"], "names:\n  0: a\n  1: cat\n  2: dog\n"),
        ("names:\n  0: cat\n  2: dog\n", ["cat", "b", "dog"], "names:\n  0: cat\n  1: b\n  2: dog\n"),
        ("names:\n  -1: none\n  0: cat\n", ["cat", "dog"], "names:\n  -1: none\n  0: cat\n  1: dog\n"),
        ("names:\n  0:\n  1: dog\n", ["cat", "dog"], "names:\n  0: cat\n  1: dog\n"),
        ("names: [yes, no]\n", ["yes", "no", "maybe"], "names: [yes, no, maybe]\n"),
        ("names: [cat, cat]\n", ["cat", "cat_1", "dog"], "names: [cat, cat, dog]\n"),
        ("names:\n  0:bear\n  1:cat\n", ["bear", "cat", "dog"], "names:\n  0: bear\n  1: cat\n  2: dog\n"),
        ("names: {bear: 0}\n", ["bear", "cat"], "names:\n  0: bear\n  1: cat\n"),
        ("names: [cat]", ["cat", "dog"], "names: [cat, dog]\n"),
        ("names:\n- cat", ["cat", "dog"], "names:\n- cat\n- dog\n"),
    ],
)
def test_names_keep_their_form(before: str, names: list[str], after: str) -> None:
    assert render(f"train: x\nval: x\n{before}", names, "images").rstrip(
        "\n"
    ) == f"train: x\nval: x\n{after}".rstrip("\n")


def test_line_ends_of_windows_stay() -> None:
    before = MAPPING.replace("\n", "\r\n")
    text = render(before, ["cat", "dog", "bus", "car"], "images")
    assert text.count("\r\n") == text.count("\n") == MAPPING.count("\n") + 2
    assert yaml.safe_load(text)["names"][3] == "car"


@pytest.mark.parametrize("key", ["validation", "valid", "Val", "validate"])
def test_a_split_under_another_key_gets_no_second_one(key: str) -> None:
    before = f"train: a\n{key}: b\nnames: [cat]\n"
    assert render(before, ["cat", "dog"], "images") == f"train: a\n{key}: b\nnames: [cat, dog]\n"


def test_missing_splits_are_added_and_a_test_split_only_to_a_new_file() -> None:
    splits = {"train": "a", "val": "b", "test": "c"}
    assert missing_splits({}, splits) == splits
    assert missing_splits({"training": "x"}, splits) == {"val": "b"}
    assert missing_splits({"train": None, "valid": "x"}, splits) == {"train": "a"}


def test_names_that_are_not_clear_are_not_replaced_unless_that_is_said() -> None:
    before = "train: a\nval: a\nnames: obj.names\n"
    with pytest.raises(UnreadableNamesError, match=r"obj\.names"):
        render(before, ["cat"], "images")
    assert render(before, ["cat"], "images", overwrite=True) == "train: a\nval: a\nnames:\n  0: cat\n"


def test_nc_counts_what_names_has() -> None:
    text = render("train: a\nval: a\nnc: 2\nnames: {-1: none, 0: cat}\n", ["cat", "dog"], "images")
    assert yaml.safe_load(text)["nc"] == len(yaml.safe_load(text)["names"]) == 3
