"""Downloads from a real local server: interrupted, resumed, refused, and of a file that changes."""

from __future__ import annotations

import hashlib
import io
import re
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from samdesk.base import places
from samdesk.base.jobs import Cancelled, CancelToken
from samdesk.engine.models.download import download
from samdesk.engine.models.registry import MODELS, ModelSpec, spec
from samdesk.engine.models.weights import find
from samdesk.engine.protocols import EngineError


def checkpoint(seed: int) -> bytes:
    """What looks like a PyTorch checkpoint of 1.5 MB."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", np.random.default_rng(seed).bytes(1_500_000))
    return file.getvalue()


class Server:
    """Serves one file; notes what it was asked for and can be told to fail."""

    def __init__(self) -> None:
        self.content = checkpoint(1)
        self.tag = '"one"'
        self.break_off_at: int | None = None
        self.status = 200
        self.redirect = ""
        self.ranges: list[str | None] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/sam.pt"
        self.thread = threading.Thread(target=self.http.serve_forever)
        self.thread.start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.ranges.append(wanted)
        if self.status != 200:
            request.send_error(self.status)
            return
        if self.redirect:
            request.send_response(302)
            request.send_header("Location", self.redirect)
            request.end_headers()
            self.redirect = ""
            return
        start = 0
        if wanted and request.headers.get("If-Range") == self.tag:
            start = int(re.match(r"bytes=(\d+)-", wanted)[1])  # type: ignore[index]
        if start > len(self.content):
            request.send_error(416)
            return
        request.send_response(206 if start else 200)
        if start:
            end = len(self.content)
            request.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
        request.send_header("Content-Length", str(len(self.content) - start))
        request.send_header("ETag", self.tag)
        request.end_headers()
        request.wfile.write(self.content[start : self.break_off_at])

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


def model(server: Server, sha256: str = "", size: int = 0) -> ModelSpec:
    """The model that the server offers now, by its size and hash, or by those given."""
    sha256 = sha256 or hashlib.sha256(server.content).hexdigest()
    size = size or len(server.content)
    return ModelSpec("sam_b.pt", "SAM base", "sam", server.url, size, sha256, "Apache-2.0", 1)


def fetch(spec: ModelSpec, seen: list[tuple[int, int]] | None = None) -> Path:
    seen = [] if seen is None else seen
    return download(spec, progress=lambda done, total: seen.append((done, total)), cancel=CancelToken())


def left_over() -> list[str]:
    return sorted(p.name for p in places.weights().iterdir() if not p.name.endswith(".lock"))


def test_a_whole_download(server: Server) -> None:
    seen: list[tuple[int, int]] = []
    path = fetch(model(server), seen)
    assert path.read_bytes() == server.content
    assert seen[0] == (0, len(server.content))
    assert seen[-1] == (len(server.content), len(server.content))
    assert left_over() == ["sam_b.pt"]
    assert find("sam_b") == path
    fetch(model(server))
    assert len(server.ranges) == 1, "an existing file is not downloaded again"


def test_an_interrupted_download_resumes(server: Server) -> None:
    server.break_off_at = 600_000
    with pytest.raises(EngineError, match="will resume"):
        fetch(model(server))
    assert find("sam_b.pt") is None, "half a file must not count"
    server.break_off_at = None
    seen: list[tuple[int, int]] = []
    assert fetch(model(server), seen).read_bytes() == server.content
    assert server.ranges == [None, "bytes=600000-"]
    assert seen[0] == (600_000, len(server.content))


def test_the_file_changed_in_between(server: Server) -> None:
    server.break_off_at = 600_000
    with pytest.raises(EngineError):
        fetch(model(server))
    server.break_off_at, server.content, server.tag = None, checkpoint(2), '"two"'
    assert fetch(model(server)).read_bytes() == server.content


def test_a_part_longer_than_the_file_starts_over(server: Server) -> None:
    server.break_off_at = 600_000
    with pytest.raises(EngineError):
        fetch(model(server))
    server.break_off_at = None
    (places.weights() / "sam_b.pt.part").write_bytes(bytes(2_000_000))
    assert fetch(model(server)).read_bytes() == server.content


def test_a_wrong_hash_is_deleted(server: Server) -> None:
    with pytest.raises(EngineError, match="SHA-256 is"):
        fetch(model(server, "0" * 64))
    assert left_over() == [f for f in left_over() if not f.endswith((".pt", ".part"))]
    assert find("sam_b.pt") is None


def test_a_web_page_is_no_checkpoint(server: Server) -> None:
    wanted = model(server)
    server.content = b"<html>Please log in</html>"
    with pytest.raises(EngineError, match="not a PyTorch checkpoint"):
        fetch(wanted)
    assert find("sam_b.pt") is None


def test_a_file_that_never_ends_is_not_kept(server: Server) -> None:
    with pytest.raises(EngineError, match="it is larger than 400 kB"):
        fetch(model(server, size=400_000))
    assert [f for f in left_over() if f.endswith((".pt", ".part"))] == []


@pytest.mark.parametrize("target", ["http://example.invalid/sam_b.pt", "ftp://127.0.0.1/x"])
def test_a_redirect_to_an_unencrypted_address_is_refused(server: Server, target: str) -> None:
    server.redirect = target
    with pytest.raises(EngineError, match="is not encrypted") as caught:
        fetch(model(server))
    assert target in str(caught.value)
    assert find("sam_b.pt") is None


def test_a_redirect_of_the_same_kind_is_followed(server: Server) -> None:
    server.redirect = server.url
    assert fetch(model(server)).read_bytes() == server.content


def test_an_unencrypted_address_is_refused() -> None:
    plain = ModelSpec("sam_b.pt", "SAM base", "sam", "http://example.invalid/x", 1, "0" * 64, "Apache-2.0", 1)
    with pytest.raises(EngineError, match="is not encrypted"):
        fetch(plain)


def test_refused(server: Server) -> None:
    server.status = 404
    with pytest.raises(EngineError, match="responded with 404"):
        fetch(model(server))


def test_no_server() -> None:
    gone = Server()
    gone.close()
    with pytest.raises(EngineError, match="Check the network") as caught:
        fetch(model(gone))
    assert "the server, or the proxy, refused the connection" in str(caught.value)
    assert "Errno" not in str(caught.value)


def test_a_cancelled_download_resumes(server: Server) -> None:
    cancel = CancelToken()

    def progress(done: int, _total: int) -> None:
        if done > 500_000:
            cancel.cancel()

    with pytest.raises(Cancelled):
        download(model(server), progress=progress, cancel=cancel)
    assert find("sam_b.pt") is None
    assert fetch(model(server)).read_bytes() == server.content
    assert int(server.ranges[1].split("=")[1].rstrip("-")) > 500_000  # type: ignore[union-attr]


def test_the_disk_is_full(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    with pytest.raises(EngineError, match="Free some space"):
        fetch(model(server))


def test_flint_needs_no_download() -> None:
    with pytest.raises(EngineError, match="built into samdesk"):
        fetch(spec("flint"))  # type: ignore[arg-type]


def test_the_table_of_models() -> None:
    names = [m.name for m in MODELS]
    assert len(set(names)) == len(names)
    for row in MODELS:
        assert row.url.startswith("https://") or row.family == "flint"
        assert re.fullmatch(r"[0-9a-f]{64}", row.sha256) or row.family == "flint"
        assert row.licence in ("Apache-2.0", "AGPL-3.0")
        assert row.family == "flint" or row.bytes > row.parameters
        assert row.draws_masks or row.finds_boxes
        assert (row.draws_masks and row.finds_boxes) == (row.name == "flint")
        assert spec(row.name) is row
    assert {f"sam_{k}.pt" for k in "blh"} | {"mobile_sam.pt", "yolo11n.pt", "yolov8x.pt"} < set(names)
    assert spec("sam2.1_b") is spec("sam2.1_b.pt")
    assert spec("nothing") is None
    assert spec("sam_b.safetensors") is None
    assert spec("Flint") is spec("flint.safetensors") is spec("flint")
    assert spec("yolo11n-seg").title == "YOLO11n segment"  # type: ignore[union-attr]
    assert spec("yolov8x").title == "YOLOv8x"  # type: ignore[union-attr]
