"""The colours of labels: an unlimited sequence, even to the eye and safe for colour-blind users.

The first sixteen are fixed. The others are chosen as in Glasbey, van der Heijden, Toh and Gray, "Colour
displays for categorical images" (Color Research & Application 32(4), 2007): each is the candidate that is
farthest from all colours before it. Distances are taken in OKLab (Ottosson, "A perceptual color space for
image processing", 2020), as seen with normal vision, protanopia and deuteranopia; both are simulated with
the matrices for severity 1.0 of Machado, Oliveira and Fernandes, "A physiologically-based model for
simulation of color vision deficiency" (IEEE TVCG 15(6), 2009). Candidates are the points of an additive
recurrence in lightness, hue and chroma (Roberts, "The unreasonable effectiveness of quasirandom
sequences", 2018), so that a colour depends on its number alone, on every machine.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FIRST_COLORS: tuple[str, ...] = (
    # Okabe and Ito's colour-blind-safe set (2008), then evenly spaced hues between them.
    "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7",
    "#9ad02a", "#b07cff", "#00c2c7", "#ff6f91", "#a6761d", "#7f8cff", "#5fd38d", "#c44e52", "#b8b8b8",
)  # fmt: skip
_BLOCK = 240
"""Colours chosen from one set of candidates, and compared with those of the block before."""
_CANDIDATES = 8192
"""Candidates of a block; those that no display shows (about two thirds) are left out."""
_COMPARED = 4
"""Blocks whose colours are compared with each other, 0.2 s each; nobody tells a thousand colours apart."""
_TRIED = 24
"""Candidates for a colour of the blocks after these."""
_LIGHTNESS = 0.46, 0.82
"""OKLab lightness: visible on the lists of the dark and of the light theme."""
_CHROMA = 0.06, 0.22
_NEIGHBOUR = 0.16
"""The least OKLab distance of a colour from the one before it; a tenth of it is seen as a difference."""
_NORMAL_VISION = 0.5
"""Weight of the distance seen with normal vision, which tells twice as many colours apart."""

_TO_CONE = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_PROTANOPIA = np.array(
    [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ]
)
_DEUTERANOPIA = np.array(
    [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]
)


def label_color(number: int) -> str:
    """The colour ``#rrggbb`` of the label with this number in the sequence, from 0."""
    if number < len(FIRST_COLORS):
        return FIRST_COLORS[number]
    block, place = divmod(number - len(FIRST_COLORS), _BLOCK)
    return _block(block)[place]


def next_color(used: Collection[str]) -> str:
    """The first colour of the sequence that is not used."""
    taken = {color.lower() for color in used}
    number = 0
    while label_color(number) in taken:
        number += 1
    return label_color(number)


@cache
def _block(number: int) -> tuple[str, ...]:
    """The colours after the fixed ones, a block at a time."""
    before = _block(number - 1) if number else FIRST_COLORS
    earlier = {color for i in range(number) for color in _block(i)}.union(FIRST_COLORS)
    names = dict.fromkeys(_candidates(number * _CANDIDATES, _CANDIDATES))
    pool = [name for name in names if name not in earlier]
    if number >= _COMPARED:
        return _apart(pool, before[-1])
    seen = _seen(pool)
    known = _seen(before)
    nearest = np.full(len(pool), np.inf)
    for other in known:
        nearest = np.minimum(nearest, _distance(seen, other))
    last, chosen = known[-1], []
    for _ in range(_BLOCK):
        lacking = np.minimum(np.linalg.norm(seen - last, axis=-1).min(axis=1) - _NEIGHBOUR, 0.0)
        best = int(np.argmax(nearest + lacking))
        chosen.append(pool[best])
        last = seen[best]
        nearest = np.minimum(nearest, _distance(seen, last))  # 0 for the one just chosen
        nearest[best] = -np.inf
    return tuple(chosen)


def _apart(pool: list[str], last: str) -> tuple[str, ...]:
    """A block of the pool in its order, which is even already, each clearly unlike the one before it."""
    left, chosen = pool[: 4 * _BLOCK], []
    for _ in range(_BLOCK):
        some = _seen([last, *left[:_TRIED]])
        apart = np.linalg.norm(some[1:] - some[0], axis=-1).min(axis=1)
        last = left.pop(int(np.argmax(apart >= _NEIGHBOUR)))
        chosen.append(last)
    return tuple(chosen)


def _distance(seen: Floats, other: Floats) -> Floats:
    """The least distance of (N, 3, 3) seen colours from one (3, 3), over the kinds of vision."""
    return np.asarray((np.linalg.norm(seen - other, axis=-1) * [_NORMAL_VISION, 1.0, 1.0]).min(axis=1))


def _candidates(first: int, count: int) -> list[str]:
    """The displayable colours among ``count`` points of the recurrence."""
    root = 1.2207440846057596  # of x**4 = x + 1: the most even steps in three dimensions
    steps = root ** -np.arange(1.0, 4.0)
    u = (0.5 + np.arange(first, first + count)[:, None] * steps) % 1.0
    lightness = _LIGHTNESS[0] + (_LIGHTNESS[1] - _LIGHTNESS[0]) * u[:, 0]
    chroma = _CHROMA[0] + (_CHROMA[1] - _CHROMA[0]) * np.sqrt(u[:, 2])  # even in the area of the circle
    hue = 2 * np.pi * u[:, 1]
    lab = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=1)
    light = (lab @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_CONE).T
    shown = light[((light >= 0) & (light <= 1)).all(axis=1)]
    codes = np.round(255 * _encoded(shown)).astype(int)
    return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in codes.tolist()]


def _seen(colors: Collection[str]) -> Floats:
    """Colours in OKLab, (N, 3, 3): with normal vision, protanopia and deuteranopia."""
    codes = np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in colors])
    light = _linear(codes / 255.0)
    views = [light, *(np.clip(light @ matrix.T, 0, 1) for matrix in (_PROTANOPIA, _DEUTERANOPIA))]
    return np.stack([np.cbrt(view @ _TO_CONE.T) @ _TO_LAB.T for view in views], axis=1)


def _linear(srgb: Floats) -> Floats:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _encoded(light: Floats) -> Floats:
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
