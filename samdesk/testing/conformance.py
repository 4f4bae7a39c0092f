"""Tries a format: round trip, stability, purity, and damaged files."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random

from shapely.geometry import MultiPolygon, Polygon

from samdesk.base.errors import typed_line
from samdesk.domain.annotation import CROWD
from samdesk.domain.geometry import regions
from samdesk.formats.base import (
    EncodedImage,
    Format,
    ImageRecord,
    InstanceRecord,
    ReadProblem,
    WriteContext,
)
from samdesk.testing.memory import MemoryFiles, MemoryFolder

NAMES = ("dog", "unused", "Müll & <Co>")
COLORS = ("#ff0000", "#00ff00", "#0000ff")
_TRACK = "0123456789abcdef" * 2
DAMAGED = 200
"""Damaged files that are tried."""

_RING = MultiPolygon([Polygon([(2, 2), (30, 2), (30, 20), (2, 20)], [[(8, 8), (14, 8), (14, 14), (8, 14)]])])
_PARTS = MultiPolygon([Polygon([(40, 4), (60, 4), (60, 20)]), Polygon([(40, 30), (56, 30), (56, 44)])])


def sample_records() -> tuple[ImageRecord, ...]:
    """Images with a hole, parts, a crowd, attributes, a track, a name that is not ASCII, and no instances."""
    instances = (
        InstanceRecord("dog", _RING, annotation_id="1", score=0.25, note="a, <b>\nc", track=_TRACK),
        InstanceRecord(
            NAMES[2], _PARTS, annotation_id="2", attributes=(("occluded", True), ("plate", '"x"'))
        ),
        InstanceRecord(
            "dog", regions.from_box(4, 30, 20, 44), annotation_id="3", attributes=((CROWD, True),)
        ),
    )
    return (
        ImageRecord("b/ü 1.jpg", 64, 48, instances, split="train"),
        ImageRecord("a.png", 32, 32, (), split="val"),
        ImageRecord("c.jpg", 32, 32, (InstanceRecord("dog", regions.from_box(1, 1, 9, 9), track=_TRACK),)),
    )


def check_format(row: Format, *, damaged: int = DAMAGED, seed: int = 0) -> tuple[str, ...]:
    """Returns what is wrong with a format; nothing if it can be used.

    Written: ``encode`` changes nothing, gives the same twice and can be pickled; each instance has an
    outcome; the files stay within the folder, and no two images get one path. Written, read and written
    again, the files are the same, and each instance that was written is there. Read: what is not its own, and
    its own files, damaged ``damaged`` times, end in ``ReadProblem``s, not in errors.
    """
    findings = [*_check_reading(row)]
    if row.write is None:
        return tuple(findings)
    try:
        first = written(row, sample_records())
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        return (*findings, f"writing raises {typed_line(error)}")
    findings += _check_encoding(row)
    if row.read is not None:
        try:
            findings += _check_round_trip(row, first)
        except Exception as error:  # noqa: BLE001
            findings.append(f"the round trip raises {typed_line(error)}")
        findings += _check_damaged(row, first, damaged, Random(seed))
    return tuple(findings)


def written(row: Format, records: Sequence[ImageRecord]) -> dict[str, bytes]:
    """The files that a format makes of images."""
    assert row.write is not None
    context = _context(row)
    records = [_placed(row, record) for record in records]
    folder = MemoryFolder()
    row.write.assemble(iter([row.write.encode(r, context) for r in records]), context, folder)
    return folder.files


def files_to_read(row: Format, files: dict[str, bytes]) -> MemoryFiles:
    """Files as an import chooses them: those that the format recognises."""
    chosen = [
        n for n, data in files.items() if n.lower().endswith(row.suffixes) and row.recognise(n, data[:65536])
    ]
    sizes = {record.name: (record.width, record.height) for record in sample_records()}
    return MemoryFiles(files, sizes, chosen=chosen)


def _context(row: Format) -> WriteContext:
    options = {option.id: next(iter(option.values)) for option in row.options}
    return WriteContext(NAMES, COLORS, options, splits=("train", "val"))


def _placed(row: Format, record: ImageRecord) -> ImageRecord:
    assert row.write is not None
    name = record.name if "." in record.name else f"{record.name}.jpg"
    record = ImageRecord(name, record.width, record.height, record.instances, record.split)
    return ImageRecord(
        name, record.width, record.height, record.instances, record.split, path=row.write.image_path(record)
    )


def _check_reading(row: Format) -> Iterator[str]:
    for name, head in (
        ("x", b""),
        ("x.json", b"\xff\xfe{"),
        ("x.xml", b"<"),
        ("x.png", b"\x89PNG"),
        ("x.txt", b"0 1"),
    ):
        try:
            row.recognise(name, head)
        except Exception as error:  # noqa: BLE001
            yield f"recognise raises {typed_line(error)} for {name}"
    if row.read is None:
        return
    for data in (b"", b"{", b"[]", b"\0" * 99, b"<a>", b"{}" * 50):
        name = f"x{row.suffixes[0]}"
        try:
            list(row.read(MemoryFiles({name: data})))
        except Exception as error:  # noqa: BLE001
            yield f"reading {data[:8]!r} raises {typed_line(error)}"


def _check_encoding(row: Format) -> Iterator[str]:
    assert row.write is not None
    context, paths = _context(row), Counter[str]()
    for record in (_placed(row, record) for record in sample_records()):
        before = pickle.dumps(record)
        encoded, again = row.write.encode(record, context), row.write.encode(record, context)
        if pickle.dumps(record) != before or pickle.dumps(encoded) != pickle.dumps(again):
            yield f"encode is not pure for {record.name}"
        if not isinstance(pickle.loads(pickle.dumps(encoded)), EncodedImage):
            yield f"what encode makes of {record.name} cannot be pickled"
        if [o.annotation_id for o in encoded.instances] != [i.annotation_id for i in record.instances]:
            yield f"encode does not tell what became of each instance of {record.name}"
        if encoded.record.instances:
            yield f"encode keeps the instances of {record.name}"
        paths[row.write.image_path(record)] += 1
    if max(paths.values()) > 1:
        yield "two images have one path"


def _check_round_trip(row: Format, first: dict[str, bytes]) -> Iterator[str]:
    assert row.read is not None and row.write is not None  # noqa: PT018
    items = list(row.read(files_to_read(row, first)))
    problems = [item for item in items if isinstance(item, ReadProblem)]
    if problems:
        yield f"its own files have problems: {problems[0]}"
    read = [item for item in items if isinstance(item, ImageRecord)]
    by_stem = {_stem(record.name): record for record in read}
    by_stem = {stem.rpartition("/")[2]: record for stem, record in by_stem.items()} | by_stem
    context = _context(row)
    ordered = []
    for record in (_placed(row, record) for record in sample_records()):
        stem = _stem(record.name)
        found = by_stem.get(stem) or by_stem.get(stem.rpartition("/")[2])
        if found is None:
            if record.instances:
                yield f"the image {record.name} is not read"
            found = ImageRecord(record.name, record.width, record.height, split=record.split)
        wanted = Counter(o.label for o in row.write.encode(record, context).instances if o.written)
        labels = Counter(i.label for i in found.instances)
        tracks = [{i.track_name for i in each.instances} - {""} for each in (record, found)]
        if "tracks" in row.carries and tracks[0] != tracks[1]:
            yield f"the tracks of {record.name} are not read"
        if labels.total() < wanted.total() or (set(labels) & set(NAMES) and wanted - labels):
            yield f"instances of {record.name} are not read"
        split = found.split if "splits" in row.carries else record.split
        ordered.append(
            ImageRecord(
                record.name, found.width, found.height, found.instances, split, attributes=found.attributes
            )
        )
    second = written(row, ordered)
    for name in sorted(set(first) | set(second)):
        if first.get(name) != second.get(name):
            yield f"{name} is not the same when it is read and written again"


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def _check_damaged(row: Format, files: dict[str, bytes], count: int, rng: Random) -> Iterator[str]:
    assert row.read is not None
    chosen = list(files_to_read(row, files).names)
    for _ in range(count if chosen else 0):
        name = rng.choice(sorted(files))
        changed = files | {name: _damaged(files[name], rng)}
        try:
            list(row.read(MemoryFiles(changed, chosen=chosen)))
        except Exception as error:  # noqa: BLE001
            yield f"a damaged {name} raises {typed_line(error)}"
            return


def _damaged(data: bytes, rng: Random) -> bytes:
    made = bytearray(data)
    for _ in range(rng.choice((1, 2, 5))):
        at = rng.randrange(len(made) + 1)
        choice = rng.randrange(4)
        if choice == 0:
            del made[at:]
        elif choice == 1:
            del made[at : at + rng.randrange(1, 20)]
        elif choice == 2:
            made[at:at] = rng.choice((b"-1", b"nan", b"1e999", b'"', b"{", b"null", b"\xff", b"9" * 400))
        elif at < len(made):
            made[at] = rng.randrange(256)
    return bytes(made)
