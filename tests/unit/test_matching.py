from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from people import MEASURE, exchanged, person

from truepoint.consensus import matching
from truepoint.consensus.assignment import Budget
from truepoint.consensus.matching import LEAST_SIMILARITY, Similar, components, match
from truepoint.pose.instance import Instance
from truepoint.pose.poses import Answers, Poses


def crowd(random: Random) -> Answers:
    """People side by side, some of them missed, turned or badly marked by some of the workers."""
    gap, people = random.choice([15, 40, 120, 300]), random.randint(1, 7)

    def marked(n: int) -> Instance:
        found = person(gap * n, 0, seed=random.randrange(10**6), loud=random.choice([1, 1, 1, 3]))
        found = exchanged(found) if random.random() < 0.1 else found
        return Instance(tuple(k for k in found.annotations if random.random() > 0.1))

    return [(f"w{w}", [marked(n) for n in range(people) if random.random() > 0.1]) for w in range(random.randint(2, 6))]


@pytest.mark.parametrize("seed", range(30))
def test_clear_clusters_equal_those_of_clustering_and_assignment(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    images = [crowd(Random(100 * seed + n)) for n in range(10)]
    home, refused = match(Poses(images, MEASURE))
    assert not refused
    alone = [match(Poses([image], MEASURE))[0] for image in images]
    starts = np.cumsum([0, *map(len, alone)])[:-1]
    assert home.tolist() == np.concatenate([h + s for h, s in zip(alone, starts, strict=True)]).tolist()

    def nothing_is_clear(poses: Poses, *_: Any) -> Any:
        return np.arange(len(poses.area)), np.zeros(len(poses.area), bool)

    monkeypatch.setattr(matching, "_clear_clusters", nothing_is_clear)
    assert home.tolist() == match(Poses(images, MEASURE))[0].tolist()


def sparse_similarities(random: Random) -> Similar:
    """Instances of nine workers, most of them similar to few others."""
    members = [(worker, index) for index, worker in enumerate(sorted(random.randrange(9) for _ in range(24)))]
    similar: Similar = {member: {} for member in members}
    for a in members:
        for b in members:
            if a[0] < b[0] and random.random() < 0.2:
                similar[a][b] = similar[b][a] = random.uniform(LEAST_SIMILARITY, 0.6)
    return similar


def test_no_cluster_has_two_instances_of_a_worker() -> None:
    """An instance may be assigned to the cluster of another one that is hardly similar to its own cluster."""
    for seed in range(300):
        similar = sparse_similarities(Random(seed))
        clusters = matching._clusters(similar, Budget())
        assert sorted(member for cluster in clusters for member in cluster) == sorted(similar)
        for cluster in clusters:
            assert len({worker for worker, _ in cluster}) == len(cluster), seed


def test_most_subjects_of_a_job_are_clear() -> None:
    images = [
        [(f"w{w}", [person(200 * p, seed=50 * n + 9 * w + p) for p in range(4)]) for w in range(5)] for n in (1, 2)
    ]
    poses = Poses(images, MEASURE)
    _, clear = matching._clear_clusters(poses, *matching.similar_pairs(poses)[:3])
    assert clear.all()


def test_components_of_a_long_chain() -> None:
    chain = np.arange(999)
    assert not components(1000, chain, chain + 1).any()
    assert components(4, np.array([3]), np.array([1])).tolist() == [0, 1, 2, 1]
