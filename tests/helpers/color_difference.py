"""Colour differences as published, independent of the program's own: CIEDE2000 and Viénot's dichromats."""

from __future__ import annotations

from math import atan2, cos, degrees, exp, hypot, radians, sin, sqrt

import numpy as np
from numpy.typing import NDArray

Triple = tuple[float, float, float]
Floats = NDArray[np.float64]

_TO_LMS = np.array([[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]])
_DICHROMAT = {
    "protanopia": np.array([[0, 2.02344, -2.52581], [0, 1, 0], [0, 0, 1]]),
    "deuteranopia": np.array([[1, 0, 0], [0.494207, 0, 1.24827], [0, 0, 1]]),
}


def linear(color: str) -> Floats:
    """The linear light of a colour ``#rrggbb``, three of 0..1."""
    srgb = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def luminance(color: str) -> float:
    """Relative luminance (WCAG), 0..1."""
    return float(linear(color) @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    """Contrast ratio (WCAG), 1..21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def seen_by(light: Floats, vision: str) -> Floats:
    """Linear light as a dichromat sees it (Viénot, Brettel and Mollon 1999); "normal" changes nothing."""
    if vision == "normal":
        return light
    matrix = np.linalg.inv(_TO_LMS) @ _DICHROMAT[vision] @ _TO_LMS
    return np.clip(matrix @ light, 0, 1)


def cielab(light: Floats) -> Triple:
    """CIE L*a*b* (D65) of linear sRGB light."""
    xyz = (
        np.array(
            [
                [0.4124564, 0.3575761, 0.1804375],
                [0.2126729, 0.7151522, 0.0721750],
                [0.0193339, 0.1191920, 0.9503041],
            ]
        )
        @ light
        / [0.95047, 1.0, 1.08883]
    )
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116).tolist()
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def ciede2000(one: Triple, other: Triple) -> float:
    """The CIEDE2000 difference of two L*a*b* colours (Sharma, Wu and Dalal 2005)."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    c_mean = (hypot(a1, b1) + hypot(a2, b2)) / 2
    g = 0.5 * (1 - sqrt(c_mean**7 / (c_mean**7 + 25**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = hypot(a1, b1), hypot(a2, b2)
    h1, h2 = degrees(atan2(b1, a1)) % 360, degrees(atan2(b2, a2)) % 360
    dh, h_mean = h2 - h1, (h1 + h2) / 2
    if c1 * c2 == 0:
        dh, h_mean = 0.0, h1 + h2
    elif abs(dh) > 180:
        dh += 360 if dh < 0 else -360
        h_mean += 180 if h_mean < 180 else -180
    dl, dc = l2 - l1, c2 - c1
    d_hue = 2 * sqrt(c1 * c2) * sin(radians(dh) / 2)
    l_mean, c_mean = (l1 + l2) / 2, (c1 + c2) / 2
    t = (
        1
        - 0.17 * cos(radians(h_mean - 30))
        + 0.24 * cos(radians(2 * h_mean))
        + 0.32 * cos(radians(3 * h_mean + 6))
        - 0.20 * cos(radians(4 * h_mean - 63))
    )
    s_l = 1 + 0.015 * (l_mean - 50) ** 2 / sqrt(20 + (l_mean - 50) ** 2)
    s_c, s_h = 1 + 0.045 * c_mean, 1 + 0.015 * c_mean * t
    turn = radians(60 * exp(-(((h_mean - 275) / 25) ** 2)))
    r_t = -2 * sqrt(c_mean**7 / (c_mean**7 + 25**7)) * sin(turn)
    return sqrt((dl / s_l) ** 2 + (dc / s_c) ** 2 + (d_hue / s_h) ** 2 + r_t * (dc / s_c) * (d_hue / s_h))
