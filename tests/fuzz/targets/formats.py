"""Every format of the registry: its files with one of them damaged, in bytes or in its JSON, XML or text.

An input is the files of a dataset. Whatever they say, the reader yields valid records, and problems that name
a file and say what is wrong; it opens nothing by itself.
"""

from __future__ import annotations

import json
import re
import struct
import sys
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import shapely

from samdesk.base.errors import UserError
from samdesk.formats.base import DeclaredLabels, Format, ImageRecord, ReadProblem
from samdesk.formats.registry import FORMATS, find_format
from samdesk.testing.conformance import files_to_read, sample_records, written
from samdesk.testing.memory import MemoryFiles
from tests.fuzz.mutate import mutate_bytes, mutate_text
from tests.fuzz.target import SilentLossError, Target

COCO64 = Path(__file__).parents[4] / "shared" / "data" / "coco64" / "instances.json"
_REAL = 6
"""Images of coco64 in an input."""

_ODD: tuple[Any, ...] = (
    *(None, True, "", "x", -1, 0, 1, 1.5, 1e308, 2**63, 10**400, float("nan"), float("inf"), "\ud800", "\0"),
    *(
        [],
        {},
        [[]],
        [[0, 0], [0, 0], [0, 0]],
        {"size": [10**6, 10**6], "counts": [10**12]},
        "../../etc/passwd",
    ),
    *([1] * 1000, [[[1]]], {"a": {"a": {}}}, "9" * 5000, "/etc/passwd"),
)
_ODD_XML = (
    *("nan", "-1", "1e400", "99999999999999999999", "", "1,1;2", "1,2,3", "../../etc/passwd", "&#1;", "<a/>"),
    *("&lol;", "<![CDATA[x]]>", "<!-- -->", "\ufffe", "1;" * 500, "0, " * 500 + "1"),
)
_VALUE = re.compile(rb'(?<==")[^"<]*(?=")|(?<=>)[^<>]*(?=<)')


# -- inputs


def packed(files: dict[str, bytes]) -> bytes:
    """Returns files as one input."""
    parts = [
        struct.pack(">II", len(name.encode()), len(data)) + name.encode() + data
        for name, data in files.items()
    ]
    return b"".join(parts)


def unpacked(data: bytes) -> dict[str, bytes]:
    """Returns what ``packed`` was given."""
    files, at = {}, 0
    while at < len(data):
        name, size = struct.unpack_from(">II", data, at)
        start = at + 8 + name
        files[data[at + 8 : start].decode()] = data[start : start + size]
        at = start + size
    return files


def _seeds(format_id: str, _folder: Path) -> Sequence[bytes]:
    row = find_format(format_id)
    seeds = [packed(written(row, sample_records()))]
    if COCO64.exists():
        coco = find_format("coco")
        assert coco.read is not None
        items = coco.read(MemoryFiles({"instances.json": COCO64.read_bytes()}))
        images = [item for item in items if isinstance(item, ImageRecord)][:_REAL]
        seeds += [packed(_written_of(row, [image])) for image in images]
    return seeds


def _written_of(row: Format, images: list[ImageRecord]) -> dict[str, bytes]:
    from dataclasses import replace

    names = ("dog", "unused", "Müll & <Co>")
    few = [
        replace(r, instances=tuple(replace(i, label=names[n % 3]) for n, i in enumerate(r.instances)))
        for r in images
    ]
    return written(row, few)


def _mutate(data: bytes, other: bytes, rng: Random) -> bytes:
    files = unpacked(data)
    name = rng.choice(sorted(files))
    theirs = unpacked(other)
    mutate: Callable[[bytes, bytes, Random], bytes] = mutate_text
    if name.endswith((".png", ".parquet")):
        mutate = mutate_bytes
    elif name.endswith(".json") and rng.random() < 0.7:
        mutate = _mutate_json
    elif name.endswith(".xml") and rng.random() < 0.7:
        mutate = _mutate_xml
    files[name] = mutate(files[name], theirs.get(name, b""), rng)
    return packed(files)


def _mutate_json(data: bytes, _other: bytes, rng: Random) -> bytes:
    value = json.loads(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at: Any = value
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            if not keys:
                break
            key = rng.choice(keys)
            if isinstance(at[key], (dict, list)) and at[key] and rng.random() < 0.85:
                at = at[key]
                continue
            choice = rng.randrange(3)
            if choice == 0:
                del at[key]
            elif choice == 1 and isinstance(at, list):
                at.insert(key, deepcopy(rng.choice(_ODD)))
            else:
                at[key] = deepcopy(rng.choice(_ODD))
            break
    sys.set_int_max_str_digits(0)
    try:
        return json.dumps(value).encode()
    finally:
        sys.set_int_max_str_digits(4300)


def _mutate_xml(data: bytes, _other: bytes, rng: Random) -> bytes:
    places = list(_VALUE.finditer(data))
    for place in sorted(
        rng.sample(places, min(len(places), rng.choice((1, 1, 3)))), key=lambda m: -m.start()
    ):
        data = data[: place.start()] + rng.choice(_ODD_XML).encode("utf-8", "replace") + data[place.end() :]
    if rng.random() < 0.1:
        data = b'<!DOCTYPE a [<!ENTITY lol "x"><!ENTITY e SYSTEM "file:///etc/passwd">]>' + data
    return data


# -- reading


class _Opened:
    """What this process opens by itself while a reader works. An audit hook stays for ever."""

    def __init__(self) -> None:
        self.watching = False
        self.paths: list[str] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.watching and event in ("open", "os.listdir", "os.remove", "os.rename", "subprocess.Popen"):
            path = str(arguments[0])
            if not path.endswith((".py", ".pyc", ".so", "__pycache__")):  # a module that is imported late
                self.paths.append(path)


_OPENED: list[_Opened] = []


class _Dataset(MemoryFiles):
    """Every image that is asked for is there."""

    def image_size(self, name: str) -> tuple[int, int] | None:
        return super().image_size(name) or (640, 480)


def _read(format_id: str, data: bytes, _folder: Path) -> None:
    row = find_format(format_id)
    assert row.read is not None
    files = unpacked(data)
    original = files_to_read(row, files)
    own = sorted({*original.names, *(n for n in files if n.lower().endswith(row.suffixes))})
    chosen = [name for name in own if name.rpartition("/")[2] not in ("labels.json", "labels.csv")]
    for name in files:
        row.recognise(name, files[name][:65536])
    if not _OPENED:
        _OPENED.append(_Opened())
    opened = _OPENED[0]
    asked = _Dataset(files, original.sizes, chosen=chosen)
    opened.paths.clear()
    opened.watching = True
    try:
        items = list(row.read(asked))
    finally:
        opened.watching = False
    if opened.paths:
        raise SilentLossError(f"it opened {opened.paths[:3]} by itself")
    problems = [item for item in items if isinstance(item, ReadProblem)]
    for problem in problems:
        if not problem.file or not problem.message.strip() or len(problem.message) > 2_000:
            raise SilentLossError(f"a problem does not say where or what: {problem!r}"[:300])
        f"{problem.file} {problem.record} {problem.message}".encode("utf-8", "surrogateescape")
    for item in items:
        if isinstance(item, ImageRecord):
            _check_image(item)
        elif isinstance(item, DeclaredLabels) and not all(item.names):
            raise SilentLossError("a class has no name")
    if problems and not any(isinstance(item, ImageRecord) for item in items):
        raise UserError(problems[0].message)


def _check_image(image: ImageRecord) -> None:
    if not image.name or not 0 < image.width <= 1 << 21 or not 0 < image.height <= 1 << 21:
        raise SilentLossError(f"an image has no name or size: {image.name!r} {image.width} {image.height}")
    for instance in image.instances:
        x0, y0, x1, y1 = instance.region.bounds
        if not (instance.label and shapely.is_valid(instance.region) and instance.region.area > 0):
            raise SilentLossError(f"{instance.record} has no valid region or no label")
        if x0 < -1e-6 or y0 < -1e-6 or x1 > image.width + 1e-6 or y1 > image.height + 1e-6:
            raise SilentLossError(f"{instance.record} is outside of its image")
        if instance.score is not None and not 0 <= instance.score <= 1:
            raise SilentLossError(f"{instance.record} has a score of {instance.score}")
        json.dumps(dict(instance.attributes), allow_nan=False)


TARGETS = {
    f"format {row.id}": Target(
        partial(_seeds, row.id), partial(_read, row.id), _mutate, short=1 if row.scope == "raster" else 4
    )
    for row in FORMATS
    if row.read is not None and row.write is not None
}
