"""Edits and their inverses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, AnnotationId, RunId
from samdesk.domain.document import ImageDocument, diff
from samdesk.domain.edits import Edit, Placed
from samdesk.domain.labels import LabelId
from samdesk.domain.review import AnnotationReview, ImageReview, ReviewChange
from tests.helpers.make import annotation, document, square

NAMES = list("abcdefgh")


def ids(doc: ImageDocument) -> str:
    return "".join(a.id for a in doc.annotations)


def test_add_puts_on_top_and_counts_the_revision() -> None:
    after, _ = edits.add([annotation("c")]).apply(document("a", "b"))
    assert ids(after) == "abc"
    assert after.revision == 1


def test_remove_drops_and_its_inverse_restores_the_place() -> None:
    before = document("a", "b", "c")
    after, inverse = edits.remove([AnnotationId("b")]).apply(before)
    assert ids(after) == "ac"
    assert ids(inverse.apply(after)[0]) == "abc"


def test_update_keeps_the_place() -> None:
    moved = annotation("b", region=square(50, 30))
    after, _ = edits.update([moved]).apply(document("a", "b", "c"))
    assert ids(after) == "abc"
    assert after.annotations[1].region == square(50, 30)


def test_removing_an_unknown_annotation_does_nothing() -> None:
    after, inverse = edits.remove([AnnotationId("x")]).apply(document("a"))
    assert ids(after) == "a"
    assert ids(inverse.apply(after)[0]) == "a"


def test_relabel_changes_only_the_chosen_that_differ() -> None:
    before = document("a", "b", "c")
    edit = edits.relabel(before, [AnnotationId("a"), AnnotationId("c")], LabelId("bus"))
    after, _ = edit.apply(before)
    assert [a.label_id for a in after.annotations] == ["bus", "car", "bus"]
    assert not edits.relabel(after, [AnnotationId("a")], LabelId("bus"))


def test_an_edit_by_hand_corrects_a_proposal_and_keeps_where_it_came_from() -> None:
    auto = annotation("a", review=AnnotationReview.PENDING, run_id=RunId("r1"))
    before = replace(document(), annotations=(auto,))
    after, inverse = edits.by_user(edits.update([replace(auto, region=square(5, 5))]), before).apply(before)
    assert after.review is ImageReview.EDITED
    assert after.annotations[0].review is AnnotationReview.CORRECTED
    assert after.annotations[0].run_id == "r1"
    assert not after.annotations[0].is_untouched
    back = inverse.apply(after)[0]
    assert back == replace(before, revision=2)


def test_accepting_an_image_accepts_every_annotation_and_the_image() -> None:
    auto = annotation("a", review=AnnotationReview.PENDING, run_id=RunId("r1"))
    before = replace(document(), annotations=(auto, annotation("b")))
    after, _ = edits.accept_image(before).apply(before)
    assert after.review is ImageReview.ACCEPTED
    assert edits.by_user(edits.accept_image(before), before) == edits.accept_image(before)
    assert {a.review for a in after.annotations} == {AnnotationReview.ACCEPTED}


def test_an_accepted_image_stays_accepted_when_it_is_edited() -> None:
    accepted = replace(document("a"), review=ImageReview.ACCEPTED)
    after, inverse = edits.by_user(edits.remove([AnnotationId("a")]), accepted).apply(accepted)
    assert after.review is ImageReview.ACCEPTED
    assert inverse.apply(after)[0].review is ImageReview.ACCEPTED


def test_undoing_the_acceptance_of_an_image_leaves_it_edited() -> None:
    edited = replace(document("a"), review=ImageReview.EDITED)
    after, inverse = edits.accept_image(edited).apply(edited)
    assert inverse.apply(after)[0].review is ImageReview.EDITED


def test_diff_names_what_changed() -> None:
    before = document("a", "b", "c")
    edit = Edit(
        drop=(AnnotationId("a"),),
        put=(Placed(annotation("b", label="bus")), Placed(annotation("d"))),
        review=ReviewChange.SET_ACCEPTED,
    )
    changes = diff(before, edit.apply(before)[0])
    assert (changes.added, changes.removed, changes.modified) == ({"d"}, {"a"}, {"b"})
    assert changes.review


def test_an_equal_annotation_read_again_has_not_changed() -> None:
    before = document("a", "b", "c")
    again = replace(
        before,
        annotations=(annotation("a"), annotation("b", region=square(1, 1)), annotation("c", label="bus")),
    )
    assert again.annotations[0] is not before.annotations[0]
    assert diff(before, again).geometry == {"b", "c"}


placed = st.builds(
    lambda name, x, index: Placed(annotation(name, region=square(x, x)), index),
    st.sampled_from(NAMES),
    st.integers(0, 40),
    st.none() | st.integers(0, 8),
)
random_edit = st.builds(
    Edit,
    drop=st.lists(st.sampled_from(NAMES), unique=True, max_size=4).map(tuple),
    put=st.lists(placed, max_size=4, unique_by=lambda p: p.annotation.id).map(tuple),
    review=st.none() | st.sampled_from(ReviewChange),
)


@given(st.lists(st.sampled_from(NAMES), unique=True), st.lists(random_edit, max_size=5))
def test_inverses_restore_any_edits_exactly(names: list[str], steps: list[Edit]) -> None:
    start = document(*names)
    doc, history = start, []
    for step in steps:
        states = doc
        doc, inverse = step.apply(doc)
        history.append((states, inverse, doc))
    for before, inverse, after in reversed(history):
        back, forward = inverse.apply(after)
        assert replace(back, revision=0) == replace(before, revision=0)
        assert replace(forward.apply(back)[0], revision=0) == replace(after, revision=0)


def test_deleting_thousands_takes_no_time_in_proportion_to_their_square() -> None:
    many = tuple(annotation(f"{n}") for n in range(20_000))
    after, back = edits.remove([a.id for a in many]).apply(
        replace(document(), annotations=many)
    )  # 16 s with a set made for each
    assert after.annotations == ()
    assert back.apply(after)[0].annotations == many


def proposal(name: str, **changes: Any) -> Annotation:
    return annotation(name, review=AnnotationReview.PENDING, run_id=RunId("r1"), **changes)


def decided(before: ImageDocument, edit: edits.Edit) -> ImageDocument:
    """The document after an edit by the user; undoing it restores all but the revision."""
    after, inverse = edits.by_user(edit, before).apply(before)
    assert replace(inverse.apply(after)[0], revision=before.revision) == before
    return after


def test_a_rejected_annotation_leaves_the_picture_and_comes_back_on_top() -> None:
    before = replace(document(), annotations=(proposal("a"), proposal("b"), proposal("c")))
    after = decided(before, edits.reject(before, [AnnotationId("b")]))
    assert [a.id for a in after.annotations] == ["a", "c"]
    assert [(a.id, a.review) for a in after.rejected] == [("b", AnnotationReview.REJECTED)]
    back = decided(after, edits.accept(after, [AnnotationId("b")]))
    assert [a.id for a in back.annotations] == ["a", "c", "b"]
    assert not back.rejected


def test_accepting_relabelling_and_reshaping_a_proposal_differ() -> None:
    before = replace(document(), annotations=(proposal("a"), proposal("b"), annotation("mine")))
    accepted = decided(before, edits.accept(before, [AnnotationId("a")]))
    assert accepted.annotations[0].review is AnnotationReview.ACCEPTED
    ids = [AnnotationId("a"), AnnotationId("mine")]
    relabelled = decided(before, edits.relabel(before, ids, LabelId("bus")))
    assert [a.review.value for a in relabelled.annotations] == ["corrected", "pending", "accepted"]
    again = decided(relabelled, edits.accept(relabelled, [AnnotationId("a")]))
    assert again.annotations[0].review is AnnotationReview.CORRECTED


def state(document: ImageDocument) -> tuple[AnnotationReview, str]:
    return document.annotations[0].review, document.annotations[0].note


def test_a_flag_has_a_note_until_the_user_decides() -> None:
    before = replace(document(), annotations=(proposal("a"),))
    flagged = decided(before, edits.flag(before, [AnnotationId("a")], "a dog?"))
    assert state(flagged) == (AnnotationReview.FLAGGED, "a dog?")
    assert not edits.flag(flagged, [AnnotationId("a")], "a dog?")
    noted = decided(flagged, edits.flag(flagged, [AnnotationId("a")], "a cat?"))
    assert state(noted) == (AnnotationReview.FLAGGED, "a cat?")
    pending = decided(flagged, edits.unflag(flagged, [AnnotationId("a")]))
    assert state(pending) == (AnnotationReview.PENDING, "")
    accepted = decided(flagged, edits.accept(flagged, [AnnotationId("a")]))
    assert state(accepted) == (AnnotationReview.ACCEPTED, "")


def test_accepting_an_image_leaves_what_is_flagged_or_rejected() -> None:
    before = replace(document(), annotations=(proposal("a"), proposal("b"), proposal("c")))
    before = decided(before, edits.flag(before, [AnnotationId("a")]))
    before = decided(before, edits.reject(before, [AnnotationId("b")]))
    after = decided(before, edits.accept_image(before))
    assert [a.review.value for a in after.all_annotations] == ["flagged", "accepted", "rejected"]
    assert after.review is ImageReview.ACCEPTED
