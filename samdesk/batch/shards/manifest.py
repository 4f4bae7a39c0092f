"""The manifest of a run in shards: which images there are, and which of them a shard has.

A Parquet file with the columns ``key`` (the image's name in its dataset: a path relative to the source, with
forward slashes) and ``path`` (where it is read: a path or URL). Its row groups are the shards, so a worker
reads only its own part of it.
"""

from __future__ import annotations

import io
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samdesk.base.errors import first_line
from samdesk.batch.shards.errors import ShardsError, import_failed
from samdesk.batch.shards.folder import connect
from samdesk.images.reader import IMAGE_SUFFIXES
from samdesk.images.sources import find_images, is_text, natural_order

SHARD_SIZE = 1000
"""Images of a shard, unless the user chooses otherwise."""

_COLUMNS = ("key", "path")
_LISTED = 65536


@dataclass(frozen=True)
class ManifestEntry:
    """An image of a manifest: its key, and the path or URL it is read from."""

    key: str
    path: str


@dataclass(frozen=True)
class Listing:
    """The images of a source.

    Attributes:
        entries: The images, in the order they are processed.
        left_out: Files whose names are not Unicode: no table can hold them.
    """

    entries: Iterable[ManifestEntry]
    left_out: tuple[str, ...] = ()


def list_images(source: str) -> Listing:
    """Lists the images of a folder, a pattern, a bucket or a manifest.

    Args:
        source: A folder, an image or a pattern on this machine; a URL of a folder that fsspec reaches; or a
            Parquet file (``*.parquet``, path or URL) with the columns ``key`` and ``path``.

    Raises:
        ShardsError: It cannot be read, or holds something else.
        ValueError: There is no such folder, or it has no images.
    """
    if source.lower().endswith(".parquet"):
        return Listing(_given(source))
    files, path = connect(source)
    if "file" in files.protocol:
        images = find_images(path)
        named = [str(key) for key in images.keys]
        entries = [ManifestEntry(key, f"{images.root.as_posix()}/{key}") for key in named if is_text(key)]
        return Listing(entries, tuple(key for key in named if not is_text(key)))
    return Listing(_in_bucket(source, files, path))


def write_manifest(entries: Iterable[ManifestEntry], shard_size: int) -> tuple[bytes, int]:
    """Returns a manifest as Parquet, one row group for each shard, and the number of its images.

    Raises:
        ShardsError: A key occurs twice, or there are no images.
    """
    pa, pq = import_arrow()
    schema = pa.schema([(name, pa.string()) for name in _COLUMNS])
    buffer, hashes = io.BytesIO(), array("q")
    with pq.ParquetWriter(buffer, schema, compression="zstd") as writer:
        rest = iter(entries)
        while shard := list(islice(rest, shard_size)):
            hashes.extend(hash(entry.key) for entry in shard)
            table = pa.table({"key": [e.key for e in shard], "path": [e.path for e in shard]}, schema=schema)
            writer.write_table(table, row_group_size=shard_size)
    if not hashes:
        raise ShardsError("There are no images.")
    _check_different(np.array(hashes), buffer.getvalue())
    return buffer.getvalue(), len(hashes)


class Manifest:
    """A manifest that is read shard by shard.

    Args:
        data: The Parquet file.

    Raises:
        ShardsError: It is not a manifest.
    """

    def __init__(self, data: bytes) -> None:
        _, pq = import_arrow()
        with _readable("The manifest"):
            self._file = pq.ParquetFile(io.BytesIO(data))
            _check_columns(self._file.schema_arrow, "The manifest")

    @property
    def shards(self) -> int:
        return int(self._file.num_row_groups)

    @property
    def images(self) -> int:
        return int(self._file.metadata.num_rows)

    def size(self, shard: int) -> int:
        """The number of images of a shard."""
        return int(self._file.metadata.row_group(shard).num_rows)

    def entries(self, shard: int) -> list[ManifestEntry]:
        """The images of a shard, in their order."""
        table = self._file.read_row_group(shard)
        return [
            ManifestEntry(*pair) for pair in zip(*(table[name].to_pylist() for name in _COLUMNS), strict=True)
        ]


def import_arrow() -> tuple[Any, Any]:
    """Pyarrow and its Parquet module. Raises ``ShardsError`` if they are not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise import_failed(error, "tables") from error
    return pyarrow, pyarrow.parquet


def _given(source: str) -> Iterator[ManifestEntry]:
    _, pq = import_arrow()
    files, path = connect(source)
    with _readable(source), files.open(path, "rb") as file:
        table = pq.ParquetFile(file)
        _check_columns(table.schema_arrow, source)
        for batch in table.iter_batches(batch_size=_LISTED, columns=list(_COLUMNS)):
            for key, place in zip(*(batch[name].to_pylist() for name in _COLUMNS), strict=True):
                if not key or not place:
                    raise ShardsError(f"{source} has a row without a key or path.")
                yield ManifestEntry(str(key), str(place))


def _in_bucket(source: str, files: Any, path: str) -> list[ManifestEntry]:
    with _readable(source):
        found = files.find(path)
    root = path.rstrip("/") + "/"
    keys = [name.removeprefix(root) for name in found if name.startswith(root)]
    images = [key for key in keys if _is_image(key)]
    if not images:
        raise ValueError(f"there are no images in {source} (known: {', '.join(sorted(IMAGE_SUFFIXES))})")
    images.sort(key=natural_order)
    return [ManifestEntry(key, files.unstrip_protocol(root + key)) for key in images]


def _is_image(key: str) -> bool:
    """Whether a name in a bucket is that of an image; hidden files and folders are left out, as on a disk."""
    hidden = any(part.startswith(".") for part in key.split("/"))
    return not hidden and Path(key).suffix.lower() in IMAGE_SUFFIXES


def _check_different(hashes: NDArray[np.int64], data: bytes) -> None:
    """Raises ``ShardsError`` if two images of a manifest have one key: 8 bytes an image tell."""
    values, counts = np.unique(hashes, return_counts=True)
    if len(values) == len(hashes):
        return
    repeated, manifest = set(values[counts > 1].tolist()), Manifest(data)
    keys = (entry.key for shard in range(manifest.shards) for entry in manifest.entries(shard))
    key = next(key for key in keys if hash(key) in repeated)
    raise ShardsError(f"The image {key} occurs twice in the manifest: keys must differ.")


def _check_columns(schema: Any, source: str) -> None:
    missing = [name for name in _COLUMNS if name not in schema.names]
    if missing:
        raise ShardsError(f"{source} is no manifest: it has no column {' and '.join(missing)}.")


class _readable:  # noqa: N801 - used as a function
    """Turns errors of reading a source into words."""

    def __init__(self, source: str) -> None:
        self._source = source

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        # Each store's library has errors of its own, which need not be OSErrors.
        if isinstance(error, Exception) and not isinstance(error, ShardsError):
            raise ShardsError(f"{self._source} cannot be read: {first_line(error)}.") from error
