"""Moments of a video as text: "1:05", "0:07.5", "1:02:03"."""

from __future__ import annotations

import re

_MOMENT = re.compile(r"(?:(?:(\d{1,4}):)?(\d{1,4}):)?(\d{1,7}(?:[.,]\d{1,6})?)\s*s?")


def clock(seconds: float) -> str:
    """A moment as text, to a hundredth of a second: "0:07.5", "1:02:03"."""
    hundredths = round(max(seconds, 0.0) * 100)
    minutes, rest = divmod(hundredths, 6000)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 100:02d}" + (f".{rest % 100:02d}".rstrip("0") if rest % 100 else "")
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"


def moment(text: str) -> float:
    """The seconds that a text means: "65", "65 s", "1:05", "1:05.5", "1:02:03".

    Raises:
        ValueError: It is none, in words for the user.
    """
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"A moment is written like 75, 1:15 or 1:02:15.5, not {text!r}.")
    hours, minutes, seconds = found.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds.replace(",", "."))
