"""What the bar says of what was carried."""

from __future__ import annotations

from collections.abc import Iterable

from samdesk.base.text import counted
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.ui.carry.carried import CarriedImage

_MOST_NAMED = 4
"""Labels named for one reason."""


def heading(image: CarriedImage, document: ImageDocument) -> str:
    """What was carried: "3 objects carried from a.jpg"."""
    present = image.present(document)
    if not present:
        return f"Nothing was carried from {image.source}"
    what = f"{counted(len(present), 'object')} carried from {image.source}"
    if image.pending(document):
        return what
    rejected = {a.id for a in document.rejected}
    gone = sum(c.id in rejected for c in present)
    parts = [
        f"{len(present) - gone} accepted" if gone < len(present) else "",
        f"{gone} rejected" if gone else "",
    ]
    return f"{what}: {', '.join(part for part in parts if part)}"


def details(image: CarriedImage, document: ImageDocument) -> str:
    """What is doubtful, what was left behind and why, as sentences."""
    doubtful = [(c.label, c.doubt) for c in image.pending(document) if c.doubt]
    parts = [
        image.note,
        image.failed,
        _because(doubtful, "doubtful"),
        _because(image.left, "left behind"),
        f"{len(image.same)} {_is(len(image.same))} here already" if image.same else "",
        f"{image.rejected} {'was' if image.rejected == 1 else 'were'} rejected here before"
        if image.rejected
        else "",
        f"{counted(image.hidden, 'hidden object')} not carried" if image.hidden else "",
    ]
    return sentences(*parts)


def sentences(*parts: str) -> str:
    """Joins parts that are sentences without their full stops; "" is none."""
    return ". ".join(f"{part[:1].upper()}{part[1:]}" for part in parts if part)


def carried_text(count: int, source: ImageKey) -> str:
    """The text of the step that adds carried annotations."""
    return f"Carry {counted(count, 'object')} from {source}"


def accepted_text(count: int) -> str:
    """The text of the step that accepts carried annotations."""
    return "Accept carried annotation" if count == 1 else f"Accept {count:,} carried annotations"


def rejected_text(count: int) -> str:
    """The text of the step that rejects them."""
    return "Reject carried annotation" if count == 1 else f"Reject {count:,} carried annotations"


def _because(objects: Iterable[tuple[str, str]], what: str) -> str:
    """How many objects are something, and why: "2 doubtful: cup, dog (they ...)"."""
    reasons: dict[str, list[str]] = {}
    for label, reason in objects:
        reasons.setdefault(reason, []).append(label)
    count = sum(len(labels) for labels in reasons.values())
    if not count:
        return ""
    why = "; ".join(f"{_names(labels)}{_small(reason)}" for reason, labels in reasons.items())
    return f"{count:,} {what}: {why}"


def _names(labels: list[str]) -> str:
    named = list(dict.fromkeys(label for label in labels if label))
    if not named or len(named) > _MOST_NAMED:
        return ""
    return f"{', '.join(named)} – "


def _small(text: str) -> str:
    return text[:1].lower() + text[1:].rstrip(".")


def _is(count: int) -> str:
    return "is" if count == 1 else "are"
