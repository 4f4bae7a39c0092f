"""Near-duplicates: resized, recompressed, brightened and cropped copies are found, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from samdesk.base import places
from samdesk.base.jobs import Cancelled, CancelToken
from samdesk.domain.document import ImageKey
from samdesk.exchange.splits import thumbs
from samdesk.exchange.splits.similarity import near_duplicates, similar

COCO = Path(__file__).parents[4] / "shared" / "data" / "coco64" / "images"

Pixels = NDArray[np.uint8]


def scene(seed: int, width: int = 200, height: int = 150) -> Pixels:
    """A picture of its own: blobs and edges of random colours."""
    rng = np.random.default_rng(seed)
    image = cv2.resize(rng.integers(0, 256, (5, 7, 3)).astype(np.uint8), (width, height), interpolation=1)
    for _ in range(12):
        place = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(image, place, int(rng.integers(5, 40)), rng.integers(0, 200, 3).tolist(), -1)
    return np.asarray(image, np.uint8)


def cropped(left: float, top: float, right: float, bottom: float) -> Callable[[Pixels], Pixels]:
    def crop(image: Pixels) -> Pixels:
        h, w = image.shape[:2]
        return image[round(top * h) : h - round(bottom * h), round(left * w) : w - round(right * w)]

    return crop


def brighter(image: Pixels) -> Pixels:
    return np.asarray(cv2.convertScaleAbs(image, alpha=1.1, beta=20), np.uint8)


def half(image: Pixels) -> Pixels:
    return np.asarray(cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


def recompressed(image: Pixels) -> Pixels:
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, [1, 30])[1], 1), np.uint8)


CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "resized": half,
    "recompressed": recompressed,
    "brightened": brighter,
    "cropped left": cropped(0.05, 0, 0, 0),
    "cropped corner": cropped(0, 0.05, 0.05, 0),
    "cropped all round": cropped(0.05, 0.05, 0.05, 0.05),
    "cropped a little": cropped(0.025, 0.025, 0.025, 0.025),
    "all at once": lambda image: recompressed(brighter(half(cropped(0.05, 0, 0, 0.05)(image)))),
}


def tiny(image: Pixels) -> Pixels:
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA), np.uint8)


def groups_of(images: list[Pixels]) -> list[int]:
    found: list[int] = similar(np.array([tiny(i) for i in images]), np.ones(len(images), bool)).tolist()
    return found


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_copy_is_found_among_others(change: Callable[[Pixels], Pixels]) -> None:
    images = [scene(n) for n in range(40)]
    found = groups_of([*images, *map(change, images)])
    assert found[:40] == list(range(40))
    assert found[40:] == found[:40]


@pytest.mark.skipif(not COCO.is_dir(), reason="needs the images of coco64 in ../shared")
@pytest.mark.parametrize("name", ["all at once", "cropped all round"])
def test_real_images_are_told_apart_from_each_other_and_not_from_their_copies(name: str) -> None:
    paths = sorted(COCO.rglob("*.jpg"))
    images = [np.asarray(cv2.imread(str(path), cv2.IMREAD_REDUCED_COLOR_2), np.uint8) for path in paths]
    found = groups_of([*images, *map(CHANGES[name], images)])
    assert found[: len(paths)] == list(range(len(paths)))  # no false grouping
    assert found[len(paths) :] == found[: len(paths)]


def write(folder: Path, name: str, image: Pixels) -> ImageKey:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image)
    return ImageKey(name)


def test_files_are_hashed_once_and_again_when_they_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [
        write(tmp_path, "Küste/a.png", scene(1)),
        write(tmp_path, "b.jpg", cropped(0.05, 0, 0, 0)(scene(1))),
        write(tmp_path, "c.png", scene(2)),
    ]
    (tmp_path / "broken.jpg").write_bytes(b"none")
    (tmp_path / "broken2.jpg").write_bytes(b"none")
    keys += [ImageKey("broken.jpg"), ImageKey("broken2.jpg")]
    steps: list[tuple[int, int]] = []
    assert near_duplicates(tmp_path, keys, lambda *step: steps.append(step)) == [(keys[0], keys[1])]
    assert steps[-1] == (5, 5)

    read: list[str] = []
    real = thumbs.read_thumbnail
    monkeypatch.setattr(
        thumbs, "read_thumbnail", lambda path, *a, **k: (read.append(path.name), real(path, *a, **k))[1]
    )
    assert len(near_duplicates(tmp_path, keys[:3])) == 1
    assert read == []
    write(tmp_path, "c.png", half(scene(1)))
    assert near_duplicates(tmp_path, keys[:3]) == [tuple(keys[:3])]
    assert read == ["c.png"]


def test_a_lost_cache_costs_time_only(tmp_path: Path) -> None:
    keys = [write(tmp_path, name, scene(3)) for name in ("a.png", "b.png")]
    places.cache().mkdir(parents=True, exist_ok=True)
    (places.cache() / "similarity.db").write_bytes(b"no database" * 99)
    assert near_duplicates(tmp_path, keys) == [tuple(keys)]


def test_it_can_be_cancelled(tmp_path: Path) -> None:
    key = write(tmp_path, "a.png", scene(3))
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        near_duplicates(tmp_path, [key], cancel=token)


def test_images_without_content_are_alike_only_if_they_are_equal() -> None:
    grey = [np.full((32, 32), value, np.uint8) for value in (0, 0, 200)]
    assert similar(np.array(grey), np.ones(3, bool)).tolist() == [0, 0, 2]
