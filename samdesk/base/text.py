"""Formats counts, sizes, durations and rates for the window and the command line."""

from __future__ import annotations


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
