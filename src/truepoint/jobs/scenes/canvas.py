"""A canvas that also remembers which part of which subject is on top at every pixel."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFilter, ImageOps

Point = tuple[float, float]
Color = str

OVERSAMPLING = 3
"""Pictures are drawn this many times larger and then made smaller, which smooths their edges."""


def mix(first: Color, second: Color, share: float) -> Color:
    """The colour (#rrggbb) `share` of the way from `first` to `second`."""
    a, b = (bytes.fromhex(color.removeprefix("#")) for color in (first, second))
    return "#" + bytes(round(x + (y - x) * share) for x, y in zip(a, b, strict=True)).hex()


def disc(center: Point, rx: float, ry: float | None = None, turn: float = 0.0, corners: int = 40) -> list[Point]:
    """An ellipse as a polygon, turned by `turn` degrees."""
    ry = rx if ry is None else ry
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    ring = [(rx * math.cos(t), ry * math.sin(t)) for t in (math.tau * i / corners for i in range(corners))]
    return [(center[0] + x * c - y * s, center[1] + x * s + y * c) for x, y in ring]


class Canvas:
    """Draws in image pixels. Every shape belongs to a part: (subject number, part name), or None for scenery."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._image = Image.new("RGB", (width * OVERSAMPLING, height * OVERSAMPLING))
        self._draw = ImageDraw.Draw(self._image)
        self._owners = Image.new("I", (width, height))
        self._owner_draw = ImageDraw.Draw(self._owners)
        self._parts: dict[tuple[int, str] | None, int] = {None: 0}

    def polygon(self, points: Iterable[Point], color: Color, part: tuple[int, str] | None = None) -> None:
        """A filled polygon."""
        corners = list(points)
        self._draw.polygon([(x * OVERSAMPLING, y * OVERSAMPLING) for x, y in corners], fill=color)
        # Pixel (0, 0) covers 0..1: its centre is at 0.5.
        self._owner_draw.polygon([(x - 0.5, y - 0.5) for x, y in corners], fill=self._number(part))

    def limb(
        self, points: Sequence[Point], radii: Sequence[float], color: Color, part: tuple[int, str] | None = None
    ) -> None:
        """A chain of rounded, tapering pieces through `points`."""
        for point, radius in zip(points, radii, strict=True):
            self.polygon(disc(point, radius), color, part)
        for (a, ra), (b, rb) in pairwise(zip(points, radii, strict=True)):
            length = math.dist(a, b) or 1.0
            nx, ny = (a[1] - b[1]) / length, (b[0] - a[0]) / length
            quad = [(a[0] + nx * ra, a[1] + ny * ra), (b[0] + nx * rb, b[1] + ny * rb)]
            quad += [(b[0] - nx * rb, b[1] - ny * rb), (a[0] - nx * ra, a[1] - ny * ra)]
            self.polygon(quad, color, part)

    def line(self, points: Sequence[Point], width: float, color: Color, part: tuple[int, str] | None = None) -> None:
        """A line with round ends and corners."""
        self.limb(points, [width / 2] * len(points), color, part)

    def gradient(self, box: tuple[float, float, float, float], top: Color, bottom: Color) -> None:
        """A rectangle (left, top, right, bottom) whose colour changes from top to bottom; scenery."""
        left, upper, right, lower = (round(v * OVERSAMPLING) for v in box)
        if right > left and lower > upper:
            ramp = Image.linear_gradient("L").resize((right - left, lower - upper))
            self._image.paste(ImageOps.colorize(ramp, top, bottom), (left, upper))

    def shadow(self, center: Point, rx: float, ry: float, strength: float = 0.35) -> None:
        """A soft dark spot on the ground."""
        pad = max(2, round(ry * 2 * OVERSAMPLING))
        width, height = round(2 * rx * OVERSAMPLING) + 2 * pad, round(2 * ry * OVERSAMPLING) + 2 * pad
        mask = Image.new("L", (width, height))
        ImageDraw.Draw(mask).ellipse((pad, pad, width - pad, height - pad), fill=round(255 * strength))
        mask = mask.filter(ImageFilter.GaussianBlur(pad / 3))
        corner = (round(center[0] * OVERSAMPLING - width / 2), round(center[1] * OVERSAMPLING - height / 2))
        self._image.paste("#101820", corner, mask)

    def on_top(self, point: Point) -> tuple[int, str] | None:
        """The part seen at a point of the image; None for scenery and for points outside."""
        x, y = math.floor(point[0]), math.floor(point[1])
        if not self.contains(point):
            return None
        number = self._owners.getpixel((x, y))
        return next(part for part, known in self._parts.items() if known == number)

    def contains(self, point: Point) -> bool:
        """Whether the point lies in the image."""
        return 0 <= point[0] < self.width and 0 <= point[1] < self.height

    def finished(self) -> Image.Image:
        """The picture in its own size."""
        return self._image.reduce(OVERSAMPLING)

    def _number(self, part: tuple[int, str] | None) -> int:
        return self._parts.setdefault(part, len(self._parts))
