"""Object keypoint similarity (OKS) of two instances, as COCO defines it and in its symmetric form.

Sources: COCO keypoint evaluation, https://cocodataset.org/#keypoints-eval, and the code behind it, pycocotools'
COCOeval.computeOks; the area rules follow xtcocotools and MMPose.

Runs with the same inputs may execute on different hosts at the same time. So nothing here depends on the CPU: the
exponential function is made of operations whose results IEEE 754 fixes, and sums have a fixed order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from truepoint.pose.instance import Instance
from truepoint.pose.skeleton import DEFAULT_SIGMA

Floats = NDArray[np.float64]

BOX_TO_AREA = 0.53
"""Segment area over box area of COCO people; xtcocotools, MMPose and ultralytics use the same ratio."""
THINNEST_BOX = 0.05
"""A hull's shorter side counts as at least this share of its longer one: a straight limb has no area."""
SMALLEST_SIDE = 2.0
"""Pixels."""
LEAST_BOX_SIDE = 1e-3
"""Pixels. A drawn box that is narrower is none: areas divide, and that of a narrow enough one is 0."""
EXTENT_DIGITS = 6
"""Decimal places, in pixels, of a rectangle that is made from keypoints."""
LONE_KEYPOINT_SIDE = 32.0
"""Pixels. One keypoint has no extent; COCO calls an object of 32 x 32 pixels small."""
HONEST_PAIR = 0.80
"""Expected similarity of two workers whose labels scatter as sigma says: with d^2 / (8 sigma^2 s^2) exponential of mean
t, E[exp(-X)] = 1 / (1 + t), and t = 1/4 for a pair. Agreement is read against it, not against 1."""
HONEST_TO_TRUTH = 8 / 9
"""The same for one worker and the truth: t = 1/8."""

NEGLIGIBLE = 40.0
"""exp(-40) is nothing beside the rounding of a sum."""
_LOG2_E = 1.4426950408889634
_LN_2 = (0.6931471803691238, 1.9082149292705877e-10)
"""ln 2 in two parts, so that its product with a small integer has no rounding error (W. Cody and W. Waite, "Software
Manual for the Elementary Functions", 1980, chapter 6)."""
_TAYLOR = tuple(1 / math.factorial(n) for n in range(13, -1, -1))
"""Coefficients of exp(r), the highest power first: exact to the last digits for |r| <= ln 2 / 2."""
_ATANH = tuple(1 / n for n in range(23, -1, -2))
"""Coefficients of atanh(s) / s by powers of s^2, the highest first: exact to the last digits for |s| <= .18."""
_ROOT_HALF = 0.7071067811865476
_POWERS = tuple(0.5**n for n in range(64))
_POWER_TABLE = np.array(_POWERS)


def falloff(exponents: Floats) -> Floats:
    """Return exp(-e) for exponents e >= 0, and 0 from `NEGLIGIBLE` on.

    numpy's own exponential function differs in the last digit from CPU to CPU. This one has only additions,
    multiplications and exact scalings, whose results IEEE 754 fixes.
    """
    capped = np.minimum(exponents, NEGLIGIBLE)
    halvings = np.rint(capped * _LOG2_E)
    rest = halvings * _LN_2[0] - capped + halvings * _LN_2[1]
    result = np.full_like(rest, _TAYLOR[0])
    for coefficient in _TAYLOR[1:]:
        result *= rest
        result += coefficient
    result *= _POWER_TABLE[halvings.astype(np.intp)]
    result[exponents >= NEGLIGIBLE] = 0.0
    return result


def logarithm(values: Floats) -> Floats:
    """Return ln(v) for numbers v > 0, the same on every CPU: ln(m 2^e) is 2 atanh((m - 1) / (m + 1)) + e ln 2."""
    mantissa, exponent = np.frexp(values)
    small = mantissa < _ROOT_HALF
    mantissa, exponent = np.where(small, 2 * mantissa, mantissa), exponent - small
    s = (mantissa - 1) / (mantissa + 1)
    square = s * s
    series = np.full_like(s, _ATANH[0])
    for coefficient in _ATANH[1:]:
        series *= square
        series += coefficient
    return np.asarray(exponent * _LN_2[0] + (exponent * _LN_2[1] + 2 * s * series))


def exponential(values: Floats) -> Floats:
    """Return exp(v) for |v| < `NEGLIGIBLE`, by `falloff`; NaN for NaN."""
    inverse = falloff(np.where(np.isnan(values), 0, np.abs(values)))
    return np.where(np.isnan(values), np.nan, np.where(values > 0, 1 / inverse, inverse))


def falloff_of(exponent: float) -> float:
    """Return `falloff` of one number, to the last digit."""
    if exponent >= NEGLIGIBLE:
        return 0.0
    halvings = round(exponent * _LOG2_E)
    rest = halvings * _LN_2[0] - exponent + halvings * _LN_2[1]
    result = 0.0
    for coefficient in _TAYLOR:
        result = result * rest + coefficient
    return result * _POWERS[halvings]


def extent(instance: Instance) -> tuple[tuple[float, float, float, float], str] | None:
    """Return x, y, width and height of the subject, and their source.

    The source is `box` if a box was drawn, otherwise `hull` or, for a single keypoint, `default`. None for an instance
    with neither a drawn box nor a keypoint.

    It always has an area, by the rules that `area` follows: `area` is `BOX_TO_AREA` of it. Numbers that are
    computed are rounded to `EXTENT_DIGITS`, so that they have no noise that the keypoints do not have.
    """
    if instance.box and min(instance.box[2:]) >= LEAST_BOX_SIDE:
        return instance.box, "box"
    hull = instance.hull
    if not hull:
        return None
    x, y, width, height = hull
    longer = max(width, height)
    least = max(SMALLEST_SIDE, THINNEST_BOX * longer) if longer else LONE_KEYPOINT_SIDE
    wide, high = max(width, least), max(height, least)
    sides = x - (wide - width) / 2, y - (high - height) / 2, wide, high
    left, top, wide, high = (round(side, EXTENT_DIGITS) for side in sides)
    return (left, top, wide, high), "hull" if longer else "default"


def area(instance: Instance, lone_area: float | None = None) -> tuple[float, str]:
    """Return the subject's area in square pixels, and its source.

    The source is `box`, `hull`, or, for less than two points, `job` if `lone_area` (the job's usual area) is given,
    otherwise `default`.
    """
    if instance.box and min(instance.box[2:]) >= LEAST_BOX_SIDE:
        return BOX_TO_AREA * instance.box[2] * instance.box[3], "box"
    hull = instance.hull
    longer = max(hull[2:]) if hull else 0.0
    if not hull or longer == 0:
        return (lone_area, "job") if lone_area else (BOX_TO_AREA * LONE_KEYPOINT_SIDE**2, "default")
    floor = max(SMALLEST_SIDE, THINNEST_BOX * longer)
    return BOX_TO_AREA * max(hull[2], floor) * max(hull[3], floor), "hull"


def symmetric_oks(a: Instance, b: Instance, sigmas: Mapping[str, float]) -> float:
    """Similarity of two instances, 0 to 1, over the keypoints both have labelled; 0 if there are none.

    The area is the mean of both, so neither is the reference. `sigmas` maps names to COCO's sigma.
    """
    mine, theirs = a.by_label, b.by_label
    shared = mine.keys() & theirs.keys()
    if not shared:
        return 0.0
    scale = area(a)[0] + area(b)[0]  # 2 s^2 with s^2 the mean of both
    total = 0.0
    for label in sorted(shared):  # floating sums depend on order
        p, q = mine[label], theirs[label]
        k = 2 * sigmas.get(label, DEFAULT_SIGMA)
        dx, dy = p.x - q.x, p.y - q.y
        total += falloff_of((dx * dx + dy * dy) / (scale * k * k))
    return total / len(shared)
