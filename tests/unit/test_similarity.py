from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from people import MEASURE, SKELETON, person
from pycocotools.cocoeval import COCOeval
from strategies import instances

from truepoint.pose.instance import Instance, Keypoint, parse_instances
from truepoint.pose.pose import OksComparer, pose
from truepoint.pose.sigma_table import SigmaTable
from truepoint.pose.similarity import (
    BOX_TO_AREA,
    area,
    coco_oks,
    coverage,
    distances,
    nme,
    oks,
    pck,
    symmetric_oks,
)

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
        (instance(("a", 0, 0), ("b", 10, 20), box=(0, 0, 1e-200, 1e-200)), BOX_TO_AREA * 200, "hull"),
    ],
)
def test_area(found: Instance, expected: float, source: str) -> None:
    assert area(found) == (pytest.approx(expected), source)


def test_hull() -> None:
    assert instance(("a", 3, 4), ("b", 1, 9)).hull == (1, 4, 2, 5)
    assert instance().hull is None


def pycocotools(
    reference: list[float], candidate: list[float], *, box: tuple[float, ...], area: float, sigmas: list[float]
) -> float:
    """What COCO's own code says."""
    evaluator = COCOeval(iouType="keypoints")
    evaluator.params.kpt_oks_sigmas = np.array(sigmas)
    evaluator.params.useCats = 1
    evaluator._gts[1, 1] = [{"keypoints": reference, "bbox": box, "area": area, "ignore": 0, "id": 1, "iscrowd": 0}]
    evaluator._dts[1, 1] = [{"keypoints": candidate, "score": 1, "id": 1, "area": area}]
    return float(evaluator.computeOks(1, 1)[0, 0])


def flat(found: Instance, names: list[str]) -> list[float]:
    """COCO's array; a keypoint that is not there is 0, 0, 0."""
    places = {k.label: (k.x, k.y, float(k.visibility)) for k in found.annotations}
    return [v for n in names for v in places.get(n, (0.0, 0.0, 0.0))]


NUMBER = st.floats(-500, 1500)


@given(st.data(), st.integers(1, 17))
def test_equal_to_pycocotools_on_anything(data: st.DataObject, count: int) -> None:
    """References without any keypoint, and candidates at 0, 0, included."""
    triple = st.tuples(NUMBER, NUMBER, st.sampled_from([0, 1, 2]))
    reference = [v for _ in range(count) for v in data.draw(triple)]
    if data.draw(st.booleans()):
        reference[2::3] = [0] * count
    candidate = [v for _ in range(count) for v in data.draw(triple)]
    box = (data.draw(NUMBER), data.draw(NUMBER), data.draw(st.floats(0, 900)), data.draw(st.floats(0, 900)))
    size, sigmas = data.draw(st.floats(0, 1e6)), [data.draw(st.floats(0.01, 0.2)) for _ in range(count)]
    expected = pycocotools(reference, candidate, box=box, area=size, sigmas=sigmas)
    found = coco_oks(reference, candidate, box=box, area=size, sigmas=sigmas)
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("loud", [0.3, 1, 3])
@pytest.mark.parametrize("scale", [0.1, 1, 7])
def test_equal_to_pycocotools_on_people_by_our_own_area_rules(loud: float, scale: float) -> None:
    names, sigmas = list(SKELETON.keypoint_names), list(SKELETON.sigmas)
    for seed in range(10):
        a, b = (
            Instance(
                annotations=tuple(
                    Keypoint(k.label, k.x * scale, k.y * scale) for k in person(seed=s, loud=loud).annotations
                )
            )
            for s in (seed, 100 + seed)
        )
        a = Instance(annotations=a.annotations[seed % 3 :], box=(0, 0, 130 * scale, 400 * scale) if seed % 2 else None)
        box = a.box or a.hull or (0, 0, 0, 0)
        expected = pycocotools(flat(a, names), flat(b, names), box=box, area=area(a)[0], sigmas=sigmas)
        assert oks(a, b, MEASURE.sigmas) == pytest.approx(expected, abs=1e-9)


def test_equal_to_pycocotools_where_both_have_the_same_area() -> None:
    """With equal areas the symmetric form is COCO's own."""
    names = list(SIGMAS)
    box = (0.0, 0.0, 100.0, 80.0)
    rng = np.random.default_rng(5)
    ruler = OksComparer(SigmaTable(sigmas=SIGMAS))
    for _ in range(50):
        a = instance(*[(n, *rng.uniform(0, 100, 2)) for n in names], box=box)
        b = instance(*[(k.label, *rng.normal((k.x, k.y), 5)) for k in a.annotations], box=box)
        expected = pycocotools(flat(a, names), flat(b, names), box=box, area=area(a)[0], sigmas=list(SIGMAS.values()))
        assert symmetric_oks(a, b, SIGMAS) == pytest.approx(expected, abs=1e-9)
        fast = ruler.oks(pose(a, ruler.yardstick), pose(b, ruler.yardstick))
        assert fast == pytest.approx(expected, abs=1e-9)


def test_what_the_candidate_lacks_counts_nothing_and_what_the_reference_lacks_does_not_count() -> None:
    a = instance(("nose", 0, 0), ("left_eye", 50, 50))
    assert oks(a, instance(("nose", 0, 0), ("left_shoulder", 9, 9)), SIGMAS) == 0.5
    assert oks(instance(), a, SIGMAS) is None


def test_coverage() -> None:
    assert coverage(instance(("a", 0, 0), ("b", 1, 1)), instance(("b", 5, 5), ("c", 1, 1))) == pytest.approx(1 / 3)
    assert coverage(instance(), instance()) == 1


@pytest.mark.parametrize(("share", "expected"), [(0.1, 1 / 3), (0.1000001, 2 / 3), (0.5, 2 / 3)])
def test_pck_counts_what_is_closer_and_misses_what_is_lacking(share: float, expected: float) -> None:
    reference = instance(("a", 0, 0), ("b", 100, 0), ("c", 50, 50))
    candidate = instance(("a", 5, 0), ("b", 100, 10))
    assert pck(reference, candidate, share) == pytest.approx(expected)
    assert pck(instance(), candidate) is None


def test_nme() -> None:
    reference = instance(("a", 0, 0), ("b", 100, 0), box=(0, 0, 100, 100))
    candidate = instance(("a", 3, 4), ("b", 100, 15))
    assert distances(reference, candidate) == {"a": 5, "b": 15}
    assert nme(reference, candidate) == pytest.approx(10 / math.sqrt(5300))
    assert nme(reference, instance(("c", 1, 1))) is None


def test_a_lone_keypoint_has_the_jobs_usual_area_where_that_is_known() -> None:
    assert area(instance(("a", 5, 5)), 400.0) == (400, "job")
    assert area(instance(("a", 0, 0), ("b", 10, 20)), 400.0) == (pytest.approx(106), "hull")


@given(instances(st.sampled_from(sorted(SIGMAS)), 2), instances(st.sampled_from(sorted(SIGMAS)), 2))
def test_no_similarity_exceeds_the_bound_of_hulls(
    first: list[dict[str, object]], second: list[dict[str, object]]
) -> None:
    measure = SigmaTable(sigmas=SIGMAS, pairs={"nose": "left_eye", "left_eye": "nose"})
    ruler = OksComparer(measure)
    for a in (pose(i, measure) for i in parse_instances(first)):
        for b in (pose(i, measure) for i in parse_instances(second)):
            most = ruler.bound(a, b) + 1e-12
            assert ruler.oks(a, b) <= most
            assert ruler.oks(a, b.mirrored(measure.pairs)) <= most
            assert ruler.oks(a, b) == ruler.oks(b, a)


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
