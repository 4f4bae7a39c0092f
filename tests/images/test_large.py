"""Large images: decoded in place to the same pixels, with a coarse version meanwhile."""

from __future__ import annotations

import struct
import threading
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samdesk.base.cv import DECODES_IN_PLACE, cv2
from samdesk.images import decode
from samdesk.images.coarse import read_coarse
from samdesk.images.errors import ImageError
from samdesk.images.header import ImageHeader, read_header
from samdesk.images.partial import DecodeTarget, PartialImage, upright
from samdesk.images.reader import IMAGE_SUFFIXES, read_image, read_size, read_thumbnail
from tests.helpers.make import truncated_image
from tests.images.test_reader import trainers


@pytest.fixture
def all_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "LARGE_PIXELS", 0)


def scene(width: int = 120, height: int = 90) -> np.ndarray:
    """A smooth image whose corners differ."""
    small = np.array([[[250, 20, 20], [20, 250, 20]], [[20, 20, 250], [240, 240, 30]]], np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def header_of(path: Path) -> ImageHeader:
    with path.open("rb") as file:
        return read_header(path, file)


def coarse_of(path: Path) -> np.ndarray | None:
    with path.open("rb") as file:
        return read_coarse(file, read_header(path, file))


def like(coarse: np.ndarray | None, pixels: np.ndarray) -> bool:
    assert coarse is not None
    height, width = coarse.shape[:2]
    small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    return bool(np.abs(small.astype(int) - coarse).mean() < 8)


@pytest.mark.usefixtures("all_are_large")
@pytest.mark.parametrize("orientation", [1, 2, 3, 4, 5, 6, 7, 8])
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_rotated_images_are_the_trainers(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = tmp_path / f"turned.{suffix}"
    exif = Image.Exif()
    exif[274] = orientation
    more = {"tiffinfo": {274: orientation}} if suffix == "tif" else {"exif": exif}
    Image.fromarray(scene()).save(path, **more)
    partial = PartialImage()
    pixels = read_image(path, partial)
    np.testing.assert_array_equal(pixels, trainers(path))
    seen = partial.look()
    assert seen is not None
    assert seen.size == read_size(path) == (pixels.shape[1], pixels.shape[0])


@pytest.mark.usefixtures("all_are_large")
@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "CMYK", "I;16"])
@pytest.mark.parametrize("suffix", ["png", "tif", "jpg", "webp", "bmp", "jp2", "avif"])
def test_kinds_of_pixels_are_the_trainers(tmp_path: Path, mode: str, suffix: str) -> None:
    if f".{suffix}" not in IMAGE_SUFFIXES:
        pytest.skip(f"this pillow does not read {suffix}")
    path = tmp_path / f"kind.{suffix}"
    picture = Image.fromarray(scene()).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        picture = Image.fromarray((np.arange(120 * 90).reshape(90, 120) * 6).astype(np.uint16))
    if mode in ("LA", "RGBA"):
        picture.putalpha(40)
    try:
        picture.save(path)
    except (OSError, KeyError, ValueError):
        pytest.skip(f"pillow does not write {mode} as {suffix}")
    if (mode, suffix) == ("CMYK", "jp2"):
        with pytest.raises(ImageError, match="cannot read this kind of image"):
            read_image(path)
        return
    np.testing.assert_array_equal(read_image(path), trainers(path))


@pytest.mark.usefixtures("all_are_large")
@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bit_keeps_the_high_byte(tmp_path: Path, suffix: str, channels: int) -> None:
    path = tmp_path / f"deep.{suffix}"
    deep = np.random.default_rng(1).integers(0, 65536, (80, 70, channels)).astype(np.uint16).squeeze()
    cv2.imwrite(str(path), deep)
    np.testing.assert_array_equal(read_image(path), trainers(path))


@pytest.mark.usefixtures("all_are_large")
@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "tif", "webp", "jp2"])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_a_truncated_file_is_an_error(tmp_path: Path, suffix: str, share: float) -> None:
    path = truncated_image(tmp_path / f"cut.{suffix}", share)
    with pytest.raises(ImageError, match=r"cut\.\w+: the file is (truncated|damaged)"):
        read_image(path)


@pytest.mark.usefixtures("all_are_large")
def test_what_opencv_does_not_recognise_is_an_error(tmp_path: Path) -> None:
    """OpenCV leaves the array as it is then, and returns it."""
    path = tmp_path / "a.png"
    Image.fromarray(scene()).save(path)
    data = bytearray(path.read_bytes())
    data[25] = 77  # the colour type: pillow knows no such one, nor does OpenCV
    path.write_bytes(data)
    with pytest.raises(ImageError, match=r"damaged|not an image"):
        read_image(path)


def test_an_unwritten_target_shows(tmp_path: Path) -> None:
    target = DecodeTarget(100, 90)
    assert target.share == 0
    target.array[:45] = 0  # black rows count, too
    assert 0.4 < target.share < 0.6
    target.array[45:] = 255
    assert target.share == 1


@pytest.mark.skipif(not DECODES_IN_PLACE, reason="this OpenCV makes copies")
def test_rows_that_are_decoded_can_be_seen(tmp_path: Path) -> None:
    """The decoder waits in the middle of the file for its other half."""
    partial = PartialImage()
    partial.begin(640, 480)
    assert partial.look() is not None
    target = DecodeTarget(640, 480)
    partial.set_target(target)
    assert partial.look().pixels is None  # type: ignore[union-attr]
    target.array[:240] = scene(640, 480)[:240]
    seen = partial.look()
    assert seen is not None
    assert seen.pixels is not None
    assert 0.4 < seen.share < 0.6
    assert np.abs(seen.pixels[: len(seen.pixels) // 3].astype(int)).max() > 200
    assert np.ptp(seen.pixels[-5:]) == 0, "grey below"
    partial.set_coarse(scene(64, 48))
    seen = partial.look()
    assert seen is not None
    assert like(seen.pixels, scene(640, 480))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_is_as_pillow_has_it(orientation: int) -> None:
    stored = np.random.default_rng(2).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    image = Image.fromarray(stored)
    way = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}.get(orientation)
    expected = image if way is None else image.transpose(Image.Transpose(way))
    np.testing.assert_array_equal(upright(stored, orientation), np.asarray(expected))


def with_thumbnail(path: Path, thumbnail: np.ndarray, orientation: int) -> None:
    """Writes a JPEG whose EXIF has a thumbnail."""
    stream = BytesIO()
    Image.fromarray(thumbnail).save(stream, "JPEG", quality=90)
    jpeg = stream.getvalue()
    first = struct.pack("<HHHIII", 1, 274, 3, 1, orientation, 26)
    second = struct.pack("<HHHIIHHIII", 2, 513, 4, 1, 56, 514, 4, 1, len(jpeg), 0)
    exif = b"Exif\0\0II*\0" + struct.pack("<I", 8) + first + second + jpeg
    Image.fromarray(scene(1200, 900)).save(path, exif=exif)


@pytest.mark.parametrize("orientation", [1, 6, 3])
def test_the_thumbnail_of_a_camera_is_a_coarse_version(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "camera.jpg"
    with_thumbnail(path, scene(160, 120), orientation)
    assert header_of(path).orientation == orientation
    assert like(coarse_of(path), read_image(path))


def test_a_thumbnail_of_another_shape_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "cropped.jpg"
    with_thumbnail(path, scene(160, 60), 1)
    assert coarse_of(path) is None


def test_the_first_scan_of_a_progressive_jpeg_is_a_coarse_version(tmp_path: Path) -> None:
    path = tmp_path / "scans.jpg"
    Image.fromarray(scene(1200, 900)).save(path, progressive=True)
    coarse = coarse_of(path)
    assert coarse is not None
    assert coarse.shape == (113, 150, 3)
    assert like(coarse, read_image(path))


def test_a_smaller_page_of_a_pyramid_is_a_coarse_version(tmp_path: Path) -> None:
    path = tmp_path / "pyramid.tif"
    small = Image.fromarray(scene(300, 225))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    Image.fromarray(scene(1200, 900)).save(path, save_all=True, append_images=[small])
    coarse = coarse_of(path)
    assert coarse is not None
    assert coarse.shape == (225, 300, 3)
    assert like(coarse, read_image(path))
    assert read_thumbnail(path, 100).shape == (75, 100, 3)


def test_a_lower_resolution_of_a_jpeg_2000_is_a_coarse_version(tmp_path: Path) -> None:
    path = tmp_path / "levels.jp2"
    Image.fromarray(scene(1200, 900)).save(path)
    coarse = coarse_of(path)
    assert coarse is not None
    assert coarse.shape == (450, 600, 3)
    assert like(coarse, read_image(path))
    assert like(read_thumbnail(path, 100), read_image(path))


@pytest.mark.usefixtures("all_are_large")
def test_others_can_look_while_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    with_thumbnail(path, scene(160, 120), 1)
    partial = PartialImage()
    assert partial.look() is None
    thread = threading.Thread(target=read_image, args=(path, partial))
    thread.start()
    thread.join(30)
    seen = partial.look()
    assert seen is not None
    assert seen.size == (1200, 900)
    assert like(seen.pixels, scene(1200, 900))
