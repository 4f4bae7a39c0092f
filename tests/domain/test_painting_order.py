"""Raising and lowering: the chosen annotations go over, or under, the next one that they overlap."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit, by_user
from samdesk.domain.geometry.regions import from_box
from samdesk.domain.labels import LabelId
from samdesk.domain.painting_order import lowered, raised, to_bottom, to_top
from samdesk.domain.review import AnnotationReview

PILE = "abc"
"""These overlap; "x" and "y" lie elsewhere, and "n" only touches the pile."""
BOXES = {
    **dict.fromkeys(PILE, (0, 0, 10, 10)),
    "x": (50, 0, 60, 10),
    "y": (70, 0, 80, 10),
    "n": (10, 0, 20, 10),
}
Reorder = Callable[[ImageDocument, list[AnnotationId]], Edit]


def document(names: str) -> ImageDocument:
    return ImageDocument(
        ImageKey("a.jpg"),
        100,
        100,
        tuple(
            Annotation(AnnotationId(n), LabelId("l"), from_box(*BOXES[n]), review=AnnotationReview.PENDING)
            for n in names
        ),
    )


def order(edit: Edit, before: ImageDocument) -> str:
    return "".join(a.id for a in edit.apply(before)[0].annotations)


@pytest.mark.parametrize(
    ("reorder", "names", "chosen", "after"),
    [
        (raised, "axbyc", "a", "xbayc"),
        (raised, "axnb", "a", "xnba"),
        (raised, "abxc", "ab", "xcab"),
        (raised, "xab", "b", "xab"),
        (raised, "xay", "a", "xay"),
        (lowered, "axbyc", "c", "axcby"),
        (lowered, "abxc", "bc", "bcax"),
        (lowered, "abx", "a", "abx"),
        (to_top, "axbyc", "ab", "xycab"),
        (to_bottom, "axbyc", "by", "byaxc"),
        (to_bottom, "abx", "ab", "abx"),
    ],
)
def test_the_order(reorder: Reorder, names: str, chosen: str, after: str) -> None:
    before = document(names)
    edit = reorder(before, [AnnotationId(n) for n in chosen])
    assert order(edit, before) == after
    assert bool(edit) == (after != names)


@given(st.permutations("abcxyn"), st.sets(st.sampled_from("abcxyn"), min_size=1))
@settings(max_examples=25)
def test_an_edit_of_the_order_inverts_and_changes_no_annotation(names: list[str], chosen: set[str]) -> None:
    before = document("".join(names))
    for reorder in (raised, lowered, to_top, to_bottom):
        edit = by_user(reorder(before, [AnnotationId(n) for n in chosen]), before)
        after, back = edit.apply(before)
        assert set(after.annotations) == set(before.annotations), "a proposal stays one"
        rest = [a.id for a in before.annotations if a.id not in chosen]
        assert [a.id for a in after.annotations if a.id not in chosen] == rest
        assert back.apply(after)[0].annotations == before.annotations
