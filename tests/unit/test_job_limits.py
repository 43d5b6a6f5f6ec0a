"""Ground Truth's limits: met exactly they pass, one beyond they are refused, all at once."""

from dataclasses import replace
from typing import Any

import pytest

from job_builders import STACK, WORKTEAM
from truepoint.jobs.limits import (
    MAX_ATTRIBUTE_CHARACTERS,
    MAX_LINE_CHARACTERS,
    MAX_OBJECTS,
    JobRefusedError,
    line_violations,
    manifest_violations,
    request_violations,
)
from truepoint.jobs.request import JobSettings, labeling_job_request


def violations(**changes: Any) -> list[str]:
    settings = JobSettings(**{"name": "people-1", "workteam_arn": WORKTEAM, **changes})
    return request_violations(labeling_job_request(settings, STACK))


def tag_violations(*tags: tuple[str, str]) -> list[str]:
    stack = replace(STACK, tags=tags)
    return request_violations(labeling_job_request(JobSettings(name="people-1", workteam_arn=WORKTEAM), stack))


@pytest.mark.parametrize(
    "tags",
    [
        [],
        [("application", "truepoint")],
        [("k" * 128, "v" * 256), ("k", "")],
        [("Kostenstelle", "Größe 4/²"), ("費用", "見本 ٣"), ("a_.:/=+-@", "\u00a0")],
        [(f"key {n}", "") for n in range(50)],
    ],
)
def test_tags_that_aws_takes(tags: list[tuple[str, str]]) -> None:
    assert tag_violations(*tags) == []


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ([("", "v")], "Tags[0].Key: expected at least 1 characters, got 0"),
        ([("k" * 129, "v")], "Tags[0].Key: expected at most 128 characters, got 129"),
        ([("k", "v" * 257)], "Tags[0].Value: expected at most 256 characters, got 257"),
        ([("k", "v"), ("cost#", "v")], "Tags[1].Key: expected the pattern"),
        ([("k", "a\tb")], "Tags[0].Value: expected the pattern"),
        ([("k", "v;")], "Tags[0].Value: expected the pattern"),
        ([("k", "\U0001f4b8")], "Tags[0].Value: expected the pattern"),
        ([(f"k{n}", "") for n in range(51)], "Tags: expected at most 50 items, got 51"),
    ],
)
def test_tags_that_aws_refuses(tags: list[tuple[str, str]], said: str) -> None:
    [found] = tag_violations(*tags)
    assert found.startswith(said)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"name": "a"},
        {"name": "a" * 63},
        {"name": "a-b--9"},
        {"label_attribute_name": "K" * 127},
        {"label_attribute_name": "a"},
        {"workers_per_object": 1},
        {"workers_per_object": 9},
        {"task_time_limit_seconds": 30},
        {"task_time_limit_seconds": 28_800},
        {"availability_seconds": 60},
        {"availability_seconds": 2_592_000},
        {"title": "t" * 128},
        {"title": "Ünïcode title"},
        {"description": "d" * 255},
        {"keywords": ("a",)},
        {"keywords": ("k" * 30, "two words", "c", "d", "5")},
    ],
)
def test_at_the_limit(changes: dict[str, Any]) -> None:
    assert violations(**changes) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": ""}, "LabelingJobName: expected at least 1 characters, got 0"),
        ({"name": "a" * 64}, "LabelingJobName: expected at most 63 characters, got 64"),
        ({"name": "-a"}, "LabelingJobName: expected the pattern"),
        ({"name": "a-"}, "LabelingJobName: expected the pattern"),
        ({"name": "a_b"}, "LabelingJobName: expected the pattern"),
        ({"name": "a\n"}, "LabelingJobName: expected the pattern"),
        ({"name": "People"}, "LabelingJobName: expected lower case ('people'), got 'People'"),
        ({"label_attribute_name": "key_points"}, "LabelAttributeName: expected the pattern"),
        ({"label_attribute_name": "k" * 128}, "LabelAttributeName: expected at most 127 characters, got 128"),
        ({"label_attribute_name": "annotations"}, "LabelAttributeName: expected no reserved name"),
        ({"label_attribute_name": "source"}, "LabelAttributeName: expected no reserved name"),
        ({"label_attribute_name": "source-ref"}, "LabelAttributeName: expected no reserved name"),
        ({"label_attribute_name": "keypoints-metadata"}, "LabelAttributeName: expected no reserved name"),
        ({"label_attribute_name": "keypoints-ref"}, "LabelAttributeName: expected no reserved name"),
        ({"workers_per_object": 0}, "NumberOfHumanWorkersPerDataObject: expected at least 1, got 0"),
        ({"workers_per_object": 10}, "NumberOfHumanWorkersPerDataObject: expected at most 9, got 10"),
        ({"task_time_limit_seconds": 29}, "TaskTimeLimitInSeconds: expected at least 30, got 29"),
        ({"task_time_limit_seconds": 28_801}, "TaskTimeLimitInSeconds: expected at most 28,800, got 28,801"),
        ({"availability_seconds": 59}, "TaskAvailabilityLifetimeInSeconds: expected at least 60, got 59"),
        ({"availability_seconds": 2_592_001}, "expected at most 2,592,000, got 2,592,001"),
        ({"title": ""}, "TaskTitle: expected at least 1 characters, got 0"),
        ({"title": "t" * 129}, "TaskTitle: expected at most 128 characters, got 129"),
        ({"description": ""}, "TaskDescription: expected at least 1 characters, got 0"),
        ({"description": "d" * 256}, "TaskDescription: expected at most 255 characters, got 256"),
        ({"keywords": ()}, "TaskKeywords: expected at least 1 items, got 0"),
        ({"keywords": tuple("abcdef")}, "TaskKeywords: expected at most 5 items, got 6"),
        ({"keywords": ("k" * 31,)}, "TaskKeywords[0]: expected at most 30 characters, got 31"),
        ({"keywords": ("ok", "no-hyphen")}, "TaskKeywords[1]: expected the pattern"),
        ({"workteam_arn": "my-team"}, "WorkteamArn: expected the pattern"),
        ({"workteam_arn": None}, "WorkteamArn: expected a value, got none"),
        (
            {"workteam_arn": "arn:aws:sagemaker:us-east-1:394669845002:workteam/public-crowd/default"},
            "WorkteamArn: expected a private or a vendor team, got the public workforce",
        ),
    ],
)
def test_one_above_the_limit(changes: dict[str, Any], words: str) -> None:
    assert any(words in violation for violation in violations(**changes)), violations(**changes)


def test_all_violations_are_reported_together() -> None:
    found = violations(name="Bad_Name", workers_per_object=0, title="", keywords=())
    assert len(found) == 5  # the name breaks two rules, and three more members one each
    text = str(JobRefusedError("Bad_Name", found))
    assert all(violation in text for violation in found)


def test_outside_ground_truth_there_is_no_workteam() -> None:
    request = labeling_job_request(JobSettings(name="a"), STACK)
    assert "WorkteamArn" not in request["HumanTaskConfig"]
    assert request_violations(request, workteam_needed=False) == []


def test_a_member_that_the_call_does_not_have() -> None:
    request = labeling_job_request(JobSettings(name="a", workteam_arn=WORKTEAM), STACK)
    assert request_violations({**request, "LabelingJobColour": "red"}) == ["LabelingJobColour: expected no such member"]


@pytest.mark.parametrize(
    ("text", "attributes", "words"),
    [
        ("x" * MAX_LINE_CHARACTERS, {}, None),
        ("x" * (MAX_LINE_CHARACTERS + 1), {}, "expected at most 100,000 characters, got 100,001"),
        ("ö" * MAX_LINE_CHARACTERS, {}, None),
        ("{}", {"annotations": "x" * MAX_ATTRIBUTE_CHARACTERS}, None),
        (
            "{}",
            {"annotations": "x" * (MAX_ATTRIBUTE_CHARACTERS + 1)},
            "'annotations': expected at most 20,000 characters",
        ),
        ("{}", {"a$": "1"}, None),
        ("{}", {"$a": "1"}, "expected attribute names that do not begin with '$', got '$a'"),
    ],
)
def test_a_line_of_the_manifest(text: str, attributes: dict[str, str], words: str | None) -> None:
    found = list(line_violations(attributes, text))
    assert found == [] if words is None else words in found[0]


@pytest.mark.parametrize(("count", "refused"), [(0, True), (1, False), (MAX_OBJECTS, False), (MAX_OBJECTS + 1, True)])
def test_number_of_objects(count: int, refused: bool) -> None:
    found = list(manifest_violations(count, {"source-ref"}, "keypoints"))
    assert found == ([f"the manifest: expected 1 to 100,000 data objects, got {count:,}"] if refused else [])


@pytest.mark.parametrize("attribute", ["keypoints", "keypoints-metadata"])
def test_a_label_attribute_that_the_input_has_already(attribute: str) -> None:
    [found] = manifest_violations(1, {"source-ref", attribute}, "keypoints")
    assert "treats lines with the attribute" in found
    assert repr(attribute) in found
    assert list(manifest_violations(1, {"source-ref", "keypoints-1", "other-metadata"}, "keypoints")) == []
