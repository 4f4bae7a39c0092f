"""Rows of the store that are not those that were written: shown, asked about, and nothing else is lost."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import shapely
from shapely.geometry import GeometryCollection, MultiPolygon, Point, box

from samdesk.dataset import queries
from samdesk.dataset.dataset import NAMES, Dataset
from samdesk.dataset.readonly import open_read_only
from samdesk.dataset.store import wkb
from samdesk.dataset.store.errors import InConflictError, RefusedError
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import add
from samdesk.domain.review import AnnotationReview, ImageReview
from samdesk.images.errors import ImageError
from tests.dataset.dataset_kit import by_run, content, draw, drawn, photos, region, user, with_labels

A, B = ImageKey("a.png"), ImageKey("b.png")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dataset with three annotations on one image and one on the other."""
    photos(tmp_path, A, B)
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "cat", "dog")
    for x in (1, 2, 3):
        draw(dataset, A, x)
    draw(dataset, B, 5, label=1)
    dataset.close()
    return tmp_path


@pytest.fixture
def saved(folder: Path) -> dict[ImageKey, ImageDocument]:
    """The documents as they were saved."""
    with closing(Dataset.open(folder)) as dataset:
        return {key: dataset.load(key) for key in dataset.keys}


def change(folder: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(folder / ".samdesk" / "dataset.db")) as connection, connection:
        assert connection.execute(sql, values).rowcount > 0


def first(column: str) -> str:
    where = "image='a.png' AND position=(SELECT min(position) FROM annotations WHERE image='a.png')"
    return f"UPDATE annotations SET {column}=? WHERE {where}"


@pytest.fixture
def open_(folder: Path) -> Iterator[list[Dataset]]:
    """Closes what a test has opened."""
    opened: list[Dataset] = []
    yield opened
    for dataset in opened:
        dataset.close()


def opened(folder: Path, open_: list[Dataset]) -> Dataset:
    while open_:
        open_.pop().close()
    open_.append(Dataset.open(folder))
    return open_[-1]


def questions(dataset: Dataset) -> list[tuple[str, object]]:
    return [(n.kind, n.key) for n in dataset.notices() if n.kind.startswith("damaged")]


UNREADABLE = {
    "no region": (first("region"), b"\0"),
    "text for a region": (first("region"), "x"),
    "a point": (first("region"), shapely.to_wkb(Point(1, 1))),
    "a region that is not finite": (
        first("region"),
        shapely.to_wkb(box(0, 0, float("inf"), 9)),
    ),
    "a region beside the image": (first("region"), shapely.to_wkb(MultiPolygon([box(900, 900, 990, 990)]))),
    "an unknown source": (first("source"), "other"),
    "a blob for a source": (first("source"), b"sam"),
    "an unknown review state": (first("review"), "done"),
    "text for a score": (first("detector_score"), "high"),
    "an infinite score": (first("mask_score"), float("inf")),
    "prompts that are not JSON": (first("prompts"), "{"),
    "prompts of another kind": (first("prompts"), '{"points": [[1, 2]], "box": null}'),
    "prompts in each other": (first("prompts"), "[" * 100_000),
    "prompts of a number": (first("prompts"), "1" * 5000),
    "a label that is not there": (first("label_id"), "gone"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_annotation_that_cannot_be_read_leaves_all_others(
    folder: Path, saved: dict[ImageKey, ImageDocument], open_: list[Dataset], name: str
) -> None:
    change(folder, *UNREADABLE[name])
    dataset = opened(folder, open_)
    assert content(dataset.load(B)) == content(saved[B])
    assert dataset.load(A).annotations == saved[A].annotations[1:]
    assert questions(dataset) == [("damaged", A)]
    assert dataset.conflicts == {A}
    assert len(queries.summaries(dataset)) == 2


CHANGED = {
    "another region": (first("region"), shapely.to_wkb(region(30, 20))),
    "another score": (first("detector_score"), 0.5),
    "another run": (first("run_id"), "run"),
    "other prompts": (first("prompts"), '{"points":[[1,2,1]],"box":null}'),
}


@pytest.mark.parametrize("name", CHANGED)
def test_an_annotation_that_has_changed_is_pending(
    folder: Path, saved: dict[ImageKey, ImageDocument], open_: list[Dataset], name: str
) -> None:
    change(folder, *CHANGED[name])
    dataset = opened(folder, open_)
    found = dataset.load(A).annotations
    assert [a.id for a in found] == [a.id for a in saved[A].annotations]
    assert found[1:] == saved[A].annotations[1:]
    assert found[0].review is AnnotationReview.PENDING
    assert questions(dataset) == [("damaged", A)]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM annotations WHERE image='a.png' AND position=1",
        "UPDATE annotations SET position=9 WHERE image='a.png' AND position=1",
        "UPDATE images SET review='accepted' WHERE key='a.png'",
        "UPDATE images SET review='x' WHERE key='a.png'",
        "UPDATE images SET width=63 WHERE key='a.png'",
        "UPDATE images SET height=x'00' WHERE key='a.png'",
        "UPDATE images SET revision=-1 WHERE key='a.png'",
        "UPDATE images SET count=2 WHERE key='a.png'",
        "DELETE FROM images WHERE key='a.png'",
    ],
)
def test_a_row_that_was_lost_or_changed_is_noticed(folder: Path, open_: list[Dataset], sql: str) -> None:
    change(folder, sql)
    dataset = opened(folder, open_)
    dataset.load(A)
    assert questions(dataset) == [("damaged", A)]
    assert len(queries.summaries(dataset)) == 2


@pytest.mark.parametrize("choice", ["mine", "file"])
def test_the_user_chooses_what_to_keep_of_a_damaged_image(
    folder: Path, saved: dict[ImageKey, ImageDocument], open_: list[Dataset], choice: str
) -> None:
    lines = (folder / "a.txt").read_bytes()
    change(folder, first("region"), b"\0")
    dataset = opened(folder, open_)
    dataset.load(A)
    new = drawn(dataset.labels.labels[0].id, 20)
    with pytest.raises(InConflictError, match="choose what to keep"):
        dataset.commit(user(A, add([new])))
    assert (folder / "a.txt").read_bytes() == lines
    step = dataset.resolve(A, choice)
    found = dataset.load(A)
    if choice == "mine":
        assert step is None
        assert found.annotations == saved[A].annotations[1:]
        assert (folder / "a.txt").read_bytes() == b"".join(lines.splitlines(keepends=True)[1:])
        assert (folder / ".samdesk" / "replaced" / "a.txt").read_bytes() == lines
    else:
        assert step is not None
        assert len(found.annotations) == 3
        assert found.annotations[1:] == saved[A].annotations[1:]  # lines that say the same stay as they were
        assert found.annotations[0].region.equals(saved[A].annotations[0].region)
        assert (folder / "a.txt").read_bytes() == lines
    kept = json.loads((folder / ".samdesk" / "replaced" / "a.png.rows.json").read_text("utf-8"))
    assert base64.b64decode(kept[0]["region"]) == b"\0"
    assert len(kept) == 3
    dataset.commit(user(A, add([new])))
    expected = dataset.load(A)
    again = opened(folder, open_)
    assert content(again.load(A)) == content(expected)
    assert questions(again) == []
    assert again.conflicts == frozenset()


def test_without_a_label_file_only_what_can_be_read_is_offered(folder: Path, open_: list[Dataset]) -> None:
    (folder / "a.txt").unlink()
    change(folder, first("region"), b"\0")
    dataset = opened(folder, open_)
    dataset.load(A)
    assert questions(dataset) == [("damaged-alone", A)]
    dataset.resolve(A, "mine")
    assert len(dataset.load(A).annotations) == 2


def test_a_damaged_image_is_left_alone_by_runs_and_training(folder: Path, open_: list[Dataset]) -> None:
    change(folder, first("region"), b"\0")
    dataset = opened(folder, open_)
    assert dataset.load(A).review is ImageReview.EDITED
    run = dataset.begin_run("Run")
    assert not dataset.commit_run(run, A, add([by_run(dataset.labels.labels[0].id, run)]))
    dataset.end_run(run)
    with open_read_only(folder) as reader, pytest.raises(ImageError, match="in the store are damaged"):
        reader.document(A)


def test_a_damaged_state_of_a_label_file_is_compared_with_the_file(
    folder: Path, open_: list[Dataset]
) -> None:
    change(folder, "INSERT INTO imported_files (image, content, row_digest) VALUES ('a.png', x'00', 1)")
    change(folder, "UPDATE images SET dirty=1 WHERE key='a.png'")
    lines = (folder / "a.txt").read_bytes()
    dataset = opened(folder, open_)
    dataset.load(A)
    assert (folder / "a.txt").read_bytes() == lines
    assert dataset.conflicts == frozenset()
    open_.pop().close()
    (folder / "a.txt").write_bytes(lines[:-20] + b"0.5 0.5\n")
    change(folder, "INSERT OR REPLACE INTO imported_files (image, content) VALUES ('a.png', 'text')")
    change(folder, "UPDATE images SET dirty=1 WHERE key='a.png'")
    dataset = opened(folder, open_)
    assert dataset.conflicts == {A}


# Labels


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE labels SET name=x'ff' WHERE position=0",
        "UPDATE labels SET name='' WHERE position=0",
        "UPDATE labels SET name='dog' WHERE position=0",
        "UPDATE labels SET color='red' WHERE position=0",
        "UPDATE labels SET position=7 WHERE position=0",
        "UPDATE labels SET position='x' WHERE position=0",
        "UPDATE labels SET position=1 - position",
        "DELETE FROM labels WHERE position=0",
        "DELETE FROM labels WHERE position=1",
        "DELETE FROM labels",
        "UPDATE labels SET id='other' WHERE position=0",
    ],
)
def test_damaged_labels_are_restored_by_the_names_of_data_yaml(
    folder: Path, saved: dict[ImageKey, ImageDocument], open_: list[Dataset], sql: str
) -> None:
    yaml = (folder / "data.yaml").read_bytes()
    change(folder, sql)
    dataset = opened(folder, open_)
    assert dataset.labels.names[:2] == ("cat", "dog")
    assert ("damaged-store", None) in questions(dataset)
    assert [len(dataset.load(key).annotations) for key in (A, B)] == [3, 1]
    assert (folder / "data.yaml").read_bytes() == yaml
    if NAMES not in dataset.conflicts:
        names = {label.id: label.name for label in dataset.labels}
        assert {names[a.label_id] for a in dataset.load(A).annotations} == {"cat"}
        draw(dataset, B)
        assert (folder / "data.yaml").read_bytes() == yaml


# History and settings


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE log SET labels='[' WHERE seq=3",
        "UPDATE log SET text=x'00' WHERE seq=3",
        "UPDATE log SET run_id='r' WHERE seq=3",
        "UPDATE log_edits SET do='{}' WHERE owner='step 3'",
        "UPDATE log_edits SET undo='nonsense' WHERE owner='step 3'",
        "UPDATE log_edits SET do=replace(do, 'A', 'B') WHERE owner='step 3'",
        "UPDATE log_edits SET image='b.png' WHERE owner='step 3'",
        "UPDATE log_edits SET undo='" + "[" * 100_000 + "' WHERE owner='step 3'",
    ],
)
def test_a_damaged_step_is_left_out_and_the_others_can_be_undone(
    folder: Path, saved: dict[ImageKey, ImageDocument], open_: list[Dataset], sql: str
) -> None:
    change(folder, sql)
    dataset = opened(folder, open_)
    done, undone = dataset.history()
    assert [entry.seq for entry in done] == [1, 2, 4, 5]
    assert undone == []
    assert questions(dataset) == [("damaged-store", None)]
    assert {key: content(dataset.load(key)) for key in saved} == {k: content(d) for k, d in saved.items()}
    assert dataset.newest_step == 5
    for _ in range(3):
        assert dataset.undo() is not None
    assert [len(dataset.load(key).annotations) for key in (A, B)] == [1, 0]
    for _ in range(3):
        assert dataset.redo() is not None
    assert {key: content(dataset.load(key)) for key in saved} == {k: content(d) for k, d in saved.items()}


def test_a_step_found_damaged_while_undoing_is_refused_and_the_next_undo_goes_on(
    folder: Path, open_: list[Dataset]
) -> None:
    dataset = opened(folder, open_)
    dataset.history()
    # Through its own connection: nothing is saved over what another one has written.
    dataset.core.rows._store.execute("UPDATE log_edits SET undo='{}' WHERE owner='step 5'")
    with pytest.raises(RefusedError, match=r"dataset\.db: the step 'Add' of the history is damaged"):
        dataset.undo()
    assert dataset.newest_step == 4
    assert dataset.undo() is not None
    assert [len(dataset.load(key).annotations) for key in (A, B)] == [2, 1]


@pytest.mark.parametrize("value", [b"\xff", "{", '{"a": 1}', "[1]", "[" * 100_000, 7])
def test_a_damaged_setting_is_left_out(folder: Path, open_: list[Dataset], value: object) -> None:
    change(folder, "UPDATE settings SET value=? WHERE key='samdesk.names'", value)
    change(folder, "INSERT INTO settings VALUES ('last_image', ?)", value)
    dataset = opened(folder, open_)
    assert dataset.labels.names == ("cat", "dog")
    assert len(dataset.load(A).annotations) == 3
    dataset.settings_get("last_image")
    draw(dataset, A, 30)
    assert (folder / "data.yaml").read_text("utf-8").count("cat") == 1


# Regions


def nested(depth: int) -> bytes:
    head = b"\x01\x07\x00\x00\x00\x01\x00\x00\x00"  # a collection of one
    return head * depth + b"\x01\x07\x00\x00\x00\x00\x00\x00\x00"


@pytest.mark.parametrize(
    "data",
    [
        nested(200_000),
        shapely.to_wkb(GeometryCollection([box(0, 0, 1, 1)])),
        b"\x01\x03\x00\x00\x00\xff\xff\xff\xff",
        b"\x01\x03\x00\x00\x00\x01\x00\x00\x00\xff\xff\xff\x7f" + bytes(64),
        b"\x01\x06\x00\x00\x00\xff\xff\xff\xff",
        b"\x02\x03\x00\x00\x00\x00\x00\x00\x00",
        shapely.to_wkb(box(0, 0, 1, 1)) + b"\0",
        shapely.to_wkb(box(0, 0, 1, 1))[:-1],
        shapely.to_wkb(shapely.force_3d(box(0, 0, 1, 1))),
        shapely.to_wkb(shapely.set_srid(box(0, 0, 1, 1), 4326), include_srid=True),
        shapely.to_wkb(MultiPolygon()),
        shapely.to_wkb(box(0, 0, float("inf"), 1)),
        shapely.to_wkb(box(0, 0, 1e300, 1)),
        bytes(wkb.MOST_BYTES + 1),
        None,
        7,
        "text",
    ],
)
def test_bytes_that_are_no_region_are_refused_before_geos_sees_them(data: object) -> None:
    with pytest.raises(wkb.NotARegionError, match="its region "):
        wkb.to_region(data, (64, 48))


def test_a_region_is_made_valid_and_clipped_to_the_image() -> None:
    bow_tie = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    found = wkb.to_region(shapely.to_wkb(bow_tie))
    assert found.is_valid
    assert found.area == 50
    huge = wkb.to_region(shapely.to_wkb(box(-1e6, 4, 1e6, 8)), (64, 48))
    assert huge.bounds == (0, 4, 64, 8)
    assert wkb.to_regions([shapely.to_wkb(region())], (64, 48), verified=False) == [region()]
    assert wkb.to_regions([shapely.to_wkb(bow_tie)], (64, 48), verified=False) is None
    assert wkb.to_regions([], (64, 48), verified=True) == []


def test_what_was_never_damaged_is_not_asked_about(folder: Path, open_: list[Dataset]) -> None:
    dataset = opened(folder, open_)
    odd = drawn(dataset.labels.labels[0].id, 4, detector_score=float("nan"), mask_score=-0.0)
    dataset.commit(user(A, add([odd, replace(odd, id=replace(odd).id + "2", detector_score=1)])))
    dataset = opened(folder, open_)
    assert len(dataset.load(A).annotations) == 5
    assert questions(dataset) == []
