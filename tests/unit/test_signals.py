from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from crowd import PERSON, crowd, exchanged, moved
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import instances as instance_lists

from truepoint.errors import signals as signals_module
from truepoint.errors.checks import Fix
from truepoint.errors.norms import Norms, expected, measure
from truepoint.errors.point_table import PointTable
from truepoint.errors.signals import Signal, SignalReader
from truepoint.errors.suspicion import CERTAIN, CURVES, Reason, probability, reason, suspicion
from truepoint.pose.anatomy import Anatomy
from truepoint.pose.instance import Instance, Keypoint, parse_instances
from truepoint.pose.skeleton import Skeleton, SkeletonKeypoint

NORMS = measure(PERSON, crowd(1, 400))
READER = SignalReader(PERSON, NORMS)
HONEST = crowd(2, 150)


def strongest(instance: Instance, reader: SignalReader = READER) -> Reason:
    return max(map(reason, reader.signals([instance])[0]), key=lambda r: r.probability)


def by_check(instance: Instance) -> dict[str, Signal]:
    return {signal.check: signal for signal in READER.signals([instance])[0]}


def share_above(wrong: list[Instance]) -> float:
    """AUROC of the suspicion."""
    good, bad = ([suspicion(map(probability, s)) for s in READER.signals(people)] for people in (HONEST, wrong))
    return sum((b > g) + (b == g) / 2 for b in bad for g in good) / len(bad) / len(good)


def test_a_swapped_pair_is_found_named_and_its_repair_suggested() -> None:
    facing = crowd(3, 60, yaw=10)
    wrong = [exchanged(i, "left_knee") for i in facing]
    assert share_above(wrong) > 0.95
    swaps = [by_check(i)["swapped_sides"] for i in wrong]
    named = [s for s in swaps if s.keypoints == ("left_knee",)]
    assert len(named) > 0.9 * len(swaps)
    assert all(s.fix == Fix("swap", ("left_knee",)) and s.strength > 0 for s in named)
    assert strongest(wrong[0]).message == "Left and right look swapped: left_knee"


def test_a_swapped_arm_is_named_from_its_root() -> None:
    found = [by_check(exchanged(i, "left_elbow", "left_wrist"))["swapped_sides"] for i in crowd(4, 40, yaw=0)]
    assert sum(s.keypoints == ("left_elbow", "left_wrist") for s in found) > 30


@pytest.mark.parametrize("yaw", [0, 30, -60, 180, 150])
def test_a_whole_flip_is_found_from_before_and_behind(yaw: float) -> None:
    people = crowd(5, 40, yaw=yaw)
    assert all(by_check(i)["flipped_body"].strength < 0 for i in people)
    assert share_above([exchanged(i) for i in people]) > 0.9
    found = by_check(exchanged(people[0]))["flipped_body"]
    assert found.fix.action == "swap"
    assert set(found.fix.keypoints) == {PERSON.names[i] for i, _ in PERSON.pairs}


def test_a_gross_miss_is_found_and_named() -> None:
    wrong = [moved(i, "left_wrist", 250, -180) for i in crowd(6, 60)]
    assert share_above(wrong) > 0.98
    misfits = [by_check(i)["misplaced_keypoint"] for i in wrong]
    assert sum(m.keypoints == ("left_wrist",) for m in misfits) > 50


def test_with_few_instances_only_the_fixed_rules_apply() -> None:
    norms = measure(PERSON, crowd(7, 20))
    assert (norms.samples, norms.shape, norms.facing) == (20, None, None)
    assert not any(norms.edges)
    reader = SignalReader(PERSON, norms)
    [front] = crowd(8, 1, yaw=0)
    assert reader.signals([front]) == [[]]
    assert strongest(exchanged(front), reader).check == "sides_rule"
    assert strongest(exchanged(front, "left_elbow", "left_wrist"), reader).keypoints == ("left_elbow",)
    assert strongest(moved(front, "left_wrist", 900, 0), reader).check == "limb_rule"


def test_a_missing_keypoint_that_the_others_mostly_have() -> None:
    [front] = crowd(9, 1, yaw=0)
    without = Instance(annotations=tuple(k for k in front.annotations if k.label != "right_hip"))
    found = by_check(without)["missing_keypoint"]
    assert (found.keypoints, found.fix) == (("right_hip",), Fix("place", ("right_hip",)))
    assert found.strength == pytest.approx(1)
    [behind] = crowd(9, 1, yaw=180)
    assert by_check(behind)["missing_keypoint"].strength < 0.8  # faces are often not to be seen
    # At the image's border the rest of the body may be beyond it.
    box = [max(getattr(k, axis) for k in without.annotations) for axis in "xy"]
    [cut] = READER.signals([without], [(int(box[0]) + 1, int(box[1]) + 1)])
    assert "missing_keypoint" not in {s.check for s in cut}


def test_of_duplicates_the_instance_with_fewer_keypoints_is_reported() -> None:
    [first, second] = crowd(10, 2)
    part = Instance(annotations=first.annotations[:9])
    assert list(READER.between([first, part])) == [1]
    assert list(READER.between([part, first])) == [0]
    assert READER.between([first, first])[1].strength == 1
    far = Instance(annotations=tuple(Keypoint(k.label, k.x + 5000, k.y) for k in second.annotations))
    assert READER.between([first, far]) == {}


def test_strays_and_places_outside() -> None:
    stray = Instance(annotations=(Keypoint("tail", 1, 1),))
    assert {s.check for s in READER.signals([stray])[0]} == {"unknown_keypoints", "empty_instance"}
    [found] = READER.signals([moved(HONEST[0], "left_hip", -1e4, 0)], [(640, 480)])
    assert "left_hip" in next(s for s in found if s.check == "out_of_image").keypoints


def test_a_drawn_box_without_keypoints_is_not_an_empty_instance() -> None:
    box = (10.0, 10.0, 50.0, 90.0)
    stray = Instance(annotations=(Keypoint("tail", 1, 1),), box=box)
    found = READER.signals([Instance(annotations=()), Instance(annotations=(), box=box), stray])
    assert [[s.check for s in signals] for signals in found] == [
        ["empty_instance"],
        [],
        ["unknown_keypoints", "empty_instance"],
    ]


def test_norms_survive_json() -> None:
    assert msgspec.json.decode(msgspec.json.encode(NORMS), type=Norms) == NORMS


def test_missing_keypoints_of_large_skeletons_are_judged_by_their_own_share() -> None:
    mesh = Anatomy(Skeleton("mesh", tuple(SkeletonKeypoint(f"k{i}") for i in range(70))))
    half = [Instance(annotations=tuple(Keypoint(f"k{i}", i, 0) for i in range(70 if n % 2 else 35))) for n in range(60)]
    norms = measure(mesh, half)
    there = PointTable(mesh, half[:1]).there
    assert expected(norms, there)[0, [0, 69]].tolist() == [1, 0.5]


@settings(deadline=None)
@given(instance_lists(st.sampled_from([*PERSON.names, "tail"])))
def test_any_instance_can_be_read(submitted: list[dict[str, object]]) -> None:
    instances = parse_instances(submitted)
    together = READER.signals(instances, [(640, 480)] * len(instances))
    assert all(0 <= suspicion(map(probability, signals)) <= 1 for signals in together)
    # What else is read beside an instance makes no difference to the last digit.
    assert together == [READER.signals([instance], [(640, 480)])[0] for instance in instances]
    assert set(READER.between(instances)) <= set(range(len(instances)))


def test_every_check_has_its_weight() -> None:
    text = Path(signals_module.__file__).read_text()
    named = set(re.findall(r'_signal\(\s*"(\w+)"', text)) | set(re.findall(r'check="(\w+)"', text))
    assert named <= CURVES.keys() | CERTAIN.keys()


@given(st.lists(st.floats(0, 1), max_size=5), st.floats(0, 1))
def test_an_additional_reason_never_reduces_suspicion(probabilities: list[float], more: float) -> None:
    alone, together = suspicion(probabilities), suspicion([*probabilities, more])
    assert 0 <= alone <= together + 1e-12 <= 1 + 1e-12
