"""Swap likelihood: how much likelier a pose becomes if left and right of a pair, a limb or the body are exchanged.

Evidence is the log likelihood ratio of the exchanged pose to the given one: positive if the exchange is likelier.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from truepoint.errors.norms import Norms, OffsetNorm
from truepoint.errors.point_table import PointTable
from truepoint.errors.shape import Fit
from truepoint.pose.anatomy import Anatomy
from truepoint.pose.similarity import Floats

MOST_OF_A_FACE = 12.0
"""Maximum absolute evidence for a whole body, because the distribution of its offset is unknown in the far tails."""


class Exchanges:
    """The pairs and limbs of a skeleton whose sides can be exchanged."""

    def __init__(self, anatomy: Anatomy) -> None:
        self.pairs = anatomy.pairs
        number = {pair: n for n, pair in enumerate(anatomy.pairs)}
        # Among exchanges with equal evidence the first one is returned, so smaller exchanges come first.
        self.limbs = [[number[pair] for pair in limb] for limb in anatomy.limbs]

    def best(self, fit: Fit) -> tuple[Floats, list[tuple[int, ...]]]:
        """Return the exchange with the most evidence for each instance.

        Returns:
            The evidence, NaN if there is nothing to exchange; and the left keypoints of the pairs to exchange.
        """
        count = len(fit.there)
        if not self.pairs:
            return np.full(count, np.nan), [()] * count
        i, j = np.array(self.pairs, np.intp).T
        whole = fit.there[:, i] & fit.there[:, j]
        move_x, move_y = (np.where(whole, v[:, j] - v[:, i], 0) for v in fit.places)
        pull_x, pull_y = (v[:, i] - v[:, j] for v in fit.pulled)
        real, imaginary = fit.matrix
        stiff = real[:, i, i] + real[:, j, j] - 2 * real[:, i, j]
        alone = 2 * (move_x * pull_x + move_y * pull_y) + stiff * (move_x * move_x + move_y * move_y)

        def linked(a: int, b: int) -> Floats:
            """Return how exchanging both pairs changes the quadratic form beyond the changes by each pair alone."""
            (p, q), (r, s) = self.pairs[a], self.pairs[b]
            link_x, link_y = (2 * (v[:, p, r] - v[:, p, s] - v[:, q, r] + v[:, q, s]) for v in (real, imaginary))
            along = move_x[:, a] * move_x[:, b] + move_y[:, a] * move_y[:, b]
            across = move_x[:, a] * move_y[:, b] - move_y[:, a] * move_x[:, b]
            return np.asarray(link_x * along - link_y * across)

        links = {two: linked(*two) for two in sorted({two for limb in self.limbs for two in combinations(limb, 2)})}
        changes = np.full((len(self.limbs), count), np.inf)
        for change, limb in zip(changes, self.limbs, strict=True):
            # A limb with only one pair labelled on both sides is the same exchange as that pair alone.
            counts = np.count_nonzero(whole[:, limb], axis=1) >= min(len(limb), 2)
            total = sum([alone[:, n] for n in limb], np.zeros(count))
            total = sum([links[two] for two in combinations(limb, 2)], total)
            change[counts] = total[counts]
        best = np.argmin(changes, axis=0)
        change = changes[best, np.arange(count)]
        some = np.isfinite(change)
        evidence = np.where(some, fit.oddness - fit.odd(fit.form + np.where(some, change, 0)), np.nan)
        lefts = [
            tuple([self.pairs[n][0] for n in self.limbs[limb] if there[n]])
            for limb, there in zip(best.tolist(), whole.tolist(), strict=True)
        ]
        return evidence, lefts


def whole_body(points: PointTable, size: Floats, norms: Norms) -> Floats:
    """Return the evidence that left and right of each whole body are exchanged.

    It is based on the offsets of `PointTable`: a person with a visible face looks at the camera, and a person
    without one is seen from behind. The evidence is NaN if neither offset is available together with its norm.
    """
    evidence = np.full(len(size), np.nan)
    for offsets, norm in ((points.away_offsets(), norms.away), (points.facing_offsets(), norms.facing)):
        if norm is not None:
            ratios = np.clip(_mirror(offsets / size, norm), -MOST_OF_A_FACE, MOST_OF_A_FACE)
            evidence = np.where(np.isnan(ratios), evidence, ratios)
    return evidence


def _mirror(values: Floats, norm: OffsetNorm) -> Floats:
    """Return the log likelihood ratios of the negated offsets to the offsets, under a normal distribution.

    They are 0 in a job whose median offset is negative, because the norm is then not informative.
    """
    return -2 * max(norm.center, 0.0) * values / norm.spread**2
