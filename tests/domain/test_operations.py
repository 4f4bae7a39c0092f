"""Operations on chosen annotations: what they change, what they keep, and why they refuse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from samdesk.domain import operations
from samdesk.domain.annotation import Annotation, AnnotationId, RunId, Source
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import by_user
from samdesk.domain.geometry import boolean, morphology, regions
from samdesk.domain.geometry.types import Region
from samdesk.domain.labels import LabelId
from samdesk.domain.operations import OperationError, OperationResult
from samdesk.domain.review import AnnotationReview

W, H = 64, 48


def annotation(name: str, region: Region, label: str = "cat") -> Annotation:
    return Annotation(
        AnnotationId(name), LabelId(label), region, Source.SAM, AnnotationReview.PENDING, 0.8, 0.9,
        run_id=RunId("r"), stability=0.95,
    )  # fmt: skip


def box(x0: float, y0: float, x1: float, y1: float) -> Region:
    return regions.from_box(x0, y0, x1, y1)


def document(*annotations: Annotation) -> ImageDocument:
    return ImageDocument(ImageKey("a.png"), W, H, annotations)


def after(before: ImageDocument, operation: OperationResult) -> dict[str, Annotation]:
    edited, inverse = by_user(operation.edit, before).apply(before)
    assert replace(inverse.apply(edited)[0], revision=0) == before
    return {a.id: a for a in edited.annotations}


LARGE = annotation("large", box(10, 10, 30, 30))
SMALL = annotation("small", box(25, 10, 40, 20), "dog")
INSIDE = annotation("inside", box(12, 12, 14, 14), "dog")
FAR = annotation("far", box(50, 30, 60, 40))


def test_merging_keeps_label_scores_and_place_of_the_largest() -> None:
    before = document(FAR, LARGE, SMALL)
    operation = operations.merge(before, [SMALL, LARGE])
    now = after(before, operation)
    assert list(now) == ["far", "large"]
    assert now["large"].region.equals(shapely.union(LARGE.region, SMALL.region))
    assert (now["large"].label_id, now["large"].detector_score, now["large"].mask_score) == ("cat", 0.8, 0.9)
    assert now["large"].review is AnnotationReview.CORRECTED
    assert operation.text == "Merge 2 annotations"


def test_merging_closes_the_hairline_between_two_halves_but_no_real_gap() -> None:
    right = annotation("right", box(31.5, 10, 45, 30))
    now = after(document(LARGE, right), operations.merge(document(LARGE, right), [LARGE, right]))
    assert len(now["large"].region.geoms) == 1
    apart = operations.merge(document(LARGE, FAR), [LARGE, FAR])
    assert len(after(document(LARGE, FAR), apart)["large"].region.geoms) == 2


def test_a_merge_or_intersection_of_one_says_what_it_needs() -> None:
    for operate in (
        lambda: operations.merge(document(LARGE), [LARGE]),
        lambda: operations.intersect([LARGE]),
    ):
        with pytest.raises(OperationError, match=r"Select two or more; Shift\+click adds"):
            operate()


def test_intersecting_keeps_what_is_common() -> None:
    before = document(LARGE, SMALL)
    now = after(before, operations.intersect([LARGE, SMALL]))
    assert list(now) == ["large"]
    assert now["large"].region.equals(box(25, 10, 30, 20))
    assert now["large"].mask_score is None  # it was about another outline
    with pytest.raises(OperationError, match="no area in common"):
        operations.intersect([LARGE, FAR])


def test_the_selection_gives_way_to_its_neighbours_or_they_to_it() -> None:
    before = document(LARGE, SMALL, FAR)
    gives_way = after(before, operations.subtract_neighbours([LARGE], [SMALL, FAR]))
    assert gives_way["large"].region.equals(shapely.difference(LARGE.region, SMALL.region))
    assert gives_way["small"] is SMALL
    operation = operations.let_neighbours_yield([LARGE], [SMALL, FAR])
    yielded = after(before, operation)
    assert yielded["small"].region.equals(box(30, 10, 40, 20))
    assert yielded["large"] is LARGE
    assert yielded["far"] is FAR
    assert operation.text == "Let 1 neighbour yield"


def test_what_would_have_no_area_left_stays_as_it_is() -> None:
    operation = operations.let_neighbours_yield([LARGE], [SMALL, INSIDE])
    assert after(document(LARGE, SMALL, INSIDE), operation)["inside"] is INSIDE
    assert (
        operation.notice == "1 annotation inside the selected annotation left as is: nothing would be left."
    )
    with pytest.raises(OperationError, match="nothing left of 1 annotation inside"):
        operations.let_neighbours_yield([LARGE], [INSIDE])
    with pytest.raises(OperationError, match=r"cover all of the selected annotation\. Delete it"):
        operations.subtract_neighbours([INSIDE], [LARGE])
    for operate in (operations.let_neighbours_yield, operations.subtract_neighbours):
        with pytest.raises(OperationError, match="no other annotation overlaps the selected annotation"):
            operate([LARGE], [FAR])
        with pytest.raises(OperationError, match="no other annotation overlaps the selected annotation"):
            operate([LARGE], [])


def test_subtracting_leaves_no_new_specks() -> None:
    cover = boolean.subtract(box(5, 5, 35, 25), box(29, 10, 30, 10.5))
    rest = after(document(LARGE), operations.subtract_neighbours([LARGE], [annotation("x", cover)]))
    assert [round(part.area, 3) for part in rest["large"].region.geoms] == [100.0]


def test_holes_and_specks_up_to_the_threshold() -> None:
    region = boolean.union(boolean.subtract(box(0, 0, 30, 30), box(5, 5, 7, 7)), box(40, 5, 42, 7))
    holed = annotation("holed", region)
    operation = operations.tidy([holed, LARGE], 4)
    now = after(document(holed, LARGE), operation)
    assert now["holed"].region.equals(box(0, 0, 30, 30))
    assert now["large"] is LARGE
    assert operation.notice == "1 hole filled, 1 speck dropped."
    with pytest.raises(OperationError, match="no holes or specks of up to 3 square pixels"):
        operations.tidy([holed, LARGE], 3)


def test_growing_and_shrinking() -> None:
    before = document(LARGE, INSIDE)
    grown = after(before, operations.grow(before, [LARGE], 3))["large"].region
    assert grown.bounds == pytest.approx((7, 7, 33, 33))
    operation = operations.grow(before, [LARGE, INSIDE], -2)
    shrunk = after(before, operation)
    assert shrunk["large"].region.bounds == pytest.approx((12, 12, 28, 28))
    assert shrunk["inside"] is INSIDE
    assert operation.notice == "1 annotation left as is: too small to shrink any more."
    assert operation.text == "Shrink by 2 px"
    with pytest.raises(OperationError, match="would vanish"):
        operations.grow(before, [INSIDE], -2)


@pytest.mark.parametrize("kind", ["smooth", "simplify", "tidy"])
def test_an_adjustment_tells_vertices_and_the_lowest_iou(kind: str) -> None:
    disc = annotation("disc", regions.clean(shapely.buffer(shapely.points(30, 24), 15)))
    holed = annotation("holed", boolean.subtract(disc.region, box(28, 22, 32, 26)))
    adjusted = operations.adjust(document(disc, holed), [disc, holed], kind, 16)
    ious = [regions.iou(a.region, b.region) for a, b in zip(adjusted.annotations, (disc, holed), strict=True)]
    assert adjusted.iou == pytest.approx(min(ious))
    assert adjusted.vertices == sum(morphology.vertex_count(a.region) for a in adjusted.annotations)
    assert adjusted.vertices_before == sum(morphology.vertex_count(a.region) for a in (disc, holed))
    nothing = operations.adjust(document(disc), [disc], kind, 0)
    assert nothing.annotations == (disc,)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_every_operation_keeps_regions_valid_and_inverts_exactly(seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = []
    for number in range(5):
        blob = shapely.buffer(shapely.points(rng.uniform([0, 0], [W, H])), rng.uniform(3, 14))
        region = boolean.subtract(
            regions.clip(regions.clean(blob), W, H),
            regions.from_box(*rng.uniform(0, 40, 2), *rng.uniform(0, 40, 2)),
        )
        if regions.is_drawable(region):
            found.append(annotation(str(number), region))
    before, chosen, others = document(*found), found[:2], found[2:]
    for operate in (
        lambda: operations.merge(before, chosen),
        lambda: operations.intersect(chosen),
        lambda: operations.subtract_neighbours(chosen, others),
        lambda: operations.let_neighbours_yield(chosen, others),
        lambda: operations.tidy(chosen, 20.0),
        lambda: operations.grow(before, chosen, int(rng.integers(-4, 5)) or 1),
    ):
        try:
            operation = operate()
        except OperationError:
            continue
        for now in after(before, operation).values():
            assert now.region.is_valid
            assert regions.is_drawable(now.region)
            assert regions.clip(now.region, W, H) is now.region
