"""Suspicion: how probably an instance holds a label error, its top reason and what would put it right."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from truepoint.errors.checks import Fix
from truepoint.errors.signals import Signal


class Curve(msgspec.Struct, frozen=True):
    """From a strength to a probability: 1 / (1 + exp(-(intercept + slope * strength)))."""

    intercept: float
    slope: float

    def probability(self, strength: float) -> float:
        """Of an error that the curve's check looks for."""
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, self.intercept + self.slope * strength))))


CURVES = {
    "swapped_sides": Curve(-5.17, 0.79),
    "flipped_body": Curve(-4.73, 0.45),
    "long_limb": Curve(-8.99, 1.72),
    "misplaced_keypoint": Curve(-11.58, 2.50),
    "missing_keypoint": Curve(-13.27, 8.20),
    "duplicate_instance": Curve(-16.03, 34.18),
}
"""Calibrated by `make bench-errors`, see bench/errors.py."""
CERTAIN = {
    "out_of_image": 0.9,
    "unknown_keypoints": 0.95,
    "empty_instance": 0.95,
    "sides_rule": 0.4,
    "limb_rule": 0.4,
}
"""Of a finding that is there or not. Keypoints on one spot are none: in the bench as many honest labels have them as
wrong ones, and what they do to a pose counts already."""


WORKERS = {
    "no_majority": (0.3, "Not more than half of the workers marked it"),
    "swap_repaired": (0.1, "A worker had left and right exchanged; it was repaired"),
    "sides_disputed": (0.5, "The workers are split evenly on left and right"),
    "low_score": (0.5, "The workers are far apart"),
}
"""Of what consolidation asks to look at again. Chosen, not calibrated: how workers disagree differs from job to job."""
BELOW_QUORUM = 0.3
"""Of an instance that too few workers marked."""


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One signal with its probability."""

    check: str
    probability: float
    keypoints: tuple[str, ...]
    message: str
    fix: Fix


def probability(signal: Signal) -> float:
    """How probably a signal is right."""
    curve = CURVES.get(signal.check)
    return curve.probability(signal.strength) if curve else CERTAIN[signal.check]


def reason(signal: Signal) -> Reason:
    """A signal, weighed."""
    return Reason(
        check=signal.check,
        probability=probability(signal),
        keypoints=signal.keypoints,
        message=signal.message,
        fix=signal.fix,
    )


def workers_reasons(needs_review: Iterable[str]) -> list[Reason]:
    """What consolidation wants a person to look at."""
    return [
        Reason(check=name, probability=WORKERS[name][0], keypoints=(), message=WORKERS[name][1], fix=Fix("look"))
        for name in needs_review
        if name in WORKERS
    ]


def below_quorum(workers: int) -> Reason:
    """An instance that so many workers marked, which were too few."""
    text = f"Marked by {workers} worker{'s' * (workers != 1)}, too few for the result"
    return Reason(check="below_quorum", probability=BELOW_QUORUM, keypoints=(), message=text, fix=Fix("look"))


EMPTY_IMAGE = 0.1
"""Of an image in which nothing is labelled. Chosen, not calibrated: how many images are rightly empty differs from job
to job. It is high enough to be listed and low enough to come after what looks wrong."""


def empty_image() -> Reason:
    """Return the reason to look at an image in which nothing is labelled."""
    text = "Nothing is labelled in this image"
    return Reason(check="empty_image", probability=EMPTY_IMAGE, keypoints=(), message=text, fix=Fix("look"))


def suspicion(probabilities: Iterable[float]) -> float:
    """1 - prod(1 - p): that at least one of the reasons is right, if they are independent."""
    return 1 - math.prod([1 - p for p in probabilities])
