"""Downloading checkpoints: resumable, cancellable and verified."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from filelock import FileLock

from samdesk.base import places, text
from samdesk.base.hashing import hash_file
from samdesk.base.jobs import CancelToken, Progress
from samdesk.engine.models.registry import ModelSpec
from samdesk.engine.protocols import EngineError

_BLOCK = 1 << 18
_TIMEOUT_S = 30.0
_LOCAL = ("127.0.0.1", "::1", "localhost")


def download(spec: ModelSpec, *, progress: Progress, cancel: CancelToken) -> Path:
    """Downloads a model's checkpoint into the weights folder and returns its path.

    An interrupted download is kept as ``NAME.part`` and resumed. The file gets its name only when its SHA-256
    is that of the registry. Nothing is sent or received without encryption, except by this machine itself.

    Args:
        spec: The model.
        progress: Called with (bytes done, bytes in all); 0 in all while unknown.
        cancel: Stops it at the next block; the next call resumes.

    Raises:
        EngineError: No network, refused by the server, disk full, or not the expected file.
        Cancelled: ``cancel`` was cancelled.
    """
    if not spec.url:
        raise EngineError(f"{spec.title} has nothing to download: it is built into samdesk.")
    target = places.weights() / spec.name
    part = target.with_name(target.name + ".part")
    with _translated_errors(spec), FileLock(f"{part}.lock"):
        cancel.check()
        if target.is_file():  # downloaded by another process meanwhile
            return target
        total = _fetch(spec, part, progress, cancel)
        _check(spec, part, total)
        cancel.check()
        part.replace(target)
    Path(f"{part}.lock").unlink(missing_ok=True)
    return target


@dataclass
class _Response:
    """The server's response: its body, the offset of its first byte, the file's size (0: unknown)."""

    body: IO[bytes]
    start: int
    total: int


def _fetch(spec: ModelSpec, part: Path, progress: Progress, cancel: CancelToken) -> int:
    """Completes ``part``; returns the file's size by the server, bytes (0: unknown)."""
    have = part.stat().st_size if part.is_file() else 0
    with _request(spec, part, have) as response:
        _check_space(spec, part, response)
        with part.open("r+b" if response.start else "wb") as file:
            file.seek(response.start)
            done = response.start
            progress(done, response.total)
            while block := response.body.read(_BLOCK):
                cancel.check()
                file.write(block)
                done += len(block)
                if done > spec.bytes:  # else it would end with a full disk
                    break
                progress(done, response.total)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
        return response.total


@contextmanager
def _request(spec: ModelSpec, part: Path, have: int) -> Iterator[_Response]:
    """Requests the missing bytes, or the whole file where it cannot be resumed."""
    headers = {"User-Agent": "samdesk", "Accept-Encoding": "identity"}
    # The file at the URL may have changed since: If-Range with its ETag detects that.
    tag = _tag_file(part).read_text("utf-8") if have and _tag_file(part).is_file() else ""
    if have and tag:
        headers |= {"Range": f"bytes={have}-", "If-Range": tag}
    try:
        response: Any = _open(spec, headers)
    except HTTPError as error:
        if error.code != 416:
            raise
        part.unlink(missing_ok=True)  # the part is longer than the file: start over
        _tag_file(part).unlink(missing_ok=True)
        response = _open(spec, {"User-Agent": "samdesk"})
    with response:
        start, total = _range(response.status, response.headers)
        new_tag = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
        if not start:
            _tag_file(part).write_text("" if new_tag.startswith("W/") else new_tag, "utf-8")
        yield _Response(response, start, total)


def _open(spec: ModelSpec, headers: dict[str, str]) -> Any:
    _check_url(spec.url)
    return build_opener(_CheckedRedirects).open(Request(spec.url, headers=headers), timeout=_TIMEOUT_S)


class _CheckedRedirects(HTTPRedirectHandler):
    """Follows redirects to addresses that are as safe as the first one."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """Raises ``EngineError`` for another kind of address."""
        try:
            _check_url(newurl, req.full_url)
        except EngineError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_url(url: str, came_from: str = "") -> None:
    """Raises ``EngineError`` unless an address is encrypted, or is this machine's and came from it."""
    parts, previous = urlsplit(url), urlsplit(came_from or url)
    local = parts.hostname in _LOCAL and previous.hostname in _LOCAL and parts.scheme == "http"
    if parts.scheme != "https" and not local:
        where = f"{came_from} sends the download to {url}, which" if came_from else url
        raise EngineError(
            f"{where} is not encrypted, so anybody on the way could replace the file. Nothing was "
            "downloaded. Try again on another network."
        )


def _range(status: int, headers: HTTPMessage) -> tuple[int, int]:
    """The offset of the first byte sent, and the size of the whole file (0: unknown)."""
    if status == 206:
        found = re.match(r"bytes (\d+)-\d+/(\d+)", headers.get("Content-Range", ""))
        if found:
            return int(found[1]), int(found[2])
    length = headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else 0


def _tag_file(part: Path) -> Path:
    return part.with_name(part.name + ".etag")


def _check_space(spec: ModelSpec, part: Path, response: _Response) -> None:
    missing = response.total - response.start
    free = shutil.disk_usage(part.parent).free
    if missing > free:
        raise EngineError(
            f"{spec.title} needs {text.size(missing)} more, but {part.parent} has only {text.size(free)} "
            "left. Free some space and try again."
        )


def _check(spec: ModelSpec, part: Path, total: int) -> None:
    size = part.stat().st_size
    if size > spec.bytes:
        fault = f"it is larger than {text.size(spec.bytes)}"
    elif size < (total or spec.bytes):
        raise EngineError(
            f"The download of {spec.title} was interrupted at {text.size(size)} of "
            f"{text.size(total or spec.bytes)}. Try again; the download will resume."
        )
    else:
        found = hash_file(part)
        fault = "" if found == spec.sha256 else f"its SHA-256 is {found}, not {spec.sha256}"
        if fault and not zipfile.is_zipfile(part):
            fault = "it is not a PyTorch checkpoint"
    if fault:
        part.unlink()
        raise EngineError(
            f"{spec.url} did not send {spec.title}: {fault}. The file was deleted. "
            f"Try again, or get {spec.name} elsewhere and put it into {part.parent}."
        )
    _tag_file(part).unlink(missing_ok=True)


def _in_words(error: Exception) -> str:
    """The reason of a network error, without the numbers and Python names of the libraries below."""
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, socket.gaierror):
        return "the address of the server was not found; this machine may be offline"
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"the certificate of the server was refused ({reason.verify_message})"
    if isinstance(reason, TimeoutError):
        return "the server did not answer in time"
    if isinstance(reason, ConnectionRefusedError):
        return "the server, or the proxy, refused the connection"
    if isinstance(reason, (ConnectionError, HTTPException)):
        return "the connection was closed"
    return (reason.strerror or str(reason)) if isinstance(reason, OSError) else str(reason)


@contextmanager
def _translated_errors(spec: ModelSpec) -> Iterator[None]:
    try:
        yield
    except HTTPError as error:
        raise EngineError(
            f"{spec.url} responded with {error.code} {error.reason}. "
            f"Try again later, or get {spec.name} elsewhere and put it into {places.weights()}."
        ) from error
    except (URLError, HTTPException, TimeoutError, ConnectionError, ssl.SSLError) as error:
        raise EngineError(
            f"{spec.title} could not be downloaded from {spec.url}: {_in_words(error)}. "
            "Check the network and try again; the download will resume."
        ) from error
    except OSError as error:
        raise EngineError(
            f"{spec.title} could not be saved in {places.weights()}: {error.strerror or error}."
        ) from error
