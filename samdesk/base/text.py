"""Texts of the window and the command line: counts, sizes, durations, rates, and names made printable."""

from __future__ import annotations

import re


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: "1 image", "1,024 images", "2 boxes".

    Args:
        number: How many.
        noun: Singular.
        plural: If it is not the singular with an "s".
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def size(count: int, unit: int = 1000) -> str:
    """A size in bytes: "120 kB", "8.1 MB", "375 MB", "1.2 GB".

    Args:
        count: Bytes.
        unit: Bytes in a kB: 1000, as for downloads, or 1024, as for memory and the cache.
    """
    if count < unit**2:
        return f"{count / unit:,.0f} kB"
    value, name = (count / unit**3, "GB") if count >= unit**3 else (count / unit**2, "MB")
    return f"{value:.0f} {name}" if value >= 10 else f"{value:.1f} {name}"


def duration(seconds: float, *, exact: bool = False) -> str:
    """A duration: "45 s", "3 min", "2 h 05 min".

    Args:
        seconds: Its length.
        exact: For a measured time: "3.2 s", "3 min 20 s". Otherwise it is an estimate, rounded so that it
            does not change every second.
    """
    if exact and seconds < 10:
        return f"{seconds:.1f} s"
    if round(seconds) < (100 if exact else 60):
        return f"{max(round(seconds), 1)} s"
    if exact and seconds < 3600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def rate(per_second: float, noun: str) -> str:
    """A rate: "6.2 images/s", or "5.0 s/image" below one per second; "" for 0.

    Args:
        per_second: Items per second.
        noun: What an item is, singular.
    """
    if per_second <= 0:
        return ""
    return f"{per_second:.1f} {noun}s/s" if per_second >= 1 else f"{1 / per_second:.1f} s/{noun}"


def share(value: float | None, digits: int = 2) -> str:
    """A value in 0..1 with ``digits`` decimals; a dash for None."""
    return "–" if value is None else f"{value:.{digits}f}"


_HIDDEN = re.compile(
    "[\0-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
)
"""Controls (of a terminal, too), line separators, what changes the order of writing or is invisible, and
halves of surrogate pairs; not the joiners of emoji and of Indic and Arabic scripts (U+200C and U+200D)."""
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: str, *, lines: bool = False, limit: int = 0) -> str:
    r"""Returns a text as it may be shown or printed: names from files may hold anything.

    What would act on a terminal or a widget, or would not be seen, is written as an escape: ``\x1b``,
    ``\u202e``. All text that reaches a window, terminal or log goes through here at that edge. The result is
    for the eye only and identifies nothing.

    Args:
        text: A name, or a text with names in it.
        lines: Keep line breaks and tabs: the text has several lines of its own.
        limit: The most characters, the middle left out; 0: all.
    """
    if not text.isprintable():
        text = _HIDDEN.sub(_kept_lines if lines else _escape, text)
    if limit and len(text) > limit:
        end = limit // 3
        return f"{text[: limit - end - 1]}…{text[-end:]}"
    return text


def _kept_lines(found: re.Match[str]) -> str:
    return found[0] if found[0] in "\n\t" else _escape(found)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is not UTF-8
        code -= 0xDC00
    if code < 0x100:
        return _SHORT.get(character, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
