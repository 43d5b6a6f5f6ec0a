from __future__ import annotations

import json
from typing import Any

import pytest
from builders import keypoint, label, outcome, record
from hypothesis import given
from hypothesis import strategies as st
from strategies import instances as instance_lists

from truepoint.consensus.same_subjects import match_instances
from truepoint.groundtruth.output_line import Labeled
from truepoint.measures.changes import ChangeMeter, PreLabelQuality, keypoint_changes
from truepoint.pose.instance import Instance, Keypoint, parse_instances
from truepoint.pose.sigma_table import sigma_table
from truepoint.pose.skeleton import Skeleton, SkeletonKeypoint

SKELETON = Skeleton(
    "face",
    (SkeletonKeypoint("nose"), SkeletonKeypoint("left_eye", "right_eye"), SkeletonKeypoint("right_eye", "left_eye")),
)
PAIRS = {"left_eye": "right_eye", "right_eye": "left_eye"}
FACE = [keypoint("nose", 50, 60), keypoint("left_eye", 60, 40), keypoint("right_eye", 40, 40)]


def face(*keypoints: dict[str, Any], at: str | None = "p0", **extra: Any) -> dict[str, Any]:
    return {"id": at, "name": "", "annotations": list(keypoints)} | extra


def quality(*images: tuple[list[Any], list[Any]]) -> PreLabelQuality | None:
    meter = ChangeMeter.of(SKELETON)
    for before, after in images:
        labeled = outcome(record(label(after, original_annotations=before)))
        assert isinstance(labeled, Labeled)
        meter.add(labeled, sigma_table(SKELETON))
    return meter.quality()


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (FACE, {"nose": "unchanged", "left_eye": "unchanged", "right_eye": "unchanged"}),
        ([keypoint("nose", 50.5, 60), *FACE[1:]], {"nose": "unchanged"}),
        ([keypoint("nose", 51, 60), *FACE[1:]], {"nose": "moved"}),
        ([keypoint("nose", 50, 60, 1), *FACE[1:]], {"nose": "visibility_changed"}),
        ([keypoint("nose", 51, 60, 1), *FACE[1:]], {"nose": "moved"}),
        (FACE[1:], {"nose": "deleted"}),
        ([*FACE, keypoint("chin", 1, 1)], {"chin": "added"}),
        (
            [FACE[0], keypoint("left_eye", 41, 40), keypoint("right_eye", 59, 41)],
            {"left_eye": "side_swapped", "right_eye": "side_swapped"},
        ),
        # One eye alone where the other was is no exchange.
        ([FACE[0], keypoint("left_eye", 40, 40), FACE[2]], {"left_eye": "moved", "right_eye": "unchanged"}),
        ([FACE[0], keypoint("left_eye", 40, 40)], {"left_eye": "moved", "right_eye": "deleted"}),
    ],
)
def test_each_kind_of_change_of_a_keypoint(after: list[Any], expected: dict[str, str]) -> None:
    [old], [new] = parse_instances([face(*FACE)]), parse_instances([face(*after)])
    found = keypoint_changes(old, new, PAIRS)
    assert found | expected == found
    assert set(found) == {"nose", "left_eye", "right_eye"} | set(expected)


def test_the_numbers() -> None:
    box = {"box": [0, 0, 100 / 0.53, 100]}  # the square root of its area is 100 pixels
    found = quality(
        ([face(*FACE, **box)], [face(keypoint("nose", 60, 60), *FACE[1:], **box)]),
        ([face(*FACE, **box), face(*FACE, at="p1")], [face(*FACE, **box), face(keypoint("nose", 900, 900), at="n1")]),
        ([], [face(*FACE, at="n1")]),
        ([face({"label": "nose"})], [face(*FACE)]),
    )
    assert found is not None
    assert (found.images, found.instances) == (2, 3)
    assert (found.instances_unchanged, found.instances_deleted, found.instances_added) == (1, 1, 1)
    assert found.edit_distance == pytest.approx(0.1 / 2)
    nose, left, _ = found.keypoints
    assert (nose.unchanged, nose.moved, nose.added, nose.deleted) == (1, 1, 1, 1)
    assert nose.acceptance == pytest.approx(1 / 3)
    assert nose.nme == pytest.approx(0.05)
    assert (left.unchanged, left.deleted, left.nme) == (2, 1, 0)


def test_without_pre_labels_there_are_no_figures() -> None:
    assert quality(([], [face(*FACE)])) is None


def test_instances_are_matched_by_id_by_index_or_by_similarity() -> None:
    def at(x: float, instance_id: str | None) -> Instance:
        return Instance(annotations=(Keypoint("nose", x, 0), Keypoint("left_eye", x + 40, 40)), id=instance_id)

    sigmas = {"nose": 0.05, "left_eye": 0.05}
    assert match_instances([at(0, "a"), at(500, "b")], [at(500, "a"), at(0, "b")], sigmas) == {0: 0, 1: 1}
    assert match_instances([at(0, None), at(500, None)], [at(0, "p1"), at(500, "p0")], sigmas) == {0: 1, 1: 0}
    assert match_instances([at(0, "x"), at(500, "y")], [at(501, "n1"), at(1, "n2")], sigmas) == {0: 1, 1: 0}
    assert match_instances([at(0, "x"), at(1, "y")], [at(1, "n1")], sigmas) == {1: 0}
    assert match_instances([at(0, "x")], [at(5000, "n1")], sigmas) == {}


@given(
    instance_lists(st.sampled_from(SKELETON.keypoint_names)), instance_lists(st.sampled_from(SKELETON.keypoint_names))
)
def test_every_keypoint_is_counted_once(before: list[Any], after: list[Any]) -> None:
    found = quality((before, after))
    assert (found is None) == (not before)
    if found is None:
        return
    for k in found.keypoints:
        shown = sum(p["label"] == k.name for i in before for p in i["annotations"])
        left = sum(p["label"] == k.name for i in after for p in i["annotations"])
        kept = k.unchanged + k.moved + k.visibility_changed + k.side_swapped
        assert (kept + k.deleted, kept + k.added) == (shown, left)
    same = quality((before, json.loads(json.dumps(before))))
    assert same is not None
    assert all(k.acceptance in (None, 1) for k in same.keypoints)
