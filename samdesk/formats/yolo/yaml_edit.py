"""Changes class names, ``nc`` and missing splits in the text of a data.yaml, and leaves all else as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from samdesk.domain.labels import unique_names
from samdesk.formats.yolo.names import (
    NamesNode,
    UnreadableNamesError,
    class_ids,
    load_mapping,
    names_in,
    names_of,
)

NOTE = (
    "# val names the same images as train, so the figures of the training flatter. To hold images back,\n"
    "# make a split: Image > Split dataset, or samdesk split."
)
"""Stands before ``val`` where it names the images of ``train``."""

SPLIT_KEYS: dict[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "validate"),
    "test": ("test", "testing"),
}
"""The keys, in lower case, under which data.yaml files of other programs name the folders of a split."""


def render(
    existing_text: str | None,
    names: Sequence[str],
    images: str | Mapping[str, str | list[str]],
    *,
    folder: Path | None = None,
    overwrite: bool = False,
) -> str:
    """The data.yaml with which Ultralytics trains on the dataset.

    The file's folder is the dataset's root, so no ``path`` is written. Other keys, their order, comments,
    line ends, and splits under whatever key are kept; of the names, only those that differ are changed.

    Args:
        existing_text: The file's current content, or None.
        names: Class names by class id.
        images: The images' folder relative to the file, or the values of ``train``, ``val``, ``test``.
        folder: The folder of the file, where a file that it names is looked for.
        overwrite: Names whose meaning is not clear are replaced: the user has said so.

    Raises:
        UnreadableNamesError: ``existing_text`` is not a YAML mapping, or has names whose meaning is not
            clear, and they would be lost; the message says why.
    """
    text = (existing_text or "").removeprefix("\ufeff")
    crlf = "\r\n" in text
    text = text.replace("\r\n", "\n")
    new = not text.strip()
    existing = load_mapping(text)
    if not overwrite:
        names_of(text, folder or Path())
    changed = missing_splits(existing, images)
    result = _edited(text, existing, names, changed)
    if result is None:
        changed["names"] = list(names) if isinstance(existing.get("names"), list) else dict(enumerate(names))
        if "nc" in existing:
            changed["nc"] = len(names)
        wanted = {**existing, **changed}
        result = splice(text, changed)
        if not holds(result, wanted):
            result = dump(wanted)
    if new:
        result = with_note(result)
    return result.replace("\n", "\r\n") if crlf else result


def with_note(text: str) -> str:
    """The text with a note before ``val`` if it names the same images as ``train``."""
    try:
        content = load_mapping(text)
    except UnreadableNamesError:
        return text
    if NOTE in text or not content.get("train") or content.get("train") != content.get("val"):
        return text
    return re.sub(r"^val:", lambda found: f"{NOTE}\n{found[0]}", text, count=1, flags=re.MULTILINE)


def without_note(text: str) -> str:
    """The text without the note of ``with_note``."""
    return text.replace(f"{NOTE}\r\n", "").replace(f"{NOTE}\n", "")


def missing_splits(
    existing: Mapping[Any, Any], images: str | Mapping[str, str | list[str]]
) -> dict[Any, Any]:
    """Returns the splits that a data.yaml lacks; one that is there under another key is not missing."""
    splits = {"train": images, "val": images} if isinstance(images, str) else dict(images)
    there = {str(key).lower() for key, value in existing.items() if value}
    found = {split for split in splits if there.intersection(SPLIT_KEYS[split])}
    if found:
        splits.pop("test", None)  # the splits are the user's
    return {split: value for split, value in splits.items() if split not in found}


def _edited(
    text: str, existing: Mapping[Any, Any], names: Sequence[str], splits: Mapping[Any, Any]
) -> str | None:
    """The text with the names that differ changed in place; None if their form does not allow it."""
    if not existing.get("names"):
        return None
    try:
        result = _with_names(text, names)
        if result is None:
            return None
        changed = dict(splits)
        if "nc" in existing:
            changed["nc"] = len(load_mapping(result)["names"])
        result = splice(result, changed)
        content = load_mapping(result)
        written = names_of(result, Path())
    except UnreadableNamesError:
        return None
    others = {**existing, **changed, "names": content.get("names")}
    same = list(written) == list(names) or unique_names(written) == list(names)
    return result if same and content == others else None


@dataclass(frozen=True)
class _Entry:
    """One name in the text: its class id, and where its line's content and its value are."""

    class_id: int
    start: int
    value_start: int
    value_end: int


def _with_names(text: str, names: Sequence[str]) -> str | None:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    node = next((value for key, value in reversed(pairs) if key.value == "names"), None)
    entries = _entries(node)
    if not isinstance(node, yaml.CollectionNode) or not entries or not names:
        return None
    current = unique_names(names_in(NamesNode(node, None, Path())))
    edits = _Edits(text, node, [])
    for n, entry in enumerate(entries):
        if entry.class_id >= len(names):
            edits.remove(entry, entries[n - 1] if n else None)
        elif entry.class_id >= 0 and current[entry.class_id] != names[entry.class_id]:
            space = " " if entry.value_start == entry.value_end else ""
            name = space + _scalar(names[entry.class_id])
            edits.changes.append((entry.value_start, entry.value_end, name))
    there = {entry.class_id for entry in entries}
    for class_id, name in enumerate(names):
        if class_id not in there:
            before = max(
                (e for e in entries if e.class_id < class_id), key=lambda e: e.class_id, default=None
            )
            edits.add(class_id, name, before, entries[0])
    return edits.apply()


@dataclass(frozen=True)
class _Edits:
    """Changes of the text of a list or mapping of names: (start, end, replacement)."""

    text: str
    node: yaml.CollectionNode
    changes: list[tuple[int, int, str]]

    def add(self, class_id: int, name: str, before: _Entry | None, first: _Entry) -> None:
        """Adds a name after another, or before the first."""
        key = "" if isinstance(self.node, yaml.SequenceNode) else f"{class_id}: "
        item = key + _scalar(name)
        if self.node.flow_style:
            place = first.start if before is None else before.value_end
            self.changes.append((place, place, f"{item}, " if before is None else f", {item}"))
            return
        if isinstance(self.node, yaml.SequenceNode):
            item = f"- {item}"
        indent = "\n" + " " * self.node.start_mark.column
        place = self.node.start_mark.index if before is None else self._line_end(before.value_end)
        self.changes.append((place, place, item + indent if before is None else indent + item))

    def remove(self, entry: _Entry, before: _Entry | None) -> None:
        """Removes a name with its line, or with the comma before it."""
        if self.node.flow_style:
            start = entry.start if before is None else before.value_end
            self.changes.append((start, entry.value_end, ""))
            return
        start = self.text.rfind("\n", 0, entry.start)
        self.changes.append((max(start, 0), self._line_end(entry.value_end), ""))

    def apply(self) -> str:
        """Returns the changed text."""
        result, end = [], 0
        for start, stop, new in sorted(self.changes, key=lambda change: change[:2]):
            result += [self.text[end:start], new]
            end = stop
        return "".join([*result, self.text[end:]])

    def _line_end(self, place: int) -> int:
        found = self.text.find("\n", place)
        return len(self.text) if found < 0 else found


def _entries(node: yaml.Node | None) -> list[_Entry]:
    """The entries of a list of names, or of a mapping of class ids, in the order of the text."""
    if isinstance(node, yaml.SequenceNode):
        values = [(i, item, item) for i, item in enumerate(node.value)]
    elif isinstance(node, yaml.MappingNode):
        ids = class_ids(node) or []
        values = [(i, *pair) for i, pair in zip(ids, node.value, strict=False)]
    else:
        return []
    if any(not isinstance(value, yaml.ScalarNode) or value.style in ("|", ">") for _, _, value in values):
        return []
    return [
        _Entry(i, key.start_mark.index, value.start_mark.index, value.end_mark.index)
        for i, key, value in values
    ]


def _scalar(name: str) -> str:
    """A name as a YAML scalar, quoted where it has to be."""
    for unicode in (True, False):  # some line breaks of Unicode do not survive unless they are escaped
        text = str(yaml.safe_dump([name], default_flow_style=True, allow_unicode=unicode, width=1 << 20))
        if yaml.safe_load(text) == [name]:
            break
    return text.strip()[1:-1]


def holds(text: str, wanted: dict[Any, Any]) -> bool:
    """Whether a text is a YAML mapping with this content."""
    try:
        return load_mapping(text) == wanted
    except UnreadableNamesError:
        return False


def splice(text: str, changed: Mapping[Any, Any]) -> str:
    """The text with the values of some keys replaced in place, and new keys appended."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    spans: dict[str, tuple[int, int]] = {}
    if isinstance(root, yaml.MappingNode) and not root.flow_style:
        spans = {key.value: (key.start_mark.index, value_end(value)) for key, value in root.value}
    added = {key: value for key, value in changed.items() if key not in spans}
    for key in sorted((key for key in changed if key in spans), key=lambda k: spans[k], reverse=True):
        start, end = spans[key]
        text = text[:start] + dump({key: changed[key]}).rstrip("\n") + text[end:]
    if added:
        text = (text if text.endswith("\n") or not text else text + "\n") + dump(added)
    return text


def value_end(node: yaml.Node) -> int:
    """The end of a value's text; a block's own end mark is past the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return value_end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def dump(values: dict[Any, Any]) -> str:
    """The text of a YAML mapping, in the order given."""
    text = str(yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=1000))
    # Some line breaks of Unicode do not survive unless they are escaped.
    return text if holds(text, values) else str(yaml.safe_dump(values, sort_keys=False, width=1000))
