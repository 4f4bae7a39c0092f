"""Doubt: monotone in each piece of evidence; measured on documents; calibrated by the user's decisions."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samdesk.domain.annotation import Annotation, Source, new_annotation_id
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.doubt import (
    COLUMNS,
    Calibration,
    Decision,
    Evidence,
    Weights,
    auc,
    doubt,
    doubts,
    evidence,
    evidence_of,
    fit,
    log_loss,
    matrix,
    reasons,
)
from samdesk.domain.geometry.regions import from_box
from samdesk.domain.labels import LabelId
from samdesk.domain.prompts import BoxPrompt, PromptSet

share = st.floats(0.0, 1.0)
known = st.none() | share
any_evidence = st.builds(Evidence, known, known, known, known, st.booleans(), share, share, share)
RISING = {"border": True, "overlap_same": True, "overlap_other": True}
"""Evidence that raises the doubt when it rises; all other lowers it."""


@pytest.mark.parametrize("name", COLUMNS)
@given(any_evidence, share, share)
@settings(max_examples=25, deadline=None)
def test_doubt_is_monotone_in_each_piece_of_evidence(name: str, base: Evidence, a: float, b: float) -> None:
    low, high = sorted((a, b))
    values = (False, True) if name == "border" else (low, high)
    lesser, greater = (doubt(replace(base, **{name: value})) for value in values)
    assert 0.0 <= lesser <= 1.0
    assert lesser <= greater if name in RISING else lesser >= greater


def test_each_piece_of_evidence_changes_the_doubt() -> None:
    worse = dict(zip(COLUMNS, (0.1, 0.2, 0.3, 0.2, True, 0.9, 0.9, 1e-5), strict=True))
    good = Evidence(0.9, 0.95, 0.98, 0.97, False, 0.0, 0.0, 0.2)
    assert {f.name for f in fields(Evidence)} == set(worse)
    for name, value in worse.items():
        assert doubt(replace(good, **{name: value})) > doubt(good), name
    assert doubt(good) < 0.2
    assert doubt(Evidence(**worse)) > 0.9


def test_many_rows_at_once_are_the_single_ones() -> None:
    rows = [Evidence(), Evidence(0.3, 0.5, 0.9, 0.4, True, 0.3, 0.1, 0.001)]
    assert doubts(matrix(rows)).tolist() == [doubt(row) for row in rows]
    assert doubts(matrix([])).shape == (0,)


def annotation(box: tuple[float, float, float, float], label: str = "person", **rest: object) -> Annotation:
    return Annotation(new_annotation_id(), LabelId(label), from_box(*box), Source.YOLO_SAM, **rest)  # type: ignore[arg-type]


def document(*annotations: Annotation) -> ImageDocument:
    return ImageDocument(ImageKey("a.jpg"), 200, 100, annotations)


def test_evidence_of_a_document() -> None:
    prompts = PromptSet(box=BoxPrompt(10, 10, 50, 50))
    found = evidence(
        document(
            annotation((10, 10, 50, 30), detector_score=0.7, mask_score=0.9, prompts=prompts),
            annotation((20, 10, 60, 30)),  # 3/4 of the first
            annotation((40, 0, 60, 20), "dog"),  # half of it in the second, 1/4 in the first
            annotation((150, 50, 200, 100)),
        )
    )
    assert (found[0].detector_score, found[0].mask_score, found[0].box_agreement) == (0.7, 0.9, 0.5)
    assert [e.border for e in found] == [False, False, True, True]
    assert [e.overlap_same for e in found] == pytest.approx([0.75, 0.75, 0, 0])
    assert [e.overlap_other for e in found] == pytest.approx([0.25, 0.5, 0.5, 0])
    assert found[3].area_share == pytest.approx(0.125)
    assert evidence(document()) == []


@given(st.lists(st.tuples(share, share, st.sampled_from(["person", "dog"])), max_size=12))
@settings(max_examples=25, deadline=None)
def test_evidence_of_one_is_that_among_all(places: list[tuple[float, float, str]]) -> None:
    shown = document(*(annotation((150 * x, 60 * y, 150 * x + 40, 60 * y + 30), n) for x, y, n in places))
    found = evidence(shown)
    for one, its in zip(shown.annotations, found, strict=True):
        assert evidence_of(shown, one) == its


def test_reasons_are_in_words_and_the_weightiest_first() -> None:
    assert reasons(Evidence(0.9, 0.95, 0.98, 0.97, False, 0.0, 0.0, 0.2)) == ()
    found = reasons(Evidence(0.31, 0.95, 0.98, 0.97, False, 0.62, 0.0, 0.2), "person")
    assert found == ("low detector score 0.31", "overlaps 62% with another person")
    assert reasons(Evidence(overlap_same=0.85), "cup") == ("duplicate? 85% shared with another cup",)


def simulated(seed: int, count: int) -> list[Decision]:
    """Decisions of a user whose models are wrong for reasons of their own."""
    random = np.random.default_rng(seed)
    truth = np.array([-2.0, *random.exponential(2.0, len(COLUMNS)) * random.integers(0, 2, len(COLUMNS))])
    rows = [
        Evidence(*random.uniform(0.2, 1.0, 4), bool(random.integers(2)), *random.uniform(0, 0.5, 2), 0.01)
        for _ in range(count)
    ]
    terms = np.column_stack([np.ones(count), 1 - matrix(rows)[:, :4], matrix(rows)[:, 4:]])
    wrong = random.uniform(size=count) < 1 / (1 + np.exp(-terms @ truth))
    return [Decision(row, bool(w)) for row, w in zip(rows, wrong, strict=True)]


@pytest.mark.parametrize("count", [50, 200])
def test_a_calibration_is_never_worse_than_the_formula_on_its_held_out_decisions(count: int) -> None:
    fitted = 0
    for seed in range(50):
        decisions = simulated(seed, count)
        calibration = fit(decisions)
        assert calibration is not None
        held_out = decisions[3::4]
        values, wrong = matrix([d.evidence for d in held_out]), np.array([d.wrong for d in held_out])
        after, before = doubts(values, calibration), doubts(values)
        assert log_loss(after, wrong) <= log_loss(before, wrong)
        assert auc(after, wrong) >= auc(before, wrong)
        assert min(calibration.weights.terms) >= 0
        fitted += calibration.fitted
    assert fitted >= 15  # or it would hold because nothing is ever calibrated


def test_a_calibration_learns_what_the_formula_does_not_know() -> None:
    """A user who rejects whatever overlaps another label, and nothing else."""
    random = np.random.default_rng(0)
    rows = [Evidence(*random.uniform(0.3, 1, 4), overlap_other=float(random.integers(2))) for _ in range(200)]
    calibration = fit([Decision(row, row.overlap_other > 0) for row in rows])
    assert calibration is not None
    assert calibration.fitted
    assert "your 200 decisions" in calibration.text
    fresh = Evidence(0.6, 0.9, 0.9, 0.9)
    assert doubt(fresh, calibration) < 0.5 < doubt(replace(fresh, overlap_other=1.0), calibration)


def test_too_few_decisions_give_no_calibration_and_equal_ones_a_sound_one() -> None:
    assert fit(simulated(0, 49)) is None
    all_right = fit([Decision(Evidence(0.9), wrong=False)] * 60)
    assert all_right is not None
    assert np.isfinite(all_right.weights.intercept)


def test_a_calibration_survives_json() -> None:
    calibration = fit(simulated(3, 60))
    assert calibration is not None
    assert Calibration.from_json(calibration.to_json()) == calibration
    for bad in ({}, {"weights": 3}, {**calibration.to_json(), "weights": {"intercept": 0, "terms": [1]}}):
        with pytest.raises(ValueError, match="not a calibration"):
            Calibration.from_json(bad)
    negative = replace(calibration, weights=Weights(0.0, (-1.0,) * len(COLUMNS)))
    with pytest.raises(ValueError, match="not a calibration"):
        Calibration.from_json(negative.to_json())


def test_auc() -> None:
    wrong = np.array([True, True, False, False])
    assert auc(np.array([0.9, 0.8, 0.2, 0.1]), wrong) == 1.0
    assert auc(np.array([0.9, 0.5, 0.5, 0.1]), wrong) == 0.875
    assert auc(np.array([0.5, 0.5]), np.array([True, True])) == 0.5
