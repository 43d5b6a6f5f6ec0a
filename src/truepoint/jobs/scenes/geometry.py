"""Plane geometry in image pixels, y downwards."""

from __future__ import annotations

import math

from truepoint.jobs.scenes.canvas import Point


def reach(start: Point, length: float, angle: float) -> Point:
    """The other end of a line of `length` from `start`, `angle` degrees from straight down to the right."""
    return start[0] + length * math.sin(math.radians(angle)), start[1] + length * math.cos(math.radians(angle))


def between(a: Point, b: Point, share: float) -> Point:
    """The point `share` of the way from `a` to `b`; beyond `b` for more than 1."""
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share


def widened(ends: list[Point], share: float) -> list[Point]:
    """Two points moved away from their middle, by a share of their distance from it."""
    middle = between(ends[0], ends[1], 0.5)
    return [between(middle, end, 1 + share) for end in ends]


def across(before: Point, at: Point, after: Point, half: float) -> tuple[Point, Point]:
    """A short line across a limb at one of its joints."""
    angle = math.atan2(after[1] - before[1], after[0] - before[0]) + math.pi / 2
    dx, dy = math.cos(angle) * half, math.sin(angle) * half
    return (at[0] - dx, at[1] - dy), (at[0] + dx, at[1] + dy)


def arc(start: float, end: float, steps: int = 24) -> list[float]:
    """Angles in radians from `start` to `end` degrees."""
    return [math.radians(start + (end - start) * i / steps) for i in range(steps + 1)]
