"""Swaps: how much likelier an instance's pose becomes when left and right of a pair, a limb or the body are exchanged.

Evidence is a log likelihood ratio, above zero for an exchange.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from truepoint.errors.facing import Posture
from truepoint.errors.norms import Norms, OffsetNorm
from truepoint.errors.shape import MOST_INVERSES, Fit, Matrix
from truepoint.pose.anatomy import Anatomy, Points

MOST_OF_A_FACE = 12.0
"""What the face can contribute at most: the tails of its offset are not known so far out."""

LikelySwap = tuple[float, tuple[int, ...]]
"""The evidence, and the left members of the pairs to exchange."""


class Exchanges:
    """The pairs and limbs that can be exchanged in poses with the same keypoints.

    `there` are these keypoints. The other fields are the parts of an exchange's effect on the quadratic form that all
    these poses share.
    """

    def __init__(self, limbs: Sequence[Sequence[tuple[int, int]]], there: tuple[int, ...], inverse: Matrix) -> None:
        at = {keypoint: i for i, keypoint in enumerate(there)}
        pairs = sorted({pair for limb in limbs for pair in limb if pair[0] in at and pair[1] in at})
        number = {pair: i for i, pair in enumerate(pairs)}
        self._pairs = [(at[i], at[j]) for i, j in pairs]
        self._stiff = [(inverse[i][i] + inverse[j][j] - 2 * inverse[i][j]).real for i, j in self._pairs]
        self._limbs: list[tuple[tuple[int, ...], list[int], list[tuple[int, int, complex]]]] = []
        for limb in limbs:
            whole = [number[pair] for pair in limb if pair in number]
            # A limb of which only one pair is labelled on both sides is that pair, which had its turn.
            if whole and (len(whole) > 1 or len(limb) == 1):
                links = [(a, b, self._link(inverse, a, b)) for a, b in combinations(whole, 2)]
                self._limbs.append((tuple(pairs[n][0] for n in whole), whole, links))

    def _link(self, inverse: Matrix, a: int, b: int) -> complex:
        """How much exchanging two pairs together changes the form, beyond what each does alone."""
        (i, j), (k, m) = self._pairs[a], self._pairs[b]
        return 2 * (inverse[i][k] - inverse[i][m] - inverse[j][k] + inverse[j][m])

    def best(self, fit: Fit) -> LikelySwap | None:
        """The one after which the pose is least odd; None if there is nothing to exchange."""
        places, pulled = fit.places, fit.pulled
        moves = [places[j] - places[i] for i, j in self._pairs]
        turned = [move.conjugate() for move in moves]
        alone = [
            2 * (back * (pulled[i] - pulled[j])).real + stiff * (back * move).real
            for (i, j), stiff, move, back in zip(self._pairs, self._stiff, moves, turned, strict=True)
        ]
        best: tuple[float, tuple[int, ...]] | None = None
        for lefts, whole, links in self._limbs:
            change = sum([alone[n] for n in whole])
            for a, b, link in links:
                change += (turned[a] * link * moves[b]).real
            if best is None or change < best[0]:
                best = change, lefts
        return best and (fit.oddness - fit.odd(fit.form + best[0]), best[1])


class SwapReader:
    """Reads poses against the norms of their job."""

    def __init__(self, anatomy: Anatomy, norms: Norms) -> None:
        self._posture = Posture(anatomy)
        self._norms = norms
        self._exchanges: dict[tuple[int, ...], Exchanges] = {}
        pair_of = {i: pair for pair in anatomy.pairs for i in pair}
        limbs = {frozenset(pair_of[i] for i in anatomy.chain(left) if i in pair_of) for left, _ in anatomy.pairs}
        limbs |= {frozenset([pair]) for pair in anatomy.pairs}
        # Of nearly equal evidence the smaller exchange is the first, so the order is part of the result.
        self._limbs = sorted((sorted(limb) for limb in limbs), key=lambda limb: (len(limb), limb))

    def best_limb(self, fit: Fit, there: tuple[int, ...]) -> LikelySwap | None:
        """The pair or limb whose exchange makes a pose of these keypoints likeliest; None if there is none."""
        exchanges = self._exchanges.get(there)
        if exchanges is None:
            if len(self._exchanges) >= MOST_INVERSES:
                self._exchanges.clear()
            exchanges = self._exchanges[there] = Exchanges(self._limbs, there, fit.inverse)
        return exchanges.best(fit)

    def whole_body(self, points: Points, size: float) -> float | None:
        """Evidence that every side is exchanged: a face looks at the camera, and a back is turned to it.

        None if there is neither, or no norm of it.
        """
        for offset_of, norm in (
            (self._posture.facing_offset, self._norms.facing),
            (self._posture.away_offset, self._norms.away),
        ):
            if norm is not None and (offset := offset_of(points)) is not None:
                return max(-MOST_OF_A_FACE, min(MOST_OF_A_FACE, _mirror(offset / size, norm)))
        return None


def _mirror(value: float, norm: OffsetNorm) -> float:
    """Log likelihood ratio of minus the offset against the offset, both normal.

    Of a job where even the median is on the wrong side nothing can be said.
    """
    return -2 * max(norm.center, 0.0) * value / norm.spread**2
