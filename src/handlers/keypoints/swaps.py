"""Swaps: how much likelier an instance's pose becomes when left and right of a pair, a limb or the body are exchanged.

Evidence is a log likelihood ratio, above zero for an exchange.
"""

from __future__ import annotations

from keypoints.anatomy import Anatomy, Points
from keypoints.norms import Norms, OffsetNorm
from keypoints.posture import away_offset, facing_offset
from keypoints.shape import MOST_INVERSES, Fit

MOST_OF_A_FACE = 12.0
"""What the face can contribute at most: the tails of its offset are not known so far out."""

Swap = tuple[float, tuple[int, ...]]
"""The evidence, and the left members of the pairs to exchange."""


class SwapReader:
    """Reads poses against the norms of their job."""

    def __init__(self, anatomy: Anatomy, norms: Norms) -> None:
        self._anatomy = anatomy
        self._norms = norms
        self._exchanges_of: dict[tuple[int, ...], list[tuple[tuple[int, ...], list[tuple[int, int]]]]] = {}
        pair_of = {i: pair for pair in anatomy.pairs for i in pair}
        limbs = {frozenset(pair_of[i] for i in anatomy.chain(left) if i in pair_of) for left, _ in anatomy.pairs}
        limbs |= {frozenset([pair]) for pair in anatomy.pairs}
        # Of nearly equal evidence the smaller exchange is the first, so the order is part of the result.
        self._limbs = sorted((sorted(limb) for limb in limbs), key=lambda limb: (len(limb), limb))

    def best_limb(self, fit: Fit, there: tuple[int, ...]) -> Swap | None:
        """The pair or limb whose exchange makes a pose of these keypoints likeliest; None if there is none."""
        best: Swap | None = None
        for lefts, whole in self._exchanges(there):
            evidence = fit.oddness - fit.oddness_exchanged(whole)
            if best is None or evidence > best[0]:
                best = evidence, lefts
        return best

    def _exchanges(self, there: tuple[int, ...]) -> list[tuple[tuple[int, ...], list[tuple[int, int]]]]:
        """The left members of the pairs to exchange, and where both members are among `there`."""
        found = self._exchanges_of.get(there)
        if found is None:
            at = {keypoint: i for i, keypoint in enumerate(there)}
            whole = [[(i, j) for i, j in limb if i in at and j in at] for limb in self._limbs]
            # A limb of which only one pair is labelled on both sides is that pair, which had its turn.
            found = [
                (tuple(i for i, _ in pairs), [(at[i], at[j]) for i, j in pairs])
                for pairs, limb in zip(whole, self._limbs, strict=True)
                if pairs and (len(pairs) > 1 or len(limb) == 1)
            ]
            if len(self._exchanges_of) >= MOST_INVERSES:
                self._exchanges_of.clear()
            self._exchanges_of[there] = found
        return found

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
