"""Pre-labels: two readers, one shape, and everything that may be wrong with them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from truepoint.jobs.prelabels import PrelabelError, coco_prelabels, match_prelabels, parse_prelabels
from truepoint.pose.skeleton import Skeleton, SkeletonKeypoint

SKELETON = Skeleton("face", (SkeletonKeypoint("nose"), SkeletonKeypoint("left_eye"), SkeletonKeypoint("right_eye")))


def instance(**keypoints: tuple[float, float, int]) -> dict[str, Any]:
    places = [{"label": k, "x": x, "y": y, "visibility": v} for k, (x, y, v) in keypoints.items()]
    return {"id": "p0", "name": "Ann", "annotations": places}


def test_our_own_shape_as_one_object_or_as_lines() -> None:
    a, b = [instance(nose=(1.5, 2, 2))], [instance(left_eye=(0, 0.25, 1), nose=(3, 4, 0))]
    nose, eye = {"label": "nose", "x": 1.5, "y": 2.0}, {"label": "left_eye", "x": 0.0, "y": 0.25, "visibility": 1}
    expected = {
        "a.jpg": ({"id": "p0", "name": "Ann", "annotations": [nose]},),
        "b.jpg": ({"id": "p0", "name": "Ann", "annotations": [eye]},),
    }
    assert parse_prelabels(json.dumps({"a.jpg": a, "b.jpg": b}, indent=1), SKELETON) == expected
    assert parse_prelabels(f"{json.dumps({'a.jpg': a})}\n\n{json.dumps({'b.jpg': b})}\n", SKELETON) == expected


def test_what_is_absent_stays_absent() -> None:
    bare = {"annotations": [{"label": "nose", "x": 1.0, "y": 2.0}]}
    assert parse_prelabels(json.dumps({"a.jpg": [bare]}), SKELETON) == {"a.jpg": (bare,)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected an object of file names, got nothing"),
        ("[]", "got list"),
        ('{"a": []}\nnope', "pre-labels line 2: not JSON"),
        ('{"a": []}\n[1]', "pre-labels line 2: expected an object of file names, got list"),
        ('{"a": []}\n{"a": []}', "line 2: expected every image once, got 'a' again"),
        ('{"a": {"annotations": []}}', "'a': expected a list of instances, got an object"),
        ('{"a": [{"id": "p0"}]}', "'a': not a list of instances.*annotations"),
        ('{"a": [{"annotations": [{"label": "nose", "x": "1", "y": 2}]}]}', "Expected `float`"),
        ('{"a": [{"annotations": [{"label": "nose", "x": NaN, "y": 2}]}]}', "'a': not a list of instances.*x`"),
        ('{"a": [{"annotations": [{"label": "nose", "x": 1, "y": 2, "visibility": 3}]}]}', "Expected `int` <= 2"),
        ('{"a": [{"annotations": [{"label": "ear", "x": 1, "y": 2}]}]}', "one of nose, .*, got label 'ear'"),
        (
            '{"a": [{"annotations": [{"label": "nose", "x": 1, "y": 2}, {"label": "nose", "x": 1, "y": 2}]}]}',
            "'a': instance 0 has the keypoint 'nose' twice",
        ),
    ],
)
def test_unusable_prelabels(text: str, words: str) -> None:
    with pytest.raises(PrelabelError, match=words):
        parse_prelabels(text, SKELETON)


def coco(**changes: Any) -> str:
    document = {
        "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 8, "file_name": "b.jpg"}],
        "categories": [
            {"id": 1, "name": "dog", "keypoints": ["tail"]},
            {"id": 2, "name": "face", "keypoints": ["right_eye", "left_eye", "nose"]},
        ],
        "annotations": [
            {"id": 70, "image_id": 7, "category_id": 2, "keypoints": [1, 2, 1, 0, 0, 0, 3.5, 4, 2]},
            {"id": 71, "image_id": 7, "category_id": 2, "keypoints": [0] * 9},
            {"id": 72, "image_id": 7, "category_id": 1, "keypoints": [1, 1, 2]},
            {"id": 73, "image_id": 99, "category_id": 2, "keypoints": [1, 1, 2] * 3},
        ],
        **changes,
    }
    return json.dumps(document)


def test_coco_keypoints_go_by_name_and_unlabelled_ones_are_left_out() -> None:
    assert coco_prelabels(coco(), SKELETON) == {
        "a.jpg": (
            {
                "id": "70",
                "annotations": [
                    {"label": "right_eye", "x": 1.0, "y": 2.0, "visibility": 1},
                    {"label": "nose", "x": 3.5, "y": 4.0},
                ],
            },
        )
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"categories": []}, "expected a category with the keypoints nose, left_eye, right_eye, got no category"),
        ({"categories": [{"id": 1, "name": "dog", "keypoints": ["tail"]}]}, "got 'dog': tail"),
        ({"categories": [{"id": 1, "name": "box"}]}, "got 'box': none"),
        ({"images": None}, "not a COCO keypoints file"),
        (
            {"annotations": [{"id": 5, "image_id": 7, "category_id": 2, "keypoints": [1, 2, 2]}]},
            "annotation 5: expected 9 numbers in keypoints, got 3",
        ),
        (
            {"annotations": [{"id": 5, "image_id": 7, "category_id": 2, "keypoints": [1, 2, 3] * 3}]},
            "annotation 5: not a list of instances",
        ),
    ],
)
def test_unusable_coco(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(PrelabelError, match=words):
        coco_prelabels(coco(**changes), SKELETON)


def test_matching_by_path_or_last_segment() -> None:
    one, two, three = (instance(nose=(n, n, 2)) for n in range(3))
    matched, unmatched = match_prelabels(
        {"x/a.jpg": (one,), "val/b.jpg": (two,), "gone.jpg": (three,)}, ["x/a.jpg", "y/a.jpg", "b.jpg"]
    )
    assert matched == {"x/a.jpg": (one,), "b.jpg": (two,)}
    assert unmatched == ("gone.jpg",)


@pytest.mark.parametrize(
    ("prelabels", "words"),
    [
        ({"a.jpg": ()}, "'a.jpg': expected one image, got x/a.jpg, y/a.jpg"),
        ({"x/a.jpg": (), "x/b.jpg": (), "b.jpg": ()}, "'b.jpg': expected one entry for image 'x/b.jpg', got two"),
    ],
)
def test_ambiguous_names(prelabels: dict[str, Any], words: str) -> None:
    with pytest.raises(PrelabelError, match=words):
        match_prelabels(prelabels, ["x/a.jpg", "y/a.jpg", "x/b.jpg"])


def test_the_documented_example() -> None:
    text = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"## Pre-labels file\n.+?```json\n(.+?)```", text, re.DOTALL)
    found = parse_prelabels(example, SKELETON)
    assert found == {name: tuple(instances) for name, instances in json.loads(example).items()} | {
        "a.jpg": ({"id": "p0", "annotations": [{"label": "nose", "x": 1998.25, "y": 299.5, "visibility": 1}]},)
    }
