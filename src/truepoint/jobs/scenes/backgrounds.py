"""Places for subjects to stand in, and things to stand behind."""

from __future__ import annotations

import math
from random import Random

from truepoint.jobs.scenes.canvas import Canvas, Color, Point, disc, mix


def park(canvas: Canvas, horizon: float, rng: Random) -> None:
    """Hills, trees, a lawn with a path."""
    w, h = canvas.width, canvas.height
    _sky(canvas, horizon, "#8ec9ec", "#e9f6fb", rng)
    for color, rise, lift in (("#9cc5a1", 0.16, 0.02), ("#7fb285", 0.10, 0.0)):
        phase = rng.uniform(0, 6)
        crest = [(x, horizon - h * (lift + rise * (0.5 + 0.5 * math.sin(x / w * 5 + phase)))) for x in _steps(w)]
        canvas.polygon([(0, horizon + 2), *crest, (w, horizon + 2)], color)
    canvas.gradient((0, horizon, w, h), "#8cc06d", "#5d9948")
    for _ in range(7):
        _tree(canvas, (rng.uniform(0, w), horizon + rng.uniform(0.0, 0.05) * h), rng.uniform(0.16, 0.27) * h, rng)
    bend = rng.uniform(0.35, 0.65) * w
    far, near = 0.015 * w, 0.30 * w
    canvas.polygon(((bend - far, horizon), (bend + far, horizon), (bend + near, h), (bend - near, h)), "#d9c8a0")
    for _ in range(90):
        y = horizon + (h - horizon) * rng.random() ** 0.6
        x, blade = rng.uniform(0, w), 0.020 * (y - horizon)
        canvas.line(((x, y), (x + blade * rng.uniform(-0.5, 0.5), y - blade)), max(1.0, blade * 0.16), "#4c8540")


def street(canvas: Canvas, horizon: float, rng: Random) -> None:
    """House fronts, a pavement and a road."""
    w, h = canvas.width, canvas.height
    _sky(canvas, horizon, "#a8d3ee", "#f4efe4", rng)
    x, foot = -0.05 * w, horizon + 0.05 * h
    while x < w:
        wide, high = rng.uniform(0.12, 0.22) * w, rng.uniform(0.28, 0.46) * h
        _house(canvas, (x, foot), wide, high, rng)
        x += wide
    canvas.gradient((0, foot, w, horizon + 0.16 * h), "#c9c3b8", "#b7b0a4")
    canvas.gradient((0, horizon + 0.16 * h, w, h), "#6c7177", "#54585d")
    canvas.polygon(_band(0, w, horizon + 0.155 * h, 0.012 * h), "#e4dfd5")
    for i in range(8):
        left = (i + 0.2) * w / 7 - 0.1 * w
        canvas.polygon(_band(left, left + 0.07 * w, h - 0.12 * h, 0.012 * h), "#eef0ee")


def beach(canvas: Canvas, horizon: float, rng: Random) -> None:
    """Sea, sand and a parasol."""
    w, h = canvas.width, canvas.height
    _sky(canvas, horizon, "#6fbbe8", "#d9f1fb", rng)
    shore = horizon + 0.14 * h
    canvas.gradient((0, horizon, w, shore), "#2f86b5", "#63bcc9")
    for _ in range(26):
        x, y = rng.uniform(0, w), rng.uniform(horizon + 4, shore - 6)
        canvas.line(((x, y), (x + 0.05 * w * rng.random(), y)), 0.0025 * h, "#c5e8ee")
    canvas.gradient((0, shore, w, h), "#f0dcae", "#dfc284")
    wave = [(x, shore + 0.012 * h * math.sin(x / w * 19)) for x in _steps(w)]
    canvas.line(wave, 0.016 * h, "#ffffff")
    for _ in range(120):
        x, y = rng.uniform(0, w), rng.uniform(shore + 0.03 * h, h)
        canvas.polygon(disc((x, y), 0.003 * w, 0.0012 * w), "#cdb074")
    x, y = rng.choice((0.02, 0.98)) * w, shore + 0.07 * h
    canvas.line(((x, y), (x, y - 0.26 * h)), 0.008 * h, "#8d6e4a")
    for i in range(6):
        a, b = math.pi * (1 + i / 6), math.pi * (1 + (i + 1) / 6)
        rim = [(x + 0.13 * h * math.cos(t), y - 0.22 * h + 0.10 * h * math.sin(t)) for t in (a, (a + b) / 2, b)]
        canvas.polygon([(x, y - 0.32 * h), *rim], "#e4572e" if i % 2 else "#fff3e0")


def hall(canvas: Canvas, horizon: float, rng: Random) -> None:
    """A sports hall: wall bars, windows, a wooden floor with court lines."""
    w, h = canvas.width, canvas.height
    foot = horizon + 0.06 * h
    canvas.gradient((0, 0, w, foot), "#e9e2d4", "#d8cfbd")
    for i in range(5):
        left = (0.06 + 0.19 * i) * w
        canvas.gradient((left, 0.05 * h, left + 0.13 * w, 0.20 * h), "#bfe1f2", "#e6f5fb")
        canvas.line(((left + 0.065 * w, 0.05 * h), (left + 0.065 * w, 0.20 * h)), 0.006 * h, "#f5f1e8")
    bars = rng.choice((0.06, 0.63)) * w
    for i in range(9):
        y = 0.27 * h + i * (foot - 0.27 * h) / 9
        canvas.line(((bars, y), (bars + 0.3 * w, y)), 0.007 * h, "#c79a5b")
    for i in range(4):
        canvas.polygon(_band(bars + 0.1 * w * i, bars + 0.1 * w * i + 0.01 * w, foot, foot - 0.25 * h), "#a87b42")
    canvas.gradient((0, foot, w, h), "#d3a468", "#b98449")
    for i in range(-9, 10):
        ends = ((w / 2 + i * 0.07 * w, foot), (w / 2 + i * 0.22 * w, h))
        canvas.line(ends, 0.002 * h, "#a8763f")
    canvas.line(((0, h - 0.09 * h), (w, h - 0.09 * h)), 0.010 * h, "#f6f4ee")
    canvas.line(((0.2 * w, foot), (-0.2 * w, h)), 0.008 * h, "#3d6fb5")
    canvas.polygon(_band(0, w, foot + 0.004 * h, 0.012 * h), "#8a6a45")


def highway(canvas: Canvas, horizon: float, rng: Random) -> None:
    """A road across open land."""
    w, h = canvas.width, canvas.height
    _sky(canvas, horizon, "#86c0e6", "#f6ecd9", rng)
    ridge = [(x, horizon - h * 0.11 * abs(math.sin(x / w * 6 + 1) * math.sin(x / w * 2.3 + 2))) for x in _steps(w)]
    canvas.polygon([(0, horizon + 1), *ridge, (w, horizon + 1)], "#8fa7b8")
    canvas.gradient((0, horizon, w, h), "#cdbb7b", "#93a85c")
    for _ in range(10):
        _tree(canvas, (rng.uniform(0, w), horizon + rng.uniform(0.002, 0.02) * h), rng.uniform(0.05, 0.09) * h, rng)
    canvas.gradient((0, horizon + 0.07 * h, w, h - 0.03 * h), "#777c82", "#565a5f")
    canvas.polygon(_band(0, w, horizon + 0.085 * h, 0.006 * h), "#f2f2ee")
    canvas.polygon(_band(0, w, h - 0.05 * h, 0.012 * h), "#f2f2ee")


def depot(canvas: Canvas, horizon: float, rng: Random) -> None:
    """A warehouse with dock doors and a concrete yard."""
    w, h = canvas.width, canvas.height
    _sky(canvas, horizon, "#9fb9cc", "#e7eef2", rng)
    foot, roof = horizon + 0.07 * h, horizon - 0.36 * h
    canvas.gradient((0, roof, w, foot), "#d5d9dc", "#bcc3c9")
    canvas.polygon(_band(0, w, roof + 0.05 * h, 0.05 * h), rng.choice(("#35618e", "#8c3b3b", "#3f7d5a")))
    for i in range(round(w / (0.02 * h))):
        x = i * 0.02 * h
        canvas.line(((x, roof + 0.05 * h), (x, foot)), 0.0015 * h, "#aeb6bc")
    for i in range(4):
        left = (0.05 + 0.25 * i) * w
        canvas.polygon(_band(left - 0.008 * w, left + 0.148 * w, foot, 0.24 * h), "#39434d")
        canvas.gradient((left, foot - 0.23 * h, left + 0.14 * w, foot), "#eef1f3", "#d9dee2")
        for row in range(1, 6):
            y = foot - 0.23 * h * row / 6
            canvas.line(((left, y), (left + 0.14 * w, y)), 0.002 * h, "#a9b3bb")
    canvas.gradient((0, foot, w, h), "#b3b1aa", "#94928b")
    for i in range(-4, 6):
        canvas.line((((0.5 + 0.14 * i) * w, foot + 0.02 * h), ((0.5 + 0.32 * i) * w, h)), 0.006 * h, "#e3c53f")


def bench(canvas: Canvas, left: Point, wide: float) -> None:
    """A park bench in front of somebody; `left` is where its left leg meets the ground."""
    x, y = left
    for leg in (x + 0.08 * wide, x + 0.92 * wide):
        canvas.line(((leg, y), (leg, y - 0.40 * wide)), 0.035 * wide, "#3b3f45")
    for lift in (0.22, 0.32, 0.42):
        canvas.polygon(_band(x, x + wide, y - lift * wide, 0.075 * wide), "#9c6b3f")
        canvas.polygon(_band(x, x + wide, y - lift * wide, 0.012 * wide), "#7d5330")


def bush(canvas: Canvas, foot: Point, wide: float, rng: Random) -> None:
    """A round shrub."""
    for color, count, lift in (("#2f6b3b", 9, 0.0), ("#3f8449", 8, 0.10), ("#58a15c", 6, 0.2)):
        for i in range(count):
            x = foot[0] + wide * (0.42 - 0.3 * lift) * (2 * (i + 0.5) / count - 1)
            y = foot[1] - wide * (0.18 + lift + 0.06 * rng.random())
            canvas.polygon(disc((x, y), wide * rng.uniform(0.13, 0.17)), color)


def crates(canvas: Canvas, foot: Point, wide: float) -> None:
    """A stack of wooden crates."""
    for column, row in ((0, 0), (1, 0), (0, 1)):
        x, y = foot[0] + column * wide * 0.5, foot[1] - row * wide * 0.45
        canvas.polygon(_band(x, x + wide * 0.48, y, wide * 0.44), "#b98a52")
        for share in (0.0, 0.36, 0.40):
            canvas.polygon(_band(x, x + wide * 0.48, y - share * wide, wide * 0.04), "#8f6636")
        canvas.line(((x, y), (x + wide * 0.48, y - wide * 0.44)), wide * 0.03, "#8f6636")


def _sky(canvas: Canvas, horizon: float, top: Color, bottom: Color, rng: Random) -> None:
    w, h = canvas.width, canvas.height
    canvas.gradient((0, 0, w, horizon + 2), top, bottom)
    for _ in range(4):
        x, y, size = rng.uniform(0, w), rng.uniform(0.04, 0.5) * horizon, rng.uniform(0.03, 0.055) * h
        for dx, dy, share in ((-1.2, 0.2, 0.7), (0, 0, 1.0), (1.1, 0.15, 0.8), (2.1, 0.3, 0.5)):
            canvas.polygon(disc((x + dx * size, y + dy * size), size * share * 1.1, size * share * 0.62), "#ffffff")


def _tree(canvas: Canvas, foot: Point, high: float, rng: Random) -> None:
    x, y = foot
    canvas.limb(((x, y), (x, y - 0.5 * high)), (0.045 * high, 0.03 * high), "#7a5a3c")
    green = rng.choice(("#3f7f4a", "#4f9156", "#5b9e4f"))
    for color, lift in ((mix(green, "#17301f", 0.25), 0.0), (green, 0.05), (mix(green, "#f4f7c5", 0.18), 0.11)):
        for dx, dy in ((-0.16, 0.5), (0.15, 0.52), (-0.03, 0.68), (0.04, 0.42)):
            radius = high * (0.20 - lift * 0.6)
            canvas.polygon(disc((x + (dx - lift * 0.4) * high, y - (dy + lift) * high), radius), color)


def _house(canvas: Canvas, corner: Point, wide: float, high: float, rng: Random) -> None:
    left, foot = corner
    wall = rng.choice(("#e2b48b", "#c9d3b5", "#d99c86", "#b7c8d6", "#e8d8a8", "#cdb6c9"))
    canvas.polygon(_band(left, left + wide, foot, high), wall)
    canvas.polygon(_band(left, left + wide, foot - high, 0.02 * foot), mix(wall, "#3b2a20", 0.45))
    columns, rows = 3, max(2, round(high / wide * 2.2))
    for column in range(columns):
        for row in range(rows):
            x = left + wide * (0.12 + 0.29 * column)
            y = foot - high * (0.12 + 0.84 * row / rows)
            door = row == 0 and column == 1
            pane = "#6b4a35" if door else rng.choice(("#8fb4c9", "#a9cbdc", "#f2dfa2"))
            bottom = foot if door else y
            canvas.polygon(
                _band(x - 0.02 * wide, x + 0.2 * wide, bottom, high * 0.54 / rows), mix(wall, "#ffffff", 0.6)
            )
            canvas.polygon(_band(x, x + 0.18 * wide, bottom, high * 0.48 / rows), pane)


def _band(left: float, right: float, bottom: float, high: float) -> list[Point]:
    return [(left, bottom), (right, bottom), (right, bottom - high), (left, bottom - high)]


def _steps(width: int) -> list[float]:
    return [width * i / 80 for i in range(81)]
