"""Reads the three YOLO formats: label files in any of Ultralytics' layouts, data.yaml and lists of names.

| line | instance |
|---|---|
| class cx cy w h | a box |
| class cx cy w h and keypoints (``kpt_shape`` in data.yaml) | their box |
| class x1 y1 ... x4 y4, read as oriented boxes | a rotated box, as it is |
| class x1 y1 x2 y2 ... | an outline, outset as samdesk reads its own label files (``yolo_ring``) |

Values are fractions of the image, so that only images of the dataset can be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from samdesk.base.errors import reason
from samdesk.domain.geometry import regions
from samdesk.domain.labels import class_name
from samdesk.domain.split import Split
from samdesk.formats.base import (
    DeclaredLabels,
    ImageRecord,
    InstanceRecord,
    ReadableFiles,
    Reader,
    ReadItem,
    ReadProblem,
    Shape,
)
from samdesk.formats.class_ids import class_id_limit
from samdesk.formats.label_lines import LineProblem, ParsedLine
from samdesk.formats.reading.values import split_of
from samdesk.formats.yolo import segmentation
from samdesk.formats.yolo.names import UnreadableNamesError, load_mapping, names_of

_YAML = (".yaml", ".yml")
_NAMES = frozenset({"classes.txt", "names.txt", "obj.names"})
_NO_LABELS = _NAMES | {"readme.txt", "license.txt", "requirements.txt", "notes.json"}
_SPLIT_KEYS: Mapping[str, Split] = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
_LIST_BYTES = 64 << 20
_NAMES_BYTES = 1 << 20
_OBB_WORDS = 9
_NUMBER = re.compile(rb"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


@dataclass
class _YoloFolder:
    """What data.yaml and the files beside it say.

    Attributes:
        names: Class names.
        keypoint_values: Values after the box in a line with keypoints.
        splits: Of images, by their path without suffix.
    """

    names: tuple[str, ...] = ()
    keypoint_values: int = 0
    splits: dict[str, Split] = field(default_factory=dict)


def read(files: ReadableFiles, *, oriented: bool = False) -> Iterator[ReadItem]:
    """Reads the files.

    Args:
        files: The files.
        oriented: Lines of four vertices are rotated boxes.
    """
    dataset = _YoloFolder()
    yield from _read_dataset(files, dataset)
    lists = _lists(files)
    for name in files.names:
        path = PurePosixPath(name)
        if path.suffix.lower() == ".txt" and path.name.lower() not in _NO_LABELS and name not in lists:
            yield from _read_labels(files, name, dataset, oriented)


def reader(*, oriented: bool = False) -> Reader:
    """Returns a reader of one of the formats."""
    return partial(read, oriented=oriented)


def _read_dataset(files: ReadableFiles, dataset: _YoloFolder) -> Iterator[ReadItem]:
    source = ""
    for name in _dataset_files(files):
        is_yaml = PurePosixPath(name).suffix.lower() in _YAML
        try:
            text = files.read(name, _NAMES_BYTES).decode("utf-8-sig")
        except FileNotFoundError:
            continue
        except OSError as error:
            yield ReadProblem(name, "", f"It cannot be read: {reason(error)}.")
            continue
        except UnicodeDecodeError:
            yield ReadProblem(name, "", "It cannot be read: it is not UTF-8 text.")
            continue
        try:
            names = names_of(text, Path()) if is_yaml else _listed(text)
            content = load_mapping(text) if is_yaml else {}
        except UnreadableNamesError as error:
            yield ReadProblem(name, "", f"Its class names cannot be read: {error}.")
            continue
        if names and not dataset.names:
            dataset.names, source = names, name
        if is_yaml:
            dataset.keypoint_values = dataset.keypoint_values or _keypoints(content)
            _read_splits(files, name, content, dataset)
    if dataset.names:
        yield DeclaredLabels(dataset.names, file=source)


def _dataset_files(files: ReadableFiles) -> list[str]:
    """data.yaml and lists of names, the likeliest first: those chosen, and those beside label files."""
    chosen = [n for n in files.names if n.lower().endswith(_YAML)]
    lists = [n for n in files.names if PurePosixPath(n).name.lower() in _NAMES]
    folders: dict[str, None] = {"": None}
    for name in files.names:
        parts = PurePosixPath(name).parts[:-1]
        for depth in range(len(parts), -1, -1):
            folders["/".join(parts[:depth])] = None
    places = sorted(folders, key=lambda folder: folder.count("/") + bool(folder))
    beside = [f"{f}/{n}".lstrip("/") for f in places for n in ("data.yaml", "dataset.yaml", "classes.txt")]
    return list(dict.fromkeys([*chosen, *lists, *beside[:_MOST_PLACES]]))


_MOST_PLACES = 60


def _listed(text: str) -> tuple[str, ...]:
    names = [line.strip() for line in text.splitlines()]
    while names and not names[-1]:
        names.pop()
    return tuple(class_name(name, i) for i, name in enumerate(names))


def _keypoints(content: Mapping[Any, Any]) -> int:
    match content.get("kpt_shape"):
        case [int(count), int(dimensions)] if 0 < count < 10_000 and 0 < dimensions < 10:
            return count * dimensions
    return 0


def _read_splits(files: ReadableFiles, name: str, content: Mapping[Any, Any], dataset: _YoloFolder) -> None:
    """Takes the splits from the lists of images that data.yaml names."""
    if content.get("train") == content.get("val"):
        return
    for key, split in _SPLIT_KEYS.items():
        values = content.get(key)
        for value in values if isinstance(values, list) else [values]:
            if not isinstance(value, str) or not value.lower().endswith(".txt"):
                continue
            listing = str(PurePosixPath(name).parent / value.replace("\\", "/").removeprefix("./"))
            try:
                text = files.read(listing, _LIST_BYTES).decode("utf-8-sig", "replace")
            except OSError:
                continue
            for line in text.splitlines():
                image = line.strip().replace("\\", "/").removeprefix("./")
                dataset.splits.setdefault(str(PurePosixPath(image).with_suffix("")) if image else "", split)


def _lists(files: ReadableFiles) -> frozenset[str]:
    """Text files beside a data.yaml that are lists of images: those named after a split."""
    stems = {*_SPLIT_KEYS, "images", "samdesk-images", "autosplit_train", "autosplit_val", "autosplit_test"}
    return frozenset(n for n in files.names if PurePosixPath(n).stem.lower() in stems and _is_list(files, n))


def _is_list(files: ReadableFiles, name: str) -> bool:
    try:
        return not _label_words(files.read(name, _LIST_BYTES)[:4096])
    except OSError:
        return False


def _read_labels(files: ReadableFiles, name: str, dataset: _YoloFolder, oriented: bool) -> Iterator[ReadItem]:
    image = _image_name(name)
    size = files.image_size(image) or files.image_size(PurePosixPath(image).name)
    if size is None:
        message = "There is no image with its name, so its values cannot be turned into pixels."
        yield ReadProblem(name, "", message)
        return
    try:
        text = files.read(name).decode("utf-8-sig", errors="replace")
    except OSError as error:
        yield ReadProblem(name, "", f"It cannot be read: {reason(error)}.")
        return
    lines = text.splitlines()
    parsed = segmentation.parse(text, *size, dataset.keypoint_values)
    problems: list[LineProblem] = list(parsed.problems)
    limit = class_id_limit(len(dataset.names))
    instances = []
    for line in parsed.lines:
        words = lines[line.line - 1].split()
        if line.class_id >= limit:
            message = f"the class id {line.class_id} is far beyond the class names"
            problems.append(LineProblem(line.line, "", message))
            continue
        found, shape = _as_meant(line, words, size, dataset.keypoint_values, oriented)
        names = dataset.names
        label = names[line.class_id] if line.class_id < len(names) else class_name("", line.class_id)
        instances.append(InstanceRecord(label, found.region, f"line {line.line}", shape))
    for problem in sorted(problems, key=lambda p: p.line):
        message = f"{problem.message[:1].upper()}{problem.message[1:]}."
        yield ReadProblem(name, f"line {problem.line}", message)
    split = _split(image, name, dataset)
    yield ImageRecord(image, *size, tuple(instances), split, file=name)


def _as_meant(
    line: ParsedLine, words: list[str], size: tuple[int, int], keypoint_values: int, oriented: bool
) -> tuple[ParsedLine, Shape]:
    if len(words) == 5:
        return line, "box"
    if keypoint_values and len(words) == 5 + keypoint_values:
        return line, "keypoints"
    if oriented and len(words) == _OBB_WORDS:
        corners = np.array([float(word) for word in words[1:]]).reshape(-1, 2) * size
        region = regions.clip(regions.from_ring(corners), *size)
        if regions.is_drawable(region):
            return replace(line, region=region), "rotated box"
    return line, "polygon"


def _image_name(name: str) -> str:
    """The image of a label file by Ultralytics' rule, without suffix: the last "labels" becomes "images"."""
    parts = list(PurePosixPath(name).with_suffix("").parts)
    for at in range(len(parts) - 2, -1, -1):
        if parts[at] == "labels":
            parts[at] = "images"
            break
    return "/".join(parts)


def _split(image: str, name: str, dataset: _YoloFolder) -> Split | None:
    found = dataset.splits.get(image)
    if found is None and dataset.splits:
        found = next((s for i, s in dataset.splits.items() if i.endswith(f"/{image}")), None)
    return found or split_of(str(PurePosixPath(name).parent))


def _label_words(head: bytes) -> int:
    """The words of the first line of a label file; 0: it is none."""
    first = next((line for line in head.removeprefix(b"\xef\xbb\xbf").splitlines() if line.strip()), b"")
    words = first.split()
    numbers = all(_NUMBER.fullmatch(word) for word in words[:_OBB_WORDS])
    if len(words) < 5 or not numbers or not float(words[0]).is_integer():
        return 0
    return len(words)


def _words(name: str, head: bytes) -> int:
    path = PurePosixPath(name)
    if path.suffix.lower() != ".txt" or path.name.lower() in _NO_LABELS:
        return 0
    return _label_words(head)


def is_segmentation(name: str, head: bytes) -> bool:
    """Whether a file is a label file with outlines. Oriented boxes look like them and must be chosen."""
    return _words(name, head) >= 7


def is_detection(name: str, head: bytes) -> bool:
    """Whether a file is a label file with boxes."""
    return _words(name, head) == 5


def is_oriented(name: str, head: bytes) -> bool:
    """Whether every line of the start of a label file has four vertices."""
    if _words(name, head) != _OBB_WORDS:
        return False
    lines = [line.split() for line in head.splitlines()[:-1] or [head] if line.strip()]
    return all(len(words) == _OBB_WORDS for words in lines)
