"""Viewport: scale and position of the image on the canvas, in device pixels. No Qt."""

from __future__ import annotations

from dataclasses import dataclass, replace

MAX_SCALE = 64.0
"""Maximum zoom, device pixels per image pixel."""
_SHRINK = 0.25
"""Minimum zoom, as a share of the zoom at which the image fits."""
_ZOOM_SHARE = 0.6
"""Share of the canvas that a rectangle takes after zooming to it."""


@dataclass(frozen=True)
class Viewport:
    """A scale and an offset: ``device = image * scale + (x, y)``.

    Attributes:
        scale: Device pixels per image pixel; 1 is "actual size" on any screen.
        x: Device pixels from the canvas's left edge to the image's.
        y: Device pixels from the canvas's top edge to the image's.
    """

    scale: float = 1.0
    x: float = 0.0
    y: float = 0.0

    def to_device(self, x: float, y: float) -> tuple[float, float]:
        """Maps image pixels to device pixels."""
        return x * self.scale + self.x, y * self.scale + self.y

    def to_image(self, u: float, v: float) -> tuple[float, float]:
        """Maps device pixels to image pixels."""
        return (u - self.x) / self.scale, (v - self.y) / self.scale

    def zoomed(self, scale: float, u: float, v: float) -> Viewport:
        """The viewport at another scale, with device pixel (u, v) as the fixed point."""
        x, y = self.to_image(u, v)
        return Viewport(scale, u - x * scale, v - y * scale)

    def panned(self, du: float, dv: float) -> Viewport:
        """The viewport moved by whole device pixels, so that cached layers can be moved exactly."""
        return replace(self, x=self.x + round(du), y=self.y + round(dv))

    def pixel_aligned(self) -> Viewport:
        """The viewport with a whole-pixel offset, so that image and device pixels coincide at scale 1."""
        return replace(self, x=float(round(self.x)), y=float(round(self.y)))


def fit(image: tuple[int, int], canvas: tuple[int, int], margin: float = 0.0) -> Viewport:
    """The viewport that fits the whole image, centred on the canvas.

    Args:
        image: Width and height, image pixels.
        canvas: Width and height, device pixels.
        margin: Margin on every side, device pixels.
    """
    width, height = max(1, image[0]), max(1, image[1])
    free = max(1.0, canvas[0] - 2 * margin), max(1.0, canvas[1] - 2 * margin)
    scale = min(free[0] / width, free[1] / height, MAX_SCALE)
    return Viewport(scale, (canvas[0] - width * scale) / 2, (canvas[1] - height * scale) / 2)


def limited_scale(scale: float, image: tuple[int, int], canvas: tuple[int, int]) -> float:
    """Limits a scale to between a quarter of the fitting one and 64 device pixels per image pixel."""
    return min(MAX_SCALE, max(scale, min(1.0, fit(image, canvas).scale) * _SHRINK))


def kept_visible(view: Viewport, image: tuple[int, int], canvas: tuple[int, int]) -> Viewport:
    """Moves the viewport back, by whole pixels, if the image would leave the centre of the canvas."""
    du = _pull(view.x, image[0] * view.scale, canvas[0])
    dv = _pull(view.y, image[1] * view.scale, canvas[1])
    return view.panned(du, dv) if du or dv else view


def showing(view: Viewport, rect: tuple[float, float, float, float], canvas: tuple[int, int]) -> Viewport:
    """The viewport moved as little as possible to show a rectangle; the same scale.

    Where the rectangle is larger than the canvas, it fills the canvas.

    Args:
        view: The viewport.
        rect: Left, top, right and bottom, image pixels.
        canvas: Width and height, device pixels.
    """
    u0, v0 = view.to_device(rect[0], rect[1])
    u1, v1 = view.to_device(rect[2], rect[3])
    du, dv = _shift(u0, u1, canvas[0]), _shift(v0, v1, canvas[1])
    return view.panned(du, dv) if du or dv else view


def _shift(start: float, end: float, room: int) -> float:
    """How far to move an interval so that it lies in 0..room, or covers it if it is longer."""
    low, high = min(0.0, room - (end - start)), max(0.0, room - (end - start))
    return min(max(start, low), high) - start


def zoomed_to(
    rect: tuple[float, float, float, float],
    image: tuple[int, int],
    canvas: tuple[int, int],
    share: float = _ZOOM_SHARE,
) -> Viewport:
    """The viewport with a rectangle of the image in the middle, and some of its surroundings.

    Args:
        rect: Left, top, right and bottom, image pixels.
        image: Width and height, image pixels.
        canvas: Width and height, device pixels.
        share: Of the canvas that the rectangle takes.
    """
    width, height = max(rect[2] - rect[0], 1.0), max(rect[3] - rect[1], 1.0)
    wanted = share * min(canvas[0] / width, canvas[1] / height)
    scale = limited_scale(wanted, image, canvas)
    middle = (rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2
    return Viewport(scale, canvas[0] / 2 - middle[0] * scale, canvas[1] / 2 - middle[1] * scale)


def _pull(start: float, length: float, room: int) -> float:
    middle = room / 2
    if start > middle:
        return middle - start
    if start + length < middle:
        return middle - (start + length)
    return 0.0
