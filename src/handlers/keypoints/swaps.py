"""Swaps: how much likelier an instance's pose becomes when left and right of a pair, a limb or the body are exchanged.

Evidence is a log likelihood ratio, above zero for an exchange.
"""

from __future__ import annotations

from keypoints.anatomy import Anatomy, Points
from keypoints.norms import Norms, OffsetNorm
from keypoints.posture import away_offset, facing_offset
from keypoints.shape import Shape, labelled_places

MOST_OF_A_FACE = 12.0
"""What the face can contribute at most: the tails of its offset are not known so far out."""

Swap = tuple[float, tuple[int, ...]]
"""The evidence, and the left members of the pairs to exchange."""


class SwapReader:
    """Reads poses against the norms of their job."""

    def __init__(self, anatomy: Anatomy, norms: Norms, shape: Shape | None) -> None:
        self._anatomy = anatomy
        self._norms = norms
        self._shape = shape
        pair_of = {i: pair for pair in anatomy.pairs for i in pair}
        limbs = {frozenset(pair_of[i] for i in anatomy.chain(left) if i in pair_of) for left, _ in anatomy.pairs}
        limbs |= {frozenset([pair]) for pair in anatomy.pairs}
        # Of nearly equal evidence the smaller exchange is the first, so the order is part of the result.
        self._limbs = sorted((sorted(limb) for limb in limbs), key=lambda limb: (len(limb), limb))

    def best_limb(self, points: Points, size: float) -> Swap | None:
        """The pair or limb whose exchange makes the pose likeliest; None if no norm speaks of it. `size` in pixels."""
        if self._shape is None:
            return None
        places, there = labelled_places(points, size)
        at = {keypoint: i for i, keypoint in enumerate(there)}
        before = self._shape.oddness(places, there)
        best: Swap | None = None
        for limb in self._limbs:
            whole = [(i, j) for i, j in limb if i in at and j in at]
            # A limb of which only one pair is labelled on both sides is that pair, which had its turn.
            if not whole or (len(whole) == 1 and len(limb) > 1):
                continue
            changed = list(places)
            for i, j in whole:
                changed[at[i]], changed[at[j]] = places[at[j]], places[at[i]]
            evidence = before - self._shape.oddness(changed, there)
            if best is None or evidence > best[0]:
                best = evidence, tuple(i for i, _ in whole)
        return best

    def whole_body(self, points: Points, size: float) -> float | None:
        """Evidence that every side is exchanged: a face looks at the camera, and a back is turned to it. None if
        there is neither, or no norm of it."""
        for offset, norm in (
            (facing_offset(self._anatomy, points), self._norms.facing),
            (away_offset(self._anatomy, points), self._norms.away),
        ):
            if offset is not None and norm is not None:
                return max(-MOST_OF_A_FACE, min(MOST_OF_A_FACE, _mirror(offset / size, norm)))
        return None


def _mirror(value: float, norm: OffsetNorm) -> float:
    """Log likelihood ratio of minus the offset against the offset, both normal. Of a job where even the median is on
    the wrong side nothing can be said."""
    return -2 * max(norm.center, 0.0) * value / norm.spread**2
