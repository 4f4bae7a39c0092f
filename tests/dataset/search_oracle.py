"""What a search should find, from the documents of a dataset; random terms and annotations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from hypothesis import strategies as st

from samdesk.dataset.dataset import Dataset
from samdesk.domain.annotation import Annotation, Source
from samdesk.domain.document import ImageDocument
from samdesk.domain.doubt import doubt, evidence
from samdesk.domain.review import AnnotationReview, ImageReview
from samdesk.domain.search import AnyOf, Bounds, Search, Term, matcher
from samdesk.domain.split import Split

STATES = [review.value for review in AnnotationReview]
SCORES = st.none() | st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
SHARES = st.sampled_from([0.0, 0.25, 0.5, 0.75])
ANNOTATIONS = st.fixed_dictionaries(
    {
        "label": st.integers(0, 2),
        "x": st.sampled_from([0, 10, 44]),
        "review": st.sampled_from(list(AnnotationReview)),
        "source": st.sampled_from(list(Source)),
        "detector_score": SCORES,
        "mask_score": SCORES,
        "stability": SCORES,
        "model": st.sampled_from(["", "yolo11n.pt + flint", "mobile_sam.pt"]),
        "note": st.sampled_from(["", "blurred 50%", "zu ÄHNLICH"]),
        "run_id": st.sampled_from([None, "r1", "r2"]),
        "track": st.sampled_from(["", "", "t1", "a1.png0", "a1.png1", "0f" * 16]),
    }
)
VALUES = {
    "class": ["person", "TRAFFIC*", "car", "none of them"],
    "with": ["person", "car"],
    "without": ["person"],
    "state": STATES,
    "image": ["new", "to-review", "edited", "done", "flagged", "empty"],
    "is": ["flagged", "touching-border", "duplicate", "rejected", "new", "done", "pending", "empty"],
    "split": ["train", "val", "test", "none"],
    "source": ["auto", "sam", "manual", "import", "carried"],
    "run": ["any", "none", "r1", "R"],
    "model": ["none", "YOLO", "*sam"],
    "track": ["yes", "no", "a1.png0", "T1", "0F0", "a1.", "0f" * 16],
    "note": ["none", "50%", "ähnlich", "b*r"],
    "name": ["A1", "10", "ä_b", "sub/", "_"],
}
SPLIT_OF: dict[str, Split] = {"a1.png": "train", "a2.png": "train", "a10.png": "val"}
"""The splits of some images of the searched dataset."""
NUMBERS = {"score": 1, "mask": 1, "stability": 1, "doubt": 1, "area": 600, "count": 4}


@st.composite
def terms(draw: st.DrawFn) -> Term:
    field = draw(st.sampled_from([*VALUES, *NUMBERS]))
    negated = draw(st.booleans())
    if field in VALUES:
        some = st.lists(st.sampled_from(VALUES[field]), min_size=1, max_size=2, unique=True)
        return Term(field, AnyOf(tuple(draw(some))), negated)
    low, high = sorted(draw(SHARES) * NUMBERS[field] for _ in range(2))
    test = draw(
        st.sampled_from([Bounds(low, high), Bounds(low=low, above=True), Bounds(high=high, below=True)])
    )
    return Term(field, test, negated)


def in_bounds(value: float | None, test: Bounds) -> bool:
    if value is None:
        return False
    low = test.low is None or (value > test.low if test.above else value >= test.low)
    return low and (test.high is None or (value < test.high if test.below else value <= test.high))


def image_fits(document: ImageDocument, value: str) -> bool:
    pending = sum(a.review is AnnotationReview.PENDING for a in document.annotations)
    return {
        "new": document.review is ImageReview.UNREVIEWED and not pending,
        "to-review": pending > 0 and document.review is not ImageReview.ACCEPTED,
        "edited": document.review is ImageReview.EDITED,
        "flagged": document.review is ImageReview.FLAGGED,
        "done": document.review is ImageReview.ACCEPTED,
        "empty": not document.annotations,
    }.get(value, False)


def of_image(term: Term, document: ImageDocument, names: dict[str, str]) -> bool | None:
    """Whether a term fits an image by itself; None: it is about annotations only."""
    test = term.test
    if isinstance(test, Bounds):
        return in_bounds(len(document.annotations), test) if term.field == "count" else None
    if term.field in ("with", "without"):
        classes = [names[a.label_id] for a in document.annotations]
        has = any(matcher(value)(name) for value in test.values for name in classes)
        return has == (term.field == "with")
    if term.field == "split":
        return SPLIT_OF.get(document.key, "none") in test.values
    if term.field == "name":
        return any(matcher(value, anywhere=True)(document.key) for value in test.values)
    if term.field in ("image", "is"):
        known = set(VALUES["image"]).intersection(test.values)
        return any(image_fits(document, value) for value in known) if known else None
    return None


def touches(a: Annotation) -> bool:
    x0, y0, x1, y1 = a.region.bounds
    return x0 <= 1 or y0 <= 1 or x1 >= 63 or y1 >= 47


def is_duplicate(document: ImageDocument, a: Annotation) -> bool:
    group = document.annotations if a in document.annotations else document.rejected
    shares = [
        a.region.intersection(b.region).area / min(a.region.area, b.region.area)
        for b in group
        if b.id != a.id and b.label_id == a.label_id
    ]
    return bool(max(shares, default=0.0) >= 0.8)


Track = Callable[[Annotation, str], bool]


def track_test(dataset: Dataset) -> Track:
    """Whether an annotation has a value of the word ``track``."""
    every = [a for key in dataset.keys for a in dataset.load(key).all_annotations]
    shown = Counter(a.track_of for a in every if a.review is not AnnotationReview.REJECTED)
    named = {a.track for a in every}

    def fits(a: Annotation, value: str) -> bool:
        if value in ("yes", "no"):
            return (shown[a.track_of] > 1) == (value == "yes")
        begins = a.track_of.casefold().startswith(value.casefold())
        return begins and (len(a.track_of) == len(value) or a.track_of in named)

    return fits


def of_annotation(
    term: Term, document: ImageDocument, a: Annotation, doubt_of: float, names: dict[str, str], track: Track
) -> bool | None:
    """Whether a term fits an annotation; None: it is about images only."""
    test = term.test
    if term.field in ("count", "with", "without", "name", "image", "split"):
        return None
    if isinstance(test, Bounds):
        numbers = {
            "score": a.detector_score,
            "mask": a.mask_score,
            "stability": a.stability,
            "doubt": doubt_of,
            "area": a.region.area,
        }
        return in_bounds(numbers[term.field], test)
    run = a.run_id or ""

    def has(text: str, value: str) -> bool:
        return not text if value == "none" else bool(text) and matcher(value, anywhere=True)(text)

    fits: dict[str, Callable[[str], bool]] = {
        "class": lambda v: matcher(v)(names[a.label_id]),
        "state": lambda v: a.review.value == v,
        "source": lambda v: a.source.value == {"auto": "yolo+sam"}.get(v, v),
        "run": lambda v: bool(run) if v == "any" else not run if v == "none" else run.startswith(v.lower()),
        "model": lambda v: has(a.model, v),
        "note": lambda v: has(a.note, v),
        "track": lambda v: track(a, v),
        "is": lambda v: (
            a.review.value == v
            or (v == "touching-border" and touches(a))
            or (v == "duplicate" and is_duplicate(document, a))
        ),
    }
    own = [v for v in test.values if term.field != "is" or v in (*STATES, "touching-border", "duplicate")]
    if not own:
        return None
    others = [v for v in test.values if v not in own]
    return any(map(fits[term.field], own)) or any(image_fits(document, v) for v in others)


def expected(dataset: Dataset, search: Search) -> tuple[list[str], set[str]]:
    """The ids of the annotations and the images that a search should find."""
    names: dict[str, str] = {label.id: label.name for label in dataset.labels}
    asks = [
        t for t in search.terms if isinstance(t.test, AnyOf) and t.field in ("state", "is") and not t.negated
    ]
    rejected = any(isinstance(t.test, AnyOf) and "rejected" in t.test.values for t in asks)
    ids, images, track = list[str](), set[str](), track_test(dataset)
    for key in dataset.keys:
        document = dataset.load(key)
        alone = [(of_image(t, document, names), t.negated) for t in search.terms]
        if all(fits is not None and fits != negated for fits, negated in alone):
            images.add(str(key))
        doubts = doubts_of(document)
        for a in document.all_annotations if rejected else document.annotations:
            fits = [(of_annotation(t, document, a, doubts[a.id], names, track), t) for t in search.terms]
            if all((of_image(t, document, names) if f is None else f) != t.negated for f, t in fits):
                ids.append(str(a.id))
                images.add(str(key))
    return ids, images


def doubts_of(document: ImageDocument) -> dict[str, float]:
    """The doubt of each annotation; the rejected ones overlap each other only."""
    result: dict[str, float] = {}
    for group in (document.annotations, document.rejected):
        rows = evidence(replace(document, annotations=group))
        result.update((a.id, doubt(row)) for a, row in zip(group, rows, strict=True))
    return result
