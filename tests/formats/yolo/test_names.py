"""Class names in all the forms that users and other programs write, and forms that can mean two things."""

from __future__ import annotations

from pathlib import Path

import pytest

from samdesk.formats.yolo.names import UnreadableNamesError, load_mapping, names_of

CLEAR = {
    "a list": ("names: [bear, cat]", ("bear", "cat")),
    "ids to names": ("names: {0: bear, 1: cat}", ("bear", "cat")),
    "no space after the colon": ("names:\n  0:bear\n  1:cat\n", ("bear", "cat")),
    "no space, names of two words": ("names:\n  0:polar bear\n  1:cat 2\n", ("polar bear", "cat 2")),
    "names to ids": ("names: {cat: 1, bear: 0}", ("bear", "cat")),
    "a negative id": ("names: {-1: background, 0: bear}", ("bear",)),
    "ids 0.0": ("names: {0.0: bear, 1.0: cat}", ("bear", "cat")),
    "ids in quotes": ("names: {'0': bear, '1': cat}", ("bear", "cat")),
    "text with commas": ("names: bear, cat", ("bear", "cat")),
    "text with words, counted": ("nc: 2\nnames: bear cat", ("bear", "cat")),
    "one word": ("names: bear", ("bear",)),
    "lines of text": ("names: |\n  bear\n  cat\n", ("bear", "cat")),
    "numbered lines of text": ("names: |\n  0: polar bear\n  1: cat\n", ("polar bear", "cat")),
    "a list in quotes": ("names: \"['bear', 'cat']\"", ("bear", "cat")),
    "a set": ("names: {bear, cat}", ("bear", "cat")),
    "a list of numbered names": ("names:\n- 0: bear\n- 1: cat\n", ("bear", "cat")),
    "names that YAML takes for values": ("names: [yes, 1e3, 010, 12:30]", ("yes", "1e3", "010", "12:30")),
    "nc alone, as the trainer names them": ("nc: 3", ("class_0", "class_1", "class_2")),
    "nc larger than the names": ("nc: 3\nnames: [bear, cat]", ("bear", "cat", "class_2")),
    "nc smaller than the names": ("nc: 1\nnames: [bear, cat]", ("bear", "cat")),
    "nc as text": ("nc: '2'", ("class_0", "class_1")),
    "an anchor": ("base: &n [bear, cat]\nnames: *n\n", ("bear", "cat")),
    "merged keys": ("base: &b {names: [bear]}\n<<: *b\n", ("bear",)),
    "none": ("train: images", ()),
    "an empty value": ("names:\ntrain: images", ()),
}

UNCLEAR = {
    "a missing file": ("names: obj.names", "obj.names, which cannot be read: No such file"),
    "one text of several words": ("names: bear cat", "are one text"),
    "one word for several classes": ("nc: 3\nnames: bear", "are one text"),
    "an id twice": ("names: {0: bear, 0: cat}", "class id 0"),
    "ids that are no numbers": ("names: {first: bear}", "'first' is not a number"),
    "half an id": ("names: {0.5: bear, 1: cat}", "'0.5' is not a number"),
    "an id for two names": ("names: {bear: 0, cat: 0}", "'bear' is not a number"),
    "numbers without a space, out of order": ("names:\n  1:bear\n  0:cat\n", "lack a space"),
    "negative ids only": ("names: {-1: background}", "negative"),
    "names that are mappings": ("names: {0: {title: bear}}", "one of its names is not a text"),
    "a number": ("names: 7", "neither a list nor a mapping"),
    "another key": ("classes: [bear, cat]\ntrain: images", "under 'classes'"),
    "a capital": ("Names: [bear, cat]", "under 'Names'"),
    "nc that is no number": ("nc: many", "'nc' is not a number"),
    "nc far too large": ("nc: 100000\nnames: [bear]", "more than 10,000"),
    "an id far beyond the names": ("names: {0: bear, 9999: cat}", "class id 9999, far beyond its 2 names"),
    "ids far too large": ("names: {99999999: bear}", "class id 99999999, far beyond"),
    "names to an id far beyond": ("names: {bear: 0, cat: 5000}", "class id 5000, far beyond"),
    "nc far more than the names": ("nc: 5000\nnames: [bear]", "its nc is 5,000, far more than its 1 name"),
    "an empty name between commas": ("names: bear,, cat", "empty name"),
}


@pytest.mark.parametrize("form", CLEAR)
def test_clear_forms_are_read(tmp_path: Path, form: str) -> None:
    text, names = CLEAR[form]
    assert names_of(text, tmp_path) == names


@pytest.mark.parametrize("form", UNCLEAR)
def test_unclear_forms_are_errors_and_never_no_names(tmp_path: Path, form: str) -> None:
    text, message = UNCLEAR[form]
    with pytest.raises(UnreadableNamesError, match=message):
        names_of(text, tmp_path)


def test_names_in_another_file_are_read_from_it(tmp_path: Path) -> None:
    (tmp_path / "obj.names").write_text("bear\ncat\n")
    assert names_of("names: obj.names", tmp_path) == ("bear", "cat")
    (tmp_path / "obj.names").write_text("")
    with pytest.raises(UnreadableNamesError, match="which is empty"):
        names_of("names: obj.names", tmp_path)


def test_lists_in_each_other_without_end_are_refused_at_once() -> None:
    for text in ("names: " + "[" * 200_000, "a: " + "{a: [" * 100_000):
        with pytest.raises(UnreadableNamesError, match="nested too deeply"):
            load_mapping(text)
    assert load_mapping("names: [[['[a']]]") == {"names": [[["[a"]]]}


def test_aliases_that_stand_for_values_without_end_are_refused_at_once() -> None:
    laughs = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 30))
    for text in ("names: [cat]\nextra: &a [*a, 1]\n", f"names: [cat]\na0: &a0 [1]\n{laughs}"):
        with pytest.raises(UnreadableNamesError, match="stand for too many values"):
            load_mapping(text)
    assert load_mapping("a: &a [1]\nb: [*a, *a]") == {"a": [1], "b": [[1], [1]]}
