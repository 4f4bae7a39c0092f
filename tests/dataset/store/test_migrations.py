"""Datasets of older samdesks (tests/data/v1 to v8) open in this version with nothing lost."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import shapely

from samdesk.dataset import queries
from samdesk.dataset.dataset import NAMES, Dataset
from samdesk.dataset.lock import DatasetLock, lock_path
from samdesk.dataset.readonly import open_read_only
from samdesk.dataset.store import migrations, serial
from samdesk.dataset.store.database import Store
from samdesk.dataset.store.errors import StoreError
from samdesk.dataset.store.migrations import MIGRATIONS, VERSION
from samdesk.dataset.store.rows import Rows
from samdesk.dataset.types import ImageSummary, LogEntry
from samdesk.domain.annotation import AnnotationId, RunId, Source
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Transaction, add
from samdesk.domain.review import AnnotationReview, ImageReview, ReviewChange
from samdesk.formats.yolo import segmentation
from samdesk.settings.table import SETTINGS, Settings
from tests.dataset.dataset_kit import draw, drawn, photos, user, with_labels

FIXTURE = Path(__file__).parents[2] / "data" / "v1"
ROOT = Path(__file__).parents[3]

Json = dict[str, Any]


@pytest.fixture(scope="module")
def expected() -> Json:
    """What samdesk 0.1.0 showed. States name documents, label sets and files by number."""
    found: Json = json.loads((FIXTURE / "expected.json").read_text("utf-8"))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the dataset."""
    return Path(shutil.copytree(FIXTURE / "photos", tmp_path / "photos"))


@pytest.fixture
def path(folder: Path) -> Path:
    """The store of the copy."""
    return folder / ".samdesk" / "dataset.db"


# What the user sees, as in expected.json


def seen(dataset: Dataset) -> Json:
    documents = {key: dataset.load(key) for key in dataset.keys}
    done, undone = dataset.history()
    return {
        "documents": {key: (document_seen(d), d.revision) for key, d in documents.items()},
        "labels": label_set(dataset),
        "files": label_files(dataset.folder),
        "conflicts": sorted(dataset.conflicts),
        "usage": queries.label_usage(dataset),
        "done": [entry.seq for entry in done],
        "undone": [entry.seq for entry in undone],
    }


def as_seen(state: Json, expected: Json) -> Json:
    """Returns a state of expected.json with its numbers resolved."""
    return {
        **state,
        "documents": {k: (expected["documents"][n], r) for k, (n, r) in state["documents"].items()},
        "labels": expected["labels"][state["labels"]],
        "files": {name: expected["files"][n] for name, n in state["files"].items()},
    }


def flags(review: ImageReview) -> tuple[bool, bool]:
    """Returns ``done`` and ``touched``, the flags of version 1."""
    return review is ImageReview.ACCEPTED, review is not ImageReview.UNREVIEWED


def document_seen(document: ImageDocument) -> Json:
    done, touched = flags(document.review)
    return {
        "size": [document.width, document.height],
        "done": done,
        "touched": touched,
        "annotations": [
            {
                "id": a.id,
                "label_id": a.label_id,
                "region": shapely.to_wkb(a.region, hex=True, byte_order=1),
                "source": a.source.value,
                "review": a.review.value,
                "detector_score": a.detector_score,
                "mask_score": a.mask_score,
                "points": None if a.prompts is None else [[p.x, p.y, p.positive] for p in a.prompts.points],
                "box": list(a.prompts.box.xyxy) if a.prompts and a.prompts.box else None,
                "run_id": a.run_id,
            }
            for a in document.annotations
        ],
    }


def label_set(dataset: Dataset) -> list[list[str]]:
    return [[label.id, label.name, label.color] for label in dataset.labels]


def label_files(folder: Path) -> dict[str, str]:
    found = [p for p in sorted(folder.rglob("*")) if p.suffix in (".txt", ".yaml")]
    found = [p for p in found if ".samdesk" not in p.parts]
    return {p.relative_to(folder).as_posix(): p.read_bytes().decode("utf-8") for p in found}


def entry_seen(entry: LogEntry) -> Json:
    do = entry.do
    return {
        "seq": entry.seq,
        "text": do.text,
        "keys": list(do.keys),
        "run_id": do.run_id,
        "labels": None if do.labels is None else list(do.labels.names),
        "labels_before": None if do.labels_before is None else list(do.labels_before.names),
        "undo_text": entry.undo.text,
    }


def summary_seen(s: ImageSummary) -> list[object]:
    return [s.key, s.width, s.height, s.count, s.pending, *flags(s.review), s.problem]


def notices(dataset: Dataset) -> list[list[object]]:
    return [[notice.kind, notice.key, notice.line] for notice in dataset.notices()]


COUNTED = {"file_only.jpg": 2}


def opened_seen(dataset: Dataset) -> Json:
    done, undone = dataset.history()
    return {
        "keys": list(dataset.keys),
        "in_memory": dataset.in_memory,
        "read_only": dataset.read_only,
        "reason": dataset.reason,
        "notices_on_opening": notices(dataset),
        "conflicts_on_opening": sorted(dataset.conflicts),
        "summaries": [summary_seen(s) for s in queries.summaries(dataset)],
        "summaries_on_screen": [summary_seen(s) for s in queries.summaries(dataset, dataset.keys)],
        "usage": queries.label_usage(dataset),
        "label_paths": {
            key: dataset.core.files.path(key).relative_to(dataset.folder).as_posix() for key in dataset.keys
        },
        "last_image": dataset.settings_get("last_image"),
        "log": {"done": [entry_seen(e) for e in done], "undone": [entry_seen(e) for e in undone]},
        "state": seen(dataset),
        "notices_on_loading": notices(dataset),
        "label_set": label_set(dataset),
    }


def as_opened(expected: Json) -> Json:
    """Returns what was seen on opening; a label file that is not in the store is counted at once now."""
    opened = expected["opened"]
    summaries = [[*s[:3], COUNTED.get(s[0], s[3]), *s[4:]] for s in opened["summaries"]]
    return {**opened, "summaries": summaries, "state": as_seen(opened["state"], expected)}


def by_meaning(state: Json) -> Json:
    """Returns a state with the outlines of its label files in place of their text.

    samdesk 0.1.0 wrote every line of a file again with each edit; lines now keep their text.
    """

    def outlines(text: str) -> list[tuple[int, str]]:
        lines = segmentation.parse(text, 800, 600).lines
        exact = (shapely.set_precision(line.region, 0.01).normalize() for line in lines)
        return [(line.class_id, region.wkt) for line, region in zip(lines, exact, strict=True)]

    files = {name: outlines(t) if name.endswith(".txt") else t for name, t in state["files"].items()}
    return {**state, "files": files}


def walk(dataset: Dataset) -> Iterator[Json]:
    """Undoes all and redoes all; a conflict that is in the way is resolved."""
    for way in ("undo", "redo"):
        while True:
            done, undone = dataset.history()
            try:
                applied = dataset.undo() if way == "undo" else dataset.redo()
            except StoreError as error:
                said = str(error).replace(str(dataset.folder), "FOLDER")
                waiting = sorted(dataset.conflicts - {NAMES})
                assert waiting
                yield {"call": way, "error": said, "state": seen(dataset), "notices": notices(dataset)}
                for key in waiting:
                    assert dataset.resolve(key, "mine") is None
                    step = {"call": "resolve", "key": key, "choice": "mine"}
                    yield {**step, "state": seen(dataset), "notices": notices(dataset)}
                continue
            if applied is None:
                break
            entry = done[-1] if way == "undo" else undone[0]
            step = {"call": way, "seq": entry.seq, "text": applied.text, "keys": list(applied.keys)}
            yield {**step, "state": seen(dataset), "notices": notices(dataset)}


# The file


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return migrations.version_of(connection)


def content(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def tables(path: Path) -> dict[str, list[object]]:
    """Returns the columns, foreign keys and indexes of every table."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type='table' ORDER BY name")
        return {
            name: [
                connection.execute(f"PRAGMA {what}({name})").fetchall()
                for what in ("table_info", "foreign_key_list")
            ]
            + [
                (index, unique, partial, connection.execute(f"PRAGMA index_info({index})").fetchall())
                for _, index, unique, _, partial in sorted(
                    connection.execute(f"PRAGMA index_list({name})"), key=lambda row: row[1]
                )
            ]
            for (name,) in names.fetchall()
        }


# Nothing is lost


@pytest.mark.parametrize("version", [number for number, _ in enumerate(MIGRATIONS, 1)])
def test_each_migration_has_a_real_dataset_of_the_version_before(version: int) -> None:
    store = FIXTURE.with_name(f"v{version}") / "photos" / ".samdesk" / "dataset.db"
    with closing(sqlite3.connect(f"{store.as_uri()}?immutable=1", uri=True)) as connection:
        assert migrations.version_of(connection) == version


def test_a_dataset_of_version_1_opens_unchanged(folder: Path, expected: Json) -> None:
    dataset = Dataset.open(folder)
    assert opened_seen(dataset) == as_opened(expected)
    dataset.close()
    dataset = Dataset.open(folder)
    assert opened_seen(dataset) == as_opened(expected)
    dataset.close()


@pytest.fixture
def inset_of_version_1(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """It knew no training size."""
    segmentation.LINES.clear()
    monkeypatch.setattr(segmentation, "inset_px", lambda *_: 0.5)
    yield
    segmentation.LINES.clear()


@pytest.mark.usefixtures("inset_of_version_1")
def test_the_history_of_version_1_can_be_undone_and_redone(folder: Path, expected: Json) -> None:
    dataset = Dataset.open(folder)
    assert opened_seen(dataset) == as_opened(expected)  # this also loads every image, as the walk expects
    steps = expected["walk"]
    assert len(steps) == 36
    found = walk(dataset)
    for step in steps:
        want = {**step, "state": by_meaning(as_seen(step["state"], expected))}
        got = next(found)
        assert {**got, "state": by_meaning(got["state"])} == want, step["call"]
    assert list(found) == []
    dataset.close()
    dataset = Dataset.open(folder)
    assert by_meaning(seen(dataset)) == by_meaning(as_seen(expected["opened_after_walk"], expected))
    dataset.close()


def test_the_settings_of_version_1_open_with_all_values(tmp_path: Path, expected: Json) -> None:
    path = Path(shutil.copyfile(FIXTURE / "settings.json", tmp_path / "settings.json"))
    settings = Settings(path)
    assert not settings.problem
    assert {s.key for s in SETTINGS} >= expected["settings"].keys()
    assert {key: settings.get(key) for key in expected["settings"]} == expected["settings"]


def test_the_migrated_store_has_the_tables_of_a_new_one(folder: Path, path: Path, tmp_path: Path) -> None:
    before, steps = rows_of_others(path), log_rows(path)
    Store.open(path).close()
    Store.open(tmp_path / "new.db").close()
    assert version_of(path) == version_of(tmp_path / "new.db") == VERSION
    assert tables(path) == tables(tmp_path / "new.db")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert rows_of_others(path) == before
    assert log_rows(path) == steps


def rows_of_others(path: Path) -> list[list[tuple[object, ...]]]:
    """The rows of all tables but those that have a test of their own, with their columns of version 1."""
    with closing(sqlite3.connect(path)) as connection:
        annotations = (
            "image, id, position, label_id, region, source, review, detector_score, mask_score, prompts"
        )
        parts = (
            f"{annotations} FROM annotations", "owner, n, image, do, undo FROM log_edits", "* FROM labels",
            "id, text, state FROM runs", "* FROM settings", "* FROM sqlite_sequence",
        )  # fmt: skip
        return [connection.execute(f"SELECT {part}").fetchall() for part in parts]


def log_rows(path: Path) -> list[tuple[object, ...]]:
    """The steps, in the order of their places where they have some; before, that was the order of numbers."""
    with closing(sqlite3.connect(path)) as connection:
        order = "place" if migrations.version_of(connection) > 3 else "seq"
        columns = "seq, owner, text, labels, labels_before, run_id, undone"
        return connection.execute(f"SELECT {columns} FROM log ORDER BY {order}").fetchall()


def test_an_image_that_was_done_but_not_touched_is_accepted(folder: Path, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute("UPDATE images SET touched=0 WHERE done").rowcount == 1
    dataset = Dataset.open(folder)
    assert dataset.load(ImageKey("street_2.jpg")).review is ImageReview.ACCEPTED
    dataset.close()


@pytest.mark.parametrize(
    ("done", "touched", "change"),
    [
        (None, None, None),
        (None, True, ReviewChange.MARK_EDITED),
        (None, False, ReviewChange.SET_UNREVIEWED),
        (True, True, ReviewChange.SET_ACCEPTED),
        (False, True, ReviewChange.SET_EDITED),
        (False, False, ReviewChange.SET_UNREVIEWED),
        # No samdesk wrote these:
        (True, None, ReviewChange.SET_ACCEPTED),
        (True, False, ReviewChange.SET_ACCEPTED),
        (False, None, ReviewChange.SET_EDITED),
    ],
)
def test_the_flags_of_an_edit_of_version_1(
    done: bool | None, touched: bool | None, change: ReviewChange | None
) -> None:
    text = json.dumps({"drop": [], "put": [], "done": done, "touched": touched})
    assert serial.edit_from_text(text).review is change


def test_edits_of_version_1_are_rewritten_as_named_json(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        texts = [t for row in connection.execute("SELECT do, undo FROM log_edits") for t in row]
    assert len(texts) > 30
    for text in texts:
        edit = serial.edit_from_text(text)
        new = json.loads(serial.edit_to_text(edit))
        assert new.keys() <= {"drop", "put", "review"}
        assert all(isinstance(placed["annotation"], dict) for placed in new["put"])
        assert serial.edit_from_text(json.dumps(new)) == edit


# Version 2


def test_a_dataset_of_version_2_opens_unchanged_and_keeps_its_lines(tmp_path: Path) -> None:
    fixture = FIXTURE.with_name("v2")
    folder = Path(shutil.copytree(fixture / "photos", tmp_path / "photos"))
    want: Json = json.loads((fixture / "expected.json").read_text("utf-8"))
    dataset = Dataset.open(folder)
    for key, saved in want["documents"].items():
        found = dataset.load(ImageKey(key)).annotations
        assert [[a.id, a.label_id, serial.region_to_bytes(a.region).hex()] for a in found] == saved
    assert [entry.do.text for entry in dataset.history()[0]] == want["done"]
    assert dataset.notices() == []
    assert {n: t for n, t in label_files(folder).items() if n != "data.yaml"} == want["files"]

    for name in want["documents"]:
        draw(dataset, ImageKey(name), 20)
    now = label_files(folder)
    imported = want["files"]["accepted.txt"]
    assert now["accepted.txt"].startswith(imported)  # with its line ends
    assert now["accepted.txt"].count("\r\n") == now["accepted.txt"].count("\n") == 3
    assert now["drawn.txt"].startswith(want["files"]["drawn.txt"])
    assert len(now["edited.txt"].splitlines()) == 4
    dataset.close()


# Version 3


def test_steps_of_version_3_keep_their_order_and_may_overtake_from_now_on(tmp_path: Path) -> None:
    fixture = FIXTURE.with_name("v3")
    folder = Path(shutil.copytree(fixture / "photos", tmp_path / "photos"))
    want: Json = json.loads((fixture / "expected.json").read_text("utf-8"))

    def texts(dataset: Dataset) -> list[list[str]]:
        return [[entry.do.text for entry in entries] for entries in dataset.history()]

    dataset = Dataset.open(folder)
    for key, saved in want["documents"].items():
        found = dataset.load(ImageKey(key)).annotations
        assert [[a.id, a.label_id, serial.region_to_bytes(a.region).hex()] for a in found] == saved
    done, undone = dataset.history()
    assert [[entry.seq, entry.do.text] for entry in done] == want["done"]
    assert [[entry.seq, entry.do.text] for entry in undone] == want["undone"]
    assert dataset.notices() == []
    assert {n: t for n, t in label_files(folder).items() if n != "data.yaml"} == want["files"]

    dataset.redo(undone[1].seq)
    before = ["Add labels", "Add a", "Add bb", "Auto-annotate", "Add dddd"]
    assert texts(dataset) == [[*before, "Add ff"], ["Add e"]]
    draw(dataset, ImageKey("two.png"), 20)
    assert texts(dataset) == [[*before, "Add ff", "Add"], []]
    for _ in range(7):
        assert dataset.undo() is not None
    assert texts(dataset) == [[], [*before, "Add ff", "Add"]]
    assert [len(dataset.load(key).annotations) for key in dataset.keys] == [0, 0, 0]
    dataset.close()


# Versions 4 and 5


@pytest.mark.parametrize("version", ["v4", "v5"])
def test_a_dataset_keeps_what_it_knew_of_label_files(version: str, tmp_path: Path) -> None:
    fixture = FIXTURE.with_name(version)
    folder = Path(shutil.copytree(fixture / "photos", tmp_path / "photos"))
    want: Json = json.loads((fixture / "expected.json").read_text("utf-8"))
    dataset = Dataset.open(folder)
    for key, (review, saved) in want["documents"].items():
        document = dataset.load(ImageKey(key))
        assert document.review.value == review
        found = [[a.id, a.label_id, serial.region_to_bytes(a.region).hex()] for a in document.annotations]
        assert found == [annotation[:3] for annotation in saved]
    for entries, steps in zip(dataset.history(), (want["done"], want["undone"]), strict=True):
        assert [[entry.seq, entry.do.text] for entry in entries] == steps
    assert sorted(dataset.conflicts) == want["conflicts"] == ["bad.png"]
    assert label_files(folder).items() >= want["files"].items()

    dataset.resolve(ImageKey("bad.png"), "mine")
    lines = label_files(folder)["bad.txt"].splitlines()
    assert lines[0] == want["files"]["bad.txt"].splitlines()[0]  # the text that the file had
    assert len(lines) == 2
    while dataset.undo():
        pass
    # Undone to what was imported: the very bytes of that file.
    line = "0.25 0.25 0.5 0.25 0.5 0.75 0.25 0.75"
    assert (folder / "file.txt").read_bytes() == f"0 {line}\r\n1 {line}\r\n".encode()
    dataset.close()


def test_the_digests_of_version_5_still_tell_what_was_saved(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(FIXTURE.with_name("v5") / "photos", tmp_path / "photos"))
    store = Store.open(folder / ".samdesk" / "dataset.db")
    keys = [ImageKey(key) for (key,) in store.rows("SELECT key FROM images")]
    assert store.row("SELECT count(*) FROM annotations WHERE digest IS NULL") == (0,)
    assert [key for key in keys if not Rows(store).is_sound(key)] == []
    store.execute("UPDATE annotations SET mask_score = 0.5 WHERE id = 'a'")
    assert [key for key in keys if not Rows(store).is_sound(key)] == ["one.png"]
    store.close()


# Version 6


def test_the_runs_of_version_6_can_be_undone_and_the_one_cut_off_is_a_step(tmp_path: Path) -> None:
    fixture = FIXTURE.with_name("v6")
    folder = Path(shutil.copytree(fixture / "photos", tmp_path / "photos"))
    want: Json = json.loads((fixture / "expected.json").read_text("utf-8"))
    store = Store.open(folder / ".samdesk" / "dataset.db")
    assert [key for (key,) in store.rows("SELECT key FROM images") if not Rows(store).is_sound(key)] == []
    store.close()
    dataset = Dataset.open(folder)
    for key, (review, saved) in want["documents"].items():
        document = dataset.load(ImageKey(key))
        found = [
            [a.id, a.label_id, serial.region_to_bytes(a.region).hex(), a.source.value, a.review.value,
             a.detector_score, a.mask_score, serial.prompts_to_text(a.prompts), a.run_id, a.stability,
             a.model, a.note]
            for a in document.all_annotations
        ]  # fmt: skip
        assert (document.review.value, found) == (review, saved)
    assert label_files(folder).items() >= want["files"].items()
    done, undone = dataset.history()
    assert [[entry.seq, entry.do.text] for entry in done][:-1] == want["done"]
    assert (done[-1].do.text, done[-1].do.keys, undone) == ("Auto-annotate", ("five.png",), [])
    runs = {run.id: run for run in queries.runs(dataset)}
    states = {name: runs[RunId(run_id)].state for name, run_id in want["runs"].items()}
    assert states == {"undone": "undone", "done": "done", "cut off": "interrupted"}
    assert not any(run.can_resume or run.record.models for run in runs.values())
    assert dataset.core.history.damaged == {}

    dataset.undo()
    assert dataset.load(ImageKey("five.png")).annotations == ()
    dataset.redo()
    assert [a.id for a in dataset.load(ImageKey("five.png")).annotations] == ["xx"]
    dataset.resolve(ImageKey("bad.png"), "mine")
    while dataset.undo():
        pass
    drawn = [dataset.load(key) for key in dataset.keys if key not in ("bad.png", "file.png")]
    assert [document.all_annotations for document in drawn] == [()] * 5
    dataset.close()


# Version 7


def test_the_journals_of_version_7_are_kept_and_its_run_is_resumed(tmp_path: Path) -> None:
    fixture = FIXTURE.with_name("v7")
    folder = Path(shutil.copytree(fixture / "photos", tmp_path / "photos"))
    want: Json = json.loads((fixture / "expected.json").read_text("utf-8"))
    store = Store.open(folder / ".samdesk" / "dataset.db")
    assert [key for (key,) in store.rows("SELECT key FROM images") if not Rows(store).is_sound(key)] == []
    assert store.rows("SELECT * FROM splits UNION ALL SELECT owner, n FROM log_splits") == []
    store.close()
    dataset = Dataset.open(folder)
    for key, (review, saved) in want["documents"].items():
        document = dataset.load(ImageKey(key))
        assert (document.review.value, [a.id for a in document.all_annotations]) == (
            review,
            [values[0] for values in saved],
        )
        assert not any(a.attributes for a in document.all_annotations)
    runs = {run.id: run for run in queries.runs(dataset)}
    cut_off = RunId(want["runs"]["cut off"])
    for run_id, (state, text, parameters, models, counts) in want["infos"].items():
        run = runs.pop(RunId(run_id))
        assert run.state == ("interrupted" if run.id == cut_off else state)
        assert (run.text, run.record.parameters, [asdict(m) for m in run.record.models]) == (
            text,
            parameters,
            models,
        )
        assert asdict(run.counts) == counts
    assert not runs
    assert dataset.resume_run(cut_off).id == cut_off
    assert dataset.end_run(cut_off) is not None
    done, undone = dataset.history()
    assert [[entry.seq, entry.do.text] for entry in done][:-1] == want["done"]
    assert undone == []  # ending the run has dropped them
    dataset.resolve(ImageKey("bad.png"), "mine")
    while dataset.undo():
        pass
    assert dataset.core.history.damaged == {}
    assert dataset.load(ImageKey("three.png")).all_annotations == ()
    dataset.close()


# Version 8


def test_what_version_8_kept_stays_and_its_annotations_can_be_carried(tmp_path: Path) -> None:
    fixture = FIXTURE.with_name("v8")
    folder = Path(shutil.copytree(fixture / "photos", tmp_path / "photos"))
    want: Json = json.loads((fixture / "expected.json").read_text("utf-8"))
    store = Store.open(folder / ".samdesk" / "dataset.db")
    assert [key for (key,) in store.rows("SELECT key FROM images") if not Rows(store).is_sound(key)] == []
    store.close()
    dataset = Dataset.open(folder)

    def documents() -> Json:
        found = {}
        for key in want["documents"]:
            document = dataset.load(ImageKey(key))
            found[key] = [
                document.review.value,
                [
                    [a.id, a.label_id, serial.region_to_bytes(a.region).hex(), a.source.value, a.review.value,
                     a.detector_score, a.mask_score, serial.prompts_to_text(a.prompts), a.run_id, a.stability,
                     a.model, a.note, dict(a.attributes)]
                    for a in document.all_annotations
                ],
            ]  # fmt: skip
            assert not any(a.track for a in document.all_annotations)
        return found

    assert documents() == want["documents"]
    assert queries.splits(dataset) == want["splits"]
    runs = {run.id: run for run in queries.runs(dataset)}
    assert runs[RunId(want["runs"]["imported"])].is_import
    assert runs[RunId(want["runs"]["cut off"])].state == "interrupted"
    assert dataset.core.history.damaged == {}

    first = dataset.load(ImageKey("one.png")).annotations[0]
    carried = replace(
        first, id=AnnotationId("carried"), track=first.track_of, source=Source.CARRIED,
        review=AnnotationReview.PENDING,
    )  # fmt: skip
    dataset.commit(Transaction("Carry", ((ImageKey("five.png"), add([carried])),)))
    dataset.close()
    dataset = Dataset.open(folder)
    assert dataset.load(ImageKey("five.png")).find(carried.id) == carried
    dataset.undo()
    assert documents() == want["documents"]
    dataset.redo()
    assert dataset.load(ImageKey("five.png")).find(carried.id) == carried
    dataset.undo()
    dataset.resolve(ImageKey("bad.png"), "mine")
    while dataset.undo():
        pass
    assert dataset.core.history.damaged == {}
    drawn = [dataset.load(key) for key in dataset.keys if key not in ("bad.png", "file.png")]
    assert [document.all_annotations for document in drawn] == [()] * 5
    assert queries.splits(dataset) == {}
    dataset.close()


def test_a_track_that_has_changed_is_noticed(tmp_path: Path) -> None:
    (one,) = photos(tmp_path, "one.png")
    dataset = Dataset.open(tmp_path)
    (label,) = with_labels(dataset, "cat")
    dataset.commit(user(one, add([drawn(label.id, track="t" * 32), drawn(label.id)])))
    assert Rows(dataset.core.rows.store).is_sound(one)
    dataset.core.rows.store.execute("UPDATE annotations SET track = 'x' WHERE track IS NULL")
    assert not Rows(dataset.core.rows.store).is_sound(one)
    dataset.close()


# Backup, failures and crashes


def test_the_old_store_is_kept_as_a_backup(path: Path) -> None:
    before = content(path)
    Store.open(path).close()
    kept = path.with_name("dataset.v1.db")
    assert version_of(kept) == 1
    assert content(kept) == before
    Store.open(path).close()
    assert sorted(p.name for p in path.parent.iterdir()) == ["dataset.db", "dataset.v1.db"]


def fail_half_way(connection: sqlite3.Connection) -> None:
    migrations._one_review_state(connection)
    raise RuntimeError("half way")


def test_a_migration_that_fails_leaves_the_store_as_it_was(
    folder: Path, path: Path, expected: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", (fail_half_way,))
        with pytest.raises(StoreError, match=r"older samdesk .*half way.* file is unchanged"):
            Dataset.open(folder)
    assert path.read_bytes() == before
    dataset = Dataset.open(folder)
    assert opened_seen(dataset) == as_opened(expected)
    dataset.close()


def test_without_a_backup_the_store_is_not_migrated(folder: Path, path: Path) -> None:
    before = path.read_bytes()
    blocker = path.with_name("dataset.v1.db")
    (blocker / "x").mkdir(parents=True)
    with pytest.raises(StoreError, match="file is unchanged"):
        Dataset.open(folder)
    assert path.read_bytes() == before
    assert sorted(p.name for p in path.parent.iterdir()) == ["dataset.db", "dataset.v1.db"]
    shutil.rmtree(blocker)
    Dataset.open(folder).close()
    assert version_of(path) == VERSION


KILLED = """
import sys
from pathlib import Path
from samdesk.dataset.store import migrations
from samdesk.dataset.store.database import Store
from samdesk.dataset.store.rows import Rows

def stop_half_way(connection):
    connection.execute("PRAGMA cache_size=1")  # so that uncommitted pages are in the file when it is killed
    whole(connection)
    print("half way", connection.in_transaction, flush=True)
    sys.stdin.read()

whole, *rest = migrations.MIGRATIONS
migrations.MIGRATIONS = (stop_half_way, *rest)
Store.open(Path(sys.argv[1]))
"""


def test_a_migration_that_is_killed_leaves_a_store_that_opens(
    folder: Path, path: Path, expected: Json
) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == "half way True\n"
    child.kill()
    assert child.wait(30) != 0
    child.communicate()
    assert path.with_name("dataset.db-wal").stat().st_size > 0
    dataset = Dataset.open(folder)
    assert opened_seen(dataset) == as_opened(expected)
    dataset.close()
    assert version_of(path) == VERSION


# Read-only opening


def test_a_store_of_version_1_that_is_open_elsewhere_is_shown_and_not_changed(
    folder: Path, path: Path, expected: Json
) -> None:
    lock = DatasetLock(folder, lock_path(path))
    assert lock.acquire() == ""
    before = path.read_bytes()
    dataset = Dataset.open(folder)
    assert dataset.read_only
    assert [summary_seen(s) for s in queries.summaries(dataset)] == expected["opened"]["summaries"]
    assert seen(dataset) == as_opened(expected)["state"]
    dataset.close()
    assert path.read_bytes() == before
    assert version_of(path) == 1
    assert not path.with_name("dataset.v1.db").exists()
    lock.release()


def test_a_store_of_version_1_is_read_without_being_changed(folder: Path, path: Path, expected: Json) -> None:
    before = path.read_bytes()
    with open_read_only(folder) as dataset:
        found = {key: document_seen(dataset.document(key)) for key in dataset.keys}
    assert found == {k: d for k, (d, _) in as_opened(expected)["state"]["documents"].items()}
    store = Store.copy_of(path)
    assert store.row("SELECT count(*) FROM images WHERE review='accepted'") == (1,)
    store.close()
    assert path.read_bytes() == before
    assert version_of(path) == 1
