"""Tables, one row an instance: ``annotations.csv`` or ``annotations.parquet``.

| column | content |
|---|---|
| image, width, height | the image's path in ``images/``, and its size in pixels |
| split | train, val, test, or empty |
| label | class name; empty: the row of an image without instances |
| geometry | POLYGON or MULTIPOLYGON in well-known text, pixels, all digits; GeoPandas and QGIS read it |
| score, review, note | confidence; accepted, pending ...; text |
| attributes | a JSON object |
| track | names an object that is on several images; empty: it is on one |

The rows of an image follow each other, in painting order. ``labels.csv`` has the classes: id, name, color.
Parquet needs pyarrow (``pip install samdesk[tables]``). Facts: RFC 4180; OGC 06-103r4 (well-known text).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, BinaryIO

import shapely
from shapely.geometry import MultiPolygon

from samdesk.base.errors import first_line, reason
from samdesk.base.json_file import JsonError, parse_object, to_bytes
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region
from samdesk.domain.review import AnnotationReview
from samdesk.domain.split import SPLITS
from samdesk.formats.base import (
    MOST_TRACK,
    DeclaredLabels,
    EncodedImage,
    Format,
    ImageRecord,
    InstanceRecord,
    Loss,
    ReadableFiles,
    ReadItem,
    ReadProblem,
    WritableFolder,
    WriteContext,
    Writer,
    WrittenInstance,
)
from samdesk.formats.reading import values
from samdesk.formats.shapes import convert

COLUMNS = (
    *("image", "width", "height", "split", "label", "geometry"),
    *("score", "review", "note", "attributes", "track"),
)
_NEEDED = frozenset(("image", "label", "geometry"))
_LONGEST_FIELD = 16 << 20
_BATCH = 1_000
_WKT = re.compile(r"\s*(MULTI)?POLYGON\s*\(([-+0-9eE., ()]*)\)\s*", re.IGNORECASE)
_RING = re.compile(r"\(([^()]*)\)")
_REVIEWS = {review.value: review for review in AnnotationReview}

Row = Mapping[str, Any]


# -- reading


def read_csv(files: ReadableFiles) -> Iterator[ReadItem]:
    """Yields what CSV tables hold; see ``samdesk.formats.base.Reader``."""
    yield from _read(files, _csv_rows)


def read_parquet(files: ReadableFiles) -> Iterator[ReadItem]:
    """Yields what Parquet tables hold; see ``samdesk.formats.base.Reader``."""
    yield from _read(files, _parquet_rows)


class _TableError(ValueError):
    """A file is no such table; the message says why."""


def _read(files: ReadableFiles, rows: Callable[[BinaryIO], Iterator[Row]]) -> Iterator[ReadItem]:
    for name in files.names:
        if name.rpartition("/")[2] == "labels.csv":
            continue
        yield from _labels(files, f"{name.rpartition('/')[0]}/labels.csv".lstrip("/"))
        try:
            with files.open(name) as file:
                numbered = enumerate(rows(file), start=1)
                for image, group in groupby(numbered, key=lambda pair: _text(pair[1].get("image"))):
                    yield from _image(files, name, image, group)
        except OSError as error:
            yield ReadProblem(name, "", reason(error))
        except _TableError as error:
            yield ReadProblem(name, "", f"{error}; what follows is not read")


def _labels(files: ReadableFiles, name: str) -> Iterator[DeclaredLabels]:
    try:
        rows = list(csv.DictReader(io.StringIO(files.read(name).decode("utf-8-sig", "replace"))))
    except (OSError, csv.Error):
        return
    names = tuple(dict.fromkeys(filter(None, (_text(row.get("name")) for row in rows))))
    colors = tuple(_text(row.get("color")) for row in rows)
    if names:
        yield DeclaredLabels(names, colors if all(colors) and len(colors) == len(names) else (), name)


def _csv_rows(file: BinaryIO) -> Iterator[Row]:
    csv.field_size_limit(_LONGEST_FIELD)  # of the process; the default is too small for a long outline
    text = io.TextIOWrapper(file, "utf-8-sig", "replace", newline="")
    reader = csv.DictReader(text)
    try:
        if not set(reader.fieldnames or ()) >= _NEEDED:
            raise _TableError(f"it lacks the columns {', '.join(sorted(_NEEDED))}")
        yield from reader
    except csv.Error as error:
        raise _TableError(f"it is no CSV table: {first_line(error)}") from error
    finally:
        text.detach()  # the file is closed by who opened it


def _parquet_rows(file: BinaryIO) -> Iterator[Row]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise _TableError("Parquet needs pyarrow: pip install 'samdesk[tables]'") from error
    try:
        table = parquet.ParquetFile(file)
        columns = [name for name in table.schema_arrow.names if name in COLUMNS]
        if not set(columns) >= _NEEDED:
            raise _TableError(f"it lacks the columns {', '.join(sorted(_NEEDED))}")
        for batch in table.iter_batches(_BATCH, columns=columns, use_threads=False):
            yield from batch.to_pylist()
    except (pyarrow.ArrowException, OSError, ValueError, KeyError, MemoryError) as error:
        if isinstance(error, _TableError):
            raise
        raise _TableError(f"it is no Parquet table: {first_line(error)}") from error


def _image(
    files: ReadableFiles, file: str, image: str, group: Iterable[tuple[int, Row]]
) -> Iterator[ReadItem]:
    name = image.replace("\\", "/")
    size: tuple[int, int] | None = None
    first: Row | None = None
    instances = []
    for number, row in group:
        record = f"row {number}"
        if not name:
            yield ReadProblem(file, record, "it names no image")
            continue
        first = row if first is None else first
        size = size or _size(row) or files.image_size(name)
        if size is None:
            yield ReadProblem(file, record, f"the size of {name} is not known: there is no such image")
            continue
        if not _text(row.get("label")) and not _text(row.get("geometry")):
            continue
        try:
            instances.append(_instance(row, record, size))
        except ValueError as error:
            yield ReadProblem(file, record, str(error))
    if size is not None and first is not None:
        split = next((s for s in SPLITS if s == _text(first.get("split")).lower()), None)
        yield ImageRecord(name, *size, tuple(instances), split, file=file)


def _text(value: Any) -> str:
    return values.text_of(value).strip()


def _size(row: Row) -> tuple[int, int] | None:
    try:
        width, height = int(row.get("width") or 0), int(row.get("height") or 0)
    except (TypeError, ValueError, OverflowError):
        return None
    return (width, height) if 0 < width <= 1 << 20 and 0 < height <= 1 << 20 else None


def _instance(row: Row, record: str, size: tuple[int, int]) -> InstanceRecord:
    label = _text(row.get("label"))
    if not label:
        raise ValueError("it has no label")
    region = convert.on_image(_region(row.get("geometry")), *size)
    try:
        score = values.score_of(float(row.get("score") or "nan"))
    except (TypeError, ValueError):
        score = None
    try:
        extra = parse_object(row.get("attributes") or "{}")
    except (JsonError, TypeError):
        raise ValueError("its attributes are no JSON object") from None
    review = _REVIEWS.get(_text(row.get("review")))
    note = values.text_of(row.get("note"))
    attributes = values.attributes_of(extra.items())
    track = _text(row.get("track"))[:MOST_TRACK]
    return InstanceRecord(label, region, record, "polygon", score, review, note, attributes, track=track)


def _region(value: Any) -> Region:
    """A region of well-known text. Only rings of numbers reach the geometry library."""
    found = _WKT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("its geometry is no POLYGON or MULTIPOLYGON in well-known text")
    rings = [_ring(text) for text in _RING.findall(found[0])]
    try:
        region = shapely.from_wkt(value) if len(rings) < convert.MOST_VERTICES else None
    except shapely.errors.ShapelyError:
        raise ValueError("its geometry is no well-known text") from None
    whole = region if isinstance(region, MultiPolygon) else MultiPolygon([region] if region else [])
    return whole if shapely.is_valid(whole) and regions.is_drawable(whole) else convert.rings(rings)


def _ring(text: str) -> convert.Points:
    try:
        pairs = [[float(v) for v in pair.split()] for pair in text.split(",")]
    except ValueError:
        raise ValueError("a coordinate of its geometry is no number") from None
    return convert.point_list(pairs)


def recognise_csv(name: str, head: bytes) -> bool:
    """Whether a file is a table of instances, by its first line."""
    first = head.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].decode("utf-8", "replace").strip()
    return name.lower().endswith(".csv") and {c.strip('" ') for c in first.split(",")} >= _NEEDED


def recognise_parquet(name: str, head: bytes) -> bool:
    """Whether a file is Parquet; its columns are at its end."""
    return name.lower().endswith((".parquet", ".pq")) and head.startswith(b"PAR1")


# -- writing


@dataclass(frozen=True)
class TableImage:
    """The rows of an image: what differs between its instances."""

    rows: tuple[tuple[Any, ...], ...]


def image_path(record: ImageRecord) -> str:
    """``images/a.jpg``."""
    return f"images/{record.name}"


def encode(record: ImageRecord, _: WriteContext) -> EncodedImage:
    """Makes the rows of an image; see ``samdesk.formats.base.Writer``."""
    rows: list[tuple[Any, ...]] = []
    outcomes = []
    for instance in record.instances:
        region = instance.region
        outcome = WrittenInstance(
            instance.annotation_id, instance.label, True, 1.0, (), region.bounds, region.area
        )
        if not regions.is_drawable(region):
            outcomes.append(replace(outcome, written=False, iou=None, losses=(Loss("empty"),)))
            continue
        outcomes.append(outcome)
        rows.append(
            (
                instance.label,
                shapely.to_wkt(region, rounding_precision=-1),
                instance.score,
                instance.review.value if instance.review else "",
                instance.note,
                to_bytes(dict(instance.attributes)).decode().strip() if instance.attributes else "",
                instance.track,
            )
        )
    empty = ("", "", None, "", "", "", "")
    return EncodedImage(replace(record, instances=()), TableImage(tuple(rows) or (empty,)), tuple(outcomes))


def _rows(encoded: EncodedImage) -> Iterator[tuple[Any, ...]]:
    record, payload = encoded.record, encoded.payload
    assert isinstance(payload, TableImage)
    for row in payload.rows:
        yield (record.name, record.width, record.height, record.split or "", *row)


def assemble_csv(images: Iterable[EncodedImage], context: WriteContext, folder: WritableFolder) -> None:
    """Writes ``annotations.csv``, an image at a time."""
    _write_labels(context, folder)
    with folder.open("annotations.csv") as out:
        out.write(_line(COLUMNS))
        for encoded in images:
            out.write(b"".join(map(_line, _rows(encoded))))


def _line(row: Iterable[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow("" if value is None else value for value in row)
    return text.getvalue().encode("utf-8", "replace")


def _write_labels(context: WriteContext, folder: WritableFolder) -> None:
    colors = context.colors or ("",) * len(context.names)
    rows = [(number, *pair) for number, pair in enumerate(zip(context.names, colors, strict=True))]
    folder.write("labels.csv", b"".join(map(_line, [("id", "name", "color"), *rows])))


def assemble_parquet(images: Iterable[EncodedImage], context: WriteContext, folder: WritableFolder) -> None:
    """Writes ``annotations.parquet``, some thousand rows at a time. Raises ``OSError`` without pyarrow."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise OSError(0, "Parquet needs pyarrow: pip install 'samdesk[tables]'") from error
    _write_labels(context, folder)
    kinds = {"width": pyarrow.int32(), "height": pyarrow.int32(), "score": pyarrow.float64()}
    schema = pyarrow.schema([(name, kinds.get(name, pyarrow.string())) for name in COLUMNS])
    waiting: list[tuple[Any, ...]] = []
    with folder.open("annotations.parquet") as out, parquet.ParquetWriter(out, schema) as writer:
        for encoded in images:
            waiting += [tuple(map(_clean, row)) for row in _rows(encoded)]
            if len(waiting) >= 10 * _BATCH:
                writer.write_table(_table(pyarrow, waiting, schema))
                waiting = []
        writer.write_table(_table(pyarrow, waiting, schema))


def _clean(value: Any) -> Any:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _table(pyarrow: Any, rows: list[tuple[Any, ...]], schema: Any) -> Any:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(COLUMNS)
    return pyarrow.table([pyarrow.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema)


_CARRIES = frozenset(
    (
        *("holes", "parts", "scores", "review", "attributes", "notes", "crowds", "splits", "tracks"),
        *("unused classes", "colours"),
    )
)

CSV = Format(
    id="csv",
    title="CSV table",
    scope="dataset",
    suffixes=(".csv",),
    recognise=recognise_csv,
    read=read_csv,
    write=Writer(encode, assemble_csv, image_path),
    carries=_CARRIES,
)

PARQUET = Format(
    id="parquet",
    title="Parquet table",
    scope="dataset",
    suffixes=(".parquet", ".pq"),
    recognise=recognise_parquet,
    read=read_parquet,
    write=Writer(encode, assemble_parquet, image_path),
    carries=_CARRIES,
)
