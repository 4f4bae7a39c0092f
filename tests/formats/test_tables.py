"""Tables: regions keep every digit, and broken rows cost only themselves."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from shapely.geometry import MultiPolygon, Polygon

from samdesk.domain.geometry import regions
from samdesk.domain.review import AnnotationReview
from samdesk.formats import tables
from samdesk.formats.base import Format, ImageRecord, InstanceRecord, ReadProblem, WriteContext
from samdesk.testing.memory import MemoryFiles, MemoryFolder


def read_back(row: Format, files: dict[str, bytes]) -> list[Any]:
    assert row.read is not None
    return list(row.read(MemoryFiles(files)))


@pytest.mark.parametrize("row", [tables.CSV, tables.PARQUET], ids=lambda row: row.id)
def test_every_digit_is_kept(row: Format) -> None:
    rng = np.random.default_rng(0)
    angles = np.sort(rng.random(9_000)) * 2 * np.pi
    ring = 50 + (30 + rng.random((9_000, 1))) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    region = MultiPolygon([Polygon(ring, [[(40.1, 40.1), (1 / 3 + 45, 40.1), (45, 46)]])])
    instance = InstanceRecord("dog", region, score=1 / 3, review=AnnotationReview.FLAGGED, note='a "b",\nc')
    record = ImageRecord("b/ü.jpg", 100, 100, (instance,), split="test")
    context, folder = WriteContext(("dog", "cat"), ("#ff0000", "#00ff00")), MemoryFolder()
    assert row.write is not None
    row.write.assemble([row.write.encode(record, context)], context, folder)
    labels, image = read_back(row, folder.files)
    assert (labels.names, labels.colors) == (("dog", "cat"), ("#ff0000", "#00ff00"))
    (found,) = image.instances
    assert found.region.equals_exact(region, 0.0)
    assert (found.score, found.review, found.note) == (1 / 3, AnnotationReview.FLAGGED, 'a "b",\nc')
    assert (image.name, image.split) == ("b/ü.jpg", "test")


def test_a_bad_row_costs_only_itself() -> None:
    rows = [
        ",5,5,dog,POLYGON((0 0)),",
        "a.jpg,20,20,dog,POINT(1 1),",
        "a.jpg,20,20,dog,GEOMETRYCOLLECTION(GEOMETRYCOLLECTION EMPTY),",
        'a.jpg,20,20,dog,"POLYGON((1 1, 9 1, x 9))",',
        'a.jpg,20,20,,"POLYGON((1 1, 9 1, 9 9, 1 1))",',
        'a.jpg,20,20,dog,"POLYGON((1 1, 9 1, 9 9, 1 1))",[1]',
        'a.jpg,20,20,dog,"POLYGON((1 1, 9 1, 9 9, 1 1))",',
        'b.jpg,,,dog,"POLYGON((1 1, 9 1, 9 9, 1 1))",',
    ]
    data = "\n".join(["image,width,height,label,geometry,attributes", *rows]).encode()
    items = read_back(tables.CSV, {"x.csv": data})
    records = [item.record for item in items if isinstance(item, ReadProblem)]
    assert records == ["row 1", "row 2", "row 3", "row 4", "row 5", "row 6", "row 8"]
    (image,) = [item for item in items if isinstance(item, ImageRecord)]
    assert image.instances[0].region.equals(regions.from_ring([(1, 1), (9, 1), (9, 9)]))


def test_a_file_that_is_no_table_is_refused() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    pyarrow = pytest.importorskip("pyarrow")
    other = io.BytesIO()
    parquet.write_table(pyarrow.table({"x": [1]}), other)
    for row, name, data in (
        (tables.CSV, "x.csv", b"a,b\n1,2\n"),
        (tables.PARQUET, "x.parquet", b"PAR1 nonsense"),
        (tables.PARQUET, "x.parquet", other.getvalue()),
    ):
        (problem,) = read_back(row, {name: data})
        assert isinstance(problem, ReadProblem)
        assert problem.message.startswith("it ")
