"""Matching: finds which instances of several workers mark the same subject.

The first step is average-linkage clustering on symmetric OKS, with at most one instance per worker in a cluster. Then,
worker by worker, the worker's instances are assigned optimally to the clusters of the others. For two workers the
result is the optimal assignment. A body with left and right exchanged is the same subject, so matching uses the larger
of the similarities with and without the exchange. CVAT requires instances to overlap; here only their similarity
counts.

The similarities of all images are computed at once. Nearly all subjects are clear: their workers' instances are more
similar to each other than to any other instance. Clustering and assignment could not change such subjects, so only the
others go through these steps.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from truepoint.consensus.assignment import Budget, BudgetSpentError, assign
from truepoint.pose.instance import Instance
from truepoint.pose.poses import Flags, Integers, Poses, expanded, grouped, marked
from truepoint.pose.similarity import NEGLIGIBLE, Floats, falloff

LEAST_SIMILARITY = 0.1
"""Minimum similarity of two instances of the same subject (Ronchi and Perona 2017, localisation threshold)."""
CLEARLY_ALIKE = 0.5
"""Similarity from which two instances are alike. The mirrored version of a pair is compared only if one of the two is
alike to no instance of the other one's worker, because an instance with left and right exchanged is rarely alike to any
other."""
ROUNDS = 3
"""Maximum number of rounds of assignment. The sum of similarities grows in each, and the second rarely changes
anything."""
FARTHEST_EXPONENT = 2.303
"""Exponent of OKS beyond which the similarity is below `LEAST_SIMILARITY`: -ln 0.1, rounded up."""
LARGEST_ASSIGNMENT = 120
"""Maximum number of a worker's instances in one assignment. The time grows with the cube of this number. For larger
crowds the result of the clustering is used."""

MOST_OVERLAPS = 50_000
"""Maximum number of pairs of different workers' instances of an image whose hulls overlap: three workers with 129
people each, all at one spot. It bounds the time for a hostile answer."""
MOST_TOGETHER = 3000
"""Maximum number of all workers' instances of an image."""
MOST_KEYPOINTS_TOGETHER = 200_000
"""Maximum number of keypoints of all workers' instances of an image."""
MOST_COMPARED = 100_000
"""Maximum number of compared pairs of different workers' instances of an image. It is twice `MOST_OVERLAPS`, because
instances side by side are compared too."""
MOST_KEYPOINTS_COMPARED = 2_000_000
"""Maximum number of keypoints in the compared pairs of an image."""
MOST_STEPS = 12_000_000
"""Maximum number of steps of all assignments of an image, which take 2 s. A crowd of 120 people takes less than a
hundredth of that."""
AT_ONCE = 16_000
"""Number of pairs, or of keypoints in pairs, in one array. Arrays of 128 kB stay in the CPU's cache."""

Member = tuple[int, int]
"""(worker, index of the instance among all instances)."""
Similar = dict[Member, dict[Member, float]]
"""For each instance the instances that are similar to it, with their similarities."""


def crowded(workers: Sequence[Sequence[Instance]]) -> str:
    """Return why the instances of an image's workers are too many for matching; "" if they are not."""
    total = sum(map(len, workers))
    if total > MOST_TOGETHER:
        return f"expected at most {MOST_TOGETHER} instances of all workers together, got {total}"
    keypoints = sum(len(instance.annotations) for instances in workers for instance in instances)
    if keypoints > MOST_KEYPOINTS_TOGETHER:
        return f"expected at most {MOST_KEYPOINTS_TOGETHER} keypoints of all workers together, got {keypoints}"
    if total * total <= 2 * MOST_OVERLAPS:
        return ""
    hulls = [[box for instance in instances if (box := instance.hull)] for instances in workers]
    overlaps = 0
    corners = [np.array(boxes, float).reshape(-1, 4) for boxes in hulls]
    for later, theirs in enumerate(corners):
        right, bottom = theirs[:, 0] + theirs[:, 2], theirs[:, 1] + theirs[:, 3]
        for mine in corners[:later]:
            for x, y, width, height in mine.tolist():
                beside = (x <= right) & (theirs[:, 0] <= x + width) & (y <= bottom) & (theirs[:, 1] <= y + height)
                overlaps += int(np.count_nonzero(beside))
    if overlaps > MOST_OVERLAPS:
        return f"expected at most {MOST_OVERLAPS} overlapping pairs of different workers' instances, got {overlaps}"
    return ""


class CrowdedError(ValueError):
    """An image whose instances exceed a limit of matching, which no realistic image does."""


def match(poses: Poses) -> tuple[Integers, dict[int, CrowdedError]]:
    """Match the instances of each image.

    Returns:
        For each instance the index of the first instance of its cluster; and for each image that cannot be matched the
        reason. Each instance of such an image is a cluster of its own.
    """
    first, second, oks, refused = similar_pairs(poses)
    links = components(len(poses.area), first, second)
    home, clear = _clear_clusters(poses, first, second, oks)
    # A set of instances that are linked by any similarity is settled if all of its clusters are clear.
    settled = np.ones(len(home), bool)
    np.logical_and.at(settled, links, clear)
    unsettled = ~settled[links[first]]
    if unsettled.any():
        _match_rest(poses, home, links, (first[unsettled], second[unsettled], oks[unsettled]))
    return home, refused


def similar_pairs(poses: Poses) -> tuple[Integers, Integers, Floats, dict[int, CrowdedError]]:
    """Return the pairs of instances of different workers of an image whose similarity is at least `LEAST_SIMILARITY`.

    Returns:
        For each pair the earlier worker's instance, the later worker's instance and the similarity; and for each image
        whose instances are not compared the reason.
    """
    first, second = _near_pairs(poses)
    refused = _too_many(poses, first, second)
    if refused:
        kept = ~marked(len(poses.answer_counts), refused)[poses.image[first]]
        first, second = first[kept], second[kept]
    oks = _compared(poses, first, second)
    if len(poses.table.pairs):
        unclear = np.flatnonzero(_without_partners(poses, first, second, oks >= CLEARLY_ALIKE))
        mirrored = _compared(poses, first[unclear], second[unclear], mirrored=True)
        oks[unclear] = np.maximum(oks[unclear], mirrored)
    alike = oks >= LEAST_SIMILARITY
    return first[alike], second[alike], oks[alike], refused


def _parts(sizes: Integers) -> Iterator[slice]:
    """Divide members into parts of a total size of about `AT_ONCE`, with at least one member each."""
    ends = np.cumsum(sizes)
    start = 0
    while start < len(sizes):
        before = int(ends[start - 1]) if start else 0
        end = max(int(np.searchsorted(ends, before + AT_ONCE, side="right")), start + 1)
        yield slice(start, end)
        start = end


def _near_pairs(poses: Poses) -> tuple[Integers, Integers]:
    """Return the pairs of instances of different workers of an image that are near enough to be similar.

    The keypoints of two instances are at least as far apart as their hulls. Images with similar numbers of instances
    are compared at once. Only pairs whose extended hulls overlap are compared exactly, because overlap needs no
    arithmetic.

    Returns:
        The earlier worker's instance and the later worker's instance of each pair, in the order of the latter.
    """
    count = len(poses.area)
    widest = np.full(count, np.inf)  # for each instance the smallest 1 / (2 sigma)^2 of its keypoints
    np.minimum.at(widest, poses.owner, poses.inverse[poses.label])
    widest_in_image = np.full(len(poses.answer_counts), np.inf)
    np.minimum.at(widest_in_image, poses.image, widest)
    # Near hulls are apart by at most the root of a sum of areas, which is at most the sum of the areas' roots.
    margin = 1.000001 * np.sqrt(FARTHEST_EXPONENT * poses.area / widest_in_image[poses.image])
    margin[np.diff(poses.starts) == 0] = -np.inf  # an instance without keypoints is near no other
    # The last index stands for no instance.
    least_x, least_y = np.append(poses.hull.T[:2] - margin, np.full((2, 1), np.inf), axis=1)
    most_x, most_y = np.append(poses.hull.T[2:] + margin, np.full((2, 1), -np.inf), axis=1)
    worker = np.append(poses.worker, 0)
    counts = np.bincount(poses.image, minlength=len(poses.answer_counts))
    begin = np.cumsum(counts) - counts
    pairs = [np.zeros((2, 0), np.intp)]
    for _, images in grouped(np.frexp(np.maximum(counts, 1) - 0.5)[1]):  # up to 1, 2, 4, 8, ... instances
        index = np.arange(counts[images].max())
        member = np.where(index < counts[images][:, None], begin[images][:, None] + index, count)
        for part in _parts(np.full(len(images), max(len(index), 1) ** 2)):
            rows = max(4 * AT_ONCE // max(member[part].size, 1), 1)  # flags take an eighth of numbers' memory
            for row in range(0, len(index), rows):
                later, earlier = member[part, row : row + rows, None], member[part, None, : row + rows]
                overlap = (least_x[earlier] <= most_x[later]) & (least_x[later] <= most_x[earlier])
                overlap &= (least_y[earlier] <= most_y[later]) & (least_y[later] <= most_y[earlier])
                overlap &= worker[later] > worker[earlier]
                image, second, first = np.unravel_index(np.flatnonzero(overlap), overlap.shape)
                start = begin[images[part]].take(image)
                pairs.append(_near(poses, start + first, start + row + second, widest))
    first, second = np.concatenate(pairs, axis=1)
    order = np.argsort(second, kind="stable")
    return first[order], second[order]


def _near(poses: Poses, first: Integers, second: Integers, widest: Floats) -> Integers:
    """Return those pairs whose hulls are near enough for similar keypoints, as an array of shape (2, pairs)."""
    left, top, right, bottom = poses.hull.T
    across = np.maximum(np.maximum(left[first] - right[second], left[second] - right[first]), 0)
    down = np.maximum(np.maximum(top[first] - bottom[second], top[second] - bottom[first]), 0)
    reach = FARTHEST_EXPONENT * (poses.area[first] + poses.area[second]) / widest[first]
    near = across * across + down * down <= reach
    return np.stack([first[near], second[near]])


def _too_many(poses: Poses, first: Integers, second: Integers) -> dict[int, CrowdedError]:
    image = poses.image[first]
    pairs = np.bincount(image, minlength=1)
    keypoints = np.bincount(image, np.diff(poses.starts)[first], minlength=1)
    expected = "pairs of different workers' instances that are near each other, got more"
    refused = {
        int(i): CrowdedError(f"expected at most {MOST_KEYPOINTS_COMPARED} keypoints in {expected}")
        for i in np.flatnonzero(keypoints > MOST_KEYPOINTS_COMPARED)
    }
    return refused | {
        int(i): CrowdedError(f"expected at most {MOST_COMPARED} {expected}")
        for i in np.flatnonzero(pairs > MOST_COMPARED)
    }


def _compared(poses: Poses, first: Integers, second: Integers, *, mirrored: bool = False) -> Floats:
    """Return the symmetric OKS of pairs as `symmetric` does. A value below `LEAST_SIMILARITY` may be 0."""
    sizes = np.full(len(first), len(poses.labels)) if poses.scaled is not None else np.diff(poses.starts)[first]
    compared = [np.zeros(0)]
    for part in _parts(sizes):
        compared.append(symmetric(poses, first[part], second[part], mirrored=mirrored, reach=FARTHEST_EXPONENT))
    return np.concatenate(compared)


def _without_partners(poses: Poses, first: Integers, second: Integers, alike: Flags) -> Flags:
    """Return the pairs in which an instance is alike to no instance of the other one's worker."""
    workers = int(poses.worker.max(initial=0)) + 1
    keys = first * workers + poses.worker[second], second * workers + poses.worker[first]
    partnered = np.zeros(len(poses.area) * workers, bool)
    for key in keys:
        partnered[key[alike]] = True
    return np.asarray(~(partnered[keys[0]] & partnered[keys[1]]))


def symmetric(
    poses: Poses, first: Integers, second: Integers, *, mirrored: bool = False, reach: float = NEGLIGIBLE
) -> Floats:
    """Return the symmetric OKS of pairs of instances.

    It is the mean over the keypoints that both instances have, computed with the mean of both areas, and 0 for a pair
    that shares no keypoint.

    Args:
        poses: all instances.
        first: the first instance of each pair.
        second: the second instance of each pair.
        mirrored: whether to exchange left and right of the second instances.
        reach: a pair may get 0 if the exponents of all its keypoints are at least this.
    """
    if poses.scaled is not None:
        return _symmetric_by_label(poses, poses.scaled, first, second, mirrored=mirrored, reach=reach)
    pair, place = expanded(np.diff(poses.starts)[first])
    p = poses.starts[first][pair] + place
    label = poses.label[p]
    wanted = poses.mirror[label] if mirrored else label
    keys = poses.owner * len(poses.labels) + poses.label
    key = second[pair] * len(poses.labels) + wanted
    q = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
    shared = keys[q] == key
    p, q, pair, label = p[shared], q[shared], pair[shared], label[shared]
    dx, dy = poses.x[p] - poses.x[q], poses.y[p] - poses.y[q]
    scale = (poses.area[first] + poses.area[second])[pair]
    alike = falloff((dx * dx + dy * dy) * poses.inverse[label] / scale)
    # bincount adds in the order of its input, which is that of labels.
    count = np.bincount(pair, minlength=len(first))
    return np.asarray(np.bincount(pair, alike, minlength=len(first)) / np.maximum(count, 1))


def _symmetric_by_label(
    poses: Poses,
    scaled: tuple[NDArray[np.complex128], NDArray[np.complex128]],
    first: Integers,
    second: Integers,
    *,
    mirrored: bool,
    reach: float,
) -> Floats:
    """Return the same as `symmetric`, from tables of coordinates by label and instance.

    This is faster if most instances have most keypoints.
    """
    off = np.take(scaled[0], first, axis=1)
    off -= np.take(scaled[mirrored], second, axis=1)
    squares = off.view(float)
    squares *= squares
    exponents = off.real + off.imag
    area = poses.area[first] + poses.area[second]
    # The exponent is NaN where an instance lacks the keypoint. bincount adds in the order of labels.
    pairs = np.flatnonzero(np.fmin.reduce(exponents, axis=0, initial=np.inf) < reach * area)
    exponents = exponents.take(pairs, axis=1)
    exponents /= area[pairs]
    shared = np.count_nonzero(exponents == exponents, axis=0)  # noqa: PLR0124
    near = np.flatnonzero(exponents < NEGLIGIBLE)
    alike = falloff(exponents.take(near))
    oks = np.zeros(len(first))
    oks[pairs] = np.bincount(near % max(len(pairs), 1), alike, len(pairs)) / np.maximum(shared, 1)
    return oks


def components(count: int, first: Integers, second: Integers) -> Integers:
    """Return for each of `count` nodes the smallest node of its connected component."""
    smallest = np.arange(count)
    while True:
        least = np.minimum(smallest[first], smallest[second])
        before = smallest.copy()
        np.minimum.at(smallest, first, least)
        np.minimum.at(smallest, second, least)
        smallest = smallest[smallest]
        if (smallest == before).all():
            return smallest


def _clear_clusters(poses: Poses, first: Integers, second: Integers, oks: Floats) -> tuple[Integers, Flags]:
    """Return clusters by mutual preference, and for each instance whether its cluster is clear.

    Two instances prefer each other if each is the most similar one of its worker to the other. A cluster is clear if

    - all its members prefer each other,
    - each pair of members is more similar than any member is to an instance outside the cluster, and
    - more than half of the image's workers are in the cluster, unless no instance outside is similar to it. Two
      such clusters share a worker, so they cannot be merged.

    Average linkage merges the members of a clear cluster before any others, and an assignment does not move them.
    """
    count = len(poses.area)
    workers = int(poses.worker.max(initial=0)) + 1
    ends = np.concatenate([first, second]), np.concatenate([second, first])
    wish = ends[0] * workers + poses.worker[ends[1]]
    both = np.concatenate([oks, oks])
    best = np.zeros(count * workers)
    np.maximum.at(best, wish, both)
    wished = both == best[wish]
    mutual = wished[: len(first)] & wished[len(first) :]
    home = components(count, first[mutual], second[mutual])
    inside = home[first] == home[second]
    size = np.bincount(home, minlength=count)
    edges = np.bincount(home[first[inside & mutual]], minlength=count)
    least, most = np.full(count, np.inf), np.zeros(count)
    np.minimum.at(least, home[first[inside]], oks[inside])
    outside = ~inside
    for end in (first[outside], second[outside]):
        np.maximum.at(most, home[end], oks[outside])
    full = 2 * size > poses.answer_counts[poses.image]
    clear = (edges == size * (size - 1) // 2) & ((most == 0) | ((least > most) & full))
    return home, clear[home]


def _match_rest(poses: Poses, home: Integers, links: Integers, edges: tuple[Integers, Integers, Floats]) -> None:
    """Match the instances that are not settled, and write their clusters to `home`.

    Args:
        poses: all instances.
        home: for each instance the first instance of its cluster.
        links: for each instance the smallest instance that is linked to it by similarities.
        edges: the unsettled pairs: first and second instances, similarities.
    """
    first, second, oks = edges
    similar: dict[int, Similar] = {}
    members = np.flatnonzero(marked(len(links), links[first])[links])
    for link, worker, index in zip(
        links[members].tolist(), poses.worker[members].tolist(), members.tolist(), strict=True
    ):
        similar.setdefault(link, {})[worker, index] = {}
    workers = poses.worker.tolist()
    for link, a, b, alike in zip(links[first].tolist(), first.tolist(), second.tolist(), oks.tolist(), strict=True):
        p, q = (workers[a], a), (workers[b], b)
        similar[link][p][q] = similar[link][q][p] = alike
    budgets: dict[int, Budget] = {}
    for link, alike_to in similar.items():
        for cluster in _clusters(alike_to, budgets.setdefault(int(poses.image[link]), Budget(MOST_STEPS))):
            indices = [index for _, index in cluster]
            home[indices] = min(indices)


def _clusters(similar: Similar, budget: Budget) -> list[list[Member]]:
    clusters = _linked(similar)
    workers = sorted({worker for worker, _ in similar})
    for _ in range(ROUNDS):
        changed = [_assigned(clusters, worker, similar, budget) for worker in workers]
        if not any(changed):
            break
    return [cluster for cluster in clusters if cluster]


def _linked(similar: Similar) -> list[list[Member]]:
    """Return clusters by average linkage.

    The two clusters with the largest mean similarity are merged repeatedly, unless they share a worker.
    """
    members = {place: [node] for place, node in enumerate(similar)}
    place_of = {node: place for place, node in enumerate(similar)}
    workers = [1 << worker for worker, _ in similar]  # sets of workers, as bits
    sums = [{place_of[other]: oks for other, oks in similar[node].items()} for node in similar]
    heap = [(-oks, a, b) for a, links in enumerate(sums) for b, oks in links.items() if a < b]
    heapq.heapify(heap)
    while heap:
        average, a, b = heapq.heappop(heap)
        if a not in members or b not in members:
            continue  # one of the two was merged since
        if -average < LEAST_SIMILARITY:
            break
        new = len(sums)
        workers.append(workers[a] | workers[b])
        links: dict[int, float] = {}
        for old in (a, b):
            for other, total in sums[old].items():
                if other in members and not workers[other] & workers[new]:
                    links[other] = links.get(other, 0.0) + total
        members[new] = sorted(members.pop(a) + members.pop(b))
        sums.append(links)
        for other, total in links.items():
            sums[other][new] = total
            heapq.heappush(heap, (-total / (len(members[new]) * len(members[other])), other, new))
    return list(members.values())


def _assigned(clusters: list[list[Member]], worker: int, similar: Similar, budget: Budget) -> bool:
    """Reassign the worker's instances to the clusters of the other workers, for the largest sum of mean similarities.

    Each crowd, which is a set of instances that compete for the same clusters, is assigned separately. An instance
    always competes for its own cluster, however low its similarity. So no other instance of this worker can join that
    cluster unless it leaves.

    Returns:
        Whether anything changed.
    """
    home = {member: place for place, cluster in enumerate(clusters) for member in cluster}
    mine = [member for member in home if member[0] == worker]
    other_counts = [len(cluster) for cluster in clusters]  # number of other workers' instances
    for member in mine:
        other_counts[home[member]] -= 1
    gains: dict[Member, dict[int, float]] = {}
    for member in mine:
        sums = {home[member]: 0.0} if other_counts[home[member]] else {}
        for other, oks in similar[member].items():
            sums[home[other]] = sums.get(home[other], 0.0) + oks
        means = {place: total / other_counts[place] for place, total in sums.items()}
        gains[member] = {
            place: mean for place, mean in means.items() if mean >= LEAST_SIMILARITY or place == home[member]
        }
    changed = False
    for crowd in _crowds(gains):
        if all(gains[member].get(home[member]) == max(gains[member].values()) for member in crowd):
            continue  # each instance is in its best cluster
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
    """Return the sets of members that compete for the same clusters, directly or through other members."""
    takers: dict[int, list[Member]] = {}
    for member, clusters in gains.items():
        for place in clusters:
            takers.setdefault(place, []).append(member)
    crowds: list[list[Member]] = []
    rest = {member for member, clusters in gains.items() if clusters}
    for first in sorted(rest):
        if first not in rest:
            continue
        rest.remove(first)
        crowd = [first]
        for member in crowd:  # the list grows during the loop
            for place in gains[member]:
                others = rest.intersection(takers.pop(place, ()))
                rest -= others
                crowd += others
        crowds.append(sorted(crowd))
    return crowds
