"""Object keypoint similarity (OKS) of two instances, as COCO defines it and in its symmetric form.

Sources: COCO keypoint evaluation, https://cocodataset.org/#keypoints-eval, and the code behind it, pycocotools'
COCOeval.computeOks; the area rules follow xtcocotools and MMPose.

Runs with the same inputs may execute on different hosts at the same time and must produce the same bytes. So results
here do not depend on the CPU: the exponential function uses only operations whose results IEEE 754 defines exactly, and
sums have a fixed order.
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
"""Minimum ratio of a hull's shorter to its longer side. The hull of a straight limb would otherwise have no area."""
SMALLEST_SIDE = 2.0
"""Minimum side of a hull, in pixels."""
LEAST_BOX_SIDE = 1e-3
"""Minimum side of a drawn box, in pixels. A narrower box is ignored, because OKS divides by the area, which may then
round to 0."""
EXTENT_DIGITS = 6
"""Decimal places to which a rectangle computed from keypoints is rounded, in pixels."""
LONE_KEYPOINT_SIDE = 32.0
"""Side of the square that stands for the extent of a single keypoint, in pixels. COCO calls an object of up to 32 x 32
pixels small."""
HONEST_PAIR = 0.80
"""Expected OKS of two workers whose labels scatter as sigma says; agreement is reported relative to it. For one worker
and the truth, X = d^2 / (8 sigma^2 s^2) has an exponential distribution of mean t = 1/8. For two workers t = 1/4. The
expected value is E[exp(-X)] = 1 / (1 + t)."""
HONEST_TO_TRUTH = 8 / 9
"""Expected OKS of one such worker and the truth: t = 1/8."""

NEGLIGIBLE = 40.0
"""Exponent from which exp(-e) counts as 0: exp(-40) is smaller than the rounding error of a sum of similarities."""
_LOG2_E = 1.4426950408889634
_LN_2 = (0.6931471803691238, 1.9082149292705877e-10)
"""ln 2 in two parts, so that its product with a small integer has no rounding error (W. Cody and W. Waite, "Software
Manual for the Elementary Functions", 1980, chapter 6)."""
_TAYLOR = tuple(1 / math.factorial(n) for n in range(13, -1, -1))
"""Taylor coefficients of exp(r), the highest power first. They suffice for double precision where |r| <= ln 2 / 2."""
_ATANH = tuple(1 / n for n in range(23, -1, -2))
"""Taylor coefficients of atanh(s) / s in powers of s^2, the highest first. They suffice for double precision where
|s| <= .18."""
_ROOT_HALF = 0.7071067811865476
_POWERS = tuple(0.5**n for n in range(64))
_POWER_TABLE = np.array(_POWERS)


def falloff(exponents: Floats) -> Floats:
    """Return exp(-e) for each exponent e >= 0, and 0 for e >= `NEGLIGIBLE`.

    numpy's own exponential function differs in the last digit between CPUs. This one uses only additions,
    multiplications and exact scalings, whose results IEEE 754 defines.
    """
    capped = np.minimum(exponents, NEGLIGIBLE)
    halvings = np.rint(capped * _LOG2_E)
    rest = halvings * _LN_2[0]
    rest -= capped
    rest += halvings * _LN_2[1]
    result = rest * _TAYLOR[0]
    for coefficient in _TAYLOR[1:-1]:
        result += coefficient
        result *= rest
    result += _TAYLOR[-1]
    result *= _POWER_TABLE.take(halvings.astype(np.intp))
    result[exponents >= NEGLIGIBLE] = 0.0
    return result


def logarithm(values: Floats) -> Floats:
    """Return ln(v) for numbers v > 0, the same on every CPU.

    With v = m 2^e, ln(v) = 2 atanh((m - 1) / (m + 1)) + e ln 2.
    """
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
    """Return exp(v) for |v| < `NEGLIGIBLE`, computed by `falloff` and so the same on every CPU; NaN for NaN."""
    inverse = falloff(np.where(np.isnan(values), 0, np.abs(values)))
    return np.where(np.isnan(values), np.nan, np.where(values > 0, 1 / inverse, inverse))


def falloff_of(exponent: float) -> float:
    """Return the same as `falloff`, bit for bit, for one number."""
    if exponent >= NEGLIGIBLE:
        return 0.0
    halvings = round(exponent * _LOG2_E)
    rest = halvings * _LN_2[0] - exponent + halvings * _LN_2[1]
    result = 0.0
    for coefficient in _TAYLOR:
        result = result * rest + coefficient
    return result * _POWERS[halvings]


def extent(instance: Instance) -> tuple[tuple[float, float, float, float], str] | None:
    """Return the subject's rectangle and its source.

    Returns:
        The rectangle (x, y, width, height) in pixels, and `box` if a box was drawn, otherwise `hull`, or `default` for
        a single keypoint. None for an instance with neither a drawn box nor a keypoint.

        The area of the rectangle is never 0. Without `lone_area`, `area` returns `BOX_TO_AREA` times it. Computed
        rectangles are rounded to `EXTENT_DIGITS` decimal places, which removes floating-point noise.
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
    left, top = round(x - (wide - width) / 2, EXTENT_DIGITS), round(y - (high - height) / 2, EXTENT_DIGITS)
    return (left, top, round(wide, EXTENT_DIGITS), round(high, EXTENT_DIGITS)), "hull" if longer else "default"


def area(instance: Instance, lone_area: float | None = None) -> tuple[float, str]:
    """Return the subject's area in square pixels, and its source.

    Args:
        instance: the subject.
        lone_area: the job's median area, used for an instance with fewer than two distinct points and no box.

    Returns:
        The area, and its source: `box`, `hull`, `job` (`lone_area`) or `default`.
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
    """Return the OKS of two instances, 0 to 1, over the keypoints labelled in both; 0 if there are none.

    The area is the mean of both instances' areas, so neither is the reference.

    Args:
        a: one instance.
        b: the other instance.
        sigmas: COCO's sigma by keypoint name; `DEFAULT_SIGMA` for other names.
    """
    mine, theirs = a.by_label, b.by_label
    shared = mine.keys() & theirs.keys()
    if not shared:
        return 0.0
    scale = area(a)[0] + area(b)[0]  # 2 s^2, where s^2 is the mean area
    total = 0.0
    for label in sorted(shared):  # the last digit of a sum depends on the order
        p, q = mine[label], theirs[label]
        k = 2 * sigmas.get(label, DEFAULT_SIGMA)
        dx, dy = p.x - q.x, p.y - q.y
        total += falloff_of((dx * dx + dy * dy) / (scale * k * k))
    return total / len(shared)
