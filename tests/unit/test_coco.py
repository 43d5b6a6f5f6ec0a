from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from builders import keypoint, label, outcome, record
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from strategies import instances

from truepoint.groundtruth.output_line import Labeled
from truepoint.pose.skeleton import parse_skeleton
from truepoint.results.coco import CocoWriter, coco_file

PERSON = parse_skeleton((Path(__file__).parents[2] / "skeletons" / "coco-person.json").read_bytes())


def written(*lines: Any, raters: bool = False) -> dict[str, Any]:
    writer = CocoWriter(PERSON, "people")
    images, annotations = [], []
    for number, line in enumerate(lines):
        read = outcome(line, number)
        assert isinstance(read, Labeled)
        image, entries = (writer.raters if raters else writer.accepted)(read)
        images.append(image)
        annotations += entries
    return dict(json.loads(b"".join(coco_file(PERSON, "people", images, annotations))))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(instances(st.sampled_from(PERSON.keypoint_names)), max_size=3))
def test_every_keypoint_arrives_to_the_last_digit(images: list[list[Any]]) -> None:
    found = written(*(record(label(image)) for image in images))
    coco = COCO()
    coco.dataset = found
    coco.createIndex()
    assert coco.getImgIds() == list(range(1, len(images) + 1))
    for image_id, image in enumerate(images, 1):
        expected = [i for i in image if i["annotations"]]
        actual = coco.imgToAnns[image_id]
        assert len(actual) == len(expected)
        for entry, instance in zip(actual, expected, strict=True):
            by_name = {k["label"]: (k["x"], k["y"], k["visibility"]) for k in instance["annotations"]}
            flat = [v for name in PERSON.keypoint_names for v in by_name.get(name, (0, 0, 0))]
            assert entry["keypoints"] == flat
            assert entry["num_keypoints"] == len(by_name)
            assert entry["area"] > 0
    ids = [entry["id"] for entry in found["annotations"]]
    assert ids == list(range(1, len(ids) + 1))


def test_the_category() -> None:
    [category] = written()["categories"]
    assert category["skeleton"][0] == [16, 14]
    assert len(category["skeleton"]) == 19
    assert category["flip_pairs"][0] == [1, 2]
    assert category["sigmas"][0] == 0.026


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("s3://b-b/jobs/people/images/gate/a.jpg", "gate/a.jpg"),
        ("s3://b-b/jobs/other/images/a.jpg", "jobs/other/images/a.jpg"),
        ("s3://b-b/archive/a.jpg", "archive/a.jpg"),
    ],
)
def test_file_names_are_unique_in_the_job(source: str, expected: str) -> None:
    [image] = written(record(label([]), source))["images"]
    assert image == {"id": 1, "file_name": expected, "width": 640, "height": 480, "s3_uri": source}


def test_a_drawn_box_is_the_bbox() -> None:
    boxed = [{"annotations": [keypoint("nose", 5, 5)], "box": [0, 0, 10, 30]}]
    [entry] = written(record(label(boxed)))["annotations"]
    assert (entry["bbox"], entry["area"], entry["area_source"]) == ([0, 0, 10, 30], pytest.approx(159), "box")


def worker(worker_id: str, instances: Any, usable: bool = True) -> dict[str, Any]:
    return {"worker_id": worker_id, "usable": usable, "annotations": instances}


def nose(x: float) -> dict[str, Any]:
    return {"id": "p0", "name": "driver", "annotations": [keypoint("nose", x, 5)]}


def test_an_instances_name_and_consolidation_are_attributes() -> None:
    [entry] = written(record(label([nose(1) | {"worker_count": 3, "score": 0.75}])))["annotations"]
    assert entry["attributes"] == {"id": "p0", "name": "driver", "worker_count": 3, "score": 0.75}


@pytest.mark.parametrize(
    ("workers", "raters", "found"),
    [
        ([worker("a", [nose(1)]), worker("b", [nose(3)])], ["a", "b"], [("a", 1), ("b", 3)]),
        ([worker("a", [nose(1)]), worker("b", [])], ["a", "b"], [("a", 1)]),
        ([worker("a", [nose(1)]), worker("b", [], usable=False)], ["a"], [("a", 1)]),
        ([worker("a", [])], ["a"], [("a", 2)]),  # the only worker's answer is the annotation
        ([worker("a", [nose(1)]), worker("b", ["what is this"])], ["a"], [("a", 1)]),
        ([], [], []),
    ],
    ids=["two", "one saw nobody", "one unusable", "one worker", "foreign", "nobody known"],
)
def test_the_raters_file_holds_each_workers_own_instances(workers: Any, raters: Any, found: Any) -> None:
    both = written(record(label([nose(2)], workers=workers)), raters=True)
    assert both["images"][0]["rater_list"] == raters
    assert [(e["rater_id"], e["keypoints"][0]) for e in both["annotations"]] == found
    assert [e["id"] for e in both["annotations"]] == list(range(1, len(found) + 1))
    assert all(e["attributes"] == {"id": "p0", "name": "driver"} for e in both["annotations"])
