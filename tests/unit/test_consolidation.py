from __future__ import annotations

import math
import random
from itertools import permutations
from typing import Any

import people
import pytest
from hypothesis import given
from hypothesis import strategies as st
from people import MEASURE
from strategies import instances
from subjects import consolidate

from truepoint.consensus.consolidation import Consolidated, quorum
from truepoint.pose.instance import Instance, Keypoint, parse_instances
from truepoint.pose.sigma_table import SigmaTable

NAMES = [f"k{i}" for i in range(6)]
YARDSTICK = SigmaTable(sigmas=dict.fromkeys(NAMES, 0.07))


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
    results = [consolidate(order, YARDSTICK) for order in permutations(answers)]
    assert all(result == results[0] for result in results)
    merged, rest = results[0]
    assert places(merged) == [(0, 0), (300, 0)]
    assert rest == []
    assert [m.worker_count for m in merged] == [3, 3]
    assert all(0.8 < m.score <= 1 for m in merged)


def test_an_instance_of_one_worker_of_three_is_below_quorum() -> None:
    merged, rest = consolidate(
        [("w1", [person(0, 0)]), ("w2", [person(0, 0)]), ("w3", [person(0, 0), person(500, 0)])], YARDSTICK
    )
    assert places(merged) == [(0, 0)]
    assert [(r.worker_ids, len(r.instances)) for r in rest] == [(("w3",), 1)]


def test_two_workers_never_lose_an_instance_or_a_keypoint() -> None:
    merged, rest = consolidate(
        [("w1", [person(0, 0, skip=("k0",)), person(500, 0)]), ("w2", [person(0, 0, skip=("k5",))])], YARDSTICK
    )
    assert rest == []
    assert len(merged) == 2
    assert {k.label for k in merged[0].annotations} == set(NAMES)


@pytest.mark.parametrize(
    ("votes", "expected"), [((2, 2, 1), 2), ((2, 1, 1), 1), ((2, 1), 1), ((2, 2, 1, 1), 1), ((1, 1), 1)]
)
def test_visibility_is_the_majoritys_and_the_lower_in_a_tie(votes: tuple[int, ...], expected: int) -> None:
    merged, _ = consolidate([(f"w{i}", [person(0, 0, v=v)]) for i, v in enumerate(votes)], YARDSTICK)
    assert {k.visibility for k in merged[0].annotations} == {expected}


def test_a_gross_miss_of_one_worker_does_not_move_the_keypoint_far() -> None:
    wrong = person(0, 0)
    wrong = Instance(annotations=(Keypoint("k0", 400, 400), *wrong.annotations[1:]))
    merged, _ = consolidate([("w1", [person(0, 0)]), ("w2", [person(0, 0)]), ("w3", [wrong])], YARDSTICK)
    nose = merged[0].annotations[0]
    assert math.hypot(nose.x, nose.y) < 1


def test_pre_labels_keep_their_ids() -> None:
    one = Instance(annotations=person(0, 0).annotations, id="p0", name="driver")
    new = Instance(annotations=person(300, 0).annotations, id="n1")
    merged, _ = consolidate([("w1", [one, new]), ("w2", [one, new])], YARDSTICK)
    assert [(m.id, m.name) for m in merged] == [("p0", "driver"), ("c2", "")]


def test_boxes_are_the_median_of_each_side() -> None:
    def boxed(box: tuple[float, float, float, float]) -> Instance:
        return Instance(annotations=person(0, 0).annotations, box=box)

    answers = [(f"w{i}", [boxed(b)]) for i, b in enumerate([(0, 0, 10, 10), (1, 0, 10, 10), (50, 0, 10, 10)])]
    merged, _ = consolidate(answers, YARDSTICK)
    assert merged[0].box == (1, 0, 10, 10)


@given(st.lists(instances(st.sampled_from(NAMES), 3), min_size=2, max_size=4))
def test_nothing_is_lost_and_nobody_counts_twice(found: list[list[dict[str, Any]]]) -> None:
    answers = [(f"w{i}", parse_instances(one)) for i, one in enumerate(found)]
    merged, rest = consolidate(answers, YARDSTICK)
    assert sum(m.worker_count for m in merged) + sum(len(r.instances) for r in rest) == sum(len(i) for _, i in answers)
    assert all(m.worker_count <= len(answers) for m in merged)
    assert all(len(set(r.worker_ids)) == len(r.worker_ids) for r in rest)
    assert len({m.id for m in merged}) == len(merged)
    labels = [[k.label for k in m.annotations] for m in merged]
    assert all(len(set(names)) == len(names) for names in labels)


def coco(*answers: list[Instance]) -> Any:
    return consolidate([(f"w{i}", list(found)) for i, found in enumerate(answers)], MEASURE)


def test_a_turned_body_is_the_same_person() -> None:
    merged, rest = coco([people.person(seed=1)], [people.exchanged(people.person(seed=2))], [people.person(seed=3)])
    assert (len(merged), rest) == (1, [])
    assert people.distance(people.person(), Instance(merged[0].annotations)) < 10


def test_neighbours_in_a_crowd_are_matched_for_the_best_whole() -> None:
    """The closest pair of all is the wrong one: w1's first is nearer to w0's second than to its own."""
    w0 = [people.person(0), people.person(100)]
    w1 = [people.person(58), people.person(160)]
    merged, rest = coco(w0, w1)
    assert rest == []
    assert [m.worker_count for m in merged] == [2, 2]
    assert [round(m.annotations[0].x) for m in merged] == [62 + 29, 62 + 130]


def test_thirty_people_by_nine_workers_are_matched() -> None:
    crowd = [(130.0 * (i % 6), 400.0 * (i // 6)) for i in range(30)]
    answers = [[people.person(x, y, seed=100 * w + i) for i, (x, y) in enumerate(crowd)] for w in range(9)]
    merged, rest = coco(*answers)
    assert rest == []
    assert [m.worker_count for m in merged] == [9] * 30
    assert min(m.score for m in merged) > 0.8


@pytest.mark.parametrize(
    ("answers", "reasons"),
    [
        ([[people.person(seed=1)], [people.person(seed=2)]], ()),
        ([[people.person(seed=1)], []], ("no_majority",)),
        ([[people.person(seed=1)], [people.person(seed=2)], [], []], ("no_majority",)),
        ([[people.person(seed=i, loud=4)] for i in range(3)], ("low_score",)),
        ([[people.person(seed=1)], [people.exchanged(people.person(seed=2))]], ("sides_disputed",)),
    ],
)
def test_reasons_for_a_review(answers: list[list[Instance]], reasons: tuple[str, ...]) -> None:
    merged, _ = coco(*answers)
    assert [m.needs_review for m in merged] == [reasons]


def test_one_worker_alone_is_kept_to_the_last_digit() -> None:
    alone = people.person(0.1, 0.2, seed=5)
    merged, _ = coco([alone], [])
    assert [(k.label, k.x, k.y) for k in merged[0].annotations] == [(k.label, k.x, k.y) for k in alone.annotations]
    assert merged[0].score == 1


def test_scores_and_dispersions_of_keypoints() -> None:
    merged, _ = coco(*[[people.person(seed=i)] for i in range(5)])
    keypoints = merged[0].annotations
    assert all(0 < k.score <= 1 and k.worker_count == 5 for k in keypoints)
    assert 0.3 < sum(k.dispersion for k in keypoints) / len(keypoints) < 1


def test_weights_move_places_but_take_no_keypoint_away() -> None:
    one, other = people.person(0), people.person(10)
    less = Instance(annotations=other.annotations[1:])
    answers = [("a", [one]), ("b", [less])]
    [merged], _ = consolidate(answers, MEASURE, {"a": 0.1, "b": 1.9})
    assert len(merged.annotations) == 17
    shoulder = next(k for k in merged.annotations if k.label == "left_shoulder")
    assert shoulder.x == pytest.approx(104 + 9.5)


def test_a_hostile_answer_does_not_cost_minutes() -> None:
    pile = [person(i * 0.01, 0) for i in range(150)]
    merged, _ = consolidate([("w1", pile), ("w2", pile)], YARDSTICK)
    assert len(merged) == 150


@given(
    st.lists(
        instances(st.sampled_from(["nose", "left_hip", "right_hip", "left_eye", "right_eye"]), 3),
        min_size=3,
        max_size=4,
    )
)
def test_the_order_of_workers_does_not_matter(found: list[list[dict[str, Any]]]) -> None:
    answers = [(f"w{i}", parse_instances(one)) for i, one in enumerate(found)]
    assert consolidate(answers, MEASURE) == consolidate(answers[::-1], MEASURE)


@given(st.sets(st.integers(0, 16)), st.sets(st.integers(0, 16)), st.integers(0, 1000))
def test_two_careful_workers_lose_no_keypoint(first: set[int], second: set[int], seed: int) -> None:
    one, other = people.person(seed=2 * seed), people.person(seed=2 * seed + 1)
    left_out = [
        Instance(annotations=tuple(k for i, k in enumerate(found.annotations) if i not in out))
        for found, out in ((one, first), (other, second))
    ]
    merged, rest = coco([left_out[0]], [left_out[1]])
    wanted = {k.label for found in left_out for k in found.annotations}
    assert {k.label for m in merged for k in m.annotations} == wanted
    assert rest == []
