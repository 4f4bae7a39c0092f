"""Edits and their inverses."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from samdesk.domain import edits
from samdesk.domain.annotation import AnnotationId, RunId
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


def test_an_edit_by_hand_accepts_what_it_changes_and_takes_it_from_its_run() -> None:
    auto = annotation("a", review=AnnotationReview.PENDING, run_id=RunId("r1"))
    before = replace(document(), annotations=(auto,))
    after, inverse = edits.by_user(edits.update([replace(auto, region=square(5, 5))])).apply(before)
    assert after.review is ImageReview.EDITED
    assert after.annotations[0].review is AnnotationReview.ACCEPTED
    assert after.annotations[0].run_id is None
    back = inverse.apply(after)[0]
    assert back == replace(before, revision=2)


def test_accepting_an_image_accepts_every_annotation_and_the_image() -> None:
    auto = annotation("a", review=AnnotationReview.PENDING, run_id=RunId("r1"))
    before = replace(document(), annotations=(auto, annotation("b")))
    after, _ = edits.accept_image(before).apply(before)
    assert after.review is ImageReview.ACCEPTED
    assert edits.by_user(edits.accept_image(before)) == edits.accept_image(before)
    assert {a.review for a in after.annotations} == {AnnotationReview.ACCEPTED}


def test_an_accepted_image_stays_accepted_when_it_is_edited() -> None:
    accepted = replace(document("a"), review=ImageReview.ACCEPTED)
    after, inverse = edits.by_user(edits.remove([AnnotationId("a")])).apply(accepted)
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
