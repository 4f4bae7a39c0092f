"""Reads the images of a manifest from wherever they are; what may pass by itself is tried again."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from samdesk.base.errors import reason
from samdesk.batch.shards.folder import connect
from samdesk.batch.shards.manifest import ManifestEntry
from samdesk.batch.targets.base import RunStopped
from samdesk.domain.geometry.types import RgbImage
from samdesk.images.errors import ImageError
from samdesk.images.reader import read_image

_ATTEMPTS = 4
_FIRST_WAIT_S = 0.5
_FINAL = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
"""Not tried again."""


def read_entry(entry: ManifestEntry) -> RgbImage:
    """Reads an image: (H, W, 3) uint8 RGB, as the trainer reads it.

    Raises:
        ImageError: It cannot be read; the message does not depend on the machine.
        RunStopped: Where it is cannot be reached, nor probably can others there.
    """
    if "://" not in entry.path:
        return read_image(Path(entry.path))
    files, path = connect(entry.path)
    if "file" in files.protocol:
        return read_image(Path(path))
    data = _fetched(entry, files, path)
    # The reader maps files, and decodes some in place: it is given one.
    handle, name = tempfile.mkstemp(suffix=Path(path).suffix)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        return read_image(Path(name))
    except ImageError as error:
        raise ImageError(Path(entry.key), error.reason) from error
    finally:
        Path(name).unlink()


def _fetched(entry: ManifestEntry, files: object, path: str) -> bytes:
    wait = _FIRST_WAIT_S
    for attempt in range(_ATTEMPTS):
        try:
            return bytes(files.cat_file(path))  # type: ignore[attr-defined]
        except _FINAL as error:
            missing = isinstance(error, FileNotFoundError)
            why = "the file no longer exists" if missing else f"the file cannot be read ({reason(error)})"
            raise ImageError(Path(entry.key), why) from error
        except Exception as error:  # each store's library has errors of its own
            if attempt + 1 == _ATTEMPTS:
                raise RunStopped(f"{entry.path} cannot be read: {reason(error)}.") from error
        time.sleep(wait)
        wait *= 2
    raise AssertionError
