"""Mutations of bytes and of text."""

from __future__ import annotations

from random import Random

_INTEGERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1)
_MOST_INSERTED = 4096
_TOKENS = (
    *("nan", "inf", "-inf", "1e309", "-1", "0", "99999999999999999999", "1e-400", "0x10", "1_0", "\u0661"),
    *("", " ", "\t", "\n", "\r", "\x00", "\x0b", "\x1b[31m", "\u2028", "\u202e", "\ufeff", "\u00e9"),
    *("<img src=x>", "\\ud800", "../../x", "/etc/passwd", "C:\\x", "9" * 5000, "null", "true", "{}", "[]"),
    *("[" * 2000, "{" * 2000, '{"a":' * 2000, "&a [*a, *a]", "!!python/object/apply:os.system [true]", '""'),
)  # fmt: skip


def mutate_bytes(data: bytes, other: bytes, rng: Random) -> bytes:
    """Returns ``data`` with one to eight changes: bits, numbers, cuts, repeats, parts of ``other``."""
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        _change_bytes(made, other, rng)
    return bytes(made)


def mutate_text(data: bytes, other: bytes, rng: Random) -> bytes:
    """Returns the text ``data`` with changed tokens and lines, and sometimes changed bytes."""
    if rng.random() < 0.2:
        return mutate_bytes(data, other, rng)
    text = data.decode("utf-8", "surrogateescape")
    for _ in range(rng.choice((1, 1, 2, 4))):
        start, end = _span(len(text), 12, rng)
        choice = rng.randrange(4)
        if choice == 0:
            text = text[:start] + rng.choice(_TOKENS) + text[end:]
        elif choice == 1:
            text = text[:start] + rng.choice(_TOKENS) + text[start:]
        elif choice == 2:
            lines = text.splitlines(keepends=True) or [""]
            lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))
            text = "".join(lines)
        else:
            text = text[:start] + text[end:]
    return text.encode("utf-8", "surrogateescape")


def _change_bytes(made: bytearray, other: bytes, rng: Random) -> None:
    start, end = _span(len(made), 64, rng)
    choice = rng.randrange(8)
    if choice == 0 and made:
        made[min(start, len(made) - 1)] ^= 1 << rng.randrange(8)
    elif choice == 1 and made:
        made[min(start, len(made) - 1)] = rng.randrange(256)
    elif choice == 2:
        width = rng.choice((1, 2, 4, 8))
        number = rng.choice(_INTEGERS) % (1 << 8 * width)
        made[start : start + width] = number.to_bytes(width, rng.choice(("little", "big")))
    elif choice == 3:
        del made[start:end]
    elif choice == 4:
        del made[start:]
    elif choice == 5:
        made[start:start] = made[start:end] * rng.randrange(1, 20)
    elif choice == 6:
        made[start:start] = rng.randbytes(rng.choice((1, 4, 64, _MOST_INSERTED)))
    else:
        begin, stop = _span(len(other), 4096, rng)
        made[start:end] = other[begin:stop]


def _span(length: int, longest: int, rng: Random) -> tuple[int, int]:
    """Returns a random part of what is ``length`` long; headers are met as often as the rest."""
    start = rng.randrange(min(length, rng.choice((64, 1024, length))) + 1) if length else 0
    return start, min(length, start + rng.randrange(1, longest + 1))
