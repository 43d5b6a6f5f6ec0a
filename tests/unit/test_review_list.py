from __future__ import annotations

import json
from typing import Any

import msgspec
from builders import SOURCE, keypoint, label, outcome, record
from crowd import PERSON, crowd, exchanged

from truepoint.groundtruth.data_object import read_data_object
from truepoint.pose.instance import Instance, parse_instances
from truepoint.results.first_pass import JobSurvey
from truepoint.results.review import LONGEST_LINE, SuspiciousImage
from truepoint.results.second_pass import Refiner

SKELETON = PERSON.skeleton


def submitted(instance: Instance, **extra: Any) -> dict[str, Any]:
    built: dict[str, Any] = json.loads(msgspec.json.encode(instance))
    return {"id": "n1", "name": ""} | built | extra


def lists(labels: list[Any], most: int = 1000) -> tuple[list[SuspiciousImage], list[bytes]]:
    outcomes = [outcome(record(value, f"{SOURCE[:-4]}{number}.jpg"), number) for number, value in enumerate(labels)]
    survey = JobSurvey(SKELETON)
    survey.add_all(outcomes)
    refiner = Refiner("people", survey.surveyed(), {})
    tally = refiner.tally
    tally.review.most = most
    list(refiner.add_all(outcomes))
    images = [msgspec.json.decode(line, type=SuspiciousImage) for line in tally.suspicious_lines()]
    return images, list(tally.review_lines())


def ranked(labels: list[Any], most: int = 1000) -> list[tuple[SuspiciousImage, dict[str, Any]]]:
    return [(image, json.loads(line)) for image, line in zip(*lists(labels, most), strict=True)]


def large(instances: list[Any]) -> dict[str, Any]:
    return label(instances, image_width=3000, image_height=3000)


def people(count: int = 200) -> list[Any]:
    return [large([submitted(i)]) for i in crowd(1, count)]


def wrong(seed: int, **extra: Any) -> dict[str, Any]:
    [front] = crowd(seed, 1, yaw=5)
    return submitted(exchanged(front), **extra)


def test_wrong_instances_are_listed_first_with_reason_and_fix() -> None:
    labels = people()
    labels[70] = large([*labels[70]["updated_annotations"], wrong(2, id="n2", name="driver")])
    image, line = ranked(labels)[0]
    assert image.line == 70
    top = image.instances[0]
    assert (top.instance, top.id, top.name) == (1, "n2", "driver")
    assert top.suspicion == image.suspicion > 0.5
    assert top.reasons[0].message == "Left and right look swapped: the whole body"
    assert top.reasons[0].fix.action == "swap"
    assert line["annotation_issues"][0] == {"reason": "driver: Left and right look swapped: the whole body"}


def test_images_without_labels_are_listed_after_suspicious_ones() -> None:
    labels = [*people(40), large([]), large([wrong(3)])]
    found = ranked(labels)
    lines = [image.line for image, _ in found]
    assert lines.index(41) < lines.index(40)
    image, line = found[lines.index(40)]
    assert [reason.check for entry in image.instances for reason in entry.reasons] == ["empty_image"]
    assert image.instances[0].instance is None
    assert line["annotations"] == []
    assert line["annotation_issues"] == [{"reason": "Nothing is labelled in this image"}]


def test_a_line_of_the_review_manifest_is_a_data_object_with_the_labels_as_pre_labels() -> None:
    labels = people(40)
    labels[3] = large([wrong(3, box=[1, 2, 3, 4], note="kept")])
    image, line = next((image, line) for image, line in ranked(labels) if image.line == 3)
    read = read_data_object(line)
    assert read.error == ""
    assert read.image_s3_uri == image.source_ref == f"{SOURCE[:-4]}3.jpg"
    assert read.pre_labels == labels[3]["updated_annotations"]
    assert (line["image_width"], line["image_height"]) == (3000, 3000)
    assert read.annotation_issues[0]["reason"].startswith("Instance 1: ")


def test_keys_added_by_consolidation_are_not_in_the_pre_labels() -> None:
    [front] = crowd(4, 1, yaw=0)
    plain = submitted(front)
    doubtful = submitted(front, worker_count=2, score=0.4, needs_review=["sides_disputed", "news"], swaps=[])
    doubtful["annotations"] = [k | {"worker_count": 2, "score": 0.5, "dispersion": 1} for k in plain["annotations"]]
    [(image, line)] = ranked([label([doubtful], image_width=None, image_height=None)])
    assert [r.check for r in image.instances[0].reasons] == ["sides_disputed"]
    assert line == {
        "source-ref": image.source_ref,
        "reviewed_line": 0,
        "reviewed_file_name": "a0.jpg",
        "annotations": [plain],
        "annotation_issues": [{"reason": "Instance 1: The workers disagree evenly about left and right"}],
    }


def test_instances_below_quorum_are_listed() -> None:
    [front] = crowd(5, 1, yaw=0)
    below = {"worker_ids": ["w1"], "instances": [submitted(front)]}
    [(image, line)] = ranked([label([], below_quorum=[below])])
    assert (image.instances[0].instance, image.suspicion) == (None, 0.3)
    assert line["annotations"] == []
    assert line["annotation_issues"] == [
        {"reason": "Not in the result: Marked by only 1 worker, too few for the result"}
    ]


def test_the_list_is_bounded_and_keeps_the_most_suspicious_of_them() -> None:
    labels = people(60)
    for place in (5, 20, 35, 50):
        labels[place] = large([wrong(place)])
    whole, short = ranked(labels), ranked(labels, 3)
    assert short == whole[:3]
    assert [image.suspicion for image, _ in whole] == sorted((i.suspicion for i, _ in whole), reverse=True)
    assert {5, 20, 35, 50} <= {image.line for image, _ in whole[:8]}


def test_images_with_too_long_lines_are_only_listed() -> None:
    labels = people(40)
    many = [wrong(seed, id=f"n{seed}", name="x" * 9000) for seed in range(40)]
    labels[7] = large(many)
    labels[9] = large([wrong(9, note="y" * LONGEST_LINE)])
    images, review = lists(labels)
    assert {7, 9} <= {image.line for image in images[:2]}
    reviewed = {json.loads(line)["reviewed_line"] for line in review}
    assert reviewed == {image.line for image in images} - {7, 9}
    assert all(len(line) <= LONGEST_LINE + 1 for line in review)
    crowded = next(image for image in images if image.line == 7)
    assert all(len(entry.name) == 300 for entry in crowded.instances)


def test_the_least_suspicious_instances_of_a_long_line_are_left_out() -> None:
    tails = [keypoint(f"{place}-" + "t" * 120, place, place) for place in range(30)]
    labels = [large([{"id": f"n{n}", "annotations": tails} for n in range(200)] + [wrong(3, id="last")])]
    [image], review = lists(labels)
    assert len(msgspec.json.encode(image)) <= LONGEST_LINE
    assert 0 < len(image.instances) < 200
    assert image.instances[0].reasons[0].message.endswith("t, …")
    assert review == []


def test_the_list_is_deterministic() -> None:
    labels = people(50)
    assert ranked(labels) == ranked(labels)


def test_a_job_without_images_or_with_other_keypoints_has_a_list_too() -> None:
    assert ranked([]) == []
    stray = {"id": "n1", "annotations": [{"label": "tail", "x": 1, "y": 1}]}
    [(image, line)] = ranked([label([stray])])
    assert {r.check for r in image.instances[0].reasons} == {"unknown_keypoints", "empty_instance"}
    assert parse_instances(line["annotations"])
