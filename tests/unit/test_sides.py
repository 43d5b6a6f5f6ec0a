from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from people import MEASURE, exchanged, person
from subjects import consolidate, subject

from truepoint.pose.instance import Instance, Keypoint

ALL = 8  # pairs of COCO's person


class Repair(NamedTuple):
    """(Worker's place, pair) of every exchange, and the pairs on which the workers are split evenly."""

    swaps: list[tuple[int, tuple[str, str]]]
    disputed: list[tuple[str, str]]


def repaired(*instances: Instance, weights: list[float] | None = None) -> Repair:
    poses, agreed = subject(instances, weights=weights)
    names = [poses.labels[label] for label in agreed.stack.label[0]]
    mirror = agreed.stack.mirror[0]

    def pairs(flags: np.ndarray) -> list[tuple[str, str]]:
        return [(names[column], names[mirror[column]]) for column in np.flatnonzero(flags) if mirror[column] > column]

    swaps = [(worker, pair) for worker in range(len(instances)) for pair in pairs(agreed.swapped[0, worker])]
    return Repair(swaps, pairs(agreed.disputed[0]))


def who(found: Repair) -> set[int]:
    return {worker for worker, _ in found.swaps}


def test_correct_labels_are_not_repaired() -> None:
    for seed in range(0, 60, 3):
        instances = [person(seed=seed + i) for i in range(3)]
        found = repaired(*instances)
        assert [p for _, p in found.swaps if not p[0].endswith(("eye", "ear"))] == []
        assert found.disputed == []


@pytest.mark.parametrize("part", ["shoulder", "hip", "wrist", "ankle", "knee"])
@pytest.mark.parametrize("workers", [3, 4, 5])
def test_one_swapped_pair_is_repaired(part: str, workers: int) -> None:
    instances = [person(seed=i) for i in range(workers)]
    instances[1] = exchanged(instances[1], [part])
    found = repaired(*instances)
    assert (1, (f"left_{part}", f"right_{part}")) in found.swaps
    assert who(found) == {1}


def test_two_of_five_may_be_wrong() -> None:
    instances = [person(seed=i) for i in range(5)]
    instances[0], instances[3] = exchanged(instances[0], ["hip"]), exchanged(instances[3], ["hip"])
    assert who(repaired(*instances)) == {0, 3}


def test_a_turned_body_is_turned_back_whole_eyes_included() -> None:
    instances = [person(seed=i) for i in range(3)]
    instances[2] = exchanged(instances[2])
    found = repaired(*instances)
    assert who(found) == {2}
    assert len(found.swaps) == ALL


def test_of_two_workers_the_one_inconsistent_with_the_body_is_repaired() -> None:
    wrong, right = exchanged(person(seed=1), ["hip"]), person(seed=2)
    for order, expected in (((wrong, right), 0), ((right, wrong), 1)):
        found = repaired(*order)
        assert found.swaps == [(expected, ("left_hip", "right_hip"))]
        assert found.disputed == [("left_hip", "right_hip")]


def test_two_against_two_is_disputed() -> None:
    instances = [person(seed=i) for i in range(4)]
    found = repaired(exchanged(instances[0]), exchanged(instances[1]), *instances[2:])
    assert len(found.disputed) >= 4
    assert who(found) in ({0, 1}, {2, 3})


def test_the_group_with_the_larger_total_weight_decides() -> None:
    instances = [exchanged(person(seed=1), ["hip"]), person(seed=2), person(seed=3)]
    assert who(repaired(*instances, weights=[1.5, 0.75, 0.8])) == {0}
    assert who(repaired(*instances, weights=[9, 0.75, 0.8])) == {1, 2}


def test_coinciding_sides_in_profile_are_not_repaired() -> None:
    def narrow(seed: int) -> Instance:
        return Instance(annotations=tuple(Keypoint(k.label, k.x / 50, k.y) for k in person(seed=seed).annotations))

    assert repaired(narrow(1), exchanged(narrow(2)), narrow(3)).disputed == []


def test_one_worker_alone_is_not_repaired() -> None:
    assert repaired(person()).swaps == []


def test_a_repair_is_reported_with_the_worker() -> None:
    answers = [("b", [exchanged(person(seed=1), ["hip"])]), ("a", [person(seed=2)]), ("c", [person(seed=3)])]
    [merged], _ = consolidate(answers, MEASURE)
    assert [(s.worker_id, s.labels) for s in merged.swaps] == [("b", ("left_hip", "right_hip"))]
    assert merged.needs_review == ("swap_repaired",)


def test_of_two_opposite_bodies_the_one_facing_the_camera_is_kept() -> None:
    facing, turned = person(seed=1), exchanged(person(seed=2))
    assert who(repaired(facing, turned)) == {1}
    assert who(repaired(turned, facing)) == {0}
