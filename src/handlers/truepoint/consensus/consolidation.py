"""Consolidation: combines several workers' instances of one image into one list, for many images at once.

Instances are matched across workers (consensus.matching). A cluster that at least half of the workers support
becomes an instance. Exchanged left and right keypoints are repaired by comparison with the other workers
(consensus.swap_repair).

A keypoint is kept if at least half of the cluster's workers labelled it. Its coordinates are a robust mean
(consensus.robust_mean), and its visibility is that of the majority (in a tie the lower one). The instance's box is the
median of each side. `Consolidated.needs_review` gives the reasons why a person should look at an instance again.
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
from truepoint.pose.poses import Answers, Flags, Integers, Poses, in_order, marked, median
from truepoint.pose.sigma_table import SigmaTable
from truepoint.pose.similarity import Floats, falloff

LOW_SCORE = 0.75
"""Mean OKS of the workers with the consensus below which an instance needs review. For careful workers it is above .9
on average, and below .88 for one instance in a hundred. One worker of three who scatters three times as much lowers it
to .8."""
WIDTH = 0.7
"""Width of the robust mean, in units of sigma s: workers nearer to the consensus count with full weight, so that normal
scatter is averaged out. A larger width is better if sigma is right. This width is still better than the geometric
median if workers scatter half as much as sigma says (bench/consensus.py)."""
UNITS = 10_000
"""Scores and dispersions are rounded to multiples of 1 / UNITS. Coordinates are not rounded."""
KEYPOINTS_AT_ONCE = 30_000
"""Number of keypoints of the images that are consolidated together. It bounds memory; more at once is not faster."""

_NEW_ID = re.compile(r"n\d+")  # id of an instance that a worker added; any other id is that of a pre-label

Reason = Literal["no_majority", "swap_repaired", "sides_disputed", "low_score"]
"""A reason why a person should look at an instance again.

- `no_majority`: not more than half of the workers marked it.
- `swap_repaired`: a worker had left and right exchanged.
- `sides_disputed`: the workers are split evenly on left and right.
- `low_score`: the workers are far apart.
"""


REASONS: frozenset[str] = frozenset(get_args(Reason))


class ConsolidatedKeypoint(Keypoint, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A keypoint of the consensus.

    `worker_count` is the number of workers who labelled it. `score` is their mean similarity to it, 0 to 1.
    `dispersion` is their median distance from it in units of sigma s; careful workers reach .6 to .7.
    """

    worker_count: int
    score: float
    dispersion: float


class SwapRepair(msgspec.Struct, frozen=True):
    """A repaired swap: the worker had the two keypoints exchanged."""

    worker_id: str
    labels: tuple[str, str]


class Consolidated(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An instance of the consensus.

    `worker_count` is the number of workers who marked it. `score` is their mean OKS with it.
    """

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
        """The same data as an `Instance`."""
        return Instance(annotations=self.annotations, name=self.name, id=self.id, box=self.box)


class BelowQuorum(msgspec.Struct, frozen=True):
    """An instance that too few workers marked, kept with its workers for a person to decide."""

    worker_ids: tuple[str, ...]
    instances: tuple[Instance, ...]


Merged = tuple[list[Consolidated], list[BelowQuorum]]


def quorum(workers: int) -> int:
    """Return how many of `workers` must have marked an instance: at least half.

    So an instance that only one of two workers marked is kept.
    """
    return (workers + 1) // 2


def consolidate_all(
    images: Sequence[Answers], table: SigmaTable, weights: Mapping[str, float] | None = None
) -> list[Merged | CrowdedError]:
    """Consolidate the instances of two or more workers of each image.

    The result for an image depends neither on the order of its answers nor on the other images. It is a CrowdedError
    if matching the instances would exceed a limit of `consensus.matching`.

    Args:
        images: (worker id, instances) of each worker, by image.
        table: sigmas and pairs of the job's skeleton.
        weights: weight by worker id; 1 for other workers.
    """
    return [merged for part in parts(images) for merged in Consensus(part, table, weights or {}).images()]


def parts(images: Sequence[Answers]) -> Iterator[Sequence[Answers]]:
    """Divide images into parts of about `KEYPOINTS_AT_ONCE` keypoints, with at least one image each."""
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
    """The keypoints of the consensus. All arrays have shape (clusters, columns) as in a stack.

    Attributes:
        x, y: coordinates in pixels; 0 where `there` is false.
        there: whether the consensus has the keypoint.
        visible: whether the keypoint is visible rather than occluded.
        votes: number of workers who labelled the keypoint.
    """

    x: Floats
    y: Floats
    there: Flags
    visible: Flags
    votes: Integers


@dataclass(frozen=True)
class Agreed:
    """The consensus of the clusters of a stack.

    Attributes:
        stack: the workers' poses before repair.
        weights: the workers' weights, of shape (clusters, members).
        swapped, disputed: the results of `swap_repair.repair_sides`.
    """

    stack: Stack
    weights: Floats
    swapped: Flags
    disputed: Flags

    @cached_property
    def repaired(self) -> Stack:
        """The stack after swap repair."""
        return self.stack.exchanged(self.swapped) if self.swapped.any() else self.stack

    @cached_property
    def places(self) -> Places:
        """The keypoints of the consensus."""
        return agreed_places(self.repaired, self.weights)


class Consensus:
    """The consensus of the workers of many images, computed once for consolidation and all measures.

    Attributes:
        poses: the workers' instances.
        clusters: the subjects, each with the instances that mark it.
        refused: for each image whose instances are not matched, the reason.
        agreed: for each stack the consensus of its clusters, including clusters below the quorum.
        wanted: for each cluster whether its image is not refused.
        workers: for each cluster the number of workers of its image.
    """

    def __init__(self, images: Sequence[Answers], table: SigmaTable, weights: Mapping[str, float]) -> None:
        self.poses = Poses(images, table)
        self._trust = np.array([weights.get(worker_id, 1.0) for worker_id in self.poses.worker_ids], float)
        home, self.refused = match(self.poses)
        self.clusters = Clusters(self.poses, home)
        for cluster in self.clusters.too_large.tolist():
            limit = f"expected at most {MOST_CELLS} members squared times keypoints of one subject, got more"
            self.refused.setdefault(int(self.clusters.image[cluster]), CrowdedError(limit))
        self.wanted: Flags = ~marked(len(images), self.refused)[self.clusters.image]
        self.workers: Integers = self.poses.answer_counts[self.clusters.image]
        self.agreed = [self.agree(stack) for stack in self.clusters.stacks(self.wanted)]

    def agree(self, stack: Stack) -> Agreed:
        """Return the consensus of a stack's members on each of its subjects."""
        weights = self._trust[self.poses.answer_index[stack.member]]
        return Agreed(stack, weights, *repair_sides(stack, weights))

    def images(self) -> list[Merged | CrowdedError]:
        """Return for each image its consensus instances and those below the quorum, or why it was refused."""
        merged: list[Merged] = [([], []) for _ in self.poses.answer_counts]
        drafts = {c: draft for agreed in self.agreed for c, draft in self._drafts(agreed)}
        for cluster, image in enumerate(self.clusters.image.tolist()):
            if image in self.refused:
                continue
            members = self.clusters.members(cluster)
            instances = [self.poses.instances[i] for i in members]
            agreed, below = merged[image]
            if cluster in drafts:
                ids = [i.id for i in instances if i.id]
                free = {i for i in set(ids).difference([other.id for other in agreed]) if not _NEW_ID.fullmatch(i)}
                agreed.append(
                    msgspec.structs.replace(
                        drafts[cluster],
                        id=_most_common([i for i in ids if i in free]) or f"c{len(agreed) + 1}",
                        name=_most_common([i.name for i in instances if i.name]),
                        box=_median_box([i.box for i in instances if i.box], len(instances)),
                    )
                )
            else:
                below.append(BelowQuorum(tuple([self._worker_id(i) for i in members]), tuple(instances)))
        return [self.refused.get(image, instances) for image, instances in enumerate(merged)]

    def _worker_id(self, instance: int) -> str:
        return self.poses.worker_ids[int(self.poses.answer_index[instance])]

    def _drafts(self, agreed: Agreed) -> Iterator[tuple[int, Consolidated]]:
        """Yield each cluster that reaches the quorum, with its consensus without id, name and box."""
        stack, places = agreed.repaired, agreed.places
        workers, members = self.workers[stack.cluster].tolist(), int(stack.member.shape[1])
        scores, dispersions, oks = compare_with_consensus(stack, places)
        score = _rounded(in_order(oks, axis=1) / members)
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
                        ConsolidatedKeypoint(
                            labels[k], x, y, v, worker_count=votes, score=similarity, dispersion=dispersion
                        )
                        for k, x, y, v, votes, similarity, dispersion in keypoints
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
            swaps.setdefault(n, []).append(SwapRepair(self._worker_id(stack.member[n, member]), pair))
        return swaps


def agreed_places(stack: Stack, weights: Floats) -> Places:
    """Return the keypoints of the consensus of poses after swap repair.

    Whether a keypoint is kept depends on the number of workers, not on their weights, so that one worker with a large
    weight cannot overrule another.
    """
    votes = np.count_nonzero(stack.there, axis=1)
    there = (votes > 0) & (votes >= quorum(stack.member.shape[1]))
    cluster, column = np.nonzero(there)
    unit = np.sqrt(stack.size[cluster] / stack.inverse[cluster, column]) / 2  # sigma s in pixels
    trust = np.where(stack.there[cluster, :, column], weights[cluster], 0)
    x, y = np.zeros(there.shape), np.zeros(there.shape)
    x[there], y[there] = robust_means(stack.x[cluster, :, column], stack.y[cluster, :, column], trust, WIDTH * unit)
    visible = np.zeros(there.shape, bool)
    for_visible = in_order(np.where(stack.visibility[cluster, :, column] == VISIBLE, trust, 0))
    visible[there] = for_visible > in_order(trust) * (0.5 + 1e-9)
    return Places(x, y, there, visible, votes)


def compare_with_consensus(stack: Stack, places: Places) -> tuple[Floats, Floats, Floats]:
    """Compare the members with the consensus.

    Returns:
        For each keypoint of the consensus the members' mean similarity to it and their median distance from it in units
        of sigma s, both of shape (clusters, columns) and meaningless where the consensus lacks the keypoint. Then each
        member's symmetric OKS with the consensus over their shared keypoints, of shape (clusters, members).
    """
    both = stack.there & places.there[:, None, :]
    dx, dy = stack.x - places.x[:, None, :], stack.y - places.y[:, None, :]
    squared = dx * dx + dy * dy
    scale = stack.inverse / stack.size[:, None]
    counts = np.maximum(places.votes, 1)
    similarity = in_order(np.where(both, falloff(squared * (scale / 2)[:, None, :]), 0), axis=1) / counts
    ordered = np.sort(np.moveaxis(np.where(both, np.sqrt(squared), np.inf), 1, 2), axis=2)
    area = (stack.area + stack.size[:, None])[:, :, None]
    alike = np.where(both, falloff(squared * stack.inverse[:, None, :] / area), 0)
    oks = in_order(alike) / np.maximum(np.count_nonzero(both, axis=2), 1)
    return similarity, median(ordered, counts) * 2 * np.sqrt(scale), np.asarray(oks)


def _rounded(values: Floats) -> Floats:
    return np.asarray(np.rint(values * UNITS) / UNITS)


def _most_common(values: Sequence[str]) -> str:
    if len(set(values)) < 2:
        return values[0] if values else ""
    return min(Counter(values).items(), key=lambda item: (-item[1], item[0]))[0]


def _median_box(
    boxes: Sequence[tuple[float, float, float, float]], members: int
) -> tuple[float, float, float, float] | None:
    """Return the box of the median sides; None if fewer than the quorum of members drew a box."""
    if not boxes or len(boxes) < quorum(members):
        return None
    sides = np.array([(left, top, left + width, top + height) for left, top, width, height in boxes])
    left, top, right, bottom = median(np.sort(sides.T, axis=1)).tolist()
    return coordinate(left), coordinate(top), coordinate(right - left), coordinate(bottom - top)
