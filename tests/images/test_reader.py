"""The reader returns what the trainer reads."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samdesk.base.cv import cv2
from samdesk.images.errors import ImageError
from samdesk.images.reader import (
    IMAGE_SUFFIXES,
    TRAINER_SUFFIXES,
    read_image,
    read_size,
    read_thumbnail,
)
from samdesk.images.sources import scan
from tests.helpers.make import truncated_image


def corners() -> np.ndarray:
    """A smooth image, 48 x 32, with different corners."""
    small = np.array(
        [[[250, 20, 20], [20, 250, 20]], [[20, 20, 250], [240, 240, 30]]],
        np.uint8,
    )
    return cv2.resize(small, (48, 32), interpolation=cv2.INTER_LINEAR)


def trainers(path: Path) -> np.ndarray:
    patches = pytest.importorskip("ultralytics.utils.patches")
    return patches.imread(str(path))[..., ::-1]


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_the_trainers(tmp_path: Path, suffix: str, orientation: int) -> None:
    if f".{suffix}" not in IMAGE_SUFFIXES:
        pytest.skip(f"this pillow does not read {suffix}")
    path = tmp_path / f"turned.{suffix}"
    picture = Image.fromarray(corners())
    if suffix == "tif":
        picture.save(path, tiffinfo={274: orientation})
    else:
        exif = Image.Exif()
        exif[274] = orientation
        picture.save(path, exif=exif, **({"lossless": True} if suffix == "webp" else {}))
    pixels = read_image(path)
    np.testing.assert_array_equal(pixels, trainers(path))
    assert read_size(path) == (pixels.shape[1], pixels.shape[0])
    if suffix in ("jpg", "png", "avif"):
        undone = _upright(corners(), orientation)
        assert pixels.shape == undone.shape
        assert np.abs(pixels.astype(int) - undone).mean() < 6


def _upright(stored: np.ndarray, orientation: int) -> np.ndarray:
    """The eight orientations of the EXIF standard, spelled out."""
    ways = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(a, -1)[:, ::-1][::-1][:, ::-1],
        8: lambda a: np.rot90(a, 1),
    }
    if orientation == 7:
        return stored[::-1, ::-1].transpose(1, 0, 2)
    return ways[orientation](stored).astype(int)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "CMYK", "I;16"])
@pytest.mark.parametrize("suffix", ["png", "tif", "jpg", "webp", "bmp"])
def test_kinds_of_pixels_are_the_trainers(tmp_path: Path, mode: str, suffix: str) -> None:
    path = tmp_path / f"kind.{suffix}"
    picture = Image.fromarray(corners())
    if mode == "I;16":
        picture = Image.fromarray((np.arange(48 * 32).reshape(32, 48) * 42).astype(np.uint16))
    else:
        picture = picture.convert(mode)
    if mode in ("LA", "RGBA"):
        picture.putalpha(40)
    try:
        picture.save(path)
    except (OSError, KeyError, ValueError):
        pytest.skip(f"pillow does not write {mode} as {suffix}")
    pixels = read_image(path)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (32, 48, 3)
    np.testing.assert_array_equal(pixels, trainers(path))


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bit_keeps_the_high_byte(tmp_path: Path, suffix: str, channels: int) -> None:
    path = tmp_path / f"deep.{suffix}"
    deep = np.random.default_rng(1).integers(0, 65536, (20, 30, channels)).astype(np.uint16).squeeze()
    cv2.imwrite(str(path), deep)
    pixels = read_image(path)
    np.testing.assert_array_equal(pixels, trainers(path))
    blue = deep if deep.ndim == 2 else deep[..., 0]
    np.testing.assert_array_equal(pixels[..., 2], blue >> 8)


def test_non_ascii_path(tmp_path: Path) -> None:
    path = tmp_path / "Größe 象 ☂.png"
    Image.fromarray(corners()).save(path)
    np.testing.assert_array_equal(read_image(path), corners())
    assert read_size(path) == (48, 32)
    assert scan(tmp_path) == ["Größe 象 ☂.png"]


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "tif", "webp"])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_a_truncated_file_is_an_error(tmp_path: Path, suffix: str, share: float) -> None:
    path = truncated_image(tmp_path / f"cut.{suffix}", share)
    with pytest.raises(ImageError, match=r"cut\.\w+: the file is (truncated|damaged)"):
        read_image(path)


@pytest.mark.parametrize(
    "content", [b"", b"hello, I am text", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n" + b"\0" * 40]
)
@pytest.mark.parametrize("read", [read_image, read_size])
def test_what_is_no_image_is_an_error(tmp_path: Path, content: bytes, read: object) -> None:
    path = tmp_path / "no.jpg"
    path.write_bytes(content)
    words = "empty" if not content else "not an image|damaged|truncated"
    with pytest.raises(ImageError, match=words):
        read(path)  # type: ignore[operator]


def test_a_missing_file_and_a_folder_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no longer exists"):
        read_image(tmp_path / "gone.jpg")
    with pytest.raises(ImageError, match="no longer exists"):
        read_size(tmp_path / "gone.jpg")
    (tmp_path / "folder.jpg").mkdir()
    with pytest.raises(ImageError, match="folder"):
        read_size(tmp_path / "folder.jpg")


def test_trailing_bytes_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "phone.jpg"
    Image.fromarray(corners()).save(path)
    path.write_bytes(path.read_bytes() + b"maker's junk")
    assert read_image(path).shape == (32, 48, 3)


def test_pixel_limit_is_checked_before_decoding(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 20_000, 1, 0, 0, 0, 0))
    )
    with path.open("ab") as file:
        file.write(_chunk(b"IDAT", zlib.compress(b"")) + _chunk(b"IEND", b""))
    for read in (read_image, read_size):
        with pytest.raises(ImageError, match=r"30000 x 20000 is 600 MP, the limit is 500 MP"):
            read(path)
    assert read_size(path, max_pixels=700_000_000) == (30_000, 20_000)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_thumbnail_fits_and_looks_alike(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"big.{suffix}"
    Image.fromarray(cv2.resize(corners(), (1200, 800))).save(path)
    small = read_thumbnail(path, 96)
    assert small.shape == (64, 96, 3)
    whole = cv2.resize(read_image(path), (96, 64), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - whole).mean() < 3
    assert read_thumbnail(path, 5000).shape == (800, 1200, 3)


def test_the_thumbnail_of_a_rotated_image_is_upright(tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(cv2.resize(corners(), (1200, 800))).save(path, exif=exif)
    assert read_thumbnail(path, 96).shape == (96, 64, 3)


def test_the_suffixes_are_the_trainers() -> None:
    data = pytest.importorskip("ultralytics.data.utils")
    assert {suffix[1:] for suffix in TRAINER_SUFFIXES} == data.IMG_FORMATS
    assert IMAGE_SUFFIXES <= TRAINER_SUFFIXES


def test_a_truncated_avif_is_an_error_in_words(tmp_path: Path) -> None:
    if ".avif" not in IMAGE_SUFFIXES:
        pytest.skip("this pillow does not read avif")
    whole = tmp_path / "whole.avif"
    Image.fromarray(corners()).save(whole)
    (tmp_path / "half.avif").write_bytes(whole.read_bytes()[:-100])
    with pytest.raises(ImageError, match=r"half\.avif: .*(truncated|damaged|not an image)"):
        read_image(tmp_path / "half.avif")
    assert read_thumbnail(whole, 16).shape == (11, 16, 3)
