"""What the statistics show, as bars: each is a search. Also the query that counts images by state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from samdesk.base.text import counted
from samdesk.domain.labels import LabelSet
from samdesk.domain.search import Search, parse
from samdesk.domain.search_words import quoted
from samdesk.ui.statistics.charts import Bar, BarPart

if TYPE_CHECKING:
    from samdesk.dataset.search import AgreementRow, Histogram

STATES = {
    "pending": "To review",
    "accepted": "Accepted",
    "corrected": "Corrected",
    "flagged": "Flagged",
    "rejected": "Rejected",
}
"""The states of annotations in the order shown."""
IMAGE_STATES = {
    "new": "New",
    "to-review": "To review",
    "edited": "Edited",
    "flagged": "Flagged",
    "done": "Done",
    "empty": "No annotations",
}
SOURCES = {
    "yolo+sam": ("auto", "Auto-annotate"),
    "sam": ("sam", "By prompts"),
    "manual": ("manual", "Drawn by hand"),
    "import": ("import", "Imported"),
}
"""Stored value of a source: its word in a search, and its title."""
PER_IMAGE = ((0, 0), (1, 1), (2, 2), (3, 4), (5, 9), (10, 19), (20, 49), (50, 99), (100, None))
"""Groups of numbers of annotations per image: the lowest and the highest; None: no end."""
GOOD = 0.9
"""From this share of proposals that were right, more labelling of the same kind hardly helps."""
DECISIONS = 50
"""Fewer decisions say nothing yet."""
_WEAKEST = 3
_FEW = 10
OUTCOMES = ("accepted", "corrected", "rejected", "missed")
LEGEND = ("accepted unchanged", "corrected", "rejected", "missed")
_COLORS = {"accepted": "#3f9e6a", "corrected": "#d59a2b", "rejected": "#c9525a", "missed": "#8d8d8d",
           "flagged": "#8d6fd6"}  # fmt: skip


def combined(base: Search, text: str) -> str:
    """The text of a search within another one."""
    return str(Search((*base.terms, *(term for term in parse(text).terms if term not in base.terms))))


def class_bars(tally: Iterable[tuple[str, int]], labels: LabelSet, base: Search) -> list[Bar]:
    """Annotations by class, the most first; classes without any come last."""
    by_id = {label.id: label for label in labels}
    counts = [(by_id[i], n) for i, n in tally if i in by_id]  # type: ignore[index]
    used = {label.id for label, _ in counts}
    counts += [(label, 0) for label in labels if label.id not in used and base.is_empty]
    return [
        Bar(label.name, (BarPart(n, label.color),), combined(base, f"class:{quoted(label.name)}"))
        for label, n in counts
    ]


def state_bars(tally: Mapping[str, int], base: Search) -> list[Bar]:
    """Annotations by state."""
    return [
        Bar(title, (BarPart(tally.get(state, 0), _COLORS.get(state, "")),), combined(base, f"state:{state}"))
        for state, title in STATES.items()
    ]


def source_bars(tally: Mapping[str, int], base: Search) -> list[Bar]:
    """Annotations by what created them."""
    return [
        Bar(title, (BarPart(tally.get(value, 0)),), combined(base, f"source:{word}"))
        for value, (word, title) in SOURCES.items()
    ]


def image_bars(counts: Mapping[str, int]) -> list[Bar]:
    """Images by state; one can be in several."""
    return [
        Bar(title, (BarPart(counts.get(state, 0)),), f"image:{state}")
        for state, title in IMAGE_STATES.items()
    ]


def per_image_bars(counts: Sequence[int]) -> list[Bar]:
    """Images by their number of annotations, for the groups of ``PER_IMAGE``."""
    bars = []
    for (low, high), count in zip(PER_IMAGE, counts, strict=True):
        name = f"{low}+" if high is None else str(low) if low == high else f"{low}–{high}"
        of = f"{name} annotations" if name != "1" else "1 annotation"
        bars.append(
            Bar(
                name,
                (BarPart(count),),
                per_image_search(low, high),
                tip=f"{counted(count, 'image')} with {of}",
            )
        )
    return bars


def per_image_search(low: int, high: int | None) -> str:
    """The search for the images with so many annotations."""
    return f"count:>={low}" if high is None else f"count:{low}" if low == high else f"count:{low}..{high}"


def histogram_bars(found: Histogram, word: str, base: Search) -> list[Bar]:
    """Annotations by a value: "score", "mask", "doubt" or "area"."""
    bars, last = [], len(found.counts) - 1
    for index, count in enumerate(found.counts):
        low, high = found.edges[index], found.edges[index + 1]
        if word == "area":
            low, high = float(round(low)), float(round(high))
        within = f"{word}:>={low:g} {word}:{'<=' if index == last else '<'}{high:g}"
        name = _short(low) if word == "area" else f"{low:.2f}".rstrip("0").rstrip(".")
        unit = " px" if word == "area" else ""
        text = f"{low:,.4g} to {high:,.4g}{unit}: {counted(count, 'annotation')}"
        bars.append(Bar(name, (BarPart(count),), combined(base, within), tip=text))
    return bars


def agreement_bars(rows: Iterable[AgreementRow], labels: LabelSet, *, by_model: bool) -> list[Bar]:
    """What became of proposals, by class or by model, as shares.

    The worst first; those with few decisions, which say little, come last.
    """
    names = {label.id: label.name for label in labels}
    groups: dict[str, Counter[str]] = {}
    for row in rows:
        name = (row.model or "unknown model") if by_model else names.get(row.label_id, "")
        if name:
            groups.setdefault(name, Counter()).update(_outcomes(row))
    bars: list[tuple[tuple[bool, float], Bar]] = []
    for name, outcome in groups.items():
        total = sum(outcome.values())
        if not total:
            continue
        share = outcome["accepted"] / total
        search = f"model:{quoted(name)}" if by_model else f"class:{quoted(name)}"
        search = "" if name == "unknown model" else f"{search} state:corrected,rejected"
        parts = tuple(BarPart(outcome[kind] / total, _COLORS[kind]) for kind in OUTCOMES)
        words = ", ".join(f"{outcome[kind]:,} {kind}" for kind in OUTCOMES)
        rank = (total < _FEW, share if total >= _FEW else -total)
        bars.append((rank, Bar(name, parts, search, f"{share:.0%}  of {total:,}", f"{name}: {words}")))
    return [bar for _, bar in sorted(bars, key=lambda pair: pair[0])]


def legend() -> list[tuple[str, str]]:
    """The names and colours of what became of proposals."""
    return [(name, _COLORS[outcome]) for name, outcome in zip(LEGEND, OUTCOMES, strict=True)]


def _outcomes(row: AgreementRow) -> dict[str, int]:
    return {
        "accepted": row.accepted,
        "corrected": row.corrected,
        "rejected": row.rejected,
        "missed": row.missed,
    }


@dataclass(frozen=True)
class Verdict:
    """What the agreement says about the model.

    Attributes:
        text: One or two sentences.
        enough: Whether there are enough decisions for it.
    """

    text: str
    enough: bool


def verdict(rows: Sequence[AgreementRow], labels: LabelSet) -> Verdict:
    """Says when to retrain and when to stop."""
    total: Counter[str] = Counter()
    by_class: dict[str, Counter[str]] = {}
    names = {label.id: label.name for label in labels}
    for row in rows:
        total.update(_outcomes(row))
        by_class.setdefault(names.get(row.label_id, ""), Counter()).update(_outcomes(row))
    decisions = total.total()
    if not decisions:
        return Verdict("Nothing of what a model proposed has been decided about yet.", enough=False)
    if decisions < DECISIONS:
        return Verdict(
            f"{counted(decisions, 'decision')} so far: {DECISIONS} say whether to retrain or to stop.",
            enough=False,
        )
    share = total["accepted"] / decisions
    weak = sorted(
        (counts["accepted"] / counts.total(), name)
        for name, counts in by_class.items()
        if name and counts.total() >= _FEW
    )
    weakest = ", ".join(f"{name} {rate:.0%}" for rate, name in weak[:_WEAKEST] if rate < GOOD)
    text = f"You took {share:.0%} of all objects as the model proposed them. "
    if share < GOOD:
        advice = (
            "Retrain: teach it from what you have accepted (Model > Teach), then run auto-annotate again."
        )
        return Verdict(f"{text}{advice}" + (f" Weakest: {weakest}." if weakest else ""), enough=True)
    advice = (
        f"Stop for the rest and look at the weakest classes only: {weakest}."
        if weakest
        else "You can stop: more images of the same kind will hardly improve the model."
    )
    return Verdict(f"{text}{advice}", enough=True)


def _short(value: float) -> str:
    """A number of pixels with little room."""
    if value < 10_000:
        return f"{value:,.0f}"
    return f"{value / 1_000:.0f}k" if value < 1_000_000 else f"{value / 1_000_000:.1f}M"
