"""A run over a dataset: its dry run says what loading every image would, and it can be resumed."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from samdesk.base.jobs import CancelToken
from samdesk.batch.merge import EDITED, skip_reason
from samdesk.batch.pipeline import AutoAnnotateJob
from samdesk.batch.plan import EXISTING, AutoAnnotatePlan
from samdesk.batch.report import BatchProgress, BatchSummary
from samdesk.batch.run_record import changed_models, plan_of, record_of
from samdesk.batch.targets.dataset import DatasetPlace, _OpenStore
from samdesk.batch.targets.documents import DatasetTarget
from samdesk.batch.targets.reading import ImageReads
from samdesk.dataset import queries
from samdesk.dataset.dataset import Dataset
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Edit, Transaction, add, by_user, reject
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.review import ImageReview, ReviewChange
from samdesk.engine.protocols import ModelInfo
from samdesk.images.sources import ImageSet
from tests.dataset.dataset_kit import SQUARE, by_run, draw, photos, with_labels
from tests.helpers.finding import ColourModels
from tests.helpers.make import photo

PLAN = AutoAnnotatePlan(
    "colour.pt", "inner.pt", mapping=(("ellipse", "Red thing"),), class_conf=(("box", 0.5),)
)
STATES = ("accepted", "bad", "drawn", "empty", "file", "flagged", "nothing", "proposed", "rejected", "two")


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """An image for each state that an image may be in."""
    keys = dict(zip(STATES, photos(tmp_path, *(f"{name}.png" for name in STATES)), strict=True))
    (tmp_path / "file.txt").write_text(f"0 {SQUARE}\n")
    (tmp_path / "bad.txt").write_text(f"0 {SQUARE}\nnonsense\n")
    (tmp_path / "empty.txt").write_text("")
    with closing(Dataset.open(tmp_path)) as dataset:
        with_labels(dataset, "x", "y")
        label = dataset.labels.labels[0].id
        run = dataset.begin_run("Auto-annotate")
        for name in ("accepted", "flagged", "proposed", "rejected", "two"):
            dataset.commit_run(run, keys[name], add([by_run(label, run), by_run(label, run, 1)]))
        dataset.commit_run(run, keys["nothing"], Edit())
        dataset.end_run(run)
        draw(dataset, keys["drawn"])

        def step(name: str, edit: Edit) -> None:
            dataset.commit(Transaction("Step", ((keys[name], edit),)))

        step("accepted", Edit(review=ReviewChange.SET_ACCEPTED))
        document = dataset.load(keys["rejected"])
        step("rejected", by_user(reject(document, [a.id for a in document.annotations]), document))
        document = dataset.load(keys["two"])
        step("two", by_user(reject(document, [document.annotations[0].id]), document))
    return tmp_path


@pytest.mark.parametrize("counted", [False, True])
def test_the_dry_run_says_what_loading_every_image_says(mixed: Path, counted: bool) -> None:
    with closing(Dataset.open(mixed)) as dataset:
        if counted:
            dataset.indexing.want()
            while dataset.unfinished:
                dataset.advance(1)
        found = {}
        for existing in EXISTING:
            target = DatasetTarget(
                dataset.keys, _OpenStore(dataset), ImageReads(dataset.folder, _never_read), existing
            )
            todo = target.dry_run()
            reasons = {image.key: image.reason for image in todo.skipped}
            found[existing] = {key: reasons.get(key) for key in dataset.keys}
            assert [*todo.annotate] == [key for key in dataset.keys if key not in reasons]
        for existing in EXISTING:
            loaded = {key: skip_reason(dataset.load(key), existing) for key in dataset.keys}
            assert found[existing] == loaded
        assert len(set(found["replace"].values())) == 3


def _never_read(path: Path) -> RgbImage:
    pytest.fail(f"{path} was read")


def annotate(
    folder: Path, plan: AutoAnnotatePlan, resumes: RunId | None = None, stop_at: int = 0
) -> BatchSummary:
    cancel = CancelToken()

    def progress(now: BatchProgress) -> None:
        if stop_at and now.done >= stop_at:
            cancel.cancel()

    with closing(Dataset.open(folder)) as dataset:
        keys = dataset.keys
    job = AutoAnnotateJob(plan, ColourModels().loaders, progress=progress, cancel=cancel)
    return DatasetPlace(ImageSet(folder, keys), resumes=resumes).annotate(job)


def test_a_run_that_was_stopped_goes_on_with_its_own_plan_as_one_step(tmp_path: Path) -> None:
    for number in range(12):
        photo(tmp_path / f"{number:02}.png", seed=number)
    (tmp_path / "03.png").write_bytes(b"no image")
    first = annotate(tmp_path, PLAN, stop_at=2)
    assert first.cancelled
    photo(tmp_path / "03.png", seed=3)  # it is repaired meanwhile
    with closing(Dataset.open(tmp_path)) as dataset:
        (run,) = queries.runs(dataset)
        assert (run.id, run.state, run.counts.images) == (first.run_id, "stopped", 12)
        assert 0 < run.counts.todo < 11
        assert plan_of(run.record) == PLAN
        assert [(m.purpose, m.name, m.device) for m in run.record.models] == [
            ("detector", "colour.pt", "cpu"), ("predictor", "inner.pt", "cpu"),
        ]  # fmt: skip
        draw(dataset, ImageKey("11.png")) if dataset.labels else pytest.fail("nothing was found")
    second = annotate(tmp_path, plan_of(run.record), run.id)
    assert (second.run_id, second.ok) == (run.id, True)
    assert first.annotated + second.annotated == 11
    with closing(Dataset.open(tmp_path)) as dataset:
        (run,) = queries.runs(dataset)
        assert (run.state, run.counts.done, run.counts.skipped) == ("done", 11, 1)
        assert dataset.labels.names == ("Red thing", "box")
        dataset.undo()
        assert [len(dataset.load(key).annotations) for key in dataset.keys] == [0] * 11 + [1]
        assert dataset.load(ImageKey("11.png")).review is ImageReview.EDITED


def test_a_run_whose_images_were_all_edited_meanwhile_is_done_without_models(tmp_path: Path) -> None:
    keys = photos(tmp_path, "0.png", "1.png")
    with closing(Dataset.open(tmp_path)) as dataset:
        with_labels(dataset, "x")
        run_id = dataset.begin_run("Auto-annotate", record_of(PLAN, ()), keys)
        dataset.end_run(run_id, "interrupted")
        for key in keys:
            draw(dataset, key)
        (run,) = queries.runs(dataset)
        assert run.can_resume
    shelf = ColourModels()
    job = AutoAnnotateJob(PLAN, shelf.loaders)
    summary = DatasetPlace(ImageSet(tmp_path, keys), resumes=run_id).annotate(job)
    assert not shelf.asked, "models were loaded"
    assert (summary.run_id, summary.reasons) == (run_id, {EDITED: 2})
    with closing(Dataset.open(tmp_path)) as dataset:
        (run,) = queries.runs(dataset)
        assert (run.state, run.counts.skipped, run.can_resume) == ("done", 2, False)
        assert [image.message for image in queries.run_images(dataset, run_id)] == [EDITED] * 2


def test_a_model_whose_file_has_changed_since_is_named(tmp_path: Path) -> None:
    weights = tmp_path / "x.pt"
    weights.write_bytes(b"one")
    info = ModelInfo("x.pt", "X", "cpu", "CPU", "fp32", path=str(weights))
    record = record_of(PLAN, (info, replace(info, name="other.pt", path="", sha256="ab")))
    assert [len(model.sha256) for model in record.models] == [64, 2]
    assert changed_models(record, (info,)) == []
    weights.write_bytes(b"two")
    assert changed_models(record, (info,)) == ["x.pt"]
