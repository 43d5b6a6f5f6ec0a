from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from builders import keypoint, label, outcome, record
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from strategies import instances

from truepoint.groundtruth.output_line import Labeled
from truepoint.jobs.prelabels import Choices, read_prelabels
from truepoint.pose.instance import parse_instances
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
        expected = [i for i in image if i["annotations"] or i.get("box")]
        actual = coco.imgToAnns[image_id]
        assert len(actual) == len(expected)
        for entry, instance in zip(actual, expected, strict=True):
            by_name = {k["label"]: (k["x"], k["y"], k["visibility"]) for k in instance["annotations"]}
            flat = [v for name in PERSON.keypoint_names for v in by_name.get(name, (0, 0, 0))]
            assert entry["keypoints"] == flat
            assert entry["num_keypoints"] == len(by_name)
            assert min(entry["bbox"][2:]) > 0
            assert entry["area"] == pytest.approx(0.53 * entry["bbox"][2] * entry["bbox"][3], abs=1e-6)
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


@pytest.mark.parametrize(
    ("keypoints", "bbox", "source"),
    [
        ([keypoint("nose", 50, 100), keypoint("left_eye", 350, 100)], [50, 92.5, 300, 15], "hull"),
        ([keypoint("nose", 50, 100)], [34, 84, 32, 32], "default"),
        ([keypoint("nose", 0.1, 0.2), keypoint("left_eye", 37.955, 30.3)], [0.1, 0.2, 37.855, 30.1], "hull"),
    ],
    ids=["flat", "one keypoint", "no floating-point noise"],
)
def test_a_box_from_keypoints_has_an_area_and_no_noise(keypoints: Any, bbox: Any, source: str) -> None:
    [entry] = written(record(label([{"annotations": keypoints}])))["annotations"]
    assert (entry["bbox"], entry["area_source"]) == (bbox, source)
    assert entry["area"] == round(0.53 * bbox[2] * bbox[3], 6)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools
def test_a_person_with_a_box_and_no_keypoint_is_there_and_masks_can_be_decoded() -> None:
    boxed, bare = {"annotations": [], "box": [10, 20, 30, 40]}, {"annotations": []}
    found = written(record(label([boxed, bare, nose(5)])))
    coco = COCO()
    coco.dataset = found
    coco.createIndex()
    first, second = found["annotations"]
    assert (first["num_keypoints"], first["bbox"], first["keypoints"]) == (0, [10, 20, 30, 40], [0] * 51)
    assert coco.annToMask(first).sum() == 30 * 40
    assert coco.annToMask(second).any()


def test_comments_are_kept_and_a_models_score_is_not_consolidations() -> None:
    commented = nose(1) | {"comment": "far", "score": 0.9}
    commented["annotations"] = [commented["annotations"][0] | {"comment": "dim", "score": 0.8}]
    both = [record(label([commented])), record(label([nose(2)], workers=[worker("a", [commented]), worker("b", [])]))]
    entries = [written(both[0])["annotations"][0], written(both[1], raters=True)["annotations"][0]]
    for entry in entries:
        assert entry["attributes"] == {"id": "p0", "name": "driver", "comment": "far"}
        assert entry["keypoint_comments"] == {"nose": "dim"}


def test_the_files_are_as_their_schema_says() -> None:
    schema = json.loads((Path(__file__).parents[2] / "docs/schemas/coco.schema.json").read_text())
    consolidated = nose(1) | {"worker_count": 3, "score": 0.75, "comment": "far", "box": [0, 0, 5, 5]}
    workers = [worker("a", [nose(1)]), worker("b", [])]
    for found in (
        written(record(label([consolidated, nose(2)])), record(label([], image_width=None))),
        written(record(label([nose(2)], workers=workers)), raters=True),
    ):
        jsonschema.validate(found, schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(found | {"news": 1}, schema)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], max_examples=60)
@given(images=st.lists(instances(st.sampled_from(PERSON.keypoint_names)), min_size=1, max_size=3))
def test_our_own_import_restores_everything(images: list[list[Any]], tmp_path: Path) -> None:
    sources = [f"s3://b-b/jobs/people/images/deep/{n}.jpg" for n in range(len(images))]
    found = written(*(record(label(image), uri) for image, uri in zip(images, sources, strict=True)))
    (tmp_path / "coco.json").write_text(json.dumps(found))
    sizes = {f"deep/{n}.jpg": (640, 480) for n in range(len(images))}
    back = read_prelabels(tmp_path / "coco.json", PERSON, sizes, Choices()).instances
    order = {name: place for place, name in enumerate(PERSON.keypoint_names)}
    for name, image in zip(sizes, images, strict=True):
        wanted = [
            msgspec.structs.replace(i, annotations=tuple(sorted(i.annotations, key=lambda k: order[k.label])))
            for i in parse_instances(image)
            if i.annotations or (i.box and min(i.box[2:]) > 1e-3)
        ]
        actual = parse_instances(list(back.get(name, ())))
        assert [msgspec.structs.replace(i, box=None, id=i.id or None) for i in actual] == [
            msgspec.structs.replace(i, box=None, id=i.id or None) for i in wanted
        ]
        assert [i.box for i in actual] == [i.box if i.box and min(i.box[2:]) > 1e-3 else None for i in wanted]


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
