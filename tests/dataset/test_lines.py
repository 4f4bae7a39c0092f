"""A line of a label file keeps its text while its annotation is unchanged; what says the same is equal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from samdesk.dataset.dataset import Dataset
from samdesk.dataset.labels.lines import KnownContents, content_hash
from samdesk.domain.annotation import Source
from samdesk.domain.edits import Transaction, add, relabel, remove, update
from samdesk.domain.geometry.regions import from_box, from_ring, translate
from samdesk.domain.labels import LabelSet
from samdesk.formats.yolo import segmentation
from tests.dataset.dataset_kit import SIZE, draw, drawn, photos, user, with_labels

OUTLINES = (
    "0 0.20 0.2 0.6 0.200000 0.6 0.7 0.2 0.7",
    "  1\t0.1 0.1 .3 0.1 3e-1 0.4  ",
    "0.0 0.5 0.5 0.9 0.5 0.9 0.9 0.7 0.95 0.5 0.9",
    "0 0.20 0.2 0.6 0.200000 0.6 0.7 0.2 0.7",
)
POSE = "0.4 0.4 0.5 0.45 0.45 0.5 0.42 0.6"
YAML = "train: images\nval: images\n{}names:\n- cat\n- dog\n"


def folder_with(tmp_path: Path, text: str, more: str = "", *, names: tuple[str, ...] = ("a.png",)) -> Path:
    """A dataset of images with the same label file each. Returns the first label file."""
    photos(tmp_path, *(f"images/{name}" for name in names))
    (tmp_path / "labels").mkdir()
    for name in names:
        (tmp_path / "labels" / name).with_suffix(".txt").write_bytes(text.encode("utf-8"))
    (tmp_path / "data.yaml").write_text(YAML.format(more))
    return tmp_path / "labels" / "a.txt"


def trained(path: Path, keypoints: tuple[int, int] = (0, 0)) -> list[Any]:
    """What Ultralytics' reader makes of a label file: [image file or None, labels, shape, segments, ...]."""
    data = pytest.importorskip("ultralytics.data.utils")
    image = str(path.parents[1] / "images" / path.with_suffix(".png").name)
    return list(data.verify_image_label((image, str(path), "", False, 99, *keypoints, False)))


def lines(path: Path) -> list[str]:
    return path.read_bytes().decode("utf-8").split("\n")[:-1]


def test_lines_keep_their_text_when_others_are_edited(tmp_path: Path) -> None:
    path = folder_with(tmp_path, "\n".join(OUTLINES) + "\n")
    dataset = Dataset.open(tmp_path)
    key = dataset.keys[0]
    first, *_, last = dataset.load(key).annotations
    draw(dataset, key, 2)
    assert lines(path)[:4] == list(OUTLINES)
    new = lines(path)[4]
    dataset.commit(user(key, update([replace(first, region=translate(first.region, 1, 0))])))
    assert lines(path)[1:] == [*OUTLINES[1:], new]
    assert lines(path)[0] != OUTLINES[0]
    dataset.commit(user(key, remove([last.id])))
    assert lines(path)[1:] == [*OUTLINES[1:3], new]
    for _ in range(2):
        dataset.undo()
    assert lines(path) == [*OUTLINES, new]  # unchanged again
    dataset.close()
    dataset = Dataset.open(tmp_path)
    dataset.undo()
    assert path.read_text() == "\n".join(OUTLINES) + "\n"
    dataset.close()


def test_lines_follow_the_order_of_the_annotations(tmp_path: Path) -> None:
    path = folder_with(tmp_path, "\n".join(OUTLINES[:3]) + "\n")
    dataset = Dataset.open(tmp_path)
    key = dataset.keys[0]
    first, *_ = dataset.load(key).annotations
    dataset.commit(user(key, remove([first.id])))
    dataset.commit(user(key, add([first])))
    assert lines(path) == [OUTLINES[1], OUTLINES[2], OUTLINES[0]]
    dataset.close()


def test_a_new_class_id_is_the_only_change_of_a_line(tmp_path: Path) -> None:
    path = folder_with(tmp_path, "\n".join(OUTLINES) + "\n")
    dataset = Dataset.open(tmp_path)
    key = dataset.keys[0]
    document, labels = dataset.load(key), dataset.labels
    third = document.annotations[2]
    dataset.commit(user(key, relabel(document, [third.id], labels.labels[1].id)))
    assert lines(path) == [*OUTLINES[:2], "1" + OUTLINES[2].removeprefix("0.0"), OUTLINES[3]]
    turned = LabelSet(labels.labels[::-1])
    dataset.commit(Transaction("Reorder", labels=turned, labels_before=labels))
    assert [line.split(maxsplit=1)[0] for line in lines(path)] == ["1", "0", "0", "1"]
    assert [line.split()[1:] for line in lines(path)] == [line.split()[1:] for line in OUTLINES]
    dataset.undo()
    dataset.undo()
    assert lines(path) == list(OUTLINES)
    dataset.close()


def test_only_what_was_edited_is_encoded_after_a_restart(tmp_path: Path) -> None:
    path = folder_with(tmp_path, "\n".join(OUTLINES) + "\n")
    dataset = Dataset.open(tmp_path)
    key = dataset.keys[0]
    for x in (2, 12, 22):
        draw(dataset, key, x)
    before = lines(path)
    dataset.close()
    segmentation.LINES.clear()
    dataset = Dataset.open(tmp_path)
    draw(dataset, key, 32)
    assert segmentation.LINES.made == 1
    assert lines(path)[:-1] == before
    path.unlink()  # drawn outlines are then encoded again; the imported lines are in the store
    draw(dataset, key, 35)
    assert lines(path)[:4] == list(OUTLINES)
    assert len(lines(path)) == 9
    dataset.close()


def test_lines_are_kept_when_the_image_is_resized(tmp_path: Path) -> None:
    path = folder_with(tmp_path, "\n".join(OUTLINES) + "\n")
    dataset = Dataset.open(tmp_path)
    key = dataset.keys[0]
    draw(dataset, key, 2)
    before = lines(path)
    Image.fromarray(np.zeros((SIZE[1] * 2, SIZE[0] * 2, 3), np.uint8)).save(tmp_path / "images" / "a.png")
    dataset.load(key)
    assert lines(path) == before
    draw(dataset, key, 60)
    assert lines(path)[:5] == before
    dataset.close()


def test_good_lines_beside_bad_ones_keep_their_text(tmp_path: Path) -> None:
    path = folder_with(tmp_path, "\n".join([OUTLINES[0], "", "nonsense", OUTLINES[1], OUTLINES[2]]) + "\n")
    dataset = Dataset.open(tmp_path)
    key = dataset.keys[0]
    dataset.load(key)
    dataset.resolve(key, "mine")
    assert lines(path) == list(OUTLINES[:3])
    draw(dataset, key)
    assert lines(path)[:3] == list(OUTLINES[:3])
    dataset.undo()
    assert lines(path) == list(OUTLINES[:3])
    dataset.close()


def test_lines_with_keypoints_are_read_as_the_trainer_reads_them_and_kept(tmp_path: Path) -> None:
    rows = [f"0 0.5 0.5 0.4 0.5 {POSE}", f"0 0.3 0.3 0.2 0.2 {POSE}", f"0 0.5 0.5 0.4 0.5 {POSE[::-1]}"]
    path = folder_with(tmp_path, "\n".join(rows) + "\n", "kpt_shape: [4, 2]\n", names=("a.png", "b.png"))
    dataset = Dataset.open(tmp_path)
    key, other = dataset.keys
    document = dataset.load(key)
    width, height = SIZE
    _, boxes, *_ = trained(path, (4, 2))
    assert len(boxes) == 2  # the trainer drops the double
    for annotation, (_, cx, cy, w, h) in zip(document.annotations, boxes[[1, 0]], strict=False):
        x0, y0 = (cx - w / 2) * width, (cy - h / 2) * height
        want = (x0, y0, x0 + w * width, y0 + h * height)
        assert annotation.region.bounds == pytest.approx(want, abs=1e-4)
    dataset.load(other)
    (notice,) = dataset.notices()  # once for all files
    assert "keypoints" in notice.message
    assert str(path) in notice.message

    # of two lines with the same box, the right one goes
    dataset.commit(user(key, remove([document.annotations[0].id])))
    assert lines(path) == rows[1:]
    assert trained(path, (4, 2))[0] is not None
    dataset.undo()
    dataset.commit(user(key, relabel(document, [document.annotations[1].id], dataset.labels.labels[1].id)))
    assert lines(path) == [rows[0], "1" + rows[1][1:], rows[2]]
    dataset.notices()
    draw(dataset, key)
    assert lines(path)[:3] == [rows[0], "1" + rows[1][1:], rows[2]]
    assert trained(path, (4, 2))[0] is None  # which is why it is said
    assert ["leaves out" in n.message for n in dataset.notices()] == [True]
    dataset.close()


@pytest.mark.parametrize(("count", "dimensions"), [(4, 2), (4, 3), (2, 2)])
def test_no_outline_is_written_that_the_trainer_takes_for_keypoints(
    tmp_path: Path, count: int, dimensions: int
) -> None:
    path = folder_with(tmp_path, "", f"kpt_shape: [{count}, {dimensions}]\n")
    dataset = Dataset.open(tmp_path)
    key, label = dataset.keys[0], dataset.labels.labels[0].id
    corners = (4 + count * dimensions) // 2
    angles = np.arange(corners) * 2 * np.pi / corners
    ring = np.stack([30 + 16 * np.cos(angles), 24 + 16 * np.sin(angles)], axis=1)
    shape = replace(drawn(label), region=from_ring(ring))
    dataset.commit(user(key, add([shape])))
    image, boxes, _, segments, *_ = trained(path, (count, dimensions))
    assert image is not None
    assert len(segments) == 1
    assert boxes[0, 3] * SIZE[0] == pytest.approx(31, abs=1.5)
    dataset.close()
    dataset = Dataset.open(tmp_path)
    again = segmentation.parse(path.read_text(), *SIZE, count * dimensions).lines[0].region
    assert again.bounds == pytest.approx(shape.region.bounds, abs=1)
    dataset.close()


def test_boxes_stay_boxes_until_an_outline_is_added(tmp_path: Path) -> None:
    rows = ["0 0.5 0.5 0.40 0.5", "1 0.3 0.3 0.2 0.2", "0 0.7 0.7 0.1 0.1"]
    path = folder_with(tmp_path, "\n".join(rows) + "\n")
    dataset = Dataset.open(tmp_path)
    key = dataset.keys[0]
    document = dataset.load(key)
    dataset.commit(user(key, remove([document.annotations[2].id])))
    assert lines(path) == rows[:2]
    draw(dataset, key)  # the trainer would refuse a file with both
    image, boxes, _, segments, *_ = trained(path)
    assert image is not None
    assert len(segments) == 3
    assert boxes[0, 1:] * 64 == pytest.approx(np.array([0.5, 0.5, 0.4, 0.5]) * 64, abs=1.4)
    written = lines(path)
    dataset.close()
    segmentation.LINES.clear()
    dataset = Dataset.open(tmp_path)
    draw(dataset, key, 30)
    assert segmentation.LINES.made == 1  # boxes that became outlines are not encoded again
    assert lines(path)[:3] == written
    dataset.undo()
    dataset.undo()
    assert lines(path) == rows[:2]
    dataset.close()


def test_a_rotated_box_is_an_outline_of_four_vertices_and_kept(tmp_path: Path) -> None:
    row = "1 0.2 0.3 0.5 0.2 0.6 0.5 0.3 0.6"
    path = folder_with(tmp_path, row + "\n")
    dataset = Dataset.open(tmp_path)
    (found,) = dataset.load(dataset.keys[0]).annotations
    assert found.source is Source.IMPORT
    _, _, _, segments, *_ = trained(path)
    ring = segments[0] * SIZE
    assert found.region.area == pytest.approx(from_ring(ring).buffer(0.5, join_style="mitre").area, rel=0.02)
    draw(dataset, dataset.keys[0])
    assert lines(path)[0] == row
    dataset.close()


@pytest.mark.parametrize("tail", ["0.9", "0.9 17"])
def test_lines_with_confidence_or_track_id_are_reported_as_the_trainer_refuses_them(
    tmp_path: Path, tail: str
) -> None:
    row = f"0 0.2 0.3 0.5 0.2 0.6 0.5 0.3 0.6 {tail}"
    path = folder_with(tmp_path, f"{OUTLINES[0]}\n{row}\n")
    dataset = Dataset.open(tmp_path)
    key = dataset.keys[0]
    assert len(dataset.load(key).annotations) == 1
    assert trained(path)[0] is None
    assert [(n.kind, n.line) for n in dataset.notices()] == [("bad-lines", 2)]
    draw(dataset, key)
    assert lines(path) == [OUTLINES[0], row]  # kept until the user has chosen
    dataset.close()


def crlf(data: bytes) -> bytes:
    return data.replace(b"\n", b"\r\n")


def bom(data: bytes) -> bytes:
    return b"\xef\xbb\xbf" + data


def spaces(data: bytes) -> bytes:
    return data.replace(b"\n", b" \t\n") + b"\n\n"


def numbers(data: bytes) -> bytes:
    """As a program writes them that reads numbers and writes numbers."""
    rows = [[float(word) for word in line.split()] for line in data.decode().splitlines()]
    return "".join(f"{int(c)} {' '.join(f'{v:.9f}' for v in row)}\n" for c, *row in rows).encode()


@pytest.mark.parametrize("change", [crlf, bom, spaces, numbers])
@pytest.mark.parametrize("drawn_here", [False, True])
def test_a_file_that_says_the_same_was_not_changed(
    tmp_path: Path, change: Callable[[bytes], bytes], drawn_here: bool
) -> None:
    path = folder_with(tmp_path, "" if drawn_here else "\n".join(OUTLINES[:3]) + "\n")
    dataset = Dataset.open(tmp_path)
    key = dataset.keys[0]
    draw(dataset, key)
    dataset.close()
    turned = change(path.read_bytes())
    assert turned != path.read_bytes()
    path.write_bytes(turned)
    dataset = Dataset.open(tmp_path)
    count = len(dataset.load(key).annotations)
    assert dataset.conflicts == frozenset()
    assert path.read_bytes() == turned  # nothing to write
    draw(dataset, key, 30)
    assert dataset.conflicts == frozenset()
    assert dataset.notices() == []
    now = path.read_bytes()
    assert len(now.splitlines()) == count + 1
    kept = [line for line in turned.decode("utf-8-sig").splitlines() if line.strip()]
    assert now.decode().splitlines()[:-1] == kept
    assert now.count(b"\r\n") == (count + 1 if change is crlf else 0)
    dataset.close()


def test_a_changed_number_is_a_change(tmp_path: Path) -> None:
    path = folder_with(tmp_path, "\n".join(OUTLINES[:3]) + "\n")
    dataset = Dataset.open(tmp_path)
    key = dataset.keys[0]
    draw(dataset, key)
    path.write_bytes(crlf(path.read_bytes().replace(b"0.95", b"0.951")))
    dataset.load(key)
    assert dataset.conflicts == {key}
    dataset.resolve(key, "mine")
    assert path.read_text().splitlines()[:3] == list(OUTLINES[:3])
    dataset.close()


def test_line_ends_turned_while_a_store_of_version_2_was_closed_are_no_change(tmp_path: Path) -> None:
    source = Path(__file__).parents[1] / "data" / "v2" / "photos"
    for file in source.rglob("*"):
        if file.is_file():
            to = tmp_path / file.relative_to(source)
            to.parent.mkdir(exist_ok=True)
            data = file.read_bytes()
            to.write_bytes(crlf(data) if file.name in ("drawn.txt", "edited.txt") else data)
    dataset = Dataset.open(tmp_path)
    for key in dataset.keys:
        dataset.load(key)
    assert dataset.conflicts == frozenset()
    dataset.close()


def test_a_box_drawn_here_keeps_the_line_it_was_given(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.png")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "cat")
    label = dataset.labels.labels[0].id
    dataset.commit(user(key, add([replace(drawn(label), region=from_box(5, 5, 20, 20))])))
    text = (tmp_path / "a.txt").read_text()
    other = drawn(label, 30)
    dataset.commit(user(key, add([other])))
    dataset.commit(user(key, remove([other.id])))
    assert (tmp_path / "a.txt").read_text() == text
    dataset.close()


def test_a_remembered_line_says_what_it_says_elsewhere() -> None:
    contents = [
        b"0 0.1 0.1 0.5 0.5 0.3 0.9\n1 0.2 0.2 0.4 0.4\nnot a line\n",
        b"1 0.2 0.2 0.4 0.4\n\n0 0.10 0.1 0.5 0.5 0.3 0.9\r\n",
        b"1 0.2 0.2 0.4 0.4\n0 0.1 0.1 0.5 0.5 0.3 0.9\n",
        b"not a line\n0 0.1 0.1 0.5 0.5 0.3 0.8\n",
        b"",
    ]
    known = KnownContents()
    hashes = [known.hash_of(content) for content in contents]
    assert hashes == [content_hash(content) for content in contents]
    assert hashes[1] == hashes[2]
    assert len(set(hashes)) == 4
