"""Runs in shards: the same rows whoever does them, resumed as they were, and merged into a dataset."""

from __future__ import annotations

import shutil
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
import shapely
from PIL import Image

from samdesk.base.jobs import CancelToken
from samdesk.batch.concepts import PlannedConcept, PlannedExample
from samdesk.batch.merge import EDITED
from samdesk.batch.models import Loaders
from samdesk.batch.pipeline import AutoAnnotateJob
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.report import BatchSummary
from samdesk.batch.shards import reading
from samdesk.batch.shards.drive import DriverCallbacks, ShardsProgress, ShardsRequest, ShardsSummary, begin
from samdesk.batch.shards.errors import ShardsError
from samdesk.batch.shards.local import drive_here
from samdesk.batch.shards.merge import merge, open_results
from samdesk.batch.shards.rows import read_facts, read_results
from samdesk.batch.targets.dataset import DatasetPlace
from samdesk.dataset import queries
from samdesk.dataset.dataset import Dataset
from samdesk.domain.annotation import Annotation
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Edit, Transaction
from samdesk.domain.review import ReviewChange
from samdesk.engine.protocols import EngineError
from samdesk.images.sources import ImageSet, scan
from tests.helpers.concepts import ColourConcepts
from tests.helpers.finding import NAMES, ColourModels, InnerPredictor
from tests.helpers.make import photo

pyarrow = pytest.importorskip("pyarrow", reason="the extra 'tables' is not installed")
pq = pytest.importorskip("pyarrow.parquet", reason="the extra 'tables' is not installed")
fsspec = pytest.importorskip("fsspec", reason="the extra 'tables' is not installed")
MemoryFileSystem = fsspec.get_filesystem_class("memory")

PLAN = AutoAnnotatePlan("colour.pt", "inner.pt")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven images in four shards of two: 4.png is damaged, sub/5.png shows nothing."""
    folder = tmp_path_factory.mktemp("shards") / "images"
    for i in range(6):
        photo(folder / f"{i}.png", seed=i)
    (folder / "4.png").write_bytes(b"no image")
    (folder / "sub").mkdir()
    Image.new("RGB", (64, 48), (90, 120, 90)).save(folder / "sub" / "5.png")
    return folder


@pytest.fixture
def memory() -> Iterator[str]:
    """The URL of a folder in memory."""
    name = uuid.uuid4().hex
    yield f"memory://{name}"
    files = fsspec.filesystem("memory")
    if files.exists(name):
        files.rm(name, recursive=True)


def request(images: object, output: object, **options: object) -> ShardsRequest:
    return replace(ShardsRequest(str(images), str(output), PLAN, shard_size=2), **options)  # type: ignore[arg-type]


def drive(
    wanted: ShardsRequest,
    part: tuple[int, int] = (1, 1),
    models: ColourModels | None = None,
    **callbacks: object,
) -> ShardsSummary:
    """Does what is left of a run, or of a part of it, in this process."""
    heard = DriverCallbacks(**callbacks)  # type: ignore[arg-type]
    return drive_here(begin(wanted).part(*part), heard, (models or ColourModels()).loaders)


_OPENED: list[list[str]] = []


def _note_opened(name: str, given: tuple[object, ...]) -> None:
    if name == "open":
        for opened in _OPENED:
            opened.append(str(given[0]))


sys.addaudithook(_note_opened)


@contextmanager
def opened_files() -> Iterator[list[str]]:
    """The paths that this process opens meanwhile."""
    _OPENED.append([])
    try:
        yield _OPENED[-1]
    finally:
        _OPENED.pop()


def content(output: object) -> dict[str, bytes]:
    """Every file of an output folder."""
    files, path = fsspec.core.url_to_fs(str(output))
    return {name.removeprefix(path): files.cat_file(name) for name in files.find(path)}


def results(output: object) -> list[object]:
    """(key, hw, number of objects, failure) of every image, in the order of the manifest."""
    found = [item for name, item in sorted(content(output).items()) if "/shards/" in name]
    images = [image for data in found for image in read_results(data, "a shard")]
    return [(image.key, image.hw, len(image.found), image.failure) for image in images]


def test_every_image_is_in_the_results_once(images: Path, tmp_path: Path) -> None:
    summary = drive(request(images, tmp_path / "out"))
    assert results(tmp_path / "out") == [
        *((f"{i}.png", (240, 320), 2, "") for i in range(4)),
        ("4.png", (0, 0), 0, "4.png: not an image samdesk can read"),
        ("5.png", (240, 320), 2, ""),
        ("sub/5.png", (48, 64), 0, ""),
    ]
    assert (summary.images, summary.objects, summary.empty, summary.left) == (7, 10, 1, 0)
    assert [failure.key for failure in summary.failed] == ["4.png"]
    assert not summary.ok


def test_a_row_has_all_that_is_known_of_an_object(images: Path, tmp_path: Path) -> None:
    drive(request(images, tmp_path / "out"))
    file = tmp_path / "out" / "shards" / "000000.parquet"
    first, second, *_ = pq.read_table(file).to_pylist()
    assert (first["key"], first["width"], first["height"]) == ("0.png", 320, 240)
    assert (first["class_id"], first["class_name"], first["score"]) == (0, "ellipse", 0.9)
    assert (first["predicted_iou"], first["stability"], first["empty_mask"]) == (0.95, 1.0, False)
    assert (first["x0"], first["y0"], first["x1"], first["y1"]) == (32, 48, 129, 169)
    region = shapely.from_wkb(first["region"])
    assert region.bounds == pytest.approx((34, 50, 127, 167), abs=2)
    assert len({first["id"], second["id"]}) == 2
    facts = read_facts(file.read_bytes(), "a shard")
    assert facts.names == NAMES
    assert facts.models == (("colour.pt", "", "fp32"), ("inner.pt", "", "fp32"))


def test_parts_and_places_make_the_same_files(images: Path, tmp_path: Path, memory: str) -> None:
    one = request(images, tmp_path / "one")
    drive(one)
    for part in (2, 3, 1):
        drive(request(images, tmp_path / "parts"), (part, 3))
    drive(request(images, f"file://{tmp_path}/url"))
    drive(request(images, memory))
    expected = content(tmp_path / "one")
    assert len(expected) == 6
    for other in (tmp_path / "parts", tmp_path / "url", memory):
        assert content(other) == expected


def test_images_in_a_bucket_give_the_same_rows(images: Path, tmp_path: Path, memory: str) -> None:
    fsspec.filesystem("memory").put(str(images), f"{memory}/in".removeprefix("memory:/"), recursive=True)
    drive(request(images, tmp_path / "disk"))
    drive(request(f"{memory}/in", tmp_path / "bucket"))
    rows = [
        [pq.read_table(f) for f in sorted((tmp_path / n / "shards").iterdir())] for n in ("disk", "bucket")
    ]
    assert rows[0] == rows[1]


def test_finished_shards_are_not_opened_again(images: Path, tmp_path: Path) -> None:
    wanted, shards = request(images, tmp_path / "out"), tmp_path / "out" / "shards"
    drive(wanted)
    before = content(wanted.output)
    models = ColourModels()
    with opened_files() as opened:
        assert drive(wanted, models=models).shards == 0
    assert models.asked == []
    assert not [path for path in opened if "/shards/" in path]
    (shards / "000001.parquet").unlink()
    (shards / ".000001.parquet.0123456789abcdef.tmp").write_bytes(b"of a writer that was killed")
    stamps = {file: file.stat().st_mtime_ns for file in shards.glob("*.parquet")}
    with opened_files() as opened:
        assert drive(wanted, models=models).images == 2
    assert not [path for path in opened if Path(path) in stamps]
    assert {file: file.stat().st_mtime_ns for file in stamps} == stamps
    assert content(wanted.output) == before


def test_a_stop_keeps_finished_shards_only(images: Path, tmp_path: Path) -> None:
    cancel = CancelToken()

    def stop_in_the_third(progress: ShardsProgress) -> None:
        if progress.done == 5:
            cancel.cancel()

    wanted = request(images, tmp_path / "out")
    summary = drive(wanted, cancel=cancel, progress=stop_in_the_third)
    assert (summary.cancelled, summary.shards, summary.left) == (True, 2, 2)
    assert len(list((tmp_path / "out" / "shards").iterdir())) == 2
    assert drive(wanted).left == 0
    drive(request(images, tmp_path / "whole"))
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_two_drivers_on_one_output_do_no_harm(images: Path, tmp_path: Path) -> None:
    wanted = request(images, tmp_path / "out", shard_size=1)
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: drive(wanted), range(2)))
    assert [summary.left for summary in both] == [0, 0]
    drive(request(images, tmp_path / "alone", shard_size=1))
    assert content(tmp_path / "out") == content(tmp_path / "alone")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"plan": replace(PLAN, conf=0.5)}, '"Minimum confidence" was 0.25, now 0.5'),
        ({"plan": replace(PLAN, det_model="yolo11n.pt")}, "the detector was colour.pt, now yolo11n.pt"),
        ({"shard_size": 3}, "a shard had 2 images, now 3"),
        ({"threads": 2}, "a worker had 1 thread, now 2"),
        ({"source": "elsewhere"}, "the images were those of"),
    ],
)
def test_another_run_on_the_same_output_is_refused(
    images: Path, tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    begin(request(images, tmp_path))
    before = content(tmp_path)
    with pytest.raises(ShardsError, match="holds the results of another run") as error:
        begin(request(images, tmp_path, **changes))
    assert words in str(error.value)
    assert content(tmp_path) == before


def test_a_run_in_shards_looks_for_words(images: Path, tmp_path: Path) -> None:
    model = ColourConcepts()
    loaders = Loaders(lambda *_: model, lambda *_: InnerPredictor(), lambda: "inner.pt")  # type: ignore[arg-type, return-value]
    plan = replace(PLAN, concepts=(PlannedConcept("apple", ("red",)),))
    drive_here(begin(request(images, tmp_path, plan=plan)), DriverCallbacks(), loaders)
    rows = pq.read_table(tmp_path / "shards" / "000000.parquet").to_pylist()
    assert [(row["class_name"], row["x0"]) for row in rows] == [("apple", 32), ("apple", 32)]
    other = replace(plan, concepts=(PlannedConcept("apple", ("blue", "red")),))
    with pytest.raises(ShardsError, match='what is looked for was apple: "red", now apple: "blue", "red"'):
        begin(request(images, tmp_path, plan=other))
    shown = replace(plan, concepts=(PlannedConcept("apple", (), (PlannedExample("0.png", (1, 1, 9, 9)),)),))
    summary = drive_here(begin(request(images, tmp_path / "b", plan=shown)), DriverCallbacks(), loaders)
    assert "nothing to look for apple by" in summary.errors[0]


def test_a_device_and_new_images_do_not_make_another_run(images: Path, tmp_path: Path) -> None:
    source = tmp_path / "images"
    shutil.copytree(images, source)
    begin(request(source, tmp_path / "out"))
    photo(source / "0a.png")
    again = begin(request(source, tmp_path / "out", plan=replace(PLAN, device="cpu"), shard_size=None))
    assert again.images == 7


def test_a_fault_of_the_machine_is_not_kept_as_a_result(images: Path, tmp_path: Path) -> None:
    def fail(call: int) -> None:
        raise EngineError("the GPU has fallen off the bus")

    wanted = request(images, tmp_path / "out", shard_size=7)
    summary = drive(wanted, models=ColourModels(before=fail))
    assert summary.left == 1
    assert summary.errors == ("shard 0: The models failed on 6 images: the GPU has fallen off the bus",)
    assert not (tmp_path / "out" / "shards").exists()
    assert drive(wanted).left == 0


def test_one_image_that_the_models_fail_on_is_a_result(images: Path, tmp_path: Path) -> None:
    def fail(call: int) -> None:
        if call == 2:
            raise EngineError("too many boxes")

    summary = drive(request(images, tmp_path, shard_size=7), models=ColourModels(before=fail))
    assert [f.message for f in summary.failed] == ["too many boxes", "4.png: not an image samdesk can read"]
    assert summary.left == 0


def test_a_missing_model_ends_the_run_in_words(images: Path, tmp_path: Path) -> None:
    wanted = request(images, tmp_path, plan=replace(PLAN, sam_model="other.pt"))
    summary = drive(wanted)
    assert (summary.left, len(summary.errors)) == (4, 1)
    assert "The weights of other.pt are not on this machine." in summary.errors[0]


def test_a_manifest_can_be_given(images: Path, tmp_path: Path) -> None:
    file = tmp_path / "list.parquet"
    rows = {"path": [f"{images}/{i}.png" for i in (3, 1)], "key": ["a/3.png", "b/1.png"], "more": [1, 2]}
    pq.write_table(pyarrow.table(rows), file)
    drive(request(file, tmp_path / "out"))
    assert [found[0] for found in results(tmp_path / "out")] == ["a/3.png", "b/1.png"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ({"key": ["a.png"]}, "it has no column path"),
        ({"key": ["a.png", "a.png"], "path": ["1.png", "2.png"]}, "The image a.png occurs twice"),
        ({"key": ["a.png"], "path": [""]}, "a row without a key or path"),
        ({"key": pyarrow.array([], "string"), "path": pyarrow.array([], "string")}, "There are no images"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, rows: dict[str, object], words: str) -> None:
    file = tmp_path / "list.parquet"
    pq.write_table(pyarrow.table(rows), file)
    with pytest.raises(ShardsError, match=words):
        begin(request(file, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    with pytest.raises(ShardsError, match="nonsense://x is not a path or URL"):
        begin(request("nonsense://x", tmp_path))
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ShardsError, match="cannot be read or written: Not a directory"):
        begin(request(tmp_path, tmp_path / "file" / "out"))


def merged(output: object, dataset: Path, existing: str = "skip", **callbacks: object) -> BatchSummary:
    plan = AutoAnnotatePlan(existing=existing)  # type: ignore[arg-type]
    job = AutoAnnotateJob(plan, ColourModels().loaders, **callbacks)  # type: ignore[arg-type]
    return merge(open_results(str(output)), dataset, job)


def documents(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """What each image of a dataset is annotated with, without ids."""
    dataset = Dataset.open(folder)
    try:
        keys = [key for key in dataset.keys if key != "4.png"]
        return {key: [_facts(dataset, a) for a in dataset.load(key).annotations] for key in keys}
    finally:
        dataset.close()


def commit(folder: Path, key: str, edit: Edit) -> None:
    """Makes an edit in the store of a dataset, which is there from then on."""
    dataset = Dataset.open(folder)
    dataset.commit(Transaction("Work", ((ImageKey(key), edit),)))
    dataset.close()


def _facts(dataset: Dataset, a: Annotation) -> tuple[object, ...]:
    scores = (a.detector_score, a.mask_score, a.stability, a.model, a.review, a.prompts)
    return (dataset.labels.get(a.label_id).name, a.region.wkb, *scores)


@pytest.fixture
def shards(images: Path, tmp_path: Path) -> Path:
    """The results of a run over ``images``, done."""
    drive(request(images, tmp_path / "out"))
    return tmp_path / "out"


@pytest.fixture
def copy(images: Path, tmp_path: Path) -> Path:
    """A copy of ``images`` as a dataset of its own."""
    return Path(shutil.copytree(images, tmp_path / "copy"))


def test_merged_into_a_store_they_are_what_a_run_there_makes(
    images: Path, shards: Path, copy: Path, tmp_path: Path
) -> None:
    direct = Path(shutil.copytree(images, tmp_path / "direct"))
    for folder in (copy, direct):
        commit(folder, "0.png", Edit(review=ReviewChange.SET_UNREVIEWED))
    found = ImageSet(direct, tuple(scan(direct)))
    DatasetPlace(found).annotate(AutoAnnotateJob(PLAN, ColourModels().loaders))
    summary = merged(shards, copy)
    assert (summary.annotations, [f.key for f in summary.failed]) == (10, ["4.png"])
    assert documents(copy) == documents(direct)
    assert sum(map(len, documents(copy).values())) == 10


def test_a_merge_is_one_step_that_can_be_undone(shards: Path, copy: Path) -> None:
    commit(copy, "0.png", Edit(review=ReviewChange.SET_UNREVIEWED))
    merged(shards, copy)
    dataset = Dataset.open(copy)
    (info,) = queries.runs(dataset)
    assert (info.counts.done, info.counts.failed, info.counts.annotations) == (6, 1, 10)
    assert [(model.name, model.precision) for model in info.record.models] == [
        ("colour.pt", "fp32"),
        ("inner.pt", "fp32"),
    ]
    undone = dataset.undo()
    dataset.close()
    assert undone is not None
    assert undone.text == "Auto-annotate"
    assert not any(documents(copy).values())


def test_merged_without_a_store_they_are_label_files(shards: Path, copy: Path) -> None:
    summary = merged(shards, copy)
    assert summary.annotations == 10
    assert len((copy / "0.txt").read_text().splitlines()) == 2
    assert (copy / "sub" / "5.txt").read_bytes() == b""
    assert not (copy / "4.txt").exists()
    again = merged(shards, copy)
    assert (again.annotations, len(again.skipped)) == (0, 6)


def test_images_edited_by_hand_are_skipped(shards: Path, copy: Path) -> None:
    commit(copy, "1.png", Edit(review=ReviewChange.MARK_EDITED))
    summary = merged(shards, copy, "add")
    assert [(s.key, s.reason) for s in summary.skipped] == [("1.png", EDITED)]
    assert [len(found) for found in documents(copy).values()] == [2, 0, 2, 2, 2, 0]


def test_what_is_missing_or_has_changed_is_reported(shards: Path, copy: Path) -> None:
    (shards / "shards" / "000001.parquet").unlink()
    (copy / "0.png").unlink()
    photo(copy / "1.png", width=200, height=100)
    photo(copy / "new.png")
    heard: list[str] = []
    summary = merged(shards, copy, notice=heard.append)
    assert heard[:3] == [
        "2 images of the run are not done yet.",
        f"1 image of the results is not in {copy}.",
        f"1 image in {copy} is not in the results.",
    ]
    assert [(f.key, f.message) for f in summary.failed] == [
        ("1.png", "1.png: it is 200 x 100 pixels, and was 320 x 240 when it was annotated"),
        ("4.png", "4.png: not an image samdesk can read"),
    ]
    assert summary.annotated == 2


def test_results_that_cannot_be_merged_are_refused(shards: Path, copy: Path, tmp_path: Path) -> None:
    with pytest.raises(ShardsError, match=r"run\.json is missing"):
        open_results(str(tmp_path / "nowhere"))
    photo(tmp_path / "other" / "x.png")
    with pytest.raises(ShardsError, match=r"No image of .* is in .* \(such as 0\.png\)"):
        merged(shards, tmp_path / "other")
    (shards / "shards" / "000001.parquet").write_bytes(b"PAR1 is not a table PAR1")
    summary = merged(shards, copy)
    assert "000001.parquet are damaged" in summary.stopped
    assert summary.annotated == 2


def test_a_shard_of_another_run_is_not_merged(images: Path, shards: Path, copy: Path, tmp_path: Path) -> None:
    drive(request(images, tmp_path / "other", plan=replace(PLAN, conf=0.7)))
    name = "shards/000001.parquet"
    shutil.copy(tmp_path / "other" / name, shards / name)
    assert "is of another run than run.json" in merged(shards, copy).stopped


class Plain(MemoryFileSystem):  # type: ignore[misc]
    """A place without puts that are whole at once, as a file server is; its files are apart from others."""

    protocol = ("plain",)
    store: ClassVar[dict[str, object]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    moved: ClassVar[list[tuple[str, str]]] = []

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.removeprefix("plain://")))

    def mv(self, path1: str, path2: str, **options: object) -> None:
        self.moved.append((path1, path2))
        super().mv(path1, path2, **options)


def test_where_a_put_is_not_whole_at_once_files_are_renamed(images: Path) -> None:
    fsspec.register_implementation("plain", Plain, clobber=True)
    drive(request(images, "plain://run"))
    assert [found[0] for found in results("plain://run")][:2] == ["0.png", "1.png"]
    shards = [new for _, new in Plain.moved if "/shards/" in new]
    assert len(shards) == 4
    assert not [name for name in content("plain://run") if name.endswith(".tmp")]


def test_an_error_of_a_store_is_told_in_words(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoCredentialsError(Exception):
        pass

    def refuse(*_: object, **_options: object) -> None:
        raise NoCredentialsError("Unable to locate credentials")

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", refuse)
    with pytest.raises(ShardsError, match=r"cannot be read or written: Unable to locate credentials\."):
        begin(request(images, "memory://refused"))


@pytest.mark.parametrize(("failures", "left"), [(2, 0), (99, 4)])
def test_a_bucket_that_does_not_answer_is_asked_again(
    images: Path, tmp_path: Path, memory: str, monkeypatch: pytest.MonkeyPatch, failures: int, left: int
) -> None:
    source = f"{memory}/in"
    fsspec.filesystem("memory").put(str(images), source.removeprefix("memory:/"), recursive=True)
    read, refusals = MemoryFileSystem.cat_file, list(range(failures))

    def cat_file(files: object, path: str, *given: object, **options: object) -> bytes:
        if path.endswith(".png") and refusals:
            refusals.pop()
            raise TimeoutError("no answer")
        return bytes(read(files, path, *given, **options))

    monkeypatch.setattr(MemoryFileSystem, "cat_file", cat_file)
    monkeypatch.setattr(reading, "_FIRST_WAIT_S", 0.0)
    summary = drive(request(source, tmp_path))
    assert summary.left == left
    assert [failure.key for failure in summary.failed] == ([] if left else ["4.png"])
    assert all("cannot be read: no answer" in error for error in summary.errors)
    assert len(summary.errors) == (3 if left else 0), "given up after three shards in a row"
