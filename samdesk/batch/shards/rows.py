"""The results of images as rows of a table, one Parquet file for each shard, and back.

An object is a row. An image on which nothing was found is one row, and so is one that failed, with the
reason, so that every image of the manifest is in the results. Rows depend on the images, the plan and the
models only: the same shard made again is the same file, byte for byte.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import shapely

from samdesk.base import json_file
from samdesk.base.errors import first_line
from samdesk.base.hashing import hash_bytes
from samdesk.batch.find import FoundObject
from samdesk.batch.shards.errors import ShardsError
from samdesk.batch.shards.manifest import import_arrow
from samdesk.dataset.store import wkb
from samdesk.domain.document import ImageKey
from samdesk.engine.protocols import Detection, ModelInfo

FOUND, NOTHING, FAILED = "found", "nothing found", "failed"
"""The state of an image."""

Row = dict[str, Any]

_METADATA = b"samdesk"


@dataclass(frozen=True)
class ImageResult:
    """The result of an image.

    Attributes:
        key: The image.
        hw: Height and width, pixels; (0, 0) if it could not be read.
        found: Its objects.
        failure: Why it failed; "" if it did not.
    """

    key: ImageKey
    hw: tuple[int, int] = (0, 0)
    found: tuple[FoundObject, ...] = ()
    failure: str = ""


@dataclass(frozen=True)
class ShardFacts:
    """What the file of a shard says about the run.

    Attributes:
        run: ``ShardedRun.digest``.
        names: The class names by class id.
        models: Name, SHA-256 and precision of the models.
    """

    run: str
    names: tuple[str, ...]
    models: tuple[tuple[str, str, str], ...] = ()

    @property
    def infos(self) -> tuple[ModelInfo, ...]:
        """The models, as far as the file knows them."""
        return tuple(
            ModelInfo(name, name, "", "", precision, sha256=sha256) for name, sha256, precision in self.models
        )


def rows_of(result: ImageResult, names: Sequence[str]) -> list[Row]:
    """The rows of an image's result, its objects in their order."""
    height, width = result.hw
    image = {"key": str(result.key), "width": width, "height": height}
    if result.failure:
        return [image | {"state": FAILED, "message": result.failure}]
    if not result.found:
        return [image | {"state": NOTHING}]
    return [image | _object_row(result.key, i, found, names) for i, found in enumerate(result.found)]


def _object_row(key: ImageKey, index: int, found: FoundObject, names: Sequence[str]) -> Row:
    box = found.detection
    return {
        "state": FOUND,
        "index": index,
        "id": hash_bytes(f"{key}\0{index}".encode())[:32],
        "class_id": box.class_id,
        "class_name": names[box.class_id],
        "score": box.score,
        "predicted_iou": found.mask_score,
        "stability": found.stability,
        "x0": box.x0,
        "y0": box.y0,
        "x1": box.x1,
        "y1": box.y1,
        "region": bytes(shapely.to_wkb(found.region, byte_order=1)),
        "empty_mask": found.empty_mask,
        "model": found.model,
    }


def to_parquet(results: Sequence[ImageResult], facts: ShardFacts) -> bytes:
    """The Parquet file of a shard."""
    pa, pq = import_arrow()
    rows = [row for result in results for row in rows_of(result, facts.names)]
    about = {"run": facts.run, "names": facts.names, "models": facts.models}
    schema = _schema(pa).with_metadata({_METADATA: json_file.to_bytes(about)})
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), buffer, compression="zstd")
    return buffer.getvalue()


def read_facts(data: bytes, name: str) -> ShardFacts:
    """What the file of a shard says about the run. Raises ``ShardsError`` if it is damaged."""
    _, pq = import_arrow()
    with _damaged(name):
        about = json_file.parse_object(pq.read_schema(io.BytesIO(data)).metadata[_METADATA])
        models = tuple((str(m[0]), str(m[1]), str(m[2])) for m in about["models"])
        return ShardFacts(str(about["run"]), tuple(str(n) for n in about["names"]), models)


def read_results(data: bytes, name: str) -> list[ImageResult]:
    """The results of the images of a shard, in its order.

    Args:
        data: The Parquet file.
        name: Its name, for messages.

    Raises:
        ShardsError: It is damaged.
    """
    _, pq = import_arrow()
    with _damaged(name):
        rows = pq.read_table(io.BytesIO(data)).to_pylist()
        return [_result(key, list(group)) for key, group in groupby(rows, key=lambda row: str(row["key"]))]


def _result(key: str, rows: Sequence[Mapping[str, Any]]) -> ImageResult:
    first = rows[0]
    hw = (int(first["height"]), int(first["width"]))
    found = tuple(_found(row, hw) for row in rows if row["state"] == FOUND)
    failure = (first["message"] or "it failed") if first["state"] == FAILED else ""
    return ImageResult(ImageKey(key), hw, found, failure)


def _found(row: Mapping[str, Any], hw: tuple[int, int]) -> FoundObject:
    x0, y0, x1, y1, score = (float(row[name]) for name in ("x0", "y0", "x1", "y1", "score"))
    return FoundObject(
        Detection(x0, y0, x1, y1, score, int(row["class_id"])),
        wkb.to_region(row["region"], (hw[1], hw[0])),
        float(row["predicted_iou"]),
        stability=float(row["stability"]),
        empty_mask=bool(row["empty_mask"]),
        model=str(row["model"]),
    )


def _schema(pa: Any) -> Any:
    return pa.schema(
        [
            pa.field("key", pa.string(), nullable=False),
            pa.field("state", pa.string(), nullable=False),
            pa.field("message", pa.string()),
            pa.field("width", pa.int32(), nullable=False),
            pa.field("height", pa.int32(), nullable=False),
            ("index", pa.int32()),
            ("id", pa.string()),
            ("class_id", pa.int32()),
            ("class_name", pa.string()),
            ("score", pa.float64()),
            ("predicted_iou", pa.float64()),
            ("stability", pa.float64()),
            ("x0", pa.float64()),
            ("y0", pa.float64()),
            ("x1", pa.float64()),
            ("y1", pa.float64()),
            ("region", pa.binary()),
            ("empty_mask", pa.bool_()),
            ("model", pa.string()),
        ]
    )


class _damaged:  # noqa: N801 - used as a function
    """Turns errors of reading a shard's file into words."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, ShardsError):
            raise ShardsError(
                f"The results in {self._name} are damaged ({first_line(error)}).",
                next="Delete the file and run the same command again: that shard is done again.",
            ) from error
