"""Hashes of contents: the values of other programs."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

from samdesk.base.hashing import hash_bytes, hash_file

# From FIPS 180-2, appendix B.1, and `printf abc | b2sum --length 256`.
SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
BLAKE2B_256 = "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"


def test_bytes_and_files(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert hash_bytes(b"abc") == hash_file(path) == SHA256
    assert hash_file(path, partial(hashlib.blake2b, digest_size=32)) == BLAKE2B_256


def test_a_file_of_several_blocks(tmp_path: Path) -> None:
    data = bytes(range(256)) * 10_000
    (tmp_path / "large").write_bytes(data)
    assert hash_file(tmp_path / "large") == hash_bytes(data)
