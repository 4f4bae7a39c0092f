"""Reads and writes class names: Ultralytics' data.yaml; also reads classes.txt and similar files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from samdesk.domain.labels import class_name

_FIRST = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_LISTS = ("classes.txt", "names.txt", "obj.names", "labels/classes.txt")
_SPLITS = ("train", "val", "valid", "test", "training", "validation")
_MAX_BYTES = 4_000_000
_MAX_CLASSES = 10_000


@dataclass(frozen=True)
class NamesFound:
    """Class names by class id, and the file they were read from."""

    names: tuple[str, ...]
    path: Path


@dataclass(frozen=True)
class NamesSearch:
    """The result of a search for class names.

    Attributes:
        found: The first file with names, or None.
        problems: Messages about files before it that could not be read.
    """

    found: NamesFound | None
    problems: tuple[str, ...] = ()


class _UnreadableError(ValueError):
    """A names file that cannot be read; the message says why."""


def read_names(folder: Path) -> NamesFound | None:
    """The class names of the dataset that ``folder`` belongs to; None if no file has any."""
    return search_names(folder).found


def search_names(folder: Path) -> NamesSearch:
    """Searches a folder for class names, and the dataset's root if it is an ``images`` or split folder.

    A yaml file takes precedence over a text file. Never raises: unreadable files become problems.
    """
    problems: list[str] = []
    for path in _candidate_files(folder):
        try:
            names = _read_list(path) if path.suffix in (".txt", ".names") else _read_yaml(path)
        except OSError as error:
            problems.append(f"{path} cannot be read: {error.strerror or error}")
        except ValueError as error:
            problems.append(f"{path} cannot be read: {error}")
        else:
            if names:
                return NamesSearch(NamesFound(names, path), tuple(problems))
    return NamesSearch(None, tuple(problems))


def _candidate_files(folder: Path) -> Iterator[Path]:
    """Candidate files for class names, the most likely first."""
    for place in _folders(folder):
        first = [place / name for name in _FIRST]
        others = sorted(p for suffix in ("*.yaml", "*.yml") for p in place.glob(suffix) if p not in first)
        lists = [place / name for name in _LISTS]
        yield from (path for path in [*first, *others, *lists] if path.is_file())


def _folders(folder: Path) -> list[Path]:
    folders = [folder]
    if folder.name == "images":  # root/images, or root/train/images
        folders.append(folder.parent)
        if folder.parent.name in _SPLITS:
            folders.append(folder.parent.parent)
    elif folder.parent.name == "images":  # root/images/train
        folders.append(folder.parent.parent)
    elif folder.name in _SPLITS:  # root/train
        folders.append(folder.parent)
    return folders


def _text(path: Path) -> str:
    if path.stat().st_size > _MAX_BYTES:
        raise _UnreadableError("it is too large for a class names file")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _UnreadableError("it is not UTF-8 text") from error


def _read_list(path: Path) -> tuple[str, ...]:
    lines = [line.strip() for line in _text(path).splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    if len(lines) > _MAX_CLASSES:
        raise _UnreadableError(f"it has more than {_MAX_CLASSES} lines")
    return tuple(name or f"class_{i}" for i, name in enumerate(lines))


def _read_yaml(path: Path) -> tuple[str, ...]:
    text = _text(path)
    try:
        content = _mapping(text)
    except _UnreadableError:
        if path.name in _FIRST or "names" in text:
            raise
        return ()  # another program's file
    return _names(content.get("names"))


def _mapping(text: str) -> dict[Any, Any]:
    """The mapping in a yaml file; raises ``_UnreadableError`` if there is none."""
    try:
        value = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        where = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise _UnreadableError(f"it is not valid YAML{where}") from error
    # Raised by values that look like a date or number but are none, and by endless nesting.
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise _UnreadableError("it is not valid YAML") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _UnreadableError("it is not a YAML mapping")
    return value


def _names(value: object) -> tuple[str, ...]:
    """Names by class id from a list or a mapping; ids without a name become ``class_7``."""
    if value is None:
        return ()
    if isinstance(value, list):
        by_id = dict(enumerate(value))
    elif isinstance(value, dict):
        by_id = {_id(key): name for key, name in value.items()}
    else:
        raise _UnreadableError("its names are neither a list nor a mapping of class ids")
    if len(by_id) > _MAX_CLASSES or max(by_id, default=0) >= _MAX_CLASSES:
        raise _UnreadableError(f"it has more than {_MAX_CLASSES} classes")
    texts = {i: str(name) for i, name in by_id.items() if name is not None}
    return tuple(class_name(texts.get(i, ""), i) for i in range(max(by_id, default=-1) + 1))


def _id(key: object) -> int:
    text = str(key).strip()
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise _UnreadableError(f"its class id {text[:20]!r} is not a number")
    return int(text)


def render(
    existing_text: str | None, names: Sequence[str], images: str | Mapping[str, str | list[str]]
) -> str:
    """The data.yaml with which Ultralytics trains on the dataset.

    The file's folder is the dataset's root, so no ``path`` is written. Other keys, their order, comments
    outside ``names``, and existing ``train`` and ``val`` are kept.

    Args:
        existing_text: The file's current content, or None.
        names: Class names by class id.
        images: The images' folder relative to the file, or the values of ``train``, ``val``, ``test``.

    Raises:
        ValueError: ``existing_text`` is not a YAML mapping and would be lost; the message says why.
    """
    text = (existing_text or "").removeprefix("\ufeff")
    existing = _mapping(text)
    splits = {"train": images, "val": images} if isinstance(images, str) else dict(images)
    if existing.get("train") or existing.get("val"):
        splits.pop("test", None)  # the splits are the user's
    changed: dict[Any, Any] = {split: value for split, value in splits.items() if not existing.get(split)}
    if "nc" in existing:
        changed["nc"] = len(names)
    changed["names"] = list(names) if isinstance(existing.get("names"), list) else dict(enumerate(names))
    wanted = {**existing, **changed}
    spliced = _splice(text, changed)
    return spliced if _holds(spliced, wanted) else _dump(wanted)


def _holds(text: str, wanted: dict[Any, Any]) -> bool:
    try:
        return _mapping(text) == wanted
    except _UnreadableError:
        return False


def _splice(text: str, changed: dict[Any, Any]) -> str:
    """The text with the values of some keys replaced in place, and new keys appended."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    spans: dict[str, tuple[int, int]] = {}
    if isinstance(root, yaml.MappingNode) and not root.flow_style:
        spans = {key.value: (key.start_mark.index, _end(value)) for key, value in root.value}
    added = {key: value for key, value in changed.items() if key not in spans}
    for key in sorted((key for key in changed if key in spans), key=lambda k: spans[k], reverse=True):
        start, end = spans[key]
        text = text[:start] + _dump({key: changed[key]}).rstrip("\n") + text[end:]
    if added:
        text = (text if text.endswith("\n") or not text else text + "\n") + _dump(added)
    return text


def _end(node: yaml.Node) -> int:
    """The end of a value's text; a block's own end mark is past the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _dump(values: dict[Any, Any]) -> str:
    text = str(yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=1000))
    # Some line breaks of Unicode do not survive unless they are escaped.
    return text if _holds(text, values) else str(yaml.safe_dump(values, sort_keys=False, width=1000))
