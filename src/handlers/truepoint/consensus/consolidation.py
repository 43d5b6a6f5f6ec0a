"""Consolidation: several workers' instances of one image become one list. Many images are consolidated at once.

Instances are matched across workers (consensus.matching). A cluster that at least half of the workers support
becomes an instance. Exchanged left and right keypoints are repaired by comparison with the other workers
(consensus.swap_repair).
A keypoint is kept if at least half of the cluster's workers labelled it. Its coordinates are a robust mean
(consensus.robust_mean), its visibility is the majority's (in a tie the lower one), and its box is the median of each
side. `Consolidated` says which instances a person should look at again, and why.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import msgspec
import numpy as np

from truepoint.consensus.matching import CrowdedError, match
from truepoint.consensus.robust_mean import robust_means
from truepoint.consensus.stack import MOST_CELLS, Clusters, Stack
from truepoint.consensus.swap_repair import repair_sides
from truepoint.pose.instance import FARTHEST, OCCLUDED, VISIBLE, Instance, Keypoint, coordinate
from truepoint.pose.poses import Answers, Flags, Integers, Poses, in_order, median
from truepoint.pose.sigma_table import SigmaTable
from truepoint.pose.similarity import Floats, falloff

LOW_SCORE = 0.75
"""Mean OKS of the workers with the consensus. Of honest workers it is above .9 on average, below .88 in one of a
hundred; one worker of three who scatters three times as much brings it to .8."""
WIDTH = 0.7
"""In sigma s: how near to the consensus workers count as in a mean, so that honest scatter is averaged out. Wider is
better if sigma is right; this still beats the geometric median if people scatter half as much (bench/consensus.py)."""
UNITS = 10_000
"""Steps from 0 to 1 that scores and dispersions are rounded to; coordinates are never rounded."""
KEYPOINTS_AT_ONCE = 30_000
"""Keypoints of images that are consolidated together. It bounds memory; more at once is no faster."""

_NEW_ID = re.compile(r"n\d+")  # an instance the worker added; any other id is a pre-label's and worth keeping

Reason = Literal["no_majority", "swap_repaired", "sides_disputed", "low_score"]
"""Why a person should look again: not more than half of the workers marked it; a worker had left and right exchanged;
the workers are split evenly on left and right; they are far apart."""


REASONS: frozenset[str] = frozenset(get_args(Reason))


class ConsolidatedKeypoint(Keypoint, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A keypoint that `worker_count` workers labelled.

    `score` is their mean similarity to it, 0 to 1; `dispersion` their median distance from it in sigma s, .6 to .7 for
    honest workers.
    """

    worker_count: int
    score: float
    dispersion: float


class SwapRepair(msgspec.Struct, frozen=True):
    """A repair: this worker had these two keypoints exchanged."""

    worker_id: str
    labels: tuple[str, str]


class Consolidated(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An instance that several workers agree on. `worker_count` marked it; `score` is their mean similarity to it."""

    id: str
    name: str
    annotations: tuple[ConsolidatedKeypoint, ...]
    worker_count: int
    score: float
    box: tuple[float, float, float, float] | None = None
    swaps: tuple[SwapRepair, ...] = ()
    needs_review: tuple[Reason, ...] = ()

    @property
    def instance(self) -> Instance:
        """The same as an instance."""
        return Instance(annotations=self.annotations, name=self.name, id=self.id, box=self.box)


class BelowQuorum(msgspec.Struct, frozen=True):
    """An instance that too few workers marked: kept with its workers, for a person to decide."""

    worker_ids: tuple[str, ...]
    instances: tuple[Instance, ...]


Merged = tuple[list[Consolidated], list[BelowQuorum]]


def quorum(workers: int) -> int:
    """How many of `workers` must have marked an instance: half of them, so that of two honest workers neither loses."""
    return (workers + 1) // 2


def consolidate(answers: Answers, table: SigmaTable, weights: Mapping[str, float] | None = None) -> Merged:
    """Consolidate the instances of two or more workers of one image, given as (worker id, instances).

    Deterministic, and independent of the order of `answers`. `weights` say how far each worker is to be relied on; who
    has none has 1.

    Raises:
        CrowdedError: matching the instances would cost more than that of any honest image.
    """
    [merged] = consolidate_all([answers], table, weights)
    if isinstance(merged, CrowdedError):
        raise merged
    return merged


def consolidate_all(
    images: Sequence[Answers], table: SigmaTable, weights: Mapping[str, float] | None = None
) -> list[Merged | CrowdedError]:
    """Consolidate many images. What an image becomes does not depend on the others."""
    return [merged for part in parts(images) for merged in Consensus(part, table, weights or {}).images()]


def parts(images: Sequence[Answers]) -> Iterator[Sequence[Answers]]:
    """Cut images into parts of about `KEYPOINTS_AT_ONCE`, at least one image each."""
    start = together = 0
    for end, answers in enumerate(images):
        keypoints = sum(len(instance.annotations) + 1 for _, given in answers for instance in given)
        if end > start and together + keypoints > KEYPOINTS_AT_ONCE:
            yield images[start:end]
            start, together = end, 0
        together += keypoints
    if start < len(images):
        yield images[start:]


@dataclass(frozen=True)
class Places:
    """Where workers agree that the keypoints of subjects are: by cluster and column of a stack.

    `there` says which keypoints are kept; x and y are 0 elsewhere. `votes` counts who labelled each.
    """

    x: Floats
    y: Floats
    there: Flags
    visible: Flags
    votes: Integers


@dataclass(frozen=True)
class Agreed:
    """The consensus of the clusters of a stack.

    `stack` is as the workers left it, `weights` say by cluster and member how far the worker is to be relied on;
    `swapped` and `disputed` are those of `swap_repair.repair_sides`.
    """

    stack: Stack
    weights: Floats
    swapped: Flags
    disputed: Flags

    @cached_property
    def repaired(self) -> Stack:
        """The stack with sides repaired."""
        return self.stack.exchanged(self.swapped) if self.swapped.any() else self.stack

    @cached_property
    def places(self) -> Places:
        """Where the workers agree that the keypoints are."""
        return agreed_places(self.repaired, self.weights)


class Consensus:
    """The consensus of the workers of many images: computed once, and read by all that is made of it.

    Attributes:
        poses: the workers' instances.
        clusters: the subjects that they marked.
        refused: by image why its instances are not matched.
        agreed: the consensus of each subject, stack by stack, also of those that too few workers marked.
    """

    def __init__(self, images: Sequence[Answers], table: SigmaTable, weights: Mapping[str, float]) -> None:
        self.poses = Poses(images, table)
        self._weights = weights
        home, self.refused = match(self.poses)
        self.clusters = Clusters(self.poses, home)
        for cluster in self.clusters.too_large.tolist():
            limit = f"expected at most {MOST_CELLS} members squared times keypoints of one subject, got more"
            self.refused.setdefault(int(self.clusters.image[cluster]), CrowdedError(limit))
        self.wanted: Flags = ~np.isin(self.clusters.image, list(self.refused))
        answering = np.array([len(answers) for answers in self.poses.answers], np.intp)
        self.workers: Integers = answering[self.clusters.image]
        self.agreed = [self.agree(stack) for stack in self.clusters.stacks(self.wanted)]

    @cached_property
    def worker_ids(self) -> list[str]:
        """By instance the worker's id."""
        return [worker_id for answers in self.poses.answers for worker_id, given in answers for _ in given]

    @cached_property
    def _trust(self) -> Floats:
        return np.array([self._weights.get(worker_id, 1.0) for worker_id in self.worker_ids], float)

    def agree(self, stack: Stack) -> Agreed:
        """Return the consensus of some workers on each of the stack's subjects."""
        weights = self._trust[stack.member]
        return Agreed(stack, weights, *repair_sides(stack, weights))

    def images(self) -> list[Merged | CrowdedError]:
        """Return by image its instances, and those that too few workers marked."""
        merged: list[Merged] = [([], []) for _ in self.poses.answers]
        drafts = {c: draft for agreed in self.agreed for c, draft in self._drafts(agreed)}
        for cluster, image in enumerate(self.clusters.image.tolist()):
            if image in self.refused:
                continue
            members = self.clusters.members(cluster)
            instances = [self.poses.instances[i] for i in members]
            agreed, below = merged[image]
            if cluster in drafts:
                ids = {other.id for other in agreed}
                kept = [i.id for i in instances if i.id and i.id not in ids and not _NEW_ID.fullmatch(i.id)]
                agreed.append(
                    msgspec.structs.replace(
                        drafts[cluster],
                        id=_most_common(kept) or f"c{len(agreed) + 1}",
                        name=_most_common([i.name for i in instances if i.name]),
                        box=_median_box([i.box for i in instances if i.box], len(instances)),
                    )
                )
            else:
                below.append(BelowQuorum(tuple([self.worker_ids[i] for i in members]), tuple(instances)))
        return [self.refused.get(image, instances) for image, instances in enumerate(merged)]

    def _drafts(self, agreed: Agreed) -> Iterator[tuple[int, Consolidated]]:
        """Return the clusters of enough workers and their consensus, without id, name and box."""
        stack, places = agreed.repaired, agreed.places
        workers, members = self.workers[stack.cluster].tolist(), int(stack.member.shape[1])
        scores, dispersions = keypoint_scores(stack, places)
        score = _rounded(in_order(oks_with(stack, places), axis=1) / members)
        order = np.lexsort((stack.mention, ~places.there))
        columns = [
            np.take_along_axis(values, order, axis=1).tolist()
            for values in (
                stack.label,
                np.clip(places.x, -FARTHEST, FARTHEST),
                np.clip(places.y, -FARTHEST, FARTHEST),
                np.where(places.visible, VISIBLE, OCCLUDED),
                places.votes,
                _rounded(scores),
                _rounded(dispersions),
            )
        ]
        labels, counts = self.poses.labels, np.count_nonzero(places.there, axis=1).tolist()
        swaps = self._swaps(agreed)
        disputed = np.asarray(agreed.disputed.any(axis=1)).tolist()
        for n, count in enumerate(counts):
            if members < quorum(workers[n]):
                continue
            reasons: dict[Reason, bool] = {
                "no_majority": 2 * members <= workers[n],
                "sides_disputed": disputed[n],
                "swap_repaired": n in swaps and not disputed[n],
                "low_score": bool(members > 1 and score[n] < LOW_SCORE),
            }
            keypoints = zip(*[values[n][:count] for values in columns], strict=True)
            merged = Consolidated(
                id="",
                name="",
                annotations=tuple(
                    [
                        ConsolidatedKeypoint(labels[k], x, y, v, worker_count=votes, score=near, dispersion=off)
                        for k, x, y, v, votes, near, off in keypoints
                    ]
                ),
                worker_count=members,
                score=float(score[n]),
                swaps=tuple(swaps.get(n, ())),
                needs_review=tuple([reason for reason, there in reasons.items() if there]),
            )
            yield int(stack.cluster[n]), merged

    def _swaps(self, agreed: Agreed) -> dict[int, list[SwapRepair]]:
        stack, labels = agreed.stack, self.poses.labels
        swaps: dict[int, list[SwapRepair]] = {}
        first = np.asarray(stack.mirror > np.arange(stack.mirror.shape[1]))
        for n, member, column in np.argwhere(agreed.swapped & first[:, None, :]).tolist():
            pair = labels[stack.label[n, column]], labels[stack.label[n, stack.mirror[n, column]]]
            swaps.setdefault(n, []).append(SwapRepair(self.worker_ids[stack.member[n, member]], pair))
        return swaps


def agreed_places(stack: Stack, weights: Floats) -> Places:
    """Return where workers agree that keypoints are, from poses whose sides are right.

    Whether a keypoint is there is decided by heads, not by weights, so that no honest worker is overruled by one other.
    """
    votes = np.count_nonzero(stack.there, axis=1)
    there = (votes > 0) & (votes >= quorum(stack.member.shape[1]))
    cluster, column = np.nonzero(there)
    unit = np.sqrt(stack.size[cluster] / stack.inverse[cluster, column]) / 2  # sigma s, pixels
    trust = np.where(stack.there[cluster, :, column], weights[cluster], 0)
    x, y = np.zeros(there.shape), np.zeros(there.shape)
    x[there], y[there] = robust_means(stack.x[cluster, :, column], stack.y[cluster, :, column], trust, WIDTH * unit)
    visible = np.zeros(there.shape, bool)
    for_visible = in_order(np.where(stack.visibility[cluster, :, column] == VISIBLE, trust, 0))
    visible[there] = for_visible > in_order(trust) * (0.5 + 1e-9)
    return Places(x, y, there, visible, votes)


def squares(stack: Stack, places: Places) -> Floats:
    """Return the squared distances from the consensus in pixels, by cluster, member and column.

    A distance is 0 if the member or the consensus lacks the keypoint.
    """
    dx, dy = stack.x - places.x[:, None, :], stack.y - places.y[:, None, :]
    return np.where(stack.there & places.there[:, None, :], dx * dx + dy * dy, 0)


def keypoint_scores(stack: Stack, places: Places) -> tuple[Floats, Floats]:
    """Return the workers' mean similarity to the consensus and median distance from it, by cluster and column.

    The distance is in units of sigma s.
    """
    off = squares(stack, places)
    scale = stack.inverse / stack.size[:, None]
    alike = np.where(stack.there, falloff(off * (scale / 2)[:, None, :]), 0)
    counts = np.maximum(places.votes, 1)
    ordered = np.sort(np.moveaxis(np.where(stack.there, np.sqrt(off), np.inf), 1, 2), axis=2)
    middle = np.where(places.there, median(ordered, counts), 0)
    return in_order(alike, axis=1) / counts, middle * 2 * np.sqrt(scale)


def oks_with(stack: Stack, places: Places) -> Floats:
    """Return by cluster and member the symmetric OKS with the consensus, over the keypoints that both have."""
    both = stack.there & places.there[:, None, :]
    area = (stack.area + stack.size[:, None])[:, :, None]
    alike = np.where(both, falloff(squares(stack, places) * stack.inverse[:, None, :] / area), 0)
    return np.asarray(in_order(alike) / np.maximum(np.count_nonzero(both, axis=2), 1))


def _rounded(values: Floats) -> Floats:
    return np.asarray(np.rint(values * UNITS) / UNITS)


def _most_common(values: Sequence[str]) -> str:
    if len(set(values)) < 2:
        return values[0] if values else ""
    return min(Counter(values).items(), key=lambda item: (-item[1], item[0]))[0]


def _median_box(
    boxes: Sequence[tuple[float, float, float, float]], members: int
) -> tuple[float, float, float, float] | None:
    """Return the median of each side; None if too few of the members drew a box."""
    if not boxes or len(boxes) < quorum(members):
        return None
    sides = np.array([(left, top, left + width, top + height) for left, top, width, height in boxes])
    left, top, right, bottom = median(np.sort(sides.T, axis=1)).tolist()
    return coordinate(left), coordinate(top), coordinate(right - left), coordinate(bottom - top)
