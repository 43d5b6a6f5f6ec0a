"""Consolidation: several workers' instances of one image become one list.

Instances are matched across workers by symmetric OKS, at most one of each worker in a cluster; a cluster that at
least half of the workers support becomes an instance. A keypoint is kept if at least half of the cluster labelled it;
its place is the geometric median, its visibility the majority's, the lower one in a tie.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from keypoints.instance import OCCLUDED, VISIBLE, Instance, Keypoint
from keypoints.similarity import symmetric_oks

LEAST_SIMILARITY = 0.1
"""Below it two instances are not the same subject (Ronchi and Perona 2017, localisation threshold)."""
_NEW_ID = re.compile(r"n\d+")  # an instance the worker added; any other id is a pre-label's and worth keeping
WEISZFELD_STEPS = 200
WEISZFELD_CLOSE = 1e-6
"""Pixels."""


class Consolidated(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An instance that several workers agree on. `worker_count` marked it; `score` is their mean similarity to it."""

    id: str
    name: str
    annotations: tuple[Keypoint, ...]
    worker_count: int
    score: float
    box: tuple[float, float, float, float] | None = None


class BelowQuorum(msgspec.Struct, frozen=True):
    """An instance that too few workers marked: kept with its workers, for a person to decide."""

    worker_ids: tuple[str, ...]
    instances: tuple[Instance, ...]


Member = tuple[int, int]
"""Worker's and instance's place."""


def quorum(workers: int) -> int:
    """How many of `workers` must have marked an instance: half of them, so that of two honest workers neither loses."""
    return math.ceil(workers / 2)


def consolidate(
    answers: Sequence[tuple[str, Sequence[Instance]]], sigmas: Mapping[str, float]
) -> tuple[list[Consolidated], list[BelowQuorum]]:
    """Consolidate the instances of two or more workers, given as (worker id, instances).

    Deterministic, and independent of the order of `answers`.
    """
    answers = sorted(answers, key=lambda answer: answer[0])
    agreed: list[Consolidated] = []
    rest: list[BelowQuorum] = []
    for cluster in _clusters(answers, sigmas):
        members = [answers[worker][1][place] for worker, place in cluster]
        if len(members) >= quorum(len(answers)):
            taken = {instance.id for instance in agreed}
            agreed.append(_merge(members, f"c{len(agreed) + 1}", taken, sigmas))
        else:
            rest.append(BelowQuorum(tuple(answers[worker][0] for worker, _ in cluster), tuple(members)))
    return agreed, rest


def _clusters(answers: Sequence[tuple[str, Sequence[Instance]]], sigmas: Mapping[str, float]) -> list[list[Member]]:
    """Agglomerative clustering, average linkage, at most one instance of each worker in a cluster."""
    nodes: list[Member] = [(w, i) for w, (_, instances) in enumerate(answers) for i in range(len(instances))]
    similar: dict[tuple[Member, Member], float] = {}
    for position, a in enumerate(nodes):
        for b in nodes[position + 1 :]:
            if a[0] != b[0]:
                oks = symmetric_oks(answers[a[0]][1][a[1]], answers[b[0]][1][b[1]], sigmas)
                if oks >= LEAST_SIMILARITY:
                    similar[a, b] = oks
    cluster_of: dict[Member, list[Member]] = {node: [node] for node in nodes}
    for (a, b), _ in sorted(similar.items(), key=lambda item: (-item[1], item[0])):
        mine, theirs = cluster_of[a], cluster_of[b]
        if mine is theirs or {w for w, _ in mine} & {w for w, _ in theirs}:
            continue
        links = [similar.get((min(p, q), max(p, q)), 0.0) for p in mine for q in theirs]
        if sum(links) / len(links) < LEAST_SIMILARITY:
            continue
        merged = sorted(mine + theirs)
        for node in merged:
            cluster_of[node] = merged
    unique = {id(cluster): cluster for cluster in cluster_of.values()}
    return sorted(unique.values())


def _merge(members: Sequence[Instance], new_id: str, taken: set[str], sigmas: Mapping[str, float]) -> Consolidated:
    order: dict[str, list[Keypoint]] = {}
    for member in members:
        for keypoint in member.annotations:
            order.setdefault(keypoint.label, []).append(keypoint)
    keypoints = []
    for label, votes in order.items():
        if len(votes) < quorum(len(members)):
            continue
        x, y = geometric_median([(k.x, k.y) for k in votes])
        visible = sum(k.visibility == VISIBLE for k in votes)
        keypoints.append(Keypoint(label, x, y, VISIBLE if visible * 2 > len(votes) else OCCLUDED))
    boxes = [member.box for member in members if member.box]
    box = _median_box(boxes) if len(boxes) >= quorum(len(members)) and boxes else None
    merged = Instance(annotations=tuple(keypoints), box=box)
    return Consolidated(
        id=_common([m.id for m in members if m.id and m.id not in taken and not _NEW_ID.fullmatch(m.id)]) or new_id,
        name=_common([m.name for m in members if m.name]),
        annotations=merged.annotations,
        worker_count=len(members),
        score=round(sum(symmetric_oks(m, merged, sigmas) for m in members) / len(members), 6),
        box=box,
    )


def _common(values: Sequence[str]) -> str:
    return min(Counter(values).items(), key=lambda item: (-item[1], item[0]))[0] if values else ""


def _median_box(boxes: Sequence[tuple[float, float, float, float]]) -> tuple[float, float, float, float]:
    def middle(values: list[float]) -> float:
        values.sort()
        half = len(values) // 2
        return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2

    left, top = middle([b[0] for b in boxes]), middle([b[1] for b in boxes])
    right, bottom = middle([b[0] + b[2] for b in boxes]), middle([b[1] + b[3] for b in boxes])
    return left, top, right - left, bottom - top


def geometric_median(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The point with the least sum of distances to `points`, by Weiszfeld's algorithm.

    Of one or two points it is their mean: every point between two is a geometric median.
    """
    points = sorted(points)
    x = sum(p[0] for p in points) / len(points)
    y = sum(p[1] for p in points) / len(points)
    if len(points) < 3:
        return x, y
    # Towards a median that is one of the points the algorithm only crawls, so those are tried first: a point is the
    # median if the others, pulling with force one each, pull no harder than its copies hold.
    for here, copies in Counter(points).items():
        pulls = [(px - here[0], py - here[1]) for px, py in points if (px, py) != here]
        lengths = [math.hypot(*pull) for pull in pulls]
        force_x = sum(px / length for (px, _), length in zip(pulls, lengths, strict=True))
        force_y = sum(py / length for (_, py), length in zip(pulls, lengths, strict=True))
        if math.hypot(force_x, force_y) <= copies:
            return here
    for _ in range(WEISZFELD_STEPS):
        weights = [1 / max(math.hypot(px - x, py - y), WEISZFELD_CLOSE) for px, py in points]
        total = sum(weights)
        nx = sum(w * p[0] for w, p in zip(weights, points, strict=True)) / total
        ny = sum(w * p[1] for w, p in zip(weights, points, strict=True)) / total
        close = math.hypot(nx - x, ny - y) < WEISZFELD_CLOSE
        x, y = nx, ny
        if close:
            break
    return x, y
