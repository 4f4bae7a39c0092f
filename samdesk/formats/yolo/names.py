"""Reads class names: ``names`` and ``nc`` of a data.yaml, in every form whose meaning is clear, and lists.

The Ultralytics trainer reads a list or a mapping of class ids. Users and other programs write more: ids
without a space after the colon, names to ids, a file, text with commas. A form that can mean two things is
an error, never "no names": names that are taken for none are overwritten.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from samdesk.base.boundary import Boundary, name_problem
from samdesk.base.regular import read_text
from samdesk.base.text import counted
from samdesk.domain.labels import class_name
from samdesk.formats.class_ids import MAX_CLASSES, class_id_limit

MAX_BYTES = 1 << 20
"""PyYAML reads about 1 MB in a second or two; 10,000 names have less."""

LIST_SUFFIXES = (".txt", ".names")
_ELSEWHERE = ("classes", "class_names", "classnames", "labels", "categories", "name")
"""Keys, in lower case, under which other programs keep class names; the trainer does not read them."""

_NUMBERED = re.compile(r"(?:^|[\s,]+)(\d+)\s*:\s*")
_TAG = "tag:yaml.org,2002:"
_MOST_NESTED = 200
_MOST_VALUES = 1_000_000


class UnreadableNamesError(ValueError):
    """A file of class names that cannot be read; the message says why, as the end of a sentence."""


@dataclass(frozen=True)
class NamesNode:
    """The value of ``names`` in a YAML file, with what is needed to understand it.

    Attributes:
        node: The value.
        count: ``nc``; None: there is none.
        folder: The folder of the file.
    """

    node: yaml.Node
    count: int | None
    folder: Path


def read_text_of(path: Path) -> str:
    """Returns the text of a file of class names. Raises ``UnreadableNamesError`` and ``OSError``."""
    try:
        return read_text(path, MAX_BYTES)
    except UnicodeDecodeError as error:
        raise UnreadableNamesError("it is not UTF-8 text") from error


def read_list(path: Path) -> tuple[str, ...]:
    """Returns the names of a text file with one on each line. Raises as ``read_text_of``."""
    lines = [line.strip() for line in read_text_of(path).splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    return _named(dict(enumerate(lines)))


def load_mapping(text: str) -> dict[Any, Any]:
    """Returns the mapping in a YAML text. Raises ``UnreadableNamesError`` if there is none."""
    _check_nesting(text)
    try:
        value = yaml.safe_load(text)
        count = _count_values(value, {})
    except yaml.MarkedYAMLError as error:
        where = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UnreadableNamesError(f"it is not valid YAML{where}") from error
    # Raised by values that look like a date or number but are none, and by endless nesting.
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise UnreadableNamesError("it is not valid YAML") from error
    if count > _MOST_VALUES:
        raise UnreadableNamesError("its aliases stand for too many values")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnreadableNamesError("it is not a YAML mapping")
    return value


def _count_values(value: object, counted: dict[int, float]) -> float:
    """Returns how many values a YAML value has, those of its aliases each time; no end if it holds itself.

    Comparing and writing take as long as that, whatever the size of the text.
    """
    if not isinstance(value, (dict, list)):
        return 1
    if id(value) not in counted:
        counted[id(value)] = math.inf  # until its own values are counted
        inner = value.values() if isinstance(value, dict) else value
        counted[id(value)] = 1 + sum(_count_values(item, counted) for item in inner)
    return counted[id(value)]


def _check_nesting(text: str) -> None:
    """Refuses lists in each other without end, for which the time grows with the square of their depth."""
    depth = 0
    for bracket in re.findall(r"[\[\]{}]", text):
        depth = depth + 1 if bracket in "[{" else max(0, depth - 1)
        if depth > _MOST_NESTED:
            raise UnreadableNamesError("its lists are nested too deeply")


def names_of(text: str, folder: Path) -> tuple[str, ...]:
    """Returns the class names by class id that the text of a YAML file in ``folder`` gives; () for none.

    There are at least ``nc`` names; ids without one become "class_7".

    Raises:
        UnreadableNamesError: It is not a YAML mapping, or has names whose meaning is not clear.
    """
    content = load_mapping(text)
    count = _count(content)
    node = _value(text, "names")
    if node is None or _is_null(node):
        elsewhere = [key for key in content if str(key).lower() in (*_ELSEWHERE, "names") and key != "names"]
        if elsewhere and not count:
            raise UnreadableNamesError(
                f"its class names are under {elsewhere[0]!r}, where the trainer does not look: "
                "call that key 'names'"
            )
        found: tuple[str, ...] = ()
    else:
        found = names_in(NamesNode(node, count, folder))
        if count and found:
            _check_count(count, len(found))
        if count and isinstance(node, yaml.MappingNode):
            count -= sum(i < 0 for i in class_ids(node) or ())  # the trainer counts "-1: background"
    return (*found, *(class_name("", i) for i in range(len(found), count or 0)))


def names_in(value: NamesNode) -> tuple[str, ...]:
    """Returns the names that a value of ``names`` gives, by class id. Raises ``UnreadableNamesError``."""
    node = value.node
    if isinstance(node, yaml.SequenceNode):
        return _named(_from_list(node))
    if isinstance(node, yaml.MappingNode):
        return _named(_from_mapping(node))
    if node.tag == f"{_TAG}str":
        return _from_text(str(node.value).strip(), value)
    raise UnreadableNamesError("its names are neither a list nor a mapping of class ids")


def class_ids(node: yaml.MappingNode) -> list[int] | None:
    """Returns the class ids that the keys of a mapping are, also negative ones; None if some are none."""
    found = [_whole(key) for key, _ in node.value]
    return None if any(i is None for i in found) else [i for i in found if i is not None]


def scalar_text(node: yaml.Node) -> str:
    """Returns a name as it was written (``yes``, ``1e3``); "" for null. Raises ``UnreadableNamesError``."""
    if not isinstance(node, yaml.ScalarNode) or not node.tag.startswith(_TAG):
        raise UnreadableNamesError("one of its names is not a text")
    return "" if _is_null(node) else str(node.value)


def _value(text: str, key: str) -> yaml.Node | None:
    """The node of a key of the mapping, also if it is merged into it."""
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            return None
        loader.flatten_mapping(root)
    finally:
        loader.dispose()
    return next((node for k, node in reversed(root.value) if getattr(k, "value", None) == key), None)


def _count(content: dict[Any, Any]) -> int | None:
    """``nc`` as the trainer reads it; None if it is not there, or no number beside names."""
    if content.get("nc") is None:
        return None
    try:
        number = float(content["nc"])
        count = int(number)
        if count != number or count < 0:
            raise ValueError
    except (TypeError, ValueError, OverflowError) as error:
        if content.get("names"):
            return None
        raise UnreadableNamesError("its 'nc' is not a number of classes") from error
    if count > MAX_CLASSES:
        raise _too_many()
    return count


def _from_list(node: yaml.SequenceNode) -> dict[int, str]:
    items = node.value
    if items and all(isinstance(item, yaml.MappingNode) and len(item.value) == 1 for item in items):
        pairs = [item.value[0] for item in items]  # "- 0: bear"
        if [_whole(key) for key, _ in pairs] == list(range(len(pairs))):
            return {i: scalar_text(name) for i, (_, name) in enumerate(pairs)}
    return {i: scalar_text(item) for i, item in enumerate(items)}


def _from_mapping(node: yaml.MappingNode) -> dict[int, str]:
    pairs = node.value
    ids = class_ids(node)
    if ids is not None:
        if len(set(ids)) < len(ids):
            double = next(i for n, i in enumerate(ids) if i in ids[:n])
            raise UnreadableNamesError(f"two of its names have the class id {double}")
        if max(ids, default=0) < 0:
            raise UnreadableNamesError("its class ids are negative")
        _check_plausible(max(ids, default=-1), len(ids))
        # No label line has a negative id: "-1: background" names no class of the dataset.
        return {i: scalar_text(name) for i, (_, name) in zip(ids, pairs, strict=True) if i >= 0}
    names = [scalar_text(key) for key, _ in pairs]
    if all(_is_null(value) for _, value in pairs):  # {bear, cat}
        return dict(enumerate(names))
    swapped = [_whole(value) for _, value in pairs]  # "bear: 0"
    if all(i is not None and i >= 0 for i in swapped) and len(set(swapped)) == len(swapped):
        _check_plausible(max(i or 0 for i in swapped), len(swapped))
        return {i: name for i, name in zip(swapped, names, strict=True) if i is not None}
    wrong = next(name for name, (key, _) in zip(names, pairs, strict=True) if _whole(key) is None)
    raise UnreadableNamesError(f"its class id {wrong[:20]!r} is not a number")


def _from_text(text: str, value: NamesNode) -> tuple[str, ...]:
    if text[:1] in ("[", "{"):  # the list itself in quotation marks
        _check_nesting(text)
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
        except yaml.YAMLError as error:
            raise UnreadableNamesError("its names are not a list") from error
        finally:
            loader.dispose()
        if isinstance(node, yaml.CollectionNode):
            return names_in(NamesNode(node, value.count, value.folder))
    numbered = _NUMBERED.split(text)
    if len(numbered) > 1 and not numbered[0]:
        return _numbered(numbered[1::2], numbered[2::2])
    if text.lower().endswith(LIST_SUFFIXES) and "," not in text and "\n" not in text:
        return _from_file(text, value.folder)
    names = [part.strip() for part in re.split(r"\n" if "\n" in text else ",", text)]
    words = text.split()
    if len(names) == 1 and len(words) > 1 and len(words) == value.count:
        names = words
    if len(names) == 1 and (len(words) > 1 or value.count not in (None, 1)):
        raise UnreadableNamesError("its names are one text: write them as a list, [first, second]")
    if not all(names):
        raise UnreadableNamesError("its names are a text with an empty name: write them as a list")
    return _named(dict(enumerate(names)))


def _numbered(ids: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """Names of "0:bear 1:cat", which is what YAML makes of lines without a space after the colon."""
    if [int(i[:9]) for i in ids] != list(range(len(ids))) or not all(names):
        raise UnreadableNamesError("its names lack a space after the colon of each class id")
    return _named({i: name.rstrip(",") for i, name in enumerate(names)})


def _from_file(name: str, folder: Path) -> tuple[str, ...]:
    name = name.replace("\\", "/").removeprefix("./")
    problem = name_problem(name)
    if problem:
        raise UnreadableNamesError(f"its names are in {name}, which is left alone: {problem}")
    try:
        real = os.path.realpath(folder)
        found = read_list(Boundary((real,)).real_path(Path(real, name)))
    except (OSError, UnreadableNamesError) as error:
        reason = error if isinstance(error, UnreadableNamesError) else error.strerror or error
        raise UnreadableNamesError(f"its names are in {name}, which cannot be read: {reason}") from error
    if not found:
        raise UnreadableNamesError(f"its names are in {name}, which is empty")
    return found


def _named(by_id: dict[int, str]) -> tuple[str, ...]:
    """Names by class id; ids without one become "class_7"."""
    count = max(by_id, default=-1) + 1
    if count > MAX_CLASSES:
        raise _too_many()
    return tuple(class_name(by_id.get(i, ""), i) for i in range(count))


def _check_plausible(class_id: int, named: int) -> None:
    """One mistyped class id would make thousands of labels."""
    if class_id >= class_id_limit(named):
        raise UnreadableNamesError(f"it has class id {class_id}, far beyond its {counted(named, 'name')}")


def _check_count(count: int, named: int) -> None:
    if count > class_id_limit(named):
        raise UnreadableNamesError(f"its nc is {count:,}, far more than its {counted(named, 'name')}")


def _whole(node: yaml.Node) -> int | None:
    """The class id that a node is (``0``, ``'0'``, ``0.0``), or None."""
    if not isinstance(node, yaml.ScalarNode) or node.tag not in (
        f"{_TAG}{t}" for t in ("int", "float", "str")
    ):
        return None
    try:
        number = float(str(node.value).strip())
        return int(number) if number == int(number) else None
    except (ValueError, OverflowError):
        return None


def _is_null(node: yaml.Node) -> bool:
    return node.tag == f"{_TAG}null"


def _too_many() -> UnreadableNamesError:
    return UnreadableNamesError(f"it has more than {MAX_CLASSES:,} classes")
