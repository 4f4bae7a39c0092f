"""Fetching checkpoints: resumed after a break, cancelled at any time, checked before they count."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import ssl
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from filelock import FileLock

from samdesk.base import places
from samdesk.base.jobs import CancelToken, Progress
from samdesk.engine.models.registry import ModelSpec
from samdesk.engine.protocols import EngineError

_BLOCK = 1 << 18
_TIMEOUT_S = 30.0


def download(spec: ModelSpec, *, progress: Progress, cancel: CancelToken) -> Path:
    """Fetches a model's checkpoint into the weights folder and returns its path.

    What was fetched before a break lies beside it as ``NAME.part`` and is gone on with. The file gets
    its name only when it is whole: by the server's size, as a checkpoint's archive, and by its SHA-256
    where that is known.

    Args:
        spec: The model.
        progress: Called with (bytes done, bytes in all); 0 in all while unknown.
        cancel: Stops it at the next block; what is there stays for the next time.

    Raises:
        EngineError: In words: no network, refused, disk full, not what was promised.
        Cancelled: ``cancel`` was used.
    """
    if not spec.url:
        raise EngineError(f"{spec.title} has nothing to download: it is part of samdesk.")
    target = places.weights() / spec.name
    part = target.with_name(target.name + ".part")
    with _in_words(spec), FileLock(f"{part}.lock"):
        cancel.check()
        if target.is_file():  # another window was quicker
            return target
        total = _fetch(spec, part, progress, cancel)
        _check(spec, part, total)
        cancel.check()
        part.replace(target)
    Path(f"{part}.lock").unlink(missing_ok=True)
    return target


@dataclass
class _Answer:
    """What the server sends: its body, the first byte it begins with, the file's size (0: unsaid)."""

    body: IO[bytes]
    start: int
    total: int


def _fetch(spec: ModelSpec, part: Path, progress: Progress, cancel: CancelToken) -> int:
    """Brings ``part`` up to the whole file; the size the server told, bytes (0: it did not)."""
    have = part.stat().st_size if part.is_file() else 0
    with _ask(spec, part, have) as answer:
        _check_space(spec, part, answer)
        with part.open("r+b" if answer.start else "wb") as file:
            file.seek(answer.start)
            done = answer.start
            progress(done, answer.total)
            while block := answer.body.read(_BLOCK):
                cancel.check()
                file.write(block)
                done += len(block)
                progress(done, answer.total)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
        return answer.total


@contextmanager
def _ask(spec: ModelSpec, part: Path, have: int) -> Iterator[_Answer]:
    """Asks for what is missing, if need be for all of it."""
    headers = {"User-Agent": "samdesk", "Accept-Encoding": "identity"}
    # The file at the address may have changed since: its tag was kept, and If-Range makes sure.
    tag = _tag_file(part).read_text("utf-8") if have and _tag_file(part).is_file() else ""
    if have and tag:
        headers |= {"Range": f"bytes={have}-", "If-Range": tag}
    try:
        response: Any = urlopen(Request(spec.url, headers=headers), timeout=_TIMEOUT_S)
    except HTTPError as error:
        if error.code != 416:
            raise
        part.unlink(missing_ok=True)  # more is here than there is: begin anew
        _tag_file(part).unlink(missing_ok=True)
        response = urlopen(Request(spec.url, headers={"User-Agent": "samdesk"}), timeout=_TIMEOUT_S)
    with response:
        start, total = _range(response.status, response.headers)
        new_tag = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
        if not start:
            _tag_file(part).write_text("" if new_tag.startswith("W/") else new_tag, "utf-8")
        yield _Answer(response, start, total)


def _range(status: int, headers: HTTPMessage) -> tuple[int, int]:
    """The first byte sent, and the size of the whole file (0: unknown)."""
    if status == 206:
        found = re.match(r"bytes (\d+)-\d+/(\d+)", headers.get("Content-Range", ""))
        if found:
            return int(found[1]), int(found[2])
    length = headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else 0


def _tag_file(part: Path) -> Path:
    return part.with_name(part.name + ".etag")


def _check_space(spec: ModelSpec, part: Path, answer: _Answer) -> None:
    missing = answer.total - answer.start
    free = shutil.disk_usage(part.parent).free
    if missing > free:
        raise EngineError(
            f"{spec.title} needs {missing / 1e6:.0f} MB more, "
            f"and {part.parent} has {free / 1e6:.0f} MB left. Make room and try again."
        )


def _check(spec: ModelSpec, part: Path, total: int) -> None:
    size = part.stat().st_size
    if total and size < total:
        raise EngineError(
            f"The download of {spec.title} broke off at {size / 1e6:.1f} of {total / 1e6:.1f} MB. "
            "Try again: it goes on from there."
        )
    wrong = ""
    if spec.sha256 is not None:
        found = file_hash(part)
        wrong = "" if found == spec.sha256 else f"its SHA-256 is {found}, not {spec.sha256}"
    elif not zipfile.is_zipfile(part):
        wrong = "it is no PyTorch checkpoint"
    if wrong:
        part.unlink()
        raise EngineError(
            f"What {spec.url} sent is not {spec.title}: {wrong}. It was deleted. "
            f"Try again, or get {spec.name} elsewhere and put it into {part.parent}."
        )
    _tag_file(part).unlink(missing_ok=True)


@contextmanager
def _in_words(spec: ModelSpec) -> Iterator[None]:
    try:
        yield
    except HTTPError as error:
        raise EngineError(
            f"{spec.url} answered {error.code} {error.reason}. "
            f"Try again later, or get {spec.name} elsewhere and put it into {places.weights()}."
        ) from error
    except (URLError, HTTPException, TimeoutError, ConnectionError, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or error
        raise EngineError(
            f"{spec.title} could not be downloaded from {spec.url}: {reason}. "
            "Check the network and try again: it goes on where it stopped."
        ) from error
    except OSError as error:
        raise EngineError(
            f"{spec.title} could not be saved in {places.weights()}: {error.strerror or error}."
        ) from error


def file_hash(path: Path) -> str:
    """SHA-256 of a file, hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
