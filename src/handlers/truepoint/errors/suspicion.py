"""Suspicion: the probability that an instance holds a label error, with reasons and proposed corrections."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from truepoint.errors.checks import Fix
from truepoint.errors.signals import Signal


class Curve(msgspec.Struct, frozen=True):
    """A logistic curve: probability = 1 / (1 + exp(-(intercept + slope * strength)))."""

    intercept: float
    slope: float

    def probability(self, strength: float) -> float:
        """Return the probability of the error that the curve's check looks for."""
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, self.intercept + self.slope * strength))))


CURVES = {
    "swapped_sides": Curve(-5.17, 0.79),
    "flipped_body": Curve(-4.73, 0.45),
    "long_limb": Curve(-8.99, 1.72),
    "misplaced_keypoint": Curve(-11.58, 2.50),
    "missing_keypoint": Curve(-13.27, 8.20),
    "duplicate_instance": Curve(-16.03, 34.18),
}
"""The curve of each check, calibrated by `make bench-errors` (bench/errors.py)."""
CERTAIN = {
    "out_of_image": 0.9,
    "unknown_keypoints": 0.95,
    "empty_instance": 0.95,
    "sides_rule": 0.4,
    "limb_rule": 0.4,
}
"""Probability of an error for checks that have no strength. Coincident keypoints are not among them: in the benchmark
they are as frequent in correct labels as in wrong ones, and other checks see their effect on the pose."""


WORKERS = {
    "no_majority": (0.3, "Only half of the workers or fewer marked this instance"),
    "swap_repaired": (0.1, "A worker swapped left and right; the result is repaired"),
    "sides_disputed": (0.5, "The workers disagree evenly about left and right"),
    "low_score": (0.5, "The workers' positions are far apart"),
}
"""Probability and message for each review reason of consolidation. The probabilities are chosen rather than calibrated,
because jobs differ in how workers disagree."""
BELOW_QUORUM = 0.3
"""Probability of an error for an instance that too few workers marked. It is chosen, as above."""


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """A reason to look at an instance: a check with its probability, its keypoints, a message and a correction."""

    check: str
    probability: float
    keypoints: tuple[str, ...]
    message: str
    fix: Fix


def probability(signal: Signal) -> float:
    """Return the probability that a signal indicates an error."""
    curve = CURVES.get(signal.check)
    return curve.probability(signal.strength) if curve else CERTAIN[signal.check]


def reason(signal: Signal) -> Reason:
    """Return the reason that a signal gives."""
    return Reason(
        check=signal.check,
        probability=probability(signal),
        keypoints=signal.keypoints,
        message=signal.message,
        fix=signal.fix,
    )


def workers_reasons(needs_review: Iterable[str]) -> list[Reason]:
    """Return a `Reason` for each of the review reasons that consolidation gave."""
    return [
        Reason(check=name, probability=WORKERS[name][0], keypoints=(), message=WORKERS[name][1], fix=Fix("look"))
        for name in needs_review
        if name in WORKERS
    ]


def below_quorum(workers: int) -> Reason:
    """Return the reason to look at an instance that only `workers` workers marked, fewer than the quorum."""
    text = f"Marked by only {workers} worker{'s' * (workers != 1)}, too few for the result"
    return Reason(check="below_quorum", probability=BELOW_QUORUM, keypoints=(), message=text, fix=Fix("look"))


EMPTY_IMAGE = 0.1
"""Probability of an error for an image in which nothing is labelled. It is chosen rather than calibrated, because jobs
differ in how many images show no subject. The image is listed, but after images with other reasons."""


def empty_image() -> Reason:
    """Return the reason to look at an image in which nothing is labelled."""
    text = "Nothing is labelled in this image"
    return Reason(check="empty_image", probability=EMPTY_IMAGE, keypoints=(), message=text, fix=Fix("look"))


def suspicion(probabilities: Iterable[float]) -> float:
    """Return the probability that at least one of the reasons is right if they are independent: 1 - prod(1 - p)."""
    return 1 - math.prod([1 - p for p in probabilities])
