"""Matching: which instances of several workers are the same subject.

Constrained average-linkage clustering on symmetric OKS, at most one instance of a worker in a cluster, and then, worker
by worker, the best assignment of their instances to the clusters of the others: of two workers that is the optimal
assignment. A mirrored body is the same subject, so the larger similarity of both versions counts here, and only here.
Instances need not overlap (CVAT's rule), only be alike.
"""

from __future__ import annotations

import heapq
import math
import operator
from collections.abc import Sequence

from truepoint.consensus.assignment import Budget, BudgetSpentError, assign
from truepoint.pose.instance import Instance
from truepoint.pose.pose import OksComparer, Pose

LEAST_SIMILARITY = 0.1
"""Below it two instances are not the same subject (Ronchi and Perona 2017, localisation threshold)."""
CLEARLY_ALIKE = 0.5
"""From here on the mirrored version is not tried: both can only be alike if left and right coincide."""
ROUNDS = 3
"""Of assignment; the sum of similarities grows in each, and the second rarely changes anything."""
FAR = 1e12
"""Where a missing keypoint is put: nothing is near it."""
NOTHING = 40
"""exp(-40) is nothing beside the rounding of a sum."""
ROUNDING = 1e-9
LARGEST_ASSIGNMENT = 120
"""Instances of a worker in one crowd; the assignment's cost grows with the cube, and a hostile answer must not cost
minutes. Beyond it the clustering stands."""

MOST_OVERLAPS = 50_000
"""Pairs of instances of different workers whose hulls overlap. It takes 180 people by each of three workers, all in one
place; each pair costs some 50 microseconds, and a hostile answer must not cost minutes."""
MOST_TOGETHER = 3000
"""Instances of all workers."""
MOST_KEYPOINTS_TOGETHER = 200_000
"""Keypoints of all workers' instances. Each costs some 25 microseconds to be consolidated."""
MOST_COMPARED = 100_000
"""Pairs of instances of different workers that are near enough, for their areas, to be compared. It is twice
`MOST_OVERLAPS`, because instances side by side are near too."""
MOST_KEYPOINTS_COMPARED = 2_000_000
"""Keypoints in those pairs; each costs half a microsecond."""
MOST_OUTLINED = 1_000_000
"""Places in all outlines together, of 40 bytes each. With more, instances are compared without the first look."""
MOST_STEPS = 12_000_000
"""Steps of all assignments of an image: 2 seconds. A crowd of 120 people takes less than a hundredth of that."""

Member = tuple[int, int]
"""Worker's and instance's place."""
Similar = dict[Member, dict[Member, float]]


def crowded(workers: Sequence[Sequence[Instance]]) -> str:
    """Why these instances are too many to be matched; empty if they are not."""
    total = sum(map(len, workers))
    if total > MOST_TOGETHER:
        return f"expected at most {MOST_TOGETHER} instances of all workers together, got {total}"
    keypoints = sum(len(instance.annotations) for instances in workers for instance in instances)
    if keypoints > MOST_KEYPOINTS_TOGETHER:
        return f"expected at most {MOST_KEYPOINTS_TOGETHER} keypoints of all workers together, got {keypoints}"
    hulls = [[box for instance in instances if (box := instance.hull)] for instances in workers]
    overlaps = 0
    for later, theirs in enumerate(hulls):
        for mine in hulls[:later]:
            for p in mine:
                overlaps += sum(
                    p[0] <= q[0] + q[2] and q[0] <= p[0] + p[2] and p[1] <= q[1] + q[3] and q[1] <= p[1] + p[3]
                    for q in theirs
                )
    if overlaps > MOST_OVERLAPS:
        return f"expected at most {MOST_OVERLAPS} overlapping pairs of different workers' instances, got {overlaps}"
    return ""


class CrowdedError(ValueError):
    """Instances that cost more to be matched than those of any honest image; says expected and got."""


def match(workers: Sequence[Sequence[Pose]], ruler: OksComparer) -> list[list[Member]]:
    """Clusters of members, each in the order of workers, together in the order of their first members.

    Raises:
        CrowdedError: too many instances are near each other, for their areas.
    """
    similar = _similar(workers, ruler)
    clusters, budget = _linked(similar), Budget(MOST_STEPS)
    for _ in range(ROUNDS):
        changed = False
        for worker in range(len(workers)):
            changed |= _assigned(clusters, worker, similar, budget)
        if not changed:
            break
    return sorted(cluster for cluster in clusters if cluster)


def _similar(workers: Sequence[Sequence[Pose]], ruler: OksComparer) -> Similar:
    """Similarities of at least `LEAST_SIMILARITY`, in both directions; every member is a key."""
    similar: Similar = {(w, i): {} for w, poses in enumerate(workers) for i in range(len(poses))}
    labels = sorted({label for poses in workers for pose in poses for label in pose.places})
    outlined = len(labels) * len(similar) <= MOST_OUTLINED
    first = {m: Outline(workers[m[0]][m[1]], labels, ruler, FAR) for m in similar} if outlined else {}
    mirrored: dict[Member, Pose] = {}
    hulls = [[pose.hull for pose in poses] for poses in workers]
    reaches = _reaches(workers, ruler)
    pairs = keypoints = 0
    for b in similar:
        theirs = workers[b[0]][b[1]]
        second: Outline | None = None
        reach = reaches[b]
        left, top, right, bottom = theirs.hull
        left, top, right, bottom = left - reach, top - reach, right + reach, bottom + reach
        for w in range(b[0]):
            for i, (x0, y0, x1, y1) in enumerate(hulls[w]):
                if x1 < left or x0 > right or y1 < top or y0 > bottom:
                    continue
                mine = workers[w][i]
                if ruler.bound(mine, theirs) < LEAST_SIMILARITY:
                    continue
                pairs, keypoints = pairs + 1, keypoints + len(mine.places)
                _check_cost(pairs, keypoints)
                if b not in mirrored:
                    mirrored[b] = theirs.mirrored(ruler.pairs)
                    if outlined:
                        second, turned = (Outline(p, labels, ruler, -FAR) for p in (theirs, mirrored[b]))
                if second and not (first[w, i].may_be_alike(second) or first[w, i].may_be_alike(turned)):
                    continue
                oks = ruler.oks(mine, theirs)
                if oks < CLEARLY_ALIKE and ruler.pairs:
                    oks = max(oks, ruler.oks(mine, mirrored[b]))
                if oks >= LEAST_SIMILARITY:
                    similar[w, i][b] = similar[b][w, i] = oks
    return similar


def _reaches(workers: Sequence[Sequence[Pose]], ruler: OksComparer) -> dict[Member, float]:
    """How far from an instance's hull, in pixels, another one may be and `OksComparer.bound` reach `LEAST_SIMILARITY`.

    It is an upper bound for all others, by the largest area and the largest sigma, and rounded up.
    """
    members = {(w, i): pose for w, poses in enumerate(workers) for i, pose in enumerate(poses)}
    widest = min((ruler.inverse(label) for pose in members.values() for label in pose.places), default=0.0)
    if widest <= 0 or not all(pose.places for pose in members.values()):
        return dict.fromkeys(members, math.inf)
    largest = max((pose.area for pose in members.values()), default=0.0)
    exponent = -math.log(LEAST_SIMILARITY) * 1.001
    return {m: math.sqrt(exponent * (largest + pose.area) / widest) for m, pose in members.items()}


def _check_cost(pairs: int, keypoints: int) -> None:
    if pairs > MOST_COMPARED:
        raise CrowdedError(
            f"expected at most {MOST_COMPARED} pairs of different workers' instances that are near each other, got more"
        )
    if keypoints > MOST_KEYPOINTS_COMPARED:
        raise CrowdedError(
            f"expected at most {MOST_KEYPOINTS_COMPARED} keypoints in pairs of different workers' instances that are "
            "near each other, got more"
        )


class Outline:
    """A pose as a row of complex numbers, for a first look that costs a third of OKS: most pairs in a crowd overlap
    and are not alike."""

    __slots__ = ("area", "mask", "places")

    def __init__(self, pose: Pose, labels: Sequence[str], ruler: OksComparer, far: float) -> None:
        there = [pose.places.get(label) for label in labels]
        self.area = pose.area
        self.mask = sum(1 << i for i, place in enumerate(there) if place)
        # Each in units of its own keypoint's scatter; what is missing is far from everything, and from what the other
        # is missing too.
        self.places = [
            complex(place[0], place[1]) * math.sqrt(ruler.inverse(label)) if place else complex(far)
            for label, place in zip(labels, there, strict=True)
        ]

    def may_be_alike(self, other: Outline) -> bool:
        """False only if OKS is below `LEAST_SIMILARITY`; `other` was made with the opposite `far`."""
        scale = self.area + other.area
        reach = math.sqrt(NOTHING * scale)
        near = [d for d in map(abs, map(operator.sub, self.places, other.places)) if d < reach]
        wanted = LEAST_SIMILARITY * (self.mask & other.mask).bit_count()
        # The very OKS is computed another way, and may differ in its last digits.
        return len(near) > wanted - ROUNDING and sum([math.exp(-d * d / scale) for d in near]) > wanted - ROUNDING


def _linked(similar: Similar) -> list[list[Member]]:
    """Average linkage: the two clusters that are most alike on average become one, while that is allowed."""
    members = {place: [node] for place, node in enumerate(similar)}
    place_of = {node: place for place, node in enumerate(similar)}
    sums = [{place_of[other]: oks for other, oks in similar[node].items()} for node in similar]
    heap = [(-oks, a, b) for a, links in enumerate(sums) for b, oks in links.items() if a < b]
    heapq.heapify(heap)
    while heap:
        average, a, b = heapq.heappop(heap)
        if a not in members or b not in members:
            continue  # one of them has been merged since
        if {w for w, _ in members[a]} & {w for w, _ in members[b]}:
            continue
        if -average < LEAST_SIMILARITY:
            break
        new = len(sums)
        links: dict[int, float] = {}
        for old in (a, b):
            for other, total in sums[old].items():
                if other in members and other not in (a, b):
                    links[other] = links.get(other, 0.0) + total
        members[new] = sorted(members.pop(a) + members.pop(b))
        sums.append(links)
        for other, total in links.items():
            sums[other][new] = total
            heapq.heappush(heap, (-total / (len(members[new]) * len(members[other])), other, new))
    return list(members.values())


def _assigned(clusters: list[list[Member]], worker: int, similar: Similar, budget: Budget) -> bool:
    """Give the worker's instances to the clusters of the others anew, for the largest sum of mean similarities.

    Works on each crowd for itself: instances and clusters linked by similarity. Returns whether anything changed.
    """
    home = {member: place for place, cluster in enumerate(clusters) for member in cluster}
    rests = [[m for m in cluster if m[0] != worker] for cluster in clusters]
    gains: dict[Member, dict[int, float]] = {}
    for member in home:
        if member[0] == worker:
            sums: dict[int, float] = {}
            for other, oks in similar[member].items():
                sums[home[other]] = sums.get(home[other], 0.0) + oks
            means = {place: total / len(rests[place]) for place, total in sums.items()}
            gains[member] = {place: mean for place, mean in means.items() if mean >= LEAST_SIMILARITY}
    changed = False
    for crowd in _crowds(gains):
        places = sorted({place for member in crowd for place in gains[member]})
        if len(crowd) > LARGEST_ASSIGNMENT or len(places) > 4 * LARGEST_ASSIGNMENT:
            continue
        table = [[gains[member].get(place, 0.0) for place in places] for member in crowd]
        try:
            wanted = {crowd[row]: places[column] for row, column in assign(table, budget)}
        except BudgetSpentError:
            return changed
        before = sum(gains[member].get(home[member], 0.0) for member in crowd)
        if sum(gains[member][place] for member, place in wanted.items()) <= before + 1e-12:
            continue
        changed = True
        for member in crowd:
            clusters[home[member]].remove(member)
        for member in crowd:
            if member in wanted:
                clusters[wanted[member]] = sorted([*clusters[wanted[member]], member])
            else:
                clusters.append([member])
    return changed


def _crowds(gains: dict[Member, dict[int, float]]) -> list[list[Member]]:
    """The members that compete, directly or through others, for the same clusters."""
    takers: dict[int, list[Member]] = {}
    for member, found in gains.items():
        for place in found:
            takers.setdefault(place, []).append(member)
    crowds: list[list[Member]] = []
    rest = {member for member, found in gains.items() if found}
    for first in sorted(rest):
        if first not in rest:
            continue
        rest.remove(first)
        crowd = [first]
        for member in crowd:  # which grows meanwhile
            for place in gains[member]:
                others = rest.intersection(takers.pop(place, ()))
                rest -= others
                crowd += others
        crowds.append(sorted(crowd))
    return crowds
