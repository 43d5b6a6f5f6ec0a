from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.cocoeval import COCOeval
from strategies import instances

from keypoints.instance import Instance, Keypoint, parse_instances
from keypoints.similarity import BOX_TO_AREA, area, hull_box, symmetric_oks

SIGMAS = {"nose": 0.026, "left_eye": 0.025, "left_shoulder": 0.079}


def instance(*points: tuple[str, float, float], box: tuple[float, float, float, float] | None = None) -> Instance:
    return Instance(annotations=tuple(Keypoint(*p) for p in points), box=box)


@pytest.mark.parametrize(
    ("found", "expected", "source"),
    [
        (instance(("a", 0, 0), ("b", 10, 20)), BOX_TO_AREA * 200, "hull"),
        (instance(("a", 0, 0), ("b", 100, 0)), BOX_TO_AREA * 100 * 5, "hull"),  # a straight limb
        (instance(("a", 0, 0), ("b", 1, 0)), BOX_TO_AREA * 2 * 2, "hull"),
        (instance(("a", 5, 5)), BOX_TO_AREA * 32 * 32, "default"),
        (instance(), BOX_TO_AREA * 32 * 32, "default"),
        (instance(("a", 5, 5), box=(0, 0, 10, 30)), BOX_TO_AREA * 300, "box"),
        (instance(("a", 0, 0), ("b", 10, 20), box=(0, 0, 0, 30)), BOX_TO_AREA * 200, "hull"),
    ],
)
def test_area(found: Instance, expected: float, source: str) -> None:
    assert area(found) == (pytest.approx(expected), source)


def test_hull() -> None:
    assert hull_box(instance(("a", 3, 4), ("b", 1, 9))) == (1, 4, 2, 5)
    assert hull_box(instance()) is None


def test_equal_to_pycocotools_where_both_have_the_same_area() -> None:
    """With equal areas the symmetric form is COCO's own; pycocotools computes the expected value."""
    names = list(SIGMAS)
    box = (0.0, 0.0, 100.0, 80.0)
    rng = np.random.default_rng(5)
    for _ in range(50):
        a = instance(*[(n, *rng.uniform(0, 100, 2)) for n in names], box=box)
        b = instance(*[(k.label, *rng.normal((k.x, k.y), 5)) for k in a.annotations], box=box)
        evaluator = COCOeval(iouType="keypoints")
        evaluator.params.kpt_oks_sigmas = np.array(list(SIGMAS.values()))

        def flat(found: Instance) -> list[float]:
            return [value for n in names for value in (found.by_label[n].x, found.by_label[n].y, 2)]

        evaluator._gts[1, 1] = [
            {"keypoints": flat(a), "bbox": box, "area": area(a)[0], "ignore": 0, "id": 1, "iscrowd": 0}
        ]
        evaluator._dts[1, 1] = [{"keypoints": flat(b), "score": 1, "id": 1, "area": area(b)[0]}]
        evaluator.params.useCats = 1
        expected = evaluator.computeOks(1, 1)[0, 0]
        assert symmetric_oks(a, b, SIGMAS) == pytest.approx(expected, abs=1e-9)


@given(instances(st.sampled_from(sorted(SIGMAS)), 2), instances(st.sampled_from(sorted(SIGMAS)), 2))
def test_symmetric_bounded_and_one_with_itself(first: list[dict[str, object]], second: list[dict[str, object]]) -> None:
    for a in parse_instances(first):
        if a.annotations:
            assert symmetric_oks(a, a, SIGMAS) == 1
        for b in parse_instances(second):
            oks = symmetric_oks(a, b, SIGMAS)
            assert oks == symmetric_oks(b, a, SIGMAS)
            assert 0 <= oks <= 1


def test_nothing_shared_is_not_alike() -> None:
    assert symmetric_oks(instance(("nose", 1, 1)), instance(("left_eye", 1, 1)), SIGMAS) == 0
    assert math.isclose(symmetric_oks(instance(("nose", 1, 1)), instance(("nose", 1, 1), ("x", 9, 9)), {}), 1)
