from __future__ import annotations

import pytest
from people import person
from subjects import subject

from truepoint.measures.reliability import PairDistances
from truepoint.pose.instance import Instance


def weights_of(found: PairDistances) -> dict[str, float]:
    return found.weights(found.variances())


def add(found: PairDistances, ids: list[str], instances: list[Instance]) -> None:
    poses, agreed = subject(instances, ids=ids)
    found.add(agreed.stack, poses)


def distances(louds: list[float], instances: range) -> PairDistances:
    found = PairDistances()
    names = [f"w{i}" for i in range(len(louds))]
    for i in instances:
        if names:
            add(found, names, [person(seed=100 * i + w, loud=loud) for w, loud in enumerate(louds)])
    return found


@pytest.mark.parametrize("louds", [[1, 1, 1], [3, 1, 1], [2, 1, 0.5], [1, 1, 1, 3, 2]])
def test_each_workers_scatter_is_measured(louds: list[float]) -> None:
    variances = distances(louds, range(120)).variances()
    assert list(variances.values()) == pytest.approx([loud**2 for loud in louds], rel=0.25, abs=0.4)


def test_weights_do_not_collapse_on_one_of_three() -> None:
    weights = weights_of(distances([3, 1, 1], range(60)))
    assert sum(weights.values()) == pytest.approx(3)
    assert weights["w0"] < 0.5
    assert min(weights["w1"], weights["w2"]) > 1
    assert max(weights.values()) / sum(weights.values()) < 0.55


@pytest.mark.parametrize(("louds", "instances"), [([3, 1], 100), ([3, 1, 1], 29), ([], 0), ([1], 50)])
def test_with_few_instances_all_weights_are_equal(louds: list[float], instances: int) -> None:
    assert weights_of(distances(louds, range(instances))) == {}


def test_identical_workers_have_equal_weights() -> None:
    found = PairDistances()
    for _ in range(40):
        add(found, ["a", "b", "c"], [person()] * 3)
    assert weights_of(found) == {}


def test_the_variance_of_a_worker_with_few_instances_is_shrunk() -> None:
    found = distances([1, 1, 1], range(60))
    for i in range(2):
        add(found, ["w0", "x"], [person(seed=i), person(seed=50 + i, loud=6)])
    assert 1 < found.variances()["x"] < 12  # not 36


def test_merged_reliability_equals_a_single_one() -> None:
    first = distances([2, 1, 1], range(20))
    first.merge(distances([2, 1, 1], range(20, 60)))
    whole = distances([2, 1, 1], range(60))
    assert weights_of(first) == weights_of(whole)
    assert first.instances == whole.instances == 60
