"""Consolidation: several workers' instances of one image become one list.

Instances are matched across workers (consensus.matching). A cluster that at least half of the workers support
becomes an instance. Exchanged left and right keypoints are repaired by comparison with the other workers
(consensus.swap_repair).
A keypoint is kept if at least half of the cluster's workers labelled it. Its coordinates are a robust mean
(consensus.median), its visibility is the majority's (in a tie the lower one), and its box is the median of each side.
`Consolidated` says which instances a person should look at again, and why.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import msgspec

from truepoint.consensus.matching import match
from truepoint.consensus.median import robust_place
from truepoint.consensus.swap_repair import repair_sides
from truepoint.pose.instance import OCCLUDED, VISIBLE, Instance, Keypoint, coordinate
from truepoint.pose.pose import OksComparer, Place, Pose, pose
from truepoint.pose.sigma_table import SigmaTable

LOW_SCORE = 0.75
"""Mean OKS of the workers with the consensus. Of honest workers it is above .9 on average, below .88 in one of a
hundred; one worker of three who scatters three times as much brings it to .8."""
WIDTH = 0.7
"""In sigma s: how near to the consensus workers count as in a mean, so that honest scatter is averaged out. Wider is
better if sigma is right; this still beats the geometric median if people scatter half as much (bench/consensus.py)."""
DIGITS = 4
"""Of scores and dispersions; coordinates are never rounded."""

_NEW_ID = re.compile(r"n\d+")  # an instance the worker added; any other id is a pre-label's and worth keeping

Reason = Literal["no_majority", "swap_repaired", "sides_disputed", "low_score"]
"""Why a person should look again: not more than half of the workers marked it; a worker had left and right exchanged;
the workers are split evenly on left and right; they are far apart."""


REASONS: frozenset[str] = frozenset(get_args(Reason))


class ConsolidatedKeypoint(Keypoint, frozen=True, kw_only=True, omit_defaults=True):
    """A keypoint that `worker_count` workers labelled. `score` is their mean similarity to it, 0 to 1; `dispersion`
    their median distance from it in sigma s, .6 to .7 for honest workers."""

    worker_count: int
    score: float
    dispersion: float


class Swap(msgspec.Struct, frozen=True):
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
    swaps: tuple[Swap, ...] = ()
    needs_review: tuple[Reason, ...] = ()


class BelowQuorum(msgspec.Struct, frozen=True):
    """An instance that too few workers marked: kept with its workers, for a person to decide."""

    worker_ids: tuple[str, ...]
    instances: tuple[Instance, ...]


class Cluster:
    """What several workers say of one subject: worker ids in rising order, and for each the instance and its pose."""

    __slots__ = ("instances", "poses", "worker_ids")

    def __init__(self, worker_ids: list[str], instances: list[Instance], poses: list[Pose]) -> None:
        self.worker_ids = worker_ids
        self.instances = instances
        self.poses = poses


def quorum(workers: int) -> int:
    """How many of `workers` must have marked an instance: half of them, so that of two honest workers neither loses."""
    return math.ceil(workers / 2)


def clusters(answers: Sequence[tuple[str, Sequence[Instance]]], ruler: OksComparer) -> list[Cluster]:
    """The subjects of one image, from (worker id, instances). Independent of the order of `answers`."""
    answers = sorted(answers, key=lambda answer: answer[0])
    poses = [[pose(instance, ruler.yardstick) for instance in instances] for _, instances in answers]
    return [
        Cluster(
            [answers[w][0] for w, _ in members],
            [answers[w][1][i] for w, i in members],
            [poses[w][i] for w, i in members],
        )
        for members in match(poses, ruler)
    ]


def consolidate(
    answers: Sequence[tuple[str, Sequence[Instance]]],
    yardstick: SigmaTable,
    weights: Mapping[str, float] | None = None,
) -> tuple[list[Consolidated], list[BelowQuorum]]:
    """Consolidate the instances of two or more workers, given as (worker id, instances).

    Deterministic, and independent of the order of `answers`. `weights` say how far each worker is to be relied on; who
    has none has 1.
    """
    ruler = OksComparer(yardstick)
    return merge(clusters(answers, ruler), len(answers), ruler, weights or {})


def merge(
    found: Sequence[Cluster], workers: int, ruler: OksComparer, weights: Mapping[str, float]
) -> tuple[list[Consolidated], list[BelowQuorum]]:
    """The clusters of one image that `workers` answered for, as instances or, of too few workers, aside."""
    agreed: list[Consolidated] = []
    rest: list[BelowQuorum] = []
    for cluster in found:
        if len(cluster.instances) < quorum(workers):
            rest.append(BelowQuorum(tuple(cluster.worker_ids), tuple(cluster.instances)))
            continue
        taken = {instance.id for instance in agreed}
        agreed.append(_instance(cluster, workers, f"c{len(agreed) + 1}", taken, ruler=ruler, weights=weights))
    return agreed, rest


def _instance(
    cluster: Cluster, workers: int, new_id: str, taken: set[str], *, ruler: OksComparer, weights: Mapping[str, float]
) -> Consolidated:
    members = cluster.instances
    trust = [weights.get(worker_id, 1.0) for worker_id in cluster.worker_ids]
    repair = repair_sides(cluster.poses, trust, ruler)
    # In the order in which the first who has a keypoint gives it: a skeleton's order, if the workers keep to it.
    order = list(dict.fromkeys(k.label for member in members for k in member.annotations))
    order += sorted({label for found in repair.poses for label in found.places} - set(order))
    keypoints = consensus(repair.poses, trust, order, ruler)
    score = score_of(repair.poses, keypoints, ruler)
    swaps = tuple(Swap(cluster.worker_ids[w], pair) for w, pair in repair.swaps)
    reasons: dict[Reason, bool] = {
        "no_majority": 2 * len(members) <= workers,
        "sides_disputed": bool(repair.disputed),
        "swap_repaired": bool(swaps) and not repair.disputed,
        "low_score": len(members) > 1 and score < LOW_SCORE,
    }
    boxes = [member.box for member in members if member.box]
    return Consolidated(
        id=_common([m.id for m in members if m.id and m.id not in taken and not _NEW_ID.fullmatch(m.id)]) or new_id,
        name=_common([m.name for m in members if m.name]),
        annotations=keypoints,
        worker_count=len(members),
        score=round(score, DIGITS),
        box=_median_box(boxes) if boxes and len(boxes) >= quorum(len(members)) else None,
        swaps=swaps,
        needs_review=tuple(reason for reason, there in reasons.items() if there),
    )


def consensus(
    poses: Sequence[Pose], weights: Sequence[float], order: Sequence[str], ruler: OksComparer
) -> tuple[ConsolidatedKeypoint, ...]:
    """The keypoints of one subject, in the given order of labels, from poses whose sides are right."""
    size = _size(poses)
    keypoints = []
    for label, (x, y, visibility) in agreed_places(poses, weights, order, ruler).items():
        inverse = ruler.inverse(label)
        unit = math.sqrt(size / inverse) / 2  # sigma s, pixels
        votes = [found.places[label] for found in poses if label in found.places]
        squares = sorted([(vote[0] - x) ** 2 + (vote[1] - y) ** 2 for vote in votes])
        keypoints.append(
            ConsolidatedKeypoint(
                label,
                x,
                y,
                visibility,
                worker_count=len(votes),
                score=round(sum([math.exp(-s * inverse / (2 * size)) for s in squares]) / len(squares), DIGITS),
                dispersion=round(_middle([math.sqrt(s) / unit for s in squares]), DIGITS),
            )
        )
    return tuple(keypoints)


def agreed_places(
    poses: Sequence[Pose], weights: Sequence[float], order: Sequence[str], ruler: OksComparer
) -> dict[str, Place]:
    """The places of the keypoints that `consensus` gives, by label.

    Whether a keypoint is there is decided by heads, not by weights, so that no honest worker is overruled by one other.
    """
    size, enough = _size(poses), quorum(len(poses))
    agreed: dict[str, Place] = {}
    for label in order:
        votes = [(found.places[label], w) for found, w in zip(poses, weights, strict=True) if label in found.places]
        if len(votes) < enough:
            continue
        unit = math.sqrt(size / ruler.inverse(label)) / 2  # sigma s, pixels
        trust = [w for _, w in votes]
        x, y = robust_place([place[:2] for place, _ in votes], trust, WIDTH * unit)
        visible = math.fsum([w for place, w in votes if place[2] == VISIBLE])
        seen = visible > math.fsum(trust) * (0.5 + 1e-9)
        agreed[label] = coordinate(x), coordinate(y), VISIBLE if seen else OCCLUDED
    return agreed


def score_of(poses: Sequence[Pose], keypoints: Sequence[Keypoint], ruler: OksComparer) -> float:
    """Mean OKS of poses with the consensus of them."""
    size = _size(poses)
    merged = Pose({k.label: (k.x, k.y, k.visibility) for k in sorted(keypoints, key=lambda k: k.label)}, size)
    return math.fsum(ruler.oks(found, merged) for found in poses) / len(poses)


def _size(poses: Sequence[Pose]) -> float:
    """Area of the subject: the median, since one keypoint far off makes a hull of any size."""
    return _middle(sorted(found.area for found in poses))


def _common(values: Sequence[str]) -> str:
    return min(Counter(values).items(), key=lambda item: (-item[1], item[0]))[0] if values else ""


def _middle(values: Sequence[float]) -> float:
    """The median of values in rising order."""
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def _median_box(boxes: Sequence[tuple[float, float, float, float]]) -> tuple[float, float, float, float]:
    left, top = _middle(sorted(b[0] for b in boxes)), _middle(sorted(b[1] for b in boxes))
    right, bottom = _middle(sorted(b[0] + b[2] for b in boxes)), _middle(sorted(b[1] + b[3] for b in boxes))
    return coordinate(left), coordinate(top), coordinate(right - left), coordinate(bottom - top)
