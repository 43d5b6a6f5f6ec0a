from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from people import MEASURE, SKELETON, person
from pycocotools.cocoeval import COCOeval
from strategies import instances

from truepoint.consensus.matching import symmetric
from truepoint.measures.taxonomy import Comparisons
from truepoint.pose.instance import Instance, Keypoint, parse_instances
from truepoint.pose.poses import Poses
from truepoint.pose.sigma_table import SigmaTable
from truepoint.pose.similarity import (
    BOX_TO_AREA,
    NEGLIGIBLE,
    area,
    exponential,
    falloff,
    falloff_of,
    logarithm,
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


def oks(reference: Instance, candidate: Instance, table: SigmaTable) -> float:
    """COCO's OKS, as workers are compared with references."""
    poses = Poses([[("0", [reference]), ("1", [candidate])]], table)
    labels = range(len(poses.labels))
    there, x, y = np.zeros((2, len(labels)), bool), np.zeros((2, len(labels))), np.zeros((2, len(labels)))
    there[poses.owner, poses.label] = True
    x[poses.owner, poses.label], y[poses.owner, poses.label] = poses.x, poses.y
    one = np.zeros(1, np.intp)
    compared = Comparisons(
        answer=one,
        body=one,
        area=poses.area[:1],
        label=np.array([labels]),
        inverse=poses.inverse[None],
        mirror=poses.mirror[None],
        there=there[1:],
        x=x[1:],
        y=y[1:],
        visibility=np.full((1, len(labels)), 2, np.int8),
        reference_there=there[:1],
        reference_x=x[:1],
        reference_y=y[:1],
        reference_visibility=np.full((1, len(labels)), 2, np.int8),
    )
    return float(compared.similarities.sum() / there[0].sum())


def symmetric_of(a: Instance, b: Instance, table: SigmaTable, *, mirrored: bool = False) -> float:
    """The symmetric OKS, as workers' instances are matched."""
    poses = Poses([[("0", [a]), ("1", [b])]], table)
    return float(symmetric(poses, np.array([0]), np.array([1]), mirrored=mirrored)[0])


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
        assert oks(a, b, MEASURE) == pytest.approx(expected, abs=1e-9)


def test_equal_to_pycocotools_where_both_have_the_same_area() -> None:
    """With equal areas the symmetric form is COCO's own."""
    names = list(SIGMAS)
    box = (0.0, 0.0, 100.0, 80.0)
    rng = np.random.default_rng(5)
    for _ in range(50):
        a = instance(*[(n, *rng.uniform(0, 100, 2)) for n in names], box=box)
        b = instance(*[(k.label, *rng.normal((k.x, k.y), 5)) for k in a.annotations], box=box)
        expected = pycocotools(flat(a, names), flat(b, names), box=box, area=area(a)[0], sigmas=list(SIGMAS.values()))
        assert symmetric_oks(a, b, SIGMAS) == pytest.approx(expected, abs=1e-9)
        assert symmetric_of(a, b, SigmaTable(sigmas=SIGMAS)) == pytest.approx(expected, abs=1e-9)


def test_only_the_references_keypoints_count() -> None:
    a = instance(("nose", 0, 0), ("left_eye", 50, 50))
    assert oks(a, instance(("nose", 0, 0), ("left_shoulder", 9, 9)), SigmaTable(sigmas=SIGMAS)) == 0.5


@given(st.lists(st.floats(0, 45), max_size=40))
def test_the_falloff_is_the_exponential_function_one_by_one_or_all_at_once(exponents: list[float]) -> None:
    found = falloff(np.array(exponents)).tolist()
    assert found == [falloff_of(e) for e in exponents]
    assert found == pytest.approx([math.exp(-e) if e < NEGLIGIBLE else 0 for e in exponents], rel=4e-16, abs=0)


@given(st.lists(st.floats(1e-300, 1e300), max_size=40), st.lists(st.floats(-39, 39), max_size=40))
def test_logarithm_and_exponential_are_those_of_the_c_library(numbers: list[float], exponents: list[float]) -> None:
    logs = logarithm(np.array(numbers)).tolist()
    assert logs == pytest.approx([math.log(n) for n in numbers], rel=1e-15, abs=1e-16)
    assert exponential(np.array(exponents)).tolist() == pytest.approx([math.exp(e) for e in exponents], rel=1e-15)
    assert math.isnan(exponential(np.array([math.nan]))[0])


def test_a_lone_keypoint_has_the_jobs_usual_area_where_that_is_known() -> None:
    assert area(instance(("a", 5, 5)), 400.0) == (400, "job")
    assert area(instance(("a", 0, 0), ("b", 10, 20)), 400.0) == (pytest.approx(106), "hull")


@given(instances(st.sampled_from(sorted(SIGMAS)), 2), instances(st.sampled_from(sorted(SIGMAS)), 2))
def test_the_arrays_of_poses_equal_the_instances(
    first: list[dict[str, object]], second: list[dict[str, object]]
) -> None:
    table = SigmaTable(sigmas=SIGMAS, pairs={"nose": "left_eye", "left_eye": "nose"})
    poses = Poses([[("0", parse_instances(first)), ("1", parse_instances(second))]], table)
    assert poses.area.tolist() == [area(found)[0] for found in poses.instances]
    for a in parse_instances(first):
        for b in parse_instances(second):
            assert symmetric_of(a, b, table) == pytest.approx(symmetric_oks(a, b, SIGMAS), rel=1e-12)
            assert symmetric_of(a, b, table) == symmetric_of(b, a, table)
            names = {"nose": "left_eye", "left_eye": "nose"}
            turned = msgspec.structs.replace(
                b,
                annotations=tuple(msgspec.structs.replace(k, label=names.get(k.label, k.label)) for k in b.annotations),
            )
            assert symmetric_of(a, b, table, mirrored=True) == symmetric_of(a, turned, table)


@given(instances(st.sampled_from(sorted(SIGMAS)), 2), instances(st.sampled_from(sorted(SIGMAS)), 2))
def test_symmetric_bounded_and_one_with_itself(first: list[dict[str, object]], second: list[dict[str, object]]) -> None:
    for a in parse_instances(first):
        if a.annotations:
            assert symmetric_oks(a, a, SIGMAS) == 1
        for b in parse_instances(second):
            oks = symmetric_oks(a, b, SIGMAS)
            assert oks == symmetric_oks(b, a, SIGMAS)
            assert 0 <= oks <= 1


def test_instances_without_common_keypoints_have_no_similarity() -> None:
    assert symmetric_oks(instance(("nose", 1, 1)), instance(("left_eye", 1, 1)), SIGMAS) == 0
    assert math.isclose(symmetric_oks(instance(("nose", 1, 1)), instance(("nose", 1, 1), ("x", 9, 9)), {}), 1)
