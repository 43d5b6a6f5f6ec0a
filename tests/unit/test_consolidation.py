from __future__ import annotations

import math
import random
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import instances

from keypoints.consolidation import Consolidated, consolidate, geometric_median, quorum
from keypoints.instance import Instance, Keypoint, parse_instances

NAMES = [f"k{i}" for i in range(6)]
SIGMAS = dict.fromkeys(NAMES, 0.07)


def person(x: float, y: float, noise: float = 0, seed: int = 0, *, v: int = 2, skip: tuple[str, ...] = ()) -> Instance:
    rng = random.Random(seed)
    return Instance(
        annotations=tuple(
            Keypoint(n, x + 20 * (i % 2) + rng.gauss(0, noise), y + 20 * i + rng.gauss(0, noise), v)
            for i, n in enumerate(NAMES)
            if n not in skip
        )
    )


def places(merged: list[Consolidated]) -> list[tuple[int, int]]:
    return [(round(m.annotations[0].x / 10) * 10, round(m.annotations[0].y / 10) * 10) for m in merged]


@pytest.mark.parametrize(("workers", "expected"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (9, 5)])
def test_quorum(workers: int, expected: int) -> None:
    assert quorum(workers) == expected


def test_the_same_people_are_found_in_any_order() -> None:
    answers = [
        ("w1", [person(0, 0, 1, 1), person(300, 0, 1, 2)]),
        ("w2", [person(300, 0, 1, 3), person(0, 0, 1, 4)]),
        ("w3", [person(0, 0, 1, 5), person(300, 0, 1, 6)]),
    ]
    results = [consolidate(order, SIGMAS) for order in permutations(answers)]
    assert all(result == results[0] for result in results)
    merged, rest = results[0]
    assert places(merged) == [(0, 0), (300, 0)]
    assert rest == []
    assert [m.worker_count for m in merged] == [3, 3]
    assert all(0.8 < m.score <= 1 for m in merged)


def test_one_worker_of_three_who_sees_somebody_is_kept_aside() -> None:
    merged, rest = consolidate(
        [("w1", [person(0, 0)]), ("w2", [person(0, 0)]), ("w3", [person(0, 0), person(500, 0)])], SIGMAS
    )
    assert places(merged) == [(0, 0)]
    assert [(r.worker_ids, len(r.instances)) for r in rest] == [(("w3",), 1)]


def test_two_workers_never_lose_an_instance_or_a_keypoint() -> None:
    merged, rest = consolidate(
        [("w1", [person(0, 0, skip=("k0",)), person(500, 0)]), ("w2", [person(0, 0, skip=("k5",))])], SIGMAS
    )
    assert rest == []
    assert len(merged) == 2
    assert {k.label for k in merged[0].annotations} == set(NAMES)


@pytest.mark.parametrize(
    ("votes", "expected"), [((2, 2, 1), 2), ((2, 1, 1), 1), ((2, 1), 1), ((2, 2, 1, 1), 1), ((1, 1), 1)]
)
def test_visibility_is_the_majoritys_and_the_lower_in_a_tie(votes: tuple[int, ...], expected: int) -> None:
    merged, _ = consolidate([(f"w{i}", [person(0, 0, v=v)]) for i, v in enumerate(votes)], SIGMAS)
    assert {k.visibility for k in merged[0].annotations} == {expected}


def test_a_gross_miss_of_one_worker_does_not_move_the_keypoint_far() -> None:
    wrong = person(0, 0)
    wrong = Instance(annotations=(Keypoint("k0", 400, 400), *wrong.annotations[1:]))
    merged, _ = consolidate([("w1", [person(0, 0)]), ("w2", [person(0, 0)]), ("w3", [wrong])], SIGMAS)
    nose = merged[0].annotations[0]
    assert math.hypot(nose.x, nose.y) < 0.01


def test_pre_labels_keep_their_ids() -> None:
    one = Instance(annotations=person(0, 0).annotations, id="p0", name="driver")
    new = Instance(annotations=person(300, 0).annotations, id="n1")
    merged, _ = consolidate([("w1", [one, new]), ("w2", [one, new])], SIGMAS)
    assert [(m.id, m.name) for m in merged] == [("p0", "driver"), ("c2", "")]


def test_boxes_are_the_median_of_each_side() -> None:
    def boxed(box: tuple[float, float, float, float]) -> Instance:
        return Instance(annotations=person(0, 0).annotations, box=box)

    answers = [(f"w{i}", [boxed(b)]) for i, b in enumerate([(0, 0, 10, 10), (1, 0, 10, 10), (50, 0, 10, 10)])]
    merged, _ = consolidate(answers, SIGMAS)
    assert merged[0].box == (1, 0, 10, 10)


@given(st.lists(instances(st.sampled_from(NAMES), 3), min_size=2, max_size=4))
def test_nothing_is_lost_and_nobody_counts_twice(found: list[list[dict[str, Any]]]) -> None:
    answers = [(f"w{i}", parse_instances(one)) for i, one in enumerate(found)]
    merged, rest = consolidate(answers, SIGMAS)
    assert sum(m.worker_count for m in merged) + sum(len(r.instances) for r in rest) == sum(len(i) for _, i in answers)
    assert all(m.worker_count <= len(answers) for m in merged)
    assert all(len(set(r.worker_ids)) == len(r.worker_ids) for r in rest)
    assert len({m.id for m in merged}) == len(merged)
    labels = [[k.label for k in m.annotations] for m in merged]
    assert all(len(set(names)) == len(names) for names in labels)


POINT = st.tuples(st.floats(-1000, 1000), st.floats(-1000, 1000))


@given(st.lists(POINT, min_size=1, max_size=9))
def test_the_geometric_median_has_no_larger_sum_of_distances_than_mean_or_any_point(points: list[Any]) -> None:
    def cost(x: float, y: float) -> float:
        return sum(math.hypot(x - px, y - py) for px, py in points)

    found = cost(*geometric_median(points))
    mean = sum(p[0] for p in points) / len(points), sum(p[1] for p in points) / len(points)
    assert found <= min(cost(*p) for p in [*points, mean]) * (1 + 1e-3) + 1e-3


def test_geometric_median_of_two_is_their_middle() -> None:
    assert geometric_median([(0, 0), (10, 4)]) == (5, 2)
