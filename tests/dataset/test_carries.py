"""Objects carried along are runs: listed, undone, redone, after a restart too; runs leave them alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from samdesk.batch.merge import NOT_FROM_A_RUN, run_edit, skip_reason
from samdesk.cli.main import cli
from samdesk.dataset import queries
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.runs.annotated import annotated_images
from samdesk.domain.annotation import Annotation, RunId, Source, TrackId, new_annotation_id, new_run_id
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction, accept, add, by_user, relabel, update
from samdesk.domain.review import AnnotationReview, ImageReview
from tests.dataset.dataset_kit import by_run, content, draw, drawn, files, photos, region, user, with_labels


@pytest.fixture
def opened(tmp_path: Path) -> tuple[Dataset, list[ImageKey]]:
    """Three images, two objects drawn on the first."""
    keys = photos(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "cat", "dog")
    draw(dataset, keys[0])
    draw(dataset, keys[0], 30)
    return dataset, keys


def carried(source: Annotation, run: RunId) -> Annotation:
    return Annotation(
        new_annotation_id(), source.label_id, source.region, Source.CARRIED, AnnotationReview.PENDING,
        mask_score=0.9, run_id=run, track=source.track_of,
    )  # fmt: skip


def carry(dataset: Dataset, source: ImageKey, target: ImageKey, run: RunId) -> list[Annotation]:
    made = [carried(a, run) for a in dataset.load(source).annotations]
    text = f"Carry {len(made)} objects from {source}"
    dataset.commit(Transaction(text, ((target, add(made)),), run_id=run, source=source))
    return made


def test_a_carry_is_listed_and_undone_after_a_restart(opened: tuple[Dataset, list[ImageKey]]) -> None:
    dataset, (a, b, _) = opened
    before = files(dataset.folder), [content(dataset.load(key)) for key in (a, b)]
    run = new_run_id()
    made = carry(dataset, a, b, run)
    assert dataset.load(b).annotations == tuple(made)
    assert dataset.load(b).review is ImageReview.UNREVIEWED
    folder = dataset.folder
    dataset.close()
    dataset = Dataset.open(folder)
    (info,) = queries.runs(dataset)
    assert (info.id, info.state, info.record.is_carry, info.can_resume) == (run, "done", True, False)
    assert info.title == "Carried 2 objects from a.jpg to b.jpg"
    assert [(i.key, i.state, i.added) for i in queries.run_images(dataset, run)] == [(b, "done", 2)]
    draw(dataset, a, 5)
    dataset.undo()
    undone = dataset.undo()
    assert undone is not None
    assert undone.run_id == run
    assert (files(folder), [content(dataset.load(key)) for key in (a, b)]) == before
    assert queries.runs(dataset)[0].state == "undone"
    dataset.close()
    dataset = Dataset.open(folder)
    assert dataset.redo() is not None
    assert dataset.load(b).annotations == tuple(made)
    assert queries.runs(dataset)[0].state == "done"
    assert dataset.core.history.damaged == {}
    dataset.close()


def test_a_carry_through_several_images_is_one_run(opened: tuple[Dataset, list[ImageKey]]) -> None:
    dataset, (a, b, c) = opened
    run = new_run_id()
    carry(dataset, a, b, run)
    made = carry(dataset, b, c, run)
    assert {x.track for x in made} == {x.track_of for x in dataset.load(a).annotations}
    (info,) = queries.runs(dataset)
    assert info.title == "Carried 4 objects from a.jpg through 2 images to c.jpg"
    dataset.undo()
    (info,) = queries.runs(dataset)
    assert (info.state, info.title) == ("done", "Carried 2 objects from a.jpg to b.jpg")
    assert [image.key for image in queries.run_images(dataset, run)] == [b]
    dataset.redo()
    assert dataset.load(c).annotations == tuple(made)
    folder = dataset.folder
    dataset.close()
    listed = CliRunner().invoke(cli, ["runs", str(folder)])
    assert f"{run[:8]}" in listed.stdout
    assert "Carried 4 objects from a.jpg through 2 images to c.jpg" in listed.stdout
    assert CliRunner().invoke(cli, ["runs", str(folder), "--undo", "last"]).exit_code == 0
    dataset = Dataset.open(folder)
    assert [len(dataset.load(key).annotations) for key in (a, b, c)] == [2, 0, 0]
    assert queries.runs(dataset)[0].state == "undone"
    dataset.close()


def test_a_later_run_leaves_alone_what_was_carried(opened: tuple[Dataset, list[ImageKey]]) -> None:
    dataset, (a, b, _) = opened
    made = carry(dataset, a, b, new_run_id())
    document = dataset.load(b)
    assert not any(x.is_untouched or x.is_of_model for x in made)
    assert all(x.is_proposed for x in made)
    assert skip_reason(document, "replace") == NOT_FROM_A_RUN
    assert not annotated_images(dataset, [b])[b].from_run
    auto = dataset.begin_run("Auto-annotate")
    fresh = [by_run(dataset.labels.labels[0].id, auto, x) for x in (30, 2)]
    edit = run_edit(document, fresh, "replace")
    assert (edit.drop, [p.annotation for p in edit.put]) == (
        (),
        fresh[1:],
    )  # the first is one that was carried
    assert dataset.commit_run(auto, b, edit)
    dataset.end_run(auto)
    both = dataset.load(b)
    assert annotated_images(dataset, [b])[b].from_run
    assert run_edit(both, fresh, "replace").drop == (fresh[1].id,)
    dataset.undo()
    assert dataset.load(b).annotations == tuple(made)
    dataset.close()


def test_what_the_user_makes_of_it_is_the_users(opened: tuple[Dataset, list[ImageKey]]) -> None:
    dataset, (a, b, _) = opened
    one, other = carry(dataset, a, b, new_run_id())
    dataset.commit(Transaction("Accept", ((b, by_user(accept(dataset.load(b), [one.id]), dataset.load(b))),)))
    edited = by_user(update([other.redrawn(region(31, 9))]), dataset.load(b))
    dataset.commit(Transaction("Edit", ((b, edited),)))
    first, second = dataset.load(b).annotations
    assert (first.review, first.source, first.track) == (
        AnnotationReview.ACCEPTED, Source.CARRIED, one.track,
    )  # fmt: skip
    assert (second.review, second.source, second.run_id, second.track) == (
        AnnotationReview.CORRECTED, Source.MANUAL, None, other.track,
    )  # fmt: skip
    assert not first.is_of_model
    assert not second.is_of_model
    assert dataset.core.rows.decisions.newest(10) == []  # they say nothing of how good a detector is
    dog = dataset.labels.labels[1].id
    dataset.commit(
        Transaction("Label", ((b, by_user(relabel(dataset.load(b), [first.id], dog), dataset.load(b))),))
    )
    assert dataset.load(b).annotations[0].track == one.track
    dataset.close()


def test_a_step_that_brings_back_what_an_undone_carry_has_made(
    opened: tuple[Dataset, list[ImageKey]],
) -> None:
    """Its own steps are redone whole, whatever the journal says of the run."""
    dataset, (a, b, _) = opened
    run = new_run_id()
    made = carry(dataset, a, b, run)
    for _ in range(3):
        dataset.undo()
        assert dataset.load(b).annotations == ()
        dataset.redo()
        assert dataset.load(b).annotations == tuple(made)
    extra = drawn(dataset.labels.labels[0].id, track=TrackId("x"))
    dataset.commit(user(b, add([extra])))
    dataset.undo()
    dataset.undo()
    draw(dataset, a, 3)  # the undone steps are gone
    assert queries.runs(dataset)[0].state == "undone"
    assert replace(dataset.load(b), revision=0).annotations == ()
    dataset.close()
