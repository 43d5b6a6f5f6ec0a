"""What an accepted answer may cost: the inputs that cost most, and that their cost is bounded."""

from __future__ import annotations

import json
import random
import time
import tracemalloc
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from builders import SOURCE, keypoint

from truepoint.consensus.assignment import Budget, BudgetSpentError, assign
from truepoint.consensus.matching import similar_pairs, symmetric
from truepoint.groundtruth.annotation import annotate
from truepoint.groundtruth.answer import LARGEST_ANSWER
from truepoint.pose.instance import (
    MOST_KEYPOINTS_IN_IMAGE,
    Instance,
    InstanceError,
    parse_instances,
    same_instances,
)
from truepoint.pose.poses import Poses
from truepoint.pose.sigma_table import sigma_table

HUGE = [0, 0, 1e6, 1e6]
SECONDS = 10.0
MEGABYTES = 500
R = random.Random(1)

Answers = list[list[dict[str, Any]]]


def in_one_huge_box(each: int = 1000) -> Answers:
    point = lambda: keypoint("tip", R.random() * 1e6, R.random() * 1e6)  # noqa: E731
    return [[{"annotations": [point()], "box": HUGE} for _ in range(each)] for _ in range(3)]


def with_names_of_their_own() -> Answers:
    return [[{"annotations": [keypoint(f"{w}-{i}", 1000 * i, w)]} for i in range(1000)] for w in range(3)]


def in_a_chain() -> Answers:
    def instance(i: int, w: int) -> dict[str, Any]:
        x = 40 * i + 13 * w
        return {"annotations": [keypoint("nose", x, 0)], "box": [x - 50, -50, 100, 100]}

    return [[instance(i, w) for i in range(333)] for w in range(9)]


def without_keypoints() -> Answers:
    return [[{"annotations": [], "box": HUGE} for _ in range(1000)] for _ in range(3)]


@pytest.mark.parametrize("made", [in_one_huge_box, with_names_of_their_own, in_a_chain, without_keypoints])
def test_the_costliest_answers_are_bounded(made: Callable[[], Answers]) -> None:
    answers = [(f"w{w}", json.dumps({"updated_annotations": found})) for w, found in enumerate(made())]
    began = time.process_time()
    annotation = annotate("0", SOURCE, answers, sigma_table(None))
    assert time.process_time() - began < SECONDS
    assert annotation.valid or "expected at most" in (annotation.reason or "")


def test_memory_is_bounded() -> None:
    answers = [(f"w{w}", json.dumps({"updated_annotations": a})) for w, a in enumerate(with_names_of_their_own())]
    tracemalloc.start()
    annotate("0", SOURCE, answers, sigma_table(None))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MEGABYTES * 1_000_000


def test_one_huge_box_is_refused_with_its_reason() -> None:
    answers = [(f"w{w}", {"updated_annotations": found}) for w, found in enumerate(in_one_huge_box())]
    annotation = annotate("0", SOURCE, answers, sigma_table(None))
    assert annotation.reason == (
        "expected at most 100000 pairs of different workers' instances that are near each other, got more"
    )


@pytest.mark.parametrize("seed", range(20))
def test_passing_over_far_pairs_changes_nothing(seed: int) -> None:
    chance, measure = random.Random(seed), sigma_table(None)

    def instance() -> dict[str, Any]:
        x, y, size = chance.uniform(0, 2000), chance.uniform(0, 2000), chance.choice([0, 5, 100, 800])
        names = chance.sample(["nose", "left_eye", "left_hip", "other"], chance.randint(0, 4))
        points = [keypoint(n, x + chance.uniform(0, size), y + chance.uniform(0, size)) for n in names]
        return {"annotations": points} | ({"box": [x, y, size, size]} if chance.random() < 0.3 else {})

    answers = [(f"w{w}", parse_instances([instance() for _ in range(40)])) for w in range(3)]
    poses = Poses([answers], measure)
    one, other = np.triu_indices(120, 1)
    apart = poses.worker[one] < poses.worker[other]
    first, second = one[apart], other[apart]
    oks = symmetric(poses, first, second)
    every = {(a, b): s for a, b, s in zip(first.tolist(), second.tolist(), oks.tolist(), strict=True) if s >= 0.1}
    a, b, alike, refused = similar_pairs(poses)
    assert not refused
    assert dict(zip(zip(a.tolist(), b.tolist(), strict=True), alike.tolist(), strict=True)) == every


def test_a_subject_that_many_workers_mark_differently_is_refused() -> None:
    def marked(w: int) -> dict[str, Any]:
        return {"annotations": [keypoint("tip", w / 1000, 0), *[keypoint(f"{w}-{i}", i, i) for i in range(999)]]}

    answers = [(f"w{w}", {"updated_annotations": [marked(w)]}) for w in range(40)]
    began = time.process_time()
    annotation = annotate("0", SOURCE, answers, sigma_table(None))
    assert time.process_time() - began < SECONDS
    assert "expected at most 4000000 members squared times keypoints of one subject" in (annotation.reason or "")


def test_an_assignment_ends_with_its_budget() -> None:
    gains = [[1.0 / (1 + row + column) for column in range(60)] for row in range(60)]
    assert len(assign(gains, Budget(10_000_000))) == 60
    with pytest.raises(BudgetSpentError):
        assign(gains, Budget(1000))


def test_more_keypoints_than_an_image_may_have() -> None:
    instance = {"annotations": [keypoint(f"k{n}", n, n) for n in range(1000)]}
    assert len(parse_instances([instance] * 100)) == 100
    with pytest.raises(InstanceError, match=f"expected at most {MOST_KEYPOINTS_IN_IMAGE} keypoints in all instances"):
        parse_instances([instance] * 101)


def test_an_answer_of_too_many_bytes_is_refused() -> None:
    text = json.dumps({"updated_annotations": [], "z": "x" * LARGEST_ANSWER})
    annotation = annotate("0", SOURCE, [("w", text)], sigma_table(None))
    assert f"the answer: expected at most {LARGEST_ANSWER} bytes, got" in (annotation.reason or "")


def alike_but_for_one_place(order: Iterable[int], keypoints: int) -> list[Instance]:
    """Instances that differ in the last keypoint that is compared."""
    names = [f"{k:03d}" for k in range(keypoints)]
    return parse_instances(
        [{"annotations": [keypoint(n, 1, 10 * i if n == names[-1] else 1) for n in names]} for i in order]
    )


def test_reordered_instances_take_a_limited_time() -> None:
    forward, backward = (alike_but_for_one_place(order, 100) for order in (range(1000), range(999, -1, -1)))
    began = time.process_time()
    assert not same_instances(forward, backward, 0.5)  # as far as was compared
    assert time.process_time() - began < SECONDS
    assert same_instances(forward, forward, 0.5)


def test_many_instances_in_another_order_are_the_same() -> None:
    forward, backward = (alike_but_for_one_place(order, 1) for order in (range(1000), range(999, -1, -1)))
    assert same_instances(forward, backward, 0.5)
    assert not same_instances(forward, backward[:-1] + backward[:1], 0.5)
